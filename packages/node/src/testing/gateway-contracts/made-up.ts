/** Made-up instances: what the contract suites of the gateway hand to adapters. Everything follows from a number. */
import type { InstanceVerdict, ReceivedInstance } from '@fiducial/core/domain/gateway/instance.ts'
import type { Judged, Lease, NewDelivery, PendingEvent } from '../../services/gateway/ports.ts'
import { digestOf } from '../log-contracts/harness.ts'

export const LEASE_MS = 60_000
/** Minutes after an arbitrary start: the suites never look at a clock. */
export const minute = (count: number): Date => new Date(Date.UTC(2030, 0, 1) + count * 60_000)

export const lease = (at: number, options: Partial<Lease> = {}): Lease => ({
  owner: 'gateway-1',
  now: minute(at),
  leaseMs: LEASE_MS,
  limit: 100,
  ...options,
})

/** Ids and keys are 26 characters, ascending. */
export const idOf = (number: number): string => `01JGZ${String(number).padStart(21, '0')}`
export const keyOf = (number: number, of = '1'): string =>
  `01JGY${of.padStart(4, '0')}${String(number).padStart(17, '0')}`

export function received(number: number, changes: Partial<ReceivedInstance> = {}): ReceivedInstance {
  return {
    id: idOf(number),
    spoolKey: keyOf(number),
    lengthBytes: 1_000 + number,
    sha256: digestOf(`file ${number}`),
    origin: { protocol: 'dimse', callingAet: 'CT_1', calledAet: 'FIDUCIAL', address: '192.0.2.1:104', peer: null },
    receivedAt: minute(number),
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    sopInstanceUid: `1.2.3.${number}`,
    studyInstanceUid: '1.2.9',
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    orderKey: 'study-1',
    ...changes,
  }
}

export const news = (text: string): PendingEvent => ({ news: `{"text":"${text}"}` })

export const verdict = (word: InstanceVerdict['verdict']): InstanceVerdict => ({
  verdict: word,
  level: 'P2',
  content: 'unchanged',
  policy: 'gateway',
  sentence: 'This “image” is – as far as anybody can say – unchanged.',
  isSynthetic: false,
  failing: [{ subject: 'seal', reason: 'seal_missing' }],
})

export function copyTo(destination: string, number: number): NewDelivery {
  return {
    destination,
    spoolKey: keyOf(number),
    sha256: digestOf(`copy ${number}`),
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    sopInstanceUid: `1.2.3.${number}`,
    transferSyntaxUid: '1.2.840.10008.1.2.1',
  }
}

export const judged = (changes: Partial<Judged> = {}): Judged => ({
  state: 'forwarding',
  route: 'all',
  reasons: [],
  verdict: verdict('authentic'),
  description: null,
  sealed: null,
  otherKeys: [],
  deliveries: [],
  events: [],
  ...changes,
})

/** With all that can be known of an image, of a UID. */
export const describedAs = (
  sopInstanceUid: string,
  studyInstanceUid = '1.2.9',
): NonNullable<Judged['description']> => ({
  instance: {
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    sopInstanceUid,
    seriesInstanceUid: null,
    studyInstanceUid,
    transferSyntaxUid: '1.2.840.10008.1.2.1',
  },
  digests: {
    file: digestOf('file'),
    dataset: digestOf('dataset'),
    pixels: null,
    frames: { count: 3n, root: digestOf('frames') },
  },
})
