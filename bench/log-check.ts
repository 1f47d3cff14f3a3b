/**
 * How many entries does `log check` look at in a minute, on one core?
 *
 * The log holds events as they are recorded. The checks are those of the command, here on one thread; the command itself
 * uses a thread for each core.
 */
import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { join } from 'node:path'
import { keysOfSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { NO_QUORUM, type WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { toyEvent } from '@fiducial/core/testing/toy-events.ts'
import { type CheckOptions, type CheckPorts, checkLog } from '../packages/node/src/services/log/check-log.ts'
import { openCustodyLog } from '../packages/node/src/services/log/custody-log.ts'
import { Recorder } from '../packages/node/src/services/log/recorder.ts'
import { openFileLog, privateFolder } from '../packages/node/src/storage/log/file-log.ts'
import { openRecordReader } from '../packages/node/src/storage/log/file-records.ts'
import { benchOptions, inFolder } from './log-contestants.ts'
import { median, publishReport, spread } from './log-report.ts'

const ENTRIES = Number(process.argv[2] ?? 300_000)
const ROUNDS = 3
const WRITERS = 512
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
  quorum: NO_QUORUM,
}

/** Records events of different moments, which makes them different. @returns bytes of a statement, about */
async function fill(folder: string): Promise<number> {
  const ports = await openFileLog(folder)
  const log = await openCustodyLog(ports, options)
  const { crypto, signer, now } = options
  const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes))
  const event = toyEvent('forwarded')
  const { recorder: party } = event
  const recorder = new Recorder(log, { crypto, random, now, signer: signer.ed25519, recorder: party, isDemo: false })
  let sent = 0
  const write = async (): Promise<void> => {
    while (sent < ENTRIES) await recorder.record({ ...event, at: new Date(event.at.getTime() + sent++) })
  }
  await Promise.all(Array.from({ length: WRITERS }, write))
  await ports.records.settle()
  const payload = await ports.records.payload(0n)
  await log.close()
  await ports.close()
  return payload instanceof Uint8Array ? payload.length : 0
}

async function check(ports: CheckPorts, more: Partial<CheckOptions>): Promise<Round> {
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  const report = await checkLog(ports, { crypto: options.crypto, hasher: options.hasher, policy, ...more })
  const { user, system } = process.cpuUsage(cpu)
  if (report.flaws > 0) throw new TypeError(`the log has ${report.flaws} flaws: ${report.findings[0]?.flaw}`)
  return { seconds: (performance.now() - start) / 1000, processorSeconds: (user + system) / 1e6 }
}

/** Nothing but one signature for each entry, as OpenSSL checks it: no check of all can be faster. */
async function verifyAlone(): Promise<Round> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const message = randomBytes(1024)
  const signature = sign(null, message, privateKey)
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  for (let i = 0; i < ENTRIES; i++) verify(null, message, publicKey, signature)
  const { user, system } = process.cpuUsage(cpu)
  return { seconds: (performance.now() - start) / 1000, processorSeconds: (user + system) / 1e6 }
}

await inFolder(async (base) => {
  const folder = join(base, 'log')
  const statementBytes = await fill(folder)
  const { objects, published, close } = await openFileLog(folder)
  const reader = await openRecordReader(privateFolder(folder))
  const checks: Readonly<Record<string, () => Promise<Round>>> = {
    'tiles and entries (of a mirror)': () => check({ objects, published }, {}),
    'statements, too': () => check({ objects, published, reader }, { checksSignatures: false }),
    'and their signatures: all': () => check({ objects, published, reader }, {}),
    'limit: an Ed25519 signature each, and nothing else': verifyAlone,
  }
  const names = Object.keys(checks)
  const rounds: Record<string, Round[]> = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, step] of Object.entries(checks)) rounds[name]?.push(await step())
  }
  await reader.close()
  await close()
  const perMinute = (values: readonly Round[]): number[] => values.map(({ seconds }) => (ENTRIES / seconds) * 60)
  const perCore = (values: readonly Round[]): number[] =>
    values.map(({ processorSeconds }) => (ENTRIES / processorSeconds) * 60)
  publishReport({
    name: 'log-check',
    question: 'How many entries does `log check` look at in a minute, on one core?',
    input: `${ENTRIES} events, with statements of ${statementBytes} bytes; ${ROUNDS} rounds in turn, files in the page cache; median (lowest–highest)`,
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
    aims: names.slice(0, 3).map((name) => {
      const found = median(perCore(rounds[name] ?? []))
      return { aim: `1,000,000 entries a minute and core: ${name}`, found: found.toFixed(0), isMet: found >= AIM }
    }),
    measurements: rounds,
  })
})
