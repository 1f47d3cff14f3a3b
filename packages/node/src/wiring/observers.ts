/**
 * Observers: what is made of the events of a gateway and of its acceptor: measurements, log lines, spans.
 */
import type { AcceptorEvent } from '../dimse/acceptor-events.ts'
import type { AssociationFacts } from '../dimse/service.ts'
import type { Observation, Observe } from '../services/gateway/observation.ts'
import type { GatewayLogger, LogFields } from '../telemetry/logger.ts'
import type { GatewayMetrics } from '../telemetry/metrics.ts'
import type { Traces } from '../telemetry/traces.ts'

export interface Watchers {
  readonly logger: GatewayLogger
  readonly metrics: GatewayMetrics
  readonly traces: Traces
}

const seconds = (ms: number): number => ms / 1000

/** Watches the pipeline. */
export function observePipeline(watchers: Watchers): Observe {
  return (observation) => {
    count(observation, watchers.metrics)
    tell(observation, watchers.logger)
    trace(observation, watchers.traces)
  }
}

function count(observation: Observation, metrics: GatewayMetrics): void {
  switch (observation.kind) {
    case 'received':
      metrics.receivedBytes.inc({ protocol: observation.protocol }, observation.lengthBytes)
      metrics.received.inc({ protocol: observation.protocol })
      metrics.sizes.observe(observation.lengthBytes)
      metrics.receiveSeconds.observe(seconds(observation.tookMs))
      return metrics.commitSeconds.observe(seconds(observation.durableMs))
    case 'refused':
      return metrics.refused.inc({ protocol: observation.protocol, code: observation.code })
    case 'judged': {
      const { verdict, level, state, reasons, isSealedHere } = observation
      metrics.judged.inc({ verdict: verdict ?? 'none', level: level ?? 'none', state })
      metrics.judgeSeconds.observe(seconds(observation.sinceReceivedMs))
      metrics.examineSeconds.observe(seconds(observation.cpuMs))
      if (isSealedHere) metrics.sealed.inc()
      for (const reason of reasons) metrics.reasons.inc({ reason })
      return
    }
    case 'sent':
      metrics.deliverSeconds.observe(seconds(observation.sinceReceivedMs))
      return metrics.deliveries.inc({ destination: observation.destination, outcome: 'sent', code: '' })
    case 'delivery_failed': {
      const { destination, code, isDead } = observation
      return metrics.deliveries.inc({ destination, outcome: isDead ? 'given_up' : 'failed', code })
    }
    case 'resent':
      return metrics.resent.inc({ destination: observation.destination })
    case 'relay': {
      const { destination, outcome, code } = observation
      return metrics.relays.inc({ destination, outcome, code: code ?? '' })
    }
    case 'logged':
      return metrics.events.inc(observation.events)
    case 'event_refused':
    case 'lost':
      return metrics.faults.inc({ part: 'pipeline' })
    case 'trouble':
      return metrics.troubles.inc({ where: observation.where, code: observation.code })
    default:
  }
}

function tell(observation: Observation, logger: GatewayLogger): void {
  switch (observation.kind) {
    case 'received': {
      const { id, lengthBytes, tookMs, protocol } = observation
      return logger.debug('received', { part: protocol, instance: id, bytes: lengthBytes, durationMs: tookMs })
    }
    case 'refused':
      return logger.warn('not taken', { part: observation.protocol, code: observation.code })
    case 'judged': {
      const { id, state, route, reasons, verdict, level, failedOpen, sinceReceivedMs } = observation
      const fields = {
        part: 'pipeline',
        instance: id,
        state,
        route,
        reasons,
        verdict,
        level,
        durationMs: sinceReceivedMs,
      }
      if (state === 'quarantined') return logger.warn('held back', fields)
      // An image without evidence is nothing special where most have none.
      const troubles = failedOpen.filter((trouble) => trouble !== 'undetermined')
      if (troubles.length > 0) return logger.warn('passed in spite of trouble', { ...fields, reasons: troubles })
      return logger.info('judged', fields)
    }
    case 'examiner_died':
      return logger.error('an examination died', {
        part: 'pipeline',
        instance: observation.id,
        count: observation.attempt,
      })
    case 'examiner_away':
      return logger.error('nothing can be examined', { part: 'pipeline' })
    case 'examiner_back':
      return logger.info('examinations go on', { part: 'pipeline' })
    case 'sent': {
      const { id, destination, lengthBytes, attempts } = observation
      return logger.debug('sent', { part: 'forward', instance: id, destination, bytes: lengthBytes, count: attempts })
    }
    case 'delivery_failed': {
      const { id, destination, code, isDead } = observation
      const fields = { part: 'forward', instance: id, destination, code }
      return isDead ? logger.error('given up', fields) : logger.info('not sent yet', fields)
    }
    case 'resent': {
      const { id, destination } = observation
      return logger.debug('sent again', { part: 'forward', instance: id, destination })
    }
    case 'relay': {
      const { destination, outcome, code } = observation
      const fields = { part: 'forward', destination, state: outcome, ...(code !== null && { code }) }
      // What goes the usual way is delivered all the same.
      return outcome === 'not_relayed' ? logger.debug('not relayed', fields) : logger.debug('relayed', fields)
    }
    case 'destination_away':
      return logger.warn('a destination is away', {
        ...{ part: 'forward', destination: observation.destination, code: observation.code },
        durationMs: Math.max(0, observation.retryAt.getTime() - Date.now()),
      })
    case 'destination_back':
      return logger.info('a destination is back', { part: 'forward', destination: observation.destination })
    case 'logged':
      return logger.debug('logged', { part: 'log', count: observation.events })
    case 'log_away':
      return logger.error('the custody log cannot be written; events wait', { part: 'log', code: observation.code })
    case 'log_back':
      return logger.info('the custody log is back', { part: 'log' })
    case 'event_refused':
      return logger.error('the custody log refuses an event', { part: 'log', code: observation.code })
    case 'released':
    case 'rejected':
    case 'reexamined':
      return logger.warn(observation.kind, { part: 'quarantine', instance: observation.id })
    case 'expired':
      return logger.debug('files removed after their time', { part: 'pipeline', count: observation.instances })
    case 'lost':
      return logger.error('an acknowledged instance is not whole', { part: 'pipeline', instance: observation.id })
    case 'trouble':
      return logger.error('something around the gateway failed', { part: observation.where, code: observation.code })
  }
}

