/** How many entries does `log check` look at in a minute, on one core? */
import { randomFillSync } from 'node:crypto'
import { join } from 'node:path'
import { makeEntry } from '@fiducial/core/domain/log/entry.ts'
import { keysOfSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { spkiOfVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { type CheckPorts, checkLog } from '../packages/node/src/services/log/check-log.ts'
import { openCustodyLog } from '../packages/node/src/services/log/custody-log.ts'
import type { NewEntry } from '../packages/node/src/services/log/ports.ts'
import { type FileLog, openFileLog } from '../packages/node/src/storage/log/file-log.ts'
import { benchOptions, inFolder } from './log-contestants.ts'
import { makeEntry as makeLoadEntry, runWriters } from './log-load.ts'
import { median, publishReport, spread } from './log-report.ts'

const ENTRIES = Number(process.argv[2] ?? 500_000)
const ROUNDS = 3
const STATEMENT_BYTES = 1024
const AIM = 1_000_000

interface Round {
  readonly seconds: number
  readonly processorSeconds: number
}

const options = benchOptions()
const policy: WitnessPolicy = {
  logs: keysOfSigner(options.signer).map((key) => ({ key })),
  witnesses: [],
  groups: [],
  quorum: 'none',
}

/** An entry as the log makes it, with a statement of 1 KiB. */
const spki = spkiOfVerifierKey(options.signer.ed25519.key)
let made = 0
function makeStatedEntry(): NewEntry {
  const payload = randomFillSync(new Uint8Array(STATEMENT_BYTES))
  const signature = payload.subarray(0, 64)
  const leaf = makeEntry({ payload, signature, spki }, options.crypto.hash)
  return { ...makeLoadEntry(made++), leaf, payload }
}

async function fill(ports: FileLog): Promise<void> {
  const log = await openCustodyLog(ports, options)
  await runWriters({ writers: 1024, entries: ENTRIES, append: () => log.append(makeStatedEntry()) })
  await log.close()
}

async function check(ports: CheckPorts): Promise<Round> {
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  const report = await checkLog(ports, { crypto: options.crypto, hasher: options.hasher, policy })
  const { user, system } = process.cpuUsage(cpu)
  if (report.flaws > 0) throw new TypeError(`the log has ${report.flaws} flaws: ${report.findings[0]?.flaw}`)
  return { seconds: (performance.now() - start) / 1000, processorSeconds: (user + system) / 1e6 }
}

await inFolder(async (base) => {
  const folder = join(base, 'log')
  await fill(await openFileLog(folder))
  const ports = await openFileLog(folder)
  await ports.sequencer.claim()
  const { objects, published, records } = ports
  const rounds: Record<string, Round[]> = { 'with statements': [], 'without (a mirror)': [] }
  for (let round = 0; round < ROUNDS; round++) {
    rounds['with statements']?.push(await check({ objects, published, records }))
    rounds['without (a mirror)']?.push(await check({ objects, published }))
  }
  await ports.close()
  const perMinute = (values: readonly Round[]): number[] => values.map(({ seconds }) => (ENTRIES / seconds) * 60)
  const perCore = (values: readonly Round[]): number[] =>
    values.map(({ processorSeconds }) => (ENTRIES / processorSeconds) * 60)
  const found = median(perCore(rounds['with statements'] ?? []))
  publishReport({
    name: 'log-check',
    question: 'How many entries does `log check` look at in a minute, on one core?',
    input: `${ENTRIES} entries as the log makes them, each with a statement of 1 KiB; every tile, entry and statement is read; ${ROUNDS} rounds in turn, files in the page cache; median (lowest–highest)`,
    tables: [
      {
        title: 'Checks',
        columns: ['', 'entries/minute', 'entries/minute of processor time', 'µs of processor an entry'],
        rows: Object.entries(rounds).map(([name, values]) => [
          name,
          spread(perMinute(values)),
          spread(perCore(values)),
          spread(values.map(({ processorSeconds }) => (processorSeconds / ENTRIES) * 1e6)),
        ]),
      },
    ],
    aims: [{ aim: '1,000,000 entries a minute and core', found: `${found.toFixed(0)}`, isMet: found >= AIM }],
    measurements: rounds,
  })
})
