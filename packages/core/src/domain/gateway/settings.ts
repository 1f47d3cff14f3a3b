/**
 * Settings: what a site decides about its gateway besides the routes, one table for the file, the environment, the schema and
 * the documents.
 *
 * A setting is named `group.name`, or `name` for those of the first group. Secrets are named by where they lie. Which of
 * several sources counts is left to resolve-settings. Described in docs/reference/gateway-settings.md.
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
  oneOrMany,
  optional,
  record,
  type Shape,
  schemaOf,
  text,
  whole,
  words,
} from '../../formats/config/shape.ts'
import type { JsonObject, JsonValue } from '../../formats/json/parse.ts'
import { COMMITMENT_POLICIES, type CommitmentPolicy } from './commitment.ts'
import {
  AE_TITLE,
  type Destination,
  type DimseDestination,
  HOST,
  PATH,
  parseDestination,
  RETRY_FIELDS,
  type Retry,
  URL_TEXT,
} from './destinations.ts'
import { parseNetwork } from './network.ts'

/** Where everything comes from and goes to: for most sites, all there is to set. */
export interface MainSettings {
  /** The archive behind the gateway: where queries go, and without a routes file all images. */
  readonly pacs: Destination | null
  /** The worklist that modalities ask, observed and passed on. */
  readonly worklist: DimseDestination | null
  /** Path of the routes file. */
  readonly routes: string | null
}

/** Somebody who may associate: every condition that is given has to hold. */
export interface AllowedCaller {
  readonly aet: string | null
  /** Addresses and ranges; empty for any. */
  readonly addresses: readonly string[]
  /** SHA-256 in hexadecimal, or subjects; empty for any, or none. */
  readonly certificates: readonly string[]
}

export interface DicomSettings {
  readonly aet: string
  /** Further titles by which the gateway may be called. */
  readonly otherTitles: readonly string[]
  readonly acceptsAnyTitle: boolean
  readonly host: string
  /** 0: any that is free. Null: no plain DICOM. */
  readonly port: number | null
  /** Null: anybody who can reach the port. */
  readonly callers: readonly AllowedCaller[] | null
  readonly tlsPort: number
  /** PEM file; null: no DICOM over TLS. */
  readonly tlsCertificate: string | null
  readonly tlsKey: SecretReference | null
  /** PEM file with the authorities of those who call. */
  readonly tlsCa: string | null
  readonly tlsClientCertificate: 'none' | 'optional' | 'required'
  readonly refusedSopClasses: readonly string[]
  /** AE titles that may query and retrieve through the gateway; null: whoever may associate. */
  readonly queriers: readonly string[] | null
  /** What the gateway must know before it commits to keep an instance. */
  readonly commitment: CommitmentPolicy
  /** Before a destination is asked a second time to commit; a third and fourth time ten and sixty times as long. */
  readonly commitmentRetrySeconds: number
  /** Where reports of storage commitment go when the association of the request has ended, by AE title. */
  readonly reportsTo: readonly DimseDestination[]
}

export interface LimitSettings {
  readonly associations: number
  readonly connectionsPerAddress: number
  readonly operations: number
  readonly pduBytes: number
  readonly objectMegabytes: number
  readonly associateSeconds: number
  readonly idleSeconds: number
  readonly stallSeconds: number
  readonly stallKilobytes: number
  readonly answerSeconds: number
}

export interface WebSettings {
  readonly host: string
  readonly port: number
  /** As others reach it, for links; null: from host and port. */
  readonly publicUrl: string | null
  readonly tlsCertificate: string | null
  readonly tlsKey: SecretReference | null
  /** Whether DICOMweb is served. */
  readonly dicomweb: boolean
  /** Whether callers from this machine need no token. */
  readonly trustsLocalCallers: boolean
}

