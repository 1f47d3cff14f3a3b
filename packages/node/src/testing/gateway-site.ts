/**
 * Gateway site: a gateway over memory, with a PACS and a log that tests switch off, a clock that they move, and an end that
 * comes at any step. What outlives a process (spool, store, log, PACS) outlives it here, too.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { concatBytes } from '@fiducial/core/bytes/text.ts'
import type { Origin } from '@fiducial/core/domain/gateway/origin.ts'
import { defaultRoutes, type Route, type Routes } from '@fiducial/core/domain/gateway/routes.ts'
import { NO_ANCHORS } from '@fiducial/core/domain/trust/anchors.ts'
import { ACQUISITION_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { encodeFile, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, textAt, us } from '@fiducial/core/formats/dicom/values.ts'
import { parseJson } from '@fiducial/core/formats/json/parse.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { examineInstance } from '../services/gateway/examine-instance.ts'
import { type Examiner, outcomeOf } from '../services/gateway/examiner.ts'
import type { ForwardingTarget } from '../services/gateway/forwarding.ts'
import { Gateway, type GatewayOptions } from '../services/gateway/gateway.ts'
import type { Observation } from '../services/gateway/observation.ts'
import type { EventLog } from '../services/gateway/outbox.ts'
import type { Outgoing, Sender, SendResult, Spool, SpoolWriter } from '../services/gateway/ports.ts'
import { type Derive, prepareCopies } from '../services/gateway/prepare-copies.ts'
import { readNews } from '../services/log/read-news.ts'
import { MemoryInstances } from '../storage/gateway/memory-instances.ts'
import { MemorySpool } from '../storage/gateway/memory-spool.ts'
import { loadWasm } from '../storage/wasm.ts'
import { GatewayTime } from './gateway-time.ts'
import { FaultPlan, withFaults } from './log-faults.ts'

const CT = '1.2.840.10008.5.1.4.1.1.2'

export interface ImageOrder {
  readonly sop: string
  readonly study?: string
  /** What the pixels are filled with. */
  readonly fill?: number
  readonly more?: readonly NewElement[]
}

/** A small CT image that nobody has signed. */
export function makeImage({ sop, study = '2.25.3', fill = 0, more = [] }: ImageOrder): Uint8Array {
  const elements: readonly NewElement[] = [
    text(0x00080016, 'UI', CT),
    text(0x00080018, 'UI', sop),
    text(0x00080060, 'CS', 'CT'),
    text(0x0020000d, 'UI', study),
    text(0x0020000e, 'UI', `${study}.1`),
    us(0x00280002, 1),
    text(0x00280004, 'CS', 'MONOCHROME2'),
    us(0x00280010, 2),
    us(0x00280011, 2),
    us(0x00280100, 16),
    us(0x00280101, 16),
    us(0x00280102, 15),
    us(0x00280103, 0),
    { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(8).fill(fill) },
    ...more,
  ]
  const sorted = elements.toSorted((a, b) => a.tag - b.tag)
  return concatBytes(...encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: sorted }))
}

export const ROOM: Origin = {
  protocol: 'dimse',
  callingAet: 'ROOM1',
  calledAet: 'FIDUCIAL',
  address: '10.1.0.7:40112',
  peer: null,
}

/** A PACS: keeps what it is sent, in its order. */
export class ToyPacs {
  /** Also what came twice. */
  readonly arrivals: {
    readonly uid: string
    readonly study: string
    readonly sha256: string
    readonly bytes: Uint8Array
  }[] = []
  isUp = true
  /** Whether it still takes an association. */
  answersPing = true
  /** What it does to one copy, before it takes it: a code refuses it. */
  refuses: (outgoing: Outgoing, attempt: number) => { readonly code: string; readonly isFinal?: boolean } | undefined =
    () => undefined
  readonly #attempts = new Map<string, number>()
  sends = 0

  /** UIDs, each where it came first. */
  get uids(): readonly string[] {
    return [...new Set(this.arrivals.map(({ uid }) => uid))]
  }

  sender(plan: FaultPlan): Sender {
    return {
      send: (batch, signal) => this.#send(batch, signal, plan),
      ping: async () => {
        if (!this.isUp && !this.answersPing) throw new StoreError('service_unreachable', 'the PACS is down')
      },
      close: async () => undefined,
    }
  }