function trace(observation: Observation, traces: Traces): void {
  switch (observation.kind) {
    case 'received': {
      const { id, tookMs, protocol, lengthBytes } = observation
      return traces.step('receive', id, tookMs, { part: protocol, bytes: lengthBytes })
    }
    case 'judged': {
      const { id, sinceReceivedMs, state, route, verdict, level } = observation
      return traces.step('judge', id, sinceReceivedMs, { state, route, verdict, level })
    }
    case 'sent': {
      const { id, sinceReceivedMs, destination, attempts } = observation
      return traces.step('deliver', id, sinceReceivedMs, { destination, count: attempts })
    }
    case 'delivery_failed':
      return traces.step('deliver', observation.id, 0, { destination: observation.destination }, observation.code)
    default:
  }
}

/** Watches associations. */
export function observeAcceptor({ logger, metrics }: Watchers): (event: AcceptorEvent) => void {
  return (event) => {
    switch (event.type) {
      case 'connection_failed':
        metrics.associations.inc({ caller: 'none', end: event.reason })
        return logger.warn('a connection came to nothing', {
          part: 'dicom',
          address: event.address,
          code: event.reason,
        })
      case 'association_rejected':
        metrics.associations.inc({ caller: 'other', end: 'rejected' })
        return logger.warn('association rejected', { ...factsOf(event), code: event.reason })
      case 'association_accepted':
        metrics.openAssociations.inc()
        return logger.info('association accepted', { ...factsOf(event), tls: event.tls, count: event.contexts })
      case 'association_ended': {
        const { end, durationMs, receivedBytes, stored, failed, association } = event
        metrics.openAssociations.dec()
        metrics.associations.inc({ caller: metrics.caller(association.callingAet), end })
        const fields = { ...factsOf(event), state: end, durationMs, bytes: receivedBytes, count: stored }
        return end === 'released' && failed === 0
          ? logger.info('association released', fields)
          : logger.warn('association ended', fields)
      }
      case 'object_stored':
        return metrics.stored.inc({ caller: metrics.caller(event.association.callingAet) })
      case 'object_failed':
        metrics.refused.inc({ protocol: 'dimse', code: event.code })
        return logger.warn('object not taken', { ...factsOf(event), code: event.code, status: event.status })
      case 'operation_served': {
        const { service, kind, status, replies, durationMs } = event
        metrics.operations.inc({
          service,
          kind,
          status: status === null ? 'ended' : status.toString(16).padStart(4, '0'),
        })
        return logger.info('operation served', {
          ...factsOf(event),
          state: `${service} ${kind}`,
          status,
          count: replies,
          durationMs,
        })
      }
      case 'fault':
        metrics.faults.inc({ part: 'dicom' })
        if (event.association === null) return logger.error('accepting failed', { part: 'dicom' }, event.error)
        return logger.error('a service failed', factsOf({ association: event.association }), event.error)
    }
  }
}

const factsOf = ({ association }: { readonly association: AssociationFacts }): LogFields => ({
  part: 'dicom',
  association: association.id,
  callingAet: association.callingAet,
  calledAet: association.calledAet,
  address: association.address,
})
