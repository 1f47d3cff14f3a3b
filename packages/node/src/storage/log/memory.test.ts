import { checkpointCellContract } from '../../testing/log-contracts/checkpoint-cell-contract.ts'
import type { Harness } from '../../testing/log-contracts/harness.ts'
import { immutableStoreContract } from '../../testing/log-contracts/immutable-store-contract.ts'
import { jobQueueContract } from '../../testing/log-contracts/job-queue-contract.ts'
import { mapStoreContract } from '../../testing/log-contracts/map-store-contract.ts'
import { recordStoreContract } from '../../testing/log-contracts/record-store-contract.ts'
import { sequencerContract } from '../../testing/log-contracts/sequencer-contract.ts'
import { createMemoryState, type MemoryLog, type MemoryState, openMemoryLog } from './memory.ts'

/** The harness of one of the ports, or of several together. */
function harnessOf<Store extends object>(choose: (log: MemoryLog) => Store): Harness<Store> {
  const states = new WeakMap<Store, MemoryState>()
  const open = (state: MemoryState): Store => {
    const store = choose(openMemoryLog(state))
    states.set(store, state)
    return store
  }
  return {
    fresh: async () => open(createMemoryState()),
    reopen: async (store) => open(states.get(store) as MemoryState),
  }
}

sequencerContract('memory', { ...harnessOf(({ sequencer }) => sequencer), isExclusive: false })
recordStoreContract(
  'memory',
  harnessOf(({ sequencer, records }) => ({ sequencer, records })),
)
immutableStoreContract(
  'memory',
  harnessOf(({ objects }) => objects),
)
checkpointCellContract(
  'memory',
  harnessOf(({ published }) => published),
)
jobQueueContract(
  'memory',
  harnessOf(({ jobs }) => jobs),
)
mapStoreContract(
  'memory',
  harnessOf(({ map }) => map),
)