  async *#send(batch: readonly Outgoing[], signal: AbortSignal, plan: FaultPlan): AsyncGenerator<SendResult> {
    this.sends++
    for (const outgoing of batch) {
      if (signal.aborted) return
      const { deliveryId } = outgoing
      if (!this.isUp) {
        yield { deliveryId, outcome: 'failed', code: 'service_unreachable', isFinal: false }
        continue
      }
      yield await this.#take(outgoing, plan)
    }
  }

  async #take(outgoing: Outgoing, plan: FaultPlan): Promise<SendResult> {
    const { deliveryId, sopInstanceUid } = outgoing
    const attempt = (this.#attempts.get(sopInstanceUid) ?? 0) + 1
    try {
      await using file = await outgoing.open()
      const refusal = this.refuses(outgoing, attempt)
      this.#attempts.set(sopInstanceUid, attempt)
      if (refusal !== undefined) return { deliveryId, outcome: 'failed', isFinal: false, ...refusal }
      const isDue = plan.begin('pacs.store')
      const bytes = file.view(0, file.length).slice()
      const { dataSet } = parseDicom(memorySource(bytes))
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      const study = textAt(dataSet, 0x0020000d) ?? ''
      this.arrivals.push({ uid: textAt(dataSet, 0x00080018) ?? '', study, sha256, bytes })
      plan.fail(isDue, 'after')
      return { deliveryId, outcome: 'stored' }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      const code = error.code === 'log_unwritable' ? 'service_unreachable' : error.code
      return { deliveryId, outcome: 'failed', code, isFinal: false }
    }
  }
}

/** A log that knows a statement again. */
export class ToyLog {
  readonly entries: string[] = []
  isUp = true
  settlements = 0

  get events(): readonly {
    readonly type: string
    readonly uid: string | null
    readonly details: Record<string, unknown>
  }[] {
    return this.entries.map((entry) => {
      const { type, instance, details } = JSON.parse(entry)
      return { type, uid: instance?.sopInstanceUid ?? null, details }
    })
  }

  /** UIDs of the events of a kind, in their order. */
  uidsOf(type: string): readonly (string | null)[] {
    return this.events.filter((event) => event.type === type).map(({ uid }) => uid)
  }

  open(): EventLog {
    return {
      record: async (news) => {
        if (!this.isUp) throw new StoreError('log_unwritable', 'the log is away')
        readNews(parseJson(news), { origin: 'toy/log', recorder: { id: 'toy', name: 'Toy' }, isDemo: false })
        const known = this.entries.indexOf(news)
        return BigInt(known >= 0 ? known : this.entries.push(news) - 1)
      },
      settle: async () => {
        if (!this.isUp) throw new StoreError('log_unwritable', 'the log is away')
        this.settlements++
      },
    }
  }
}

/** How the examiner of a test fares with a task; undefined: it does what it should. */
export type ExaminerMood = (path: string) => 'died' | 'unavailable' | undefined

export interface StartOptions extends Partial<Omit<GatewayOptions, 'routes' | 'log'>> {
  readonly plan?: FaultPlan
  readonly derive?: Derive
}

export class GatewaySite {
  readonly time = new GatewayTime()
  readonly spool = new MemorySpool()
  readonly seals = new MemorySpool()
  readonly store = new MemoryInstances()
  readonly pacs = new ToyPacs()
  readonly log = new ToyLog()
  readonly observations: Observation[] = []
  mood: ExaminerMood = () => undefined
  #routes: Routes
  readonly #listeners = new Set<() => void>()
  #processes = 0

  constructor(route: Partial<Route> = {}) {
    this.#routes = routesWith({ seal: 'never', ...route })
  }

