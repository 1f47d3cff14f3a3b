import { join } from 'node:path'
import type { Harness, Owner } from '../../testing/log-contracts/harness.ts'
import { recordStoreContract } from '../../testing/log-contracts/record-store-contract.ts'
import { sequencerContract } from '../../testing/log-contracts/sequencer-contract.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { FileRecordStore } from './file-records.ts'
import { FileSequencer } from './file-sequencer.ts'

/** A harness whose stores are made over a folder. */
function harnessOf<Store extends object>(open: (folder: string, t: Owner) => Store): Harness<Store> {
  const folders = new WeakMap<Store, string>()
  const openIn = (folder: string, t: Owner): Store => {
    const store = open(folder, t)
    folders.set(store, folder)
    return store
  }
  return {
    fresh: async (t) => openIn(join(temporaryFolder(t), 'log'), t),
    reopen: async (store, t) => openIn(folders.get(store) as string, t),
  }
}

function open(folder: string, t: Owner): FileSequencer {
  const sequencer = new FileSequencer(folder)
  t.after(() => sequencer.close())
  return sequencer
}

sequencerContract('files', { ...harnessOf(open), isExclusive: true })
recordStoreContract(
  'files',
  harnessOf((folder, t) => {
    const sequencer = open(folder, t)
    return { sequencer, records: new FileRecordStore(sequencer) }
  }),
)
