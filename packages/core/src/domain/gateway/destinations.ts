/**
 * Destinations: systems that the gateway forwards to, and how.
 *
 * Source: PS3.8 and PS3.7 for DIMSE, PS3.18 section 10.5 (STOW-RS) for DICOMweb. Secrets are named by where they lie.
 */
import { SECRET, type SecretReference } from '../../formats/config/secret.ts'
import {
  decimal,
  type Field,
  type Fields,
  flag,
  list,
  mapped,
  nullable,
  optional,
  record,
  required,
  type Shape,
  shortOrLong,
  table,
  text,
  variants,
  whole,
  words,
} from '../../formats/config/shape.ts'
import type { ConfigValue } from '../../formats/config/value.ts'
import { type Backoff, DELIVERY_BACKOFF } from './backoff.ts'

export const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const
export type Day = (typeof DAYS)[number]

/** A part of the week, in the local time of the site. */
export interface BandwidthWindow {
  /** Empty: every day. */
  readonly days: readonly Day[]
  /** Minutes of the day from which, and before which; one that ends before it begins goes on past midnight. */
  readonly fromMinute: number
  readonly untilMinute: number
  /** 0: nothing is sent. */
  readonly kilobytesPerSecond: number
}

/** How long a copy is tried. */
export interface Retry {
  /** Refusals after which it is given up. */
  readonly maxAttempts: number
  /** Since it was received; null: as long as it takes. */
  readonly maxAgeHours: number | null
  readonly firstRetrySeconds: number
  readonly lastRetrySeconds: number
}

/** How long a copy is tried, and how fast; null where the settings of the gateway say it. */
export interface Delivery {
  readonly maxAttempts: number | null
  readonly maxAgeHours: number | null
  readonly firstRetrySeconds: number | null
  readonly lastRetrySeconds: number | null
  /** The first that fits counts; none: as fast as it goes. */
  readonly bandwidth: readonly BandwidthWindow[]
}

/** TLS towards a destination: whom to believe, and who we are. Paths of PEM files. */
export interface ClientTls {
  /** Null: what the system trusts. */
  readonly ca: string | null
  /** Ours, for a peer that asks; null: none. */
  readonly certificate: string | null
  readonly key: SecretReference | null
  /** Name in the peer's certificate; null: its host. */
  readonly serverName: string | null
}

export interface DimseDestination {
  readonly protocol: 'dimse'
  readonly name: string
  readonly aet: string
  readonly host: string
  readonly port: number
  /** What we call ourselves; null: the AE title of the gateway. */
  readonly callingAet: string | null
  readonly tls: ClientTls | null
  /** At once; more than one loses the order between studies, never within one. */
  readonly associations: number
  /** Whether the peer is asked to commit to what it was sent. */
  readonly commitment: boolean
  readonly delivery: Delivery
}

export type WebAuthorization =
  | { readonly kind: 'bearer'; readonly token: SecretReference }
  | { readonly kind: 'basic'; readonly user: string; readonly password: SecretReference }

export interface WebDestination {
  readonly protocol: 'dicomweb'
  readonly name: string
  /** Root of the service, without a slash at the end, user, query or fragment. */
  readonly url: string
  readonly authorization: WebAuthorization | null
  readonly tls: ClientTls | null
  /** Requests at once. */
  readonly requests: number
  readonly delivery: Delivery
}

export type Destination = DimseDestination | WebDestination

