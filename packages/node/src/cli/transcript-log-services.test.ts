import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { formatSplitView, type SplitView } from '@fiducial/core/domain/log/split-view.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { tilePath } from '@fiducial/core/formats/tlog/tile.ts'
import { ToyLog, toySigner } from '@fiducial/core/testing/toy-log.ts'
import { testTranscript } from '../testing/transcript-stage.ts'

const log = new ToyLog(40)
const fork = log.fork(10)
const witness = toySigner('court.example/w', 'cosignature-ed25519')

async function publish(folder: string, from: ToyLog, size: number): Promise<void> {
  const tile = { level: 0, index: 0n, width: size }
  mkdirSync(dirname(join(folder, tilePath(tile))), { recursive: true })
  writeFileSync(join(folder, tilePath(tile)), await from.readTile(tile))
  writeFileSync(join(folder, 'checkpoint'), await from.checkpoint(size))
}

/** Copies of an honest log, of an older state of it, of one with another history; policies; and evidence, good and bad. */
async function prepare(folder: string): Promise<void> {
  const at = (name: string): string => join(folder, name)
  await publish(at('honest'), log, 40)
  await publish(at('older'), log, 30)
  await publish(at('forked'), fork, 40)
  await publish(at('spoiled'), log, 40)
  writeFileSync(join(at('spoiled'), 'checkpoint'), (await log.checkpoint(40)).replace('\n40\n', '\n41\n'))

  const key = formatVerifierKey(log.signer.ed25519.key)
  const other = formatVerifierKey(new ToyLog(1, { origin: 'other.example/log' }).signer.ed25519.key)
  writeFileSync(at('log-policy'), `log ${key}\nquorum none\n`)
  writeFileSync(at('witnessed-policy'), `log ${key}\nwitness w ${formatVerifierKey(witness.key)}\nquorum w\n`)
  writeFileSync(at('two-logs-policy'), `log ${key}\nlog ${other}\nquorum none\n`)
  writeFileSync(at('other-policy'), `log ${other}\nquorum none\n`)
  writeFileSync(at('log.key'), key)
  writeFileSync(at('other.key'), other)
  writeFileSync(at('witness.key'), formatVerifierKey(witness.key))

  const view = async (from: ToyLog, size: number): Promise<SplitView> => ({
    origin: log.origin,
    foundAt: new Date('2026-03-03T10:14:00Z'),
    smaller: { source: 'record', note: await log.checkpoint(30) },
    larger: { source: 'submission', note: await from.checkpoint(size) },
    proof: size > 30 && from === log ? log.prove(30, size) : [],
  })
  writeFileSync(at('proven.json'), formatSplitView(await view(fork, 30)))
  writeFileSync(at('unproven.json'), formatSplitView(await view(fork, 40)))
  writeFileSync(at('harmless.json'), formatSplitView(await view(log, 40)))
  writeFileSync(at('broken.json'), formatSplitView(await view(fork, 30)).subarray(0, 200))
}

testTranscript(join(import.meta.dirname, 'transcripts', 'log-services.txt'), prepare)