  /** Puts other routes in force. */
  set routes(routes: Routes) {
    this.#routes = routes
    for (const listener of this.#listeners) listener()
  }

  /** A process that begins. */
  async start({ plan = new FaultPlan(), derive, ...options }: StartOptions = {}): Promise<Gateway> {
    const { time } = this
    const spool = faultySpool('spool', this.spool, plan)
    const seals = faultySpool('seals', this.seals, plan)
    return Gateway.open({
      store: withFaults('store', this.store, plan),
      spool,
      seals,
      examiner: this.#examiner(spool, seals, derive),
      log: {
        events: withFaults('log', this.log.open(), plan),
        describe: async () => ({ origin: 'toy/log', size: BigInt(this.log.entries.length), isWitnessed: true }),
      },
      routes: this.#live(),
      targets: () => [this.target(plan)],
      now: time.now,
      random: (length) => new Uint8Array(randomBytes(length)),
      chance: () => 0,
      pause: time.pause,
      deadline: time.deadline,
      observe: (observation) => this.observations.push(observation),
      owner: `process-${++this.#processes}`,
      isAlone: true,
      ...options,
    })
  }

  target(plan = new FaultPlan()): ForwardingTarget {
    return {
      name: 'pacs',
      sender: this.pacs.sender(plan),
      details: { toAet: 'PACS', toAddress: '10.1.0.9:104', protocol: 'dimse' },
    }
  }

  /** Sends an image in pieces. @returns its id */
  async send(gateway: Pick<Gateway, 'intake'>, bytes: Uint8Array, origin: Origin = ROOM): Promise<string> {
    const incoming = gateway.intake.begin({ origin, sopClassUid: null, sopInstanceUid: null, transferSyntaxUid: null })
    for (let at = 0; at < bytes.length; at += 300) incoming.write(bytes.subarray(at, at + 300))
    return (await incoming.commit()).id
  }

  /** Lets work go on until nothing is left to do: nothing to judge, to send, or to log. */
  async rest(): Promise<void> {
    await this.time.until(async () => {
      const { states, deliveries, pendingEvents } = await this.store.counts()
      return states.received === 0 && deliveries.waiting === 0 && pendingEvents === 0
    })
  }

  /** Names of the files that are left in the spool. */
  async files(): Promise<readonly string[]> {
    return Array.fromAsync(this.spool.list())
  }

  #live(): GatewayOptions['routes'] {
    const inForce = () => ({ routes: this.#routes, sha256: new Uint8Array(32), loadedAt: this.time.now() })
    return {
      get current() {
        return inForce()
      },
      problem: null,
      listen: (listener) => {
        const told = (): void => listener({ outcome: 'changed', before: '', now: '' })
        this.#listeners.add(told)
        return () => this.#listeners.delete(told)
      },
    }
  }

  #examiner(spool: Spool, seals: Spool, derive?: Derive): Examiner {
    const codecs = createCodecs(loadWasm)
    const dependencies = {
      crypto: nativeCrypto,
      codecs,
      anchors: NO_ANCHORS,
      policy: ACQUISITION_POLICY,
      now: this.time.now,
      advisors: [],
    }
    const attempt = async <Value>(path: string, work: () => Promise<Value>) => {
      const outcome = this.mood(path)
      if (outcome !== undefined) return { outcome, cause: new Error('as planned') }
      try {
        return { outcome: 'done', value: await work(), cpuMs: 1 } as const
      } catch (cause) {
        const failure = outcomeOf(cause)
        if (failure !== undefined) return failure
        throw cause
      }
    }
    return {
      threads: 2,
      absentAdvisors: [],
      examine: ({ path, sealPath, ...task }) =>
        attempt(path, () => {
          const seal = sealPath === null ? undefined : new Uint8Array(readFileSync(sealPath))
          const source = memorySource(new Uint8Array(readFileSync(path)))
          return examineInstance({ ...task, source, ...(seal && { seal }) }, dependencies)
        }),
      prepare: ({ path, ...task }) =>
        attempt(path, () => {
          const source = memorySource(new Uint8Array(readFileSync(path)))
          const none: Derive = async () => {
            throw new StoreError('service_unreachable', 'nothing derives here')
          }
          return prepareCopies(
            { ...task, source },
            { crypto: nativeCrypto, codecs, spool, seals, derive: derive ?? none },
          )
        }),
      close: async () => undefined,
    }
  }
}

/** Routes with one route to the one PACS. */
export function routesWith(route: Partial<Route>, destinations: readonly string[] = ['pacs']): Routes {
  const plain = defaultRoutes([])
  const [only] = plain.routes
  const to = destinations.map((destination) => ({ destination, when: null, deidentify: null, transcode: null }))
  return { ...plain, routes: [{ ...(only as Route), to, ...route }] }
}

/** A spool whose steps belong to a plan: writers are made at once, and fail when their bytes are to last. */
function faultySpool(name: string, spool: Spool, plan: FaultPlan): Spool {
  const faulty = withFaults(name, spool, plan)
  return new Proxy(faulty, {
    get(target, property) {
      // It changes nothing that lasts, and cannot fail.
      if (property === 'hold') return (bytes: number) => spool.hold(bytes)
      if (property === 'create') return () => faultyWriter(name, spool.create(), plan)
      if (property === 'pathOf') return (key: string) => spool.pathOf(key)
      return Reflect.get(target, property)
    },
  })
}

function faultyWriter(name: string, writer: SpoolWriter, plan: FaultPlan): SpoolWriter {
  const { commit, abort } = withFaults(name, { commit: () => writer.commit(), abort: () => writer.abort() }, plan)
  return { key: writer.key, write: (bytes) => writer.write(bytes), finish: () => writer.finish(), commit, abort }
}