export const AE_TITLE: Shape<string> = text(
  /^[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?$/,
  'an AE title of 1 to 16 characters',
)
export const HOST: Shape<string> = text(/^[A-Za-z0-9.:_%-]{1,253}$/, 'a host name or address')
export const PORT: Shape<number> = whole(1, 65_535)
export const PATH: Shape<string> = text(/^[^\p{Cc}]{1,1024}$/u, 'a path')
/** How destinations, routes and profiles are called. */
export const NAME = {
  pattern: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
  what: '1 to 64 letters, digits, dots, dashes and underscores',
}

const MINUTE: Shape<number> = mapped(text(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'a time such as 07:30'), (spelled) => {
  const [hours = 0, minutes = 0] = spelled.split(':').map(Number)
  return 60 * hours + minutes
})

const WINDOW = mapped(
  record<{
    readonly days: readonly Day[]
    readonly from: number
    readonly until: number
    readonly kilobytesPerSecond: number
  }>({
    days: optional(list(words(DAYS), DAYS.length), [], 'none: every day', []),
    from: optional(MINUTE, 0, 'local time from which it holds', '00:00'),
    until: optional(MINUTE, 1440, 'local time before which it holds', '24:00'),
    kilobytesPerSecond: required(whole(0, 10_000_000), '1,000 bytes a second; 0 sends nothing'),
  }),
  ({ days, from, until, kilobytesPerSecond }): BandwidthWindow => ({
    days,
    fromMinute: from,
    untilMinute: until,
    kilobytesPerSecond,
  }),
)

/** Unless the settings say something else. */
export const DEFAULT_RETRY: Retry = { maxAttempts: 12, maxAgeHours: null, firstRetrySeconds: 5, lastRetrySeconds: 600 }

export const RETRY_FIELDS: Fields<Retry> = {
  maxAttempts: optional(whole(1, 100_000), DEFAULT_RETRY.maxAttempts, 'after so many refusals a copy is given up'),
  maxAgeHours: optional(
    nullable(decimal(0.01, 87_600)),
    DEFAULT_RETRY.maxAgeHours,
    'so many hours after it came a copy is given up (default: never)',
  ),
  firstRetrySeconds: optional(
    decimal(0.01, 3600),
    DEFAULT_RETRY.firstRetrySeconds,
    'wait after the first failure; doubles with each',
  ),
  lastRetrySeconds: optional(
    decimal(0.01, 86_400),
    DEFAULT_RETRY.lastRetrySeconds,
    'longest wait between two attempts',
  ),
}

const own = <T>({ shape, doc }: Field<T>): Field<T | null> => ({
  shape: nullable(shape as Shape<T | null>),
  doc: `${doc.replace(/ \(default.*/, '')} (default: as in the settings)`,
  fallback: { value: null },
})

const DELIVERY_FIELDS: Fields<Delivery> = {
  maxAttempts: own(RETRY_FIELDS.maxAttempts),
  maxAgeHours: { ...own(RETRY_FIELDS.maxAgeHours), shape: RETRY_FIELDS.maxAgeHours.shape },
  firstRetrySeconds: own(RETRY_FIELDS.firstRetrySeconds),
  lastRetrySeconds: own(RETRY_FIELDS.lastRetrySeconds),
  bandwidth: optional(list(WINDOW, 64), [], 'limits by time of the week; the first that fits counts', []),
}

/** As long as the file says nothing else. */
export const DEFAULT_DELIVERY: Delivery = {
  maxAttempts: null,
  maxAgeHours: null,
  firstRetrySeconds: null,
  lastRetrySeconds: null,
  bandwidth: [],
}

const TLS = record<ClientTls>({
  ca: optional(nullable(PATH), null, 'PEM file with the authorities to believe (default: those of the system)'),
  certificate: optional(nullable(PATH), null, 'PEM file with our certificate and those between it and its authority'),
  key: optional(nullable(SECRET), null, 'where the private key of that certificate lies'),
  serverName: optional(nullable(HOST), null, 'name in the certificate of the peer (default: its host)'),
})
const CLIENT_TLS: Shape<ClientTls | null> = {
  read: (value) => {
    if (typeof value.json !== 'boolean') return readTls(value)
    return value.json ? { ca: null, certificate: null, key: null, serverName: null } : null
  },
  schema: (definitions) => ({ oneOf: [{ type: 'boolean' }, TLS.schema(definitions)] }),
}

function readTls(value: ConfigValue): ClientTls {
  const tls = TLS.read(value)
  if ((tls.certificate === null) !== (tls.key === null)) throw value.refuse('has only one of certificate and key')
  return tls
}

type Members<T> = Omit<T, 'name' | 'protocol' | 'delivery'> & Delivery

const withDelivery = <P extends Destination['protocol'], T extends Delivery>(protocol: P, members: T) => {
  const { maxAttempts, maxAgeHours, firstRetrySeconds, lastRetrySeconds, bandwidth, ...rest } = members
  const delivery = { maxAttempts, maxAgeHours, firstRetrySeconds, lastRetrySeconds, bandwidth }
  return { protocol, ...rest, delivery }
}

const DIMSE = mapped(
  record<Members<DimseDestination>>({
    aet: required(AE_TITLE, 'AE title of the peer'),
    host: required(HOST, 'its host name or address'),
    port: optional(PORT, 104, 'its port'),
    callingAet: optional(nullable(AE_TITLE), null, 'what we call ourselves (default: the AE title of the gateway)'),
    tls: optional(CLIENT_TLS, null, 'true, or whom to believe and who we are', false),
    associations: optional(whole(1, 64), 4, 'at once; the order within a study stays'),
    commitment: optional(flag, false, 'whether the peer is asked to commit to what it was sent'),
    ...DELIVERY_FIELDS,
  }),
  (members) => withDelivery('dimse', members),
)

const AUTHORIZATION: Shape<WebAuthorization> = variants<WebAuthorization>({
  bearer: mapped(
    record<{ readonly bearer: SecretReference }>({ bearer: required(SECRET, 'where the token lies') }),
    ({ bearer }): WebAuthorization => ({ kind: 'bearer', token: bearer }),
  ),
  basic: mapped(
    record<{ readonly basic: { readonly user: string; readonly password: SecretReference } }>({
      basic: required(
        record<{ readonly user: string; readonly password: SecretReference }>({
          user: required(text(/^[^\p{Cc}:]{1,128}$/u, 'a user name without a colon'), 'user name'),
          password: required(SECRET, 'where the password lies'),
        }),
        'user and password',
      ),
    }),
    ({ basic }): WebAuthorization => ({ kind: 'basic', ...basic }),
  ),
})

/** Without user, query and fragment: no secret in a URL. */
const URL_PATTERN =
  /^https?:\/\/[A-Za-z0-9.-]{1,253}(?::\d{1,5})?(?:\/[A-Za-z0-9._~!$&'()*+,;=:%-]*)*$|^https?:\/\/\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?(?:\/[A-Za-z0-9._~!$&'()*+,;=:%-]*)*$/
export const URL_TEXT: Shape<string> = mapped(
  text(URL_PATTERN, 'an http or https URL without user, query and fragment'),
  (url) => url.replace(/\/+$/, ''),
)

const WEB = mapped(
  record<Members<WebDestination>>({
    url: required(URL_TEXT, 'root of the DICOMweb service, such as https://archive.example/dicom-web'),
    authorization: optional(nullable(AUTHORIZATION), null, 'bearer token, or user and password'),
    tls: optional(CLIENT_TLS, null, 'for https: whom to believe and who we are', false),
    requests: optional(whole(1, 64), 2, 'at once'),
    ...DELIVERY_FIELDS,
  }),
  (members) => withDelivery('dicomweb', members),
)

/** `AET@host:port`, or the root of a DICOMweb service. */
const SHORT: Shape<Unnamed> = {
  read(value) {
    const destination = typeof value.json === 'string' ? parseDestination(value.json) : undefined
    if (destination === undefined) throw value.refuse('is neither AET@host:port nor an http or https URL')
    const { name: _, ...unnamed } = destination
    return unnamed
  },
  schema: () => ({ type: 'string', pattern: `${SHORT_DIMSE.source}|${URL_PATTERN.source}` }),
}

type Unnamed = Omit<DimseDestination, 'name'> | Omit<WebDestination, 'name'>

const SHORT_DIMSE =
  /^([\x21-\x3f\x41-\x5b\x5d-\x7e]{1,16})@(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?$/

/** Reads `PACS@10.0.0.5:11112` or a URL; undefined for all else. */
export function parseDestination(text: string, name = 'pacs'): Destination | undefined {
  const [, aet, host = '', port = '104'] = SHORT_DIMSE.exec(text) ?? []
  if (aet !== undefined) {
    if (Number(port) < 1 || Number(port) > 65_535) return undefined
    return {
      protocol: 'dimse',
      name,
      aet,
      host: host.replace(/^\[|\]$/g, ''),
      port: Number(port),
      callingAet: null,
      tls: null,
      associations: 4,
      commitment: false,
      delivery: DEFAULT_DELIVERY,
    }
  }
  if (!URL_PATTERN.test(text)) return undefined
  const url = text.replace(/\/+$/, '')
  return {
    protocol: 'dicomweb',
    name,
    url,
    authorization: null,
    tls: null,
    requests: 2,
    delivery: DEFAULT_DELIVERY,
  }
}

const DESTINATION: Shape<Unnamed> = shortOrLong<Unnamed>(
  SHORT,
  variants<Unnamed>({ aet: DIMSE as Shape<Unnamed>, url: WEB as Shape<Unnamed> }),
)

/** Destinations by name. */
export const DESTINATIONS: Shape<ReadonlyMap<string, Destination>> = mapped(
  table(NAME, DESTINATION, 256),
  (unnamed) => new Map([...unnamed].map(([name, one]) => [name, { ...one, name } as Destination])),
)

/** Kilobytes a second at a time of the week in the local time of the site; undefined where nothing limits them. */
export function bandwidthAt(
  { bandwidth }: Delivery,
  { day, minute }: { readonly day: Day; readonly minute: number },
): number | undefined {
  const before = DAYS[(DAYS.indexOf(day) + DAYS.length - 1) % DAYS.length] as Day
  const isOn = (window: BandwidthWindow, which: Day): boolean => window.days.length === 0 || window.days.includes(which)
  return bandwidth.find((window) => {
    const { fromMinute, untilMinute } = window
    if (fromMinute < untilMinute) return isOn(window, day) && minute >= fromMinute && minute < untilMinute
    // Past midnight, it is still the window of the day before.
    return (isOn(window, day) && minute >= fromMinute) || (isOn(window, before) && minute < untilMinute)
  })?.kilobytesPerSecond
}

/** By what a copy is tried again; failures that are the destination's own, such as being away, count towards the age only. */
export function backoffOf(delivery: Delivery, retry: Retry = DEFAULT_RETRY): Backoff {
  const firstSeconds = delivery.firstRetrySeconds ?? retry.firstRetrySeconds
  const maxAgeHours = delivery.maxAgeHours ?? retry.maxAgeHours
  return {
    firstMs: Math.round(1000 * firstSeconds),
    longestMs: Math.round(1000 * Math.max(firstSeconds, delivery.lastRetrySeconds ?? retry.lastRetrySeconds)),
    jitter: DELIVERY_BACKOFF.jitter,
    attemptsLimit: delivery.maxAttempts ?? retry.maxAttempts,
    giveUpAfterMs: maxAgeHours === null ? null : Math.round(3_600_000 * maxAgeHours),
  }
}