export interface StorageSettings {
  /** Null: in the folder of all state. */
  readonly spoolFolder: string | null
  /** `https://HOST/BUCKET[/PREFIX][?region=REGION]`; null: in the folder. */
  readonly spoolBucket: string | null
  readonly bucketKeyId: string | null
  readonly bucketSecret: SecretReference | null
  readonly reserveMegabytes: number
  /** PostgreSQL without a password; null: SQLite in the folder of all state. */
  readonly database: string | null
  readonly databasePassword: SecretReference | null
  readonly databaseConnections: number
}

export interface WorkSettings {
  /** Threads that examine; 0: as many as there are processors, less one. */
  readonly workers: number
  readonly examineSeconds: number
  readonly maxAttempts: number
  readonly drainSeconds: number
}

export interface VerifySettings {
  /** Name of a policy, or path of a file with one. */
  readonly policy: string
  /** PEM files with authorities to believe besides our own. */
  readonly trust: readonly string[]
  readonly revocationLists: readonly string[]
}

export interface SealSettings {
  /** Holder in the key ring; null: the only gateway in it. */
  readonly holder: string | null
  /** RFC 3161 authority; null: that of the key ring. */
  readonly timestampUrl: string | null
}

export interface RetentionSettings {
  readonly doneHours: number
  readonly recordDays: number
}

export interface TelemetrySettings {
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly metrics: boolean
  /** OTLP over HTTP; null: no traces. */
  readonly otlpUrl: string | null
  readonly serviceName: string
  /** Share of instances that are traced. */
  readonly sampleRatio: number
}

export interface AuditTrailSettings {
  /** `tls://host:port`; null: nowhere. */
  readonly syslog: string | null
  readonly syslogCa: string | null
  readonly syslogCertificate: string | null
  readonly syslogKey: SecretReference | null
  /** Root of a FHIR server that takes AuditEvent; null: none. */
  readonly fhirUrl: string | null
  readonly fhirToken: SecretReference | null
}

export interface SweepSettings {
  /** Archive that is swept: a folder, or an address as `audit` takes it; null: none. */
  readonly target: string | null
  /** `HH:MM`, local time of the site; null: only when somebody asks. */
  readonly at: string | null
  /** Bearer token, or `USER:PASSWORD`. */
  readonly credentials: SecretReference | null
  /** Name of a policy, or path of a file with one; null: that of verdicts. */
  readonly policy: string | null
  /** Images read in a second at most; 0: as fast as it goes. */
  readonly imagesPerSecond: number
}

export interface GatewaySettings {
  readonly main: MainSettings
  readonly dicom: DicomSettings
  readonly limits: LimitSettings
  readonly web: WebSettings
  readonly storage: StorageSettings
  readonly work: WorkSettings
  readonly verify: VerifySettings
  readonly seal: SealSettings
  readonly retry: Retry
  readonly retention: RetentionSettings
  readonly telemetry: TelemetrySettings
  readonly audit: AuditTrailSettings
  readonly sweep: SweepSettings
}

export type GroupName = keyof GatewaySettings

/** Without a password: there is a setting for it. */
const DATABASE = text(/^postgres(?:ql)?:\/\/(?:[^:@/\s]+@)?[^@\s]*$/, 'a PostgreSQL address without a password')
const BUCKET = text(/^https?:\/\/[^@\s/]+\/[^@\s]+$/, 'https://HOST/BUCKET[/PREFIX][?region=REGION]')
const SYSLOG = text(/^tls:\/\/[A-Za-z0-9.:[\]-]{1,255}:\d{1,5}$/, 'tls://host:port')
const UID = text(/^[0-9][0-9.]{0,63}$/, 'a UID')
const WORD = text(/^[^\p{Cc}]{1,128}$/u, 'a text of 1 to 128 characters')

const DESTINATION: Shape<Destination> = mapped(
  text(/^[\x21-\x7e]{1,1024}$/, 'AET@host:port, or the URL of a DICOMweb service'),
  (spelled, value) => {
    const destination = parseDestination(spelled)
    if (destination === undefined) throw value.refuse('is neither AET@host:port nor the URL of a DICOMweb service')
    return destination
  },
)
const DIMSE_PEER: Shape<DimseDestination> = mapped(DESTINATION, (destination, value) => {
  if (destination.protocol !== 'dimse') throw value.refuse('is not AET@host:port')
  return { ...destination, name: 'worklist' }
})

