/**
 * Metrics: what the gateway counts and measures, for Prometheus.
 *
 * Source: OpenMetrics and Prometheus naming (base units, `_total`). Labels have few values: AE titles of callers are counted
 * up to a limit, and `other` beyond it, so that a stranger cannot make series without end. No label names a patient or an image.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { GatewayStatus } from '../services/gateway/control.ts'

/** Callers that have a series of their own. */
const CALLERS_LIMIT = 200
const SECONDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]
const BYTES = [1e4, 1e5, 5e5, 1e6, 5e6, 1.5e7, 5e7, 1e8, 5e8, 1e9]

export class GatewayMetrics {
  readonly #registry = new Registry()
  readonly #callers = new Set<string>()
  readonly #status: () => Promise<GatewayStatus>
  readonly #setStates: (status: GatewayStatus) => void
  readonly associations = this.#counter('associations_total', 'Associations by how they ended or were refused', [
    'caller',
    'end',
  ])
  readonly openAssociations = this.#gauge('associations_open', 'Associations that are open now', [])
  readonly stored = this.#counter('objects_stored_total', 'Objects that came by C-STORE, by caller', ['caller'])
  readonly operations = this.#counter('operations_total', 'Other operations that were served, by status', [
    'service',
    'kind',
    'status',
  ])
  readonly received = this.#counter('instances_received_total', 'Instances that were acknowledged', ['protocol'])
  readonly receivedBytes = this.#counter('instances_received_bytes_total', 'Bytes of them', ['protocol'])
  readonly refused = this.#counter('instances_refused_total', 'Instances that were not taken, by code', [
    'protocol',
    'code',
  ])
  readonly receiveSeconds = this.#histogram(
    'receive_seconds',
    'From the first byte of an instance to its answer',
    SECONDS,
  )
  readonly commitSeconds = this.#histogram('commit_seconds', 'Part of that spent waiting for the disk', SECONDS)
  readonly sizes = this.#histogram('instance_bytes', 'Sizes of instances', BYTES)
  readonly judged = this.#counter('instances_judged_total', 'Instances by verdict, level and what became of them', [
    'verdict',
    'level',
    'state',
  ])
  readonly judgeSeconds = this.#histogram('judge_seconds', 'From receipt to the verdict', SECONDS)
  readonly examineSeconds = this.#histogram('examine_seconds', 'Time of an examination', SECONDS)
  readonly sealed = this.#counter('instances_sealed_total', 'Instances that the gateway sealed', [])
  readonly reasons = this.#counter('reasons_total', 'Reasons by which instances were held back or flagged', ['reason'])
  readonly deliveries = this.#counter('deliveries_total', 'Deliveries by outcome', ['destination', 'outcome', 'code'])
  readonly resent = this.#counter('deliveries_resent_total', 'Deliveries sent again that their destination has lost', [
    'destination',
  ])
  readonly relays = this.#counter('relays_total', 'Instances of routes that relay, by how they went', [
    'destination',
    'outcome',
    'code',
  ])
  readonly deliverSeconds = this.#histogram('deliver_seconds', 'From receipt to the destination', SECONDS)
  readonly events = this.#counter('events_logged_total', 'Events that came into the custody log', [])
  readonly troubles = this.#counter('troubles_total', 'Failures around the gateway', ['where', 'code'])
  readonly faults = this.#counter('faults_total', 'Defects of this program', ['part'])

  /** @param status  asked at each reading, for what is a state and not a count */
  constructor(status: () => Promise<GatewayStatus>) {
    collectDefaultMetrics({ register: this.#registry, prefix: 'fiducial_' })
    this.#status = status
    this.#setStates = this.#openStates()
  }

  /** A caller's label: the AE title while there are few. */
  caller(aet: string | null): string {
    if (aet === null) return 'none'
    if (this.#callers.has(aet)) return aet
    if (this.#callers.size >= CALLERS_LIMIT) return 'other'
    this.#callers.add(aet)
    return aet
  }

  async read(): Promise<{ readonly contentType: string; readonly text: string }> {
    this.#setStates(await this.#status())
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() }
  }

  /** What is a state and not a count, set before each reading. */
  #openStates(): (status: GatewayStatus) => void {
    const ready = this.#gauge('gateway_ready', '1 while it takes instances in', [])
    const instances = this.#gauge('instances', 'Instances by state', ['state'])
    const deliveries = this.#gauge('deliveries', 'Deliveries by state', ['state'])
    const pending = this.#gauge('events_pending', 'Events that are not in the log yet', [])
    const free = this.#gauge('spool_free_bytes', 'Room that is left for instances', [])
    const logSize = this.#gauge('log_entries', 'Entries of the custody log', [])
    const waiting = this.#gauge('destination_waiting', 'Deliveries that wait, by destination', ['destination'])
    const failing = this.#gauge('destination_failing', '1 while it is away, or refuses what waits', ['destination'])
    const oldest = this.#gauge('oldest_waiting_seconds', 'Age of what waits longest', ['step'])
    return ({ isReady, counts, spoolFreeBytes, log, destinations }) => {
      ready.set(isReady ? 1 : 0)
      for (const [state, count] of Object.entries(counts.states)) instances.set({ state }, count)
      for (const [state, count] of Object.entries(counts.deliveries)) deliveries.set({ state }, count)
      pending.set(counts.pendingEvents)
      if (spoolFreeBytes !== null) free.set(spoolFreeBytes)
      if (log !== null) logSize.set(Number(log.size))
      for (const { name, waiting: count, state } of destinations) {
        waiting.set({ destination: name }, count)
        failing.set({ destination: name }, state === 'failing' ? 1 : 0)
      }
      oldest.set({ step: 'examine' }, ageOf(counts.oldestReceivedAt))
      oldest.set({ step: 'deliver' }, ageOf(counts.oldestDueAt))
    }
  }

  #counter<const Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name: `fiducial_${name}`, help, labelNames, registers: [this.#registry] })
  }

  #gauge<const Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> {
    return new Gauge({ name: `fiducial_${name}`, help, labelNames, registers: [this.#registry] })
  }

  #histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return new Histogram({ name: `fiducial_${name}`, help, buckets: [...buckets], registers: [this.#registry] })
  }
}

const ageOf = (since: Date | null): number => (since === null ? 0 : Math.max(0, (Date.now() - since.getTime()) / 1000))