const ADDRESS = mapped(text(/^[0-9A-Za-z.:/-]{1,253}$/, 'an address, a range or a host name'), (spelled, value) => {
  if (spelled.includes('/') && parseNetwork(spelled) === undefined) throw value.refuse('is no range of addresses')
  return spelled
})
const CALLER = record<AllowedCaller>({
  aet: optional(nullable(AE_TITLE), null, 'calling AE title (default: any)'),
  addresses: optional(oneOrMany(ADDRESS, 256, 0), [], 'addresses, ranges and host names (default: any)', []),
  certificates: optional(
    oneOrMany(WORD, 256, 0),
    [],
    'SHA-256 in hexadecimal, or subjects (default: any, or none)',
    [],
  ),
})

/** The table. */
export const GROUPS: { readonly [Group in GroupName]: Fields<GatewaySettings[Group]> } = {
  main: {
    pacs: optional(nullable(DESTINATION), null, 'archive behind the gateway; without `routes`, everything goes there'),
    worklist: optional(nullable(DIMSE_PEER), null, 'worklist server that modalities ask through the gateway'),
    routes: optional(nullable(PATH), null, 'path of the routes file'),
  },
  dicom: {
    aet: optional(AE_TITLE, 'FIDUCIAL', 'AE title of the gateway'),
    otherTitles: optional(list(AE_TITLE, 64), [], 'further titles by which it may be called', []),
    acceptsAnyTitle: optional(flag, false, 'takes whatever title it is called by'),
    host: optional(HOST, '127.0.0.1', 'address on which it listens; 0.0.0.0 for all'),
    port: optional(nullable(whole(0, 65_535)), 11_112, 'port of DICOM without TLS; 0 any that is free, null none'),
    callers: optional(nullable(list(CALLER, 4096)), null, 'who may associate (default: whoever reaches the port)'),
    tlsPort: optional(whole(0, 65_535), 2762, 'port of DICOM over TLS, where there is a certificate'),
    tlsCertificate: optional(nullable(PATH), null, 'PEM file with the certificate of the gateway'),
    tlsKey: optional(nullable(SECRET), null, 'where the PEM of its private key lies'),
    tlsCa: optional(nullable(PATH), null, 'PEM file with the authorities of callers'),
    tlsClientCertificate: optional(
      words(['none', 'optional', 'required']),
      'none',
      'whether callers have to show a certificate',
    ),
    refusedSopClasses: optional(list(UID, 512), [], 'SOP Classes that are not taken', []),
    queriers: optional(
      nullable(list(AE_TITLE, 4096)),
      null,
      'calling AE titles that may query and retrieve through the gateway (default: whoever may associate)',
    ),
    commitment: optional(
      words(COMMITMENT_POLICIES),
      'delivered',
      'what the gateway must know before it commits to keep an instance: that it has it, that all destinations have it, or that they have committed',
    ),
    commitmentRetrySeconds: optional(
      decimal(0.1, 3600),
      60,
      'wait before a destination is asked again for what it has not committed to; the next ones are ten and sixty times as long',
    ),
    reportsTo: optional(
      list(DIMSE_PEER, 4096),
      [],
      'where reports of storage commitment go, once the association of the request has ended',
      [],
    ),
  },
  limits: {
    associations: optional(whole(1, 100_000), 128, 'associations at once'),
    connectionsPerAddress: optional(whole(1, 100_000), 128, 'connections at once from one address'),
    operations: optional(whole(1, 1024), 4, 'objects of one association that wait to become durable'),
    pduBytes: optional(whole(4096, 16_777_216), 131_072, 'longest PDU that is taken'),
    objectMegabytes: optional(whole(1, 1_048_576), 8192, 'longest object'),
    associateSeconds: optional(decimal(1, 3600), 30, 'from the connection to its request'),
    idleSeconds: optional(decimal(1, 86_400), 600, 'without any message'),
    stallSeconds: optional(decimal(1, 3600), 60, 'span in which a message under way has to go on'),
    stallKilobytes: optional(whole(1, 65_536), 64, 'what it has to bring in such a span'),
    answerSeconds: optional(decimal(1, 3600), 60, 'for the answer of a peer'),
  },
  web: {
    host: optional(HOST, '127.0.0.1', 'address on which the web API and DICOMweb listen'),
    port: optional(whole(0, 65_535), 8460, 'its port; 0 any that is free'),
    publicUrl: optional(nullable(URL_TEXT), null, 'address by which others reach it (default: from host and port)'),
    tlsCertificate: optional(nullable(PATH), null, 'PEM file; without one it speaks plain HTTP'),
    tlsKey: optional(nullable(SECRET), null, 'where the PEM of its private key lies'),
    dicomweb: optional(flag, true, 'serves STOW-RS, QIDO-RS and WADO-RS'),
    trustsLocalCallers: optional(flag, false, 'asks callers from this machine for no token'),
  },
  storage: {
    spoolFolder: optional(nullable(PATH), null, 'folder of files on their way (default: in the folder of all state)'),
    spoolBucket: optional(nullable(BUCKET), null, 'S3 bucket for them instead'),
    bucketKeyId: optional(nullable(WORD), null, 'access key of the bucket (default: AWS_ACCESS_KEY_ID)'),
    bucketSecret: optional(nullable(SECRET), null, 'where its secret lies (default: AWS_SECRET_ACCESS_KEY)'),
    reserveMegabytes: optional(whole(0, 1_048_576), 1024, 'room that is kept free; below it nothing more is taken'),
    database: optional(nullable(DATABASE), null, 'PostgreSQL address (default: SQLite in the folder of all state)'),
    databasePassword: optional(nullable(SECRET), null, 'where its password lies (default: PGPASSWORD)'),
    databaseConnections: optional(whole(1, 1000), 8, 'connections to it at once'),
  },
  work: {
    workers: optional(whole(0, 256), 0, 'threads that examine; 0 for one for each processor, 8 at most'),
    examineSeconds: optional(decimal(1, 3600), 120, 'longest examination of one instance'),
    maxAttempts: optional(whole(1, 100), 3, 'examinations of one instance that may fail'),
    drainSeconds: optional(decimal(0, 3600), 30, 'to finish what is under way when it is stopped'),
  },
  verify: {
    policy: optional(text(/^[^\p{Cc}]{1,1024}$/u, 'a policy or a path'), 'acquisition', 'policy of verdicts'),
    trust: optional(oneOrMany(PATH, 256, 0), [], 'PEM files with authorities to believe besides our own', []),
    revocationLists: optional(oneOrMany(PATH, 256, 0), [], 'files with revocation lists', []),
  },
  seal: {
    holder: optional(
      nullable(text(/^[a-z0-9-]{1,200}$/, 'the id of a holder')),
      null,
      'whose keys seal (default: the only gateway of the key ring)',
    ),
    timestampUrl: optional(nullable(URL_TEXT), null, 'RFC 3161 authority (default: the one of the key ring)'),
  },
  retry: RETRY_FIELDS,
  retention: {
    doneHours: optional(
      decimal(0, 87_600),
      24,
      'how long files are kept that have reached all destinations, or were rejected',
    ),
    recordDays: optional(
      decimal(0, 36_500),
      90,
      'how long records of images are kept after that; the log keeps its own',
    ),
  },
  telemetry: {
    logLevel: optional(
      words(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
      'info',
      'least level of log lines',
    ),
    metrics: optional(flag, true, 'serves Prometheus metrics at /metrics'),
    otlpUrl: optional(nullable(URL_TEXT), null, 'OTLP over HTTP: where traces go'),
    serviceName: optional(WORD, 'fiducial-gateway', 'how traces call the gateway'),
    sampleRatio: optional(decimal(0, 1), 1, 'share of instances that are traced'),
  },
  audit: {
    syslog: optional(nullable(SYSLOG), null, 'where DICOM audit messages go'),
    syslogCa: optional(nullable(PATH), null, 'PEM file with the authorities of that receiver'),
    syslogCertificate: optional(nullable(PATH), null, 'PEM file with our certificate, for a receiver that asks'),
    syslogKey: optional(nullable(SECRET), null, 'where the private key of that certificate lies'),
    fhirUrl: optional(nullable(URL_TEXT), null, 'FHIR server that takes AuditEvent'),
    fhirToken: optional(nullable(SECRET), null, 'where the bearer token for it lies'),
  },
  sweep: {
    target: optional(
      nullable(text(/^[^\p{Cc}]{1,1024}$/u, 'a folder or an address')),
      null,
      'archive that is swept: a folder, or an address as `fiducial audit` takes it',
    ),
    at: optional(
      nullable(text(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'a time such as 02:00')),
      null,
      'local time at which it is swept each day (default: when somebody asks)',
    ),
    credentials: optional(nullable(SECRET), null, 'where a bearer token or USER:PASSWORD for it lies'),
    policy: optional(
      nullable(text(/^[^\p{Cc}]{1,1024}$/u, 'a policy or a path')),
      null,
      'policy of its verdicts (default: `verify.policy`)',
    ),
    imagesPerSecond: optional(decimal(0, 1_000_000), 20, 'images read in a second at most; 0 for no limit'),
  },
}

export const SETTINGS_PREFIX = 'FIDUCIAL_GATEWAY_'
/** Names the settings file itself; a setting of none. */
export const SETTINGS_FILE_VARIABLE = `${SETTINGS_PREFIX}SETTINGS`
/** Of commands that reach a gateway: of none of its settings either. */
export const ADDRESS_VARIABLE = `${SETTINGS_PREFIX}URL`

/** One setting, for documents and lists. */
export interface Setting {
  /** `dicom.port`, or `pacs` for those of the first group. */
  readonly name: string
  readonly variable: string
  readonly doc: string
  /** As the file would spell it; null for none. */
  readonly fallback: JsonValue
  readonly schema: JsonObject
}

/** A setting with its place in the table. */
export interface Leaf extends Setting {
  readonly group: GroupName
  readonly key: string
  readonly field: Field<unknown>
}

export const LEAVES: readonly Leaf[] = Object.entries(GROUPS).flatMap(([group, fields]) =>
  Object.entries<Field<unknown>>(fields).map(([key, field]) => {
    const name = group === 'main' ? key : `${group}.${key}`
    return {
      group: group as GroupName,
      key,
      field,
      name,
      variable: variableOf(name),
      doc: field.doc,
      fallback: field.fallback?.json ?? null,
      schema: field.shape.schema(new Map()),
    }
  }),
)

/** `dicom.tlsPort` → `FIDUCIAL_GATEWAY_DICOM_TLS_PORT`. */
function variableOf(name: string): string {
  return (
    SETTINGS_PREFIX +
    name
      .replace(/[A-Z]/g, (letter) => `_${letter}`)
      .replace('.', '_')
      .toUpperCase()
  )
}

/** All settings, in the order of the document. */
export const SETTINGS: readonly Setting[] = LEAVES

/** The JSON Schema of the file: docs/reference/gateway-settings.schema.json. */
export function settingsSchema(): JsonObject {
  const { main, ...groups } = GROUPS
  const entries = Object.entries(groups).map(([group, fields]) => [
    group,
    optional(record(fields as Fields<Record<string, unknown>>), {}, `settings of ${group}`),
  ])
  const file = record({ ...main, ...Object.fromEntries(entries) } as Fields<Record<string, unknown>>)
  const { $defs: _, ...schema } = schemaOf(file, {
    $id: 'https://fiducial.dev/schemas/gateway-settings.json',
    title: 'Settings of a Fiducial gateway',
  })
  return schema
}
