/**
 * Conformance: what a gateway speaks, as a document after PS3.2, made from the tables that its code works by.
 *
 * A test keeps docs/reference/conformance.md at this text. What a site has set otherwise is not in it: `gateway settings`
 * shows that.
 */
import { STORAGE_COMMITMENT } from '@fiducial/core/domain/gateway/commitment.ts'
import { LEVELS, RESULTS_LIMIT, RETURNED } from '@fiducial/core/domain/query/query.ts'
import { lookUp } from '@fiducial/core/formats/dicom/dictionary.ts'
import { formatTag } from '@fiducial/core/formats/dicom/element.ts'
import { IMPLEMENTATION_CLASS_UID } from '@fiducial/core/formats/dicom/encode.ts'
import { IMPLEMENTATION_VERSION } from '@fiducial/core/formats/dicom/file-meta.ts'
import { STATUS } from '@fiducial/core/formats/dimse/status.ts'
import { MULTIPART_LIMITS } from '@fiducial/core/formats/multipart/parse.ts'
import { DEFAULT_ACCEPTOR_LIMITS } from '../dimse/acceptor-settings.ts'
import { ARCHIVE_CLASSES, ORDER_CLASSES } from '../dimse/proxies.ts'
import { VERIFICATION } from '../dimse/query.ts'
import { TLS_PROFILE } from '../dimse/tls-profile.ts'
import { FRAME_TYPES } from '../http/dicomweb/accept.ts'
import { STORE_DEFAULTS } from '../http/dicomweb/store-face.ts'
import { FAILURE } from '../http/dicomweb/store-parts.ts'
import { TRANSACTIONS } from '../http/dicomweb/transactions.ts'

/** PS3.6 table A-1, as far as the tables above need it. */
const UID_NAMES: Readonly<Record<string, string>> = {
  [VERIFICATION]: 'Verification',
  [STORAGE_COMMITMENT.sopClass]: 'Storage Commitment Push Model',
  '1.2.840.10008.5.1.4.1.2.1.1': 'Patient Root Query/Retrieve – FIND',
  '1.2.840.10008.5.1.4.1.2.1.2': 'Patient Root Query/Retrieve – MOVE',
  '1.2.840.10008.5.1.4.1.2.1.3': 'Patient Root Query/Retrieve – GET',
  '1.2.840.10008.5.1.4.1.2.2.1': 'Study Root Query/Retrieve – FIND',
  '1.2.840.10008.5.1.4.1.2.2.2': 'Study Root Query/Retrieve – MOVE',
  '1.2.840.10008.5.1.4.1.2.2.3': 'Study Root Query/Retrieve – GET',
  '1.2.840.10008.5.1.4.1.2.3.1': 'Patient/Study Only Query/Retrieve – FIND (retired)',
  '1.2.840.10008.5.1.4.1.2.3.2': 'Patient/Study Only Query/Retrieve – MOVE (retired)',
  '1.2.840.10008.5.1.4.1.2.3.3': 'Patient/Study Only Query/Retrieve – GET (retired)',
  '1.2.840.10008.5.1.4.1.2.4.2': 'Composite Instance Root Retrieve – MOVE',
  '1.2.840.10008.5.1.4.1.2.4.3': 'Composite Instance Root Retrieve – GET',
  '1.2.840.10008.5.1.4.1.2.5.3': 'Composite Instance Retrieve Without Bulk Data – GET',
  '1.2.840.10008.5.1.4.31': 'Modality Worklist Information Model – FIND',
  '1.2.840.10008.3.1.2.3.3': 'Modality Performed Procedure Step',
  '1.2.840.10008.3.1.2.3.4': 'Modality Performed Procedure Step Retrieve',
}

/** The document, in Markdown. */
export function formatConformance(): string {
  return `${[...head(), ...dimse(), ...limits(), ...web(), ...security()].join('\n')}\n`
}

function head(): readonly string[] {
  return [
    '# Conformance statement',
    '',
    'What the gateway speaks, after PS3.2. Made by `fiducial gateway conformance` from the tables that the program works by;',
    'limits are the defaults, and `fiducial gateway settings` shows those of a site.',
    '',
    '| | |',
    '|---|---|',
    `| Implementation Class UID | \`${IMPLEMENTATION_CLASS_UID}\` |`,
    `| Implementation Version Name | \`${IMPLEMENTATION_VERSION}\` |`,
    '',
    'The gateway takes instances in, judges and records them, and sends them on. It changes no byte of a data set, unless it',
    'adds a seal of its own, or a route asks for a derived copy.',
  ]
}

function dimse(): readonly string[] {
  const accepted = [
    row('SOP Class', 'UID', 'role', 'transfer syntaxes'),
    rule(4),
    row(nameOf(VERIFICATION), code(VERIFICATION), 'SCP and SCU', 'every one that is proposed'),
    row('every Storage SOP Class, private ones too', '', 'SCP and SCU', 'every one that is proposed, private ones too'),
    row(nameOf(STORAGE_COMMITMENT.sopClass), code(STORAGE_COMMITMENT.sopClass), 'SCP and SCU', 'native little endian'),
  ]
  const passedOn = [...ARCHIVE_CLASSES, ...ORDER_CLASSES]
  return [
    '',
    '## DIMSE',
    '',
    ...accepted,
    '',
    'Of the transfer syntaxes of a presentation context, the first that is proposed is accepted, and what comes is forwarded in',
    'it. A sender that proposes one context for each transfer syntax gets each.',
    '',
    'Passed on to a system behind the gateway, where one is set:',
    '',
    row('SOP Class', 'UID'),
    rule(2),
    ...passedOn.map((uid) => row(nameOf(uid), code(uid))),
    '',
    'Identifiers and answers pass unchanged; extended negotiation does not. Worklists and procedure steps are observed, to bind',
    'what a gateway seals to its order and operator.',
    '',
    'Statuses of C-STORE:',
    '',
    row('status', 'meaning'),
    rule(2),
    row(status(STATUS.success), 'the instance is durable: file and record survive a power cut'),
    row(status(STATUS.outOfResources), 'no room, or too much under way: send it again later'),
    row(status(STATUS.sopClassNotSupported), 'the SOP Class is not taken'),
    row(status(STATUS.invalidObjectInstance), 'the SOP Instance UID is none'),
    row(status(STATUS.cannotUnderstand), 'there is no data set'),
    row(status(STATUS.processingFailure), 'something went wrong on our side'),
  ]
}

function limits(): readonly string[] {
  const { associations, connectionsPerAddress, pduBytes, objectBytes, requestBytes, operations } =
    DEFAULT_ACCEPTOR_LIMITS
  const { associateMs, idleMs, stallMs, stallBytes, answerMs } = DEFAULT_ACCEPTOR_LIMITS
  return [
    '',
    'Limits:',
    '',
    row('limit', 'default'),
    rule(2),
    row('associations at once', String(associations)),
    row('connections from one address', String(connectionsPerAddress)),
    row('longest PDU that is announced', bytes(pduBytes)),
    row('longest object', bytes(objectBytes)),
    row('longest data set of other requests', bytes(requestBytes)),
    row('asynchronous operations window', String(operations)),
    row('request to associate (ARTIM)', seconds(associateMs)),
    row('idle association', seconds(idleMs)),
    row('slowest object', `${bytes(stallBytes)} in ${seconds(stallMs)}`),
    row('answer to a request of ours', seconds(answerMs)),
  ]
}

function web(): readonly string[] {
  const { instanceBytes, requests, bytesPerSecond } = STORE_DEFAULTS
  return [
    '',
    '## DICOMweb',
    '',
    row('service', 'request', 'body', 'answer', 'permission'),
    rule(5),
    ...TRANSACTIONS.map(({ service, method, path, takes, gives, permission }) =>
      row(service, code(`${method} ${path}`), takes.map(code).join(', '), gives.map(code).join(', '), code(permission)),
    ),
    '',
    '### Store (STOW-RS)',
    '',
    'Instances as DICOM files only: metadata with bulk data apart (`application/dicom+json`, `application/dicom+xml`) are refused',
    'with 415. Answers are DICOM JSON, or XML for who asks for it: 200 where all parts are stored, 202 where some are, 409 where none is, 400 for a damaged',
    'body, 503 or 507 where there is no room. Reasons of failures:',
    '',
    row('Failure Reason', 'meaning'),
    rule(2),
    row(status(FAILURE.processing), 'processing failure'),
    row(status(FAILURE.outOfResources), 'no room, or the instance is too long'),
    row(status(FAILURE.doesNotMatchStudy), 'the instance is not of the study that the request is for'),
    row(status(FAILURE.cannotUnderstand), 'the part is no DICOM file'),
    '',
    row('limit', 'default'),
    rule(2),
    row('longest instance', bytes(instanceBytes)),
    row('parts of a request', String(MULTIPART_LIMITS.parts)),
    row('headers of a part', bytes(MULTIPART_LIMITS.headerBytes)),
    row('requests being received', String(requests)),
    row('slowest sender', `${bytes(bytesPerSecond)} a second, over half a minute`),
    '',
    '### Search (QIDO-RS)',
    '',
    'Where the archive behind the gateway speaks DICOMweb, its own answers are passed on; one that speaks DIMSE only is asked by',
    'C-FIND. For that one, and over the demo archive, this section and the next one hold. Matching:',
    'single value, list of UIDs, wildcards, ranges of dates and times, universal, attributes in sequences by path. Names match',
    `whatever their case. \`fuzzymatching\` is answered with a warning. At most ${RESULTS_LIMIT} results an answer.`,
    '',
    row('level', 'attributes of an answer'),
    rule(2),
    ...LEVELS.map((level) => row(level, RETURNED[level].map(attribute).join(', '))),
    '',
    '### Retrieve (WADO-RS)',
    '',
    'Instances of an archive that speaks DIMSE only come by C-GET, each under the transfer syntax in which the archive sends it.',
    'Instances leave as they are stored. A client that asks for another transfer syntax gets 406, and 206 where only some',
    'instances of a study have the one it asks for. Frames can be had decoded, as `application/octet-stream` in Explicit VR Little',
    'Endian. Pictures are PNG; `window` and `viewport` are understood. Media types of stored frames:',
    '',
    row('transfer syntaxes', 'media type'),
    rule(2),
    ...FRAME_TYPES.map(([pattern, type]) => row(syntaxesOf(pattern).map(code).join(', '), code(type))),
  ]
}

function security(): readonly string[] {
  return [
    '',
    '### As the one who asks',
    '',
    'Destinations are sent to by STOW-RS, `application/dicom` parts in `multipart/related` with a Content-Length. Audits search by',
    'QIDO-RS page by page, and fetch by WADO-RS with `transfer-syntax=*`. Redirects are not followed.',
    '',
    'The root of the service answers GET and OPTIONS with its capabilities: JSON, or WADL for `application/vnd.sun.wadl+xml`.',
    '',
    '## Security',
    '',
    `TLS in both directions, for DIMSE and DICOMweb: at least ${TLS_PROFILE.minVersion.replace('v', ' ')}, after BCP 195 (PS3.15 annexes B.12 and B.13),`,
    'with certificates on both sides where a site asks for them. Cipher suites:',
    '',
    ...TLS_PROFILE.ciphers.split(':').map((suite) => `- \`${suite}\``),
    '',
    'Callers of DICOMweb show a [token](access.md), a certificate, or come from the same machine. AE titles and addresses that',
    'may associate can be listed.',
    '',
    '## Character sets',
    '',
    'Data sets pass as they are. DICOM JSON is UTF-8: text of every character set of PS3.3 section C.12.1.1.2 is converted, and',
    '(0008,0005) says ISO_IR 192.',
  ]
}

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const rule = (columns: number): string => `|${'---|'.repeat(columns)}`
const code = (text: string): string => `\`${text}\``
const nameOf = (uid: string): string => UID_NAMES[uid] ?? 'SOP Class'
const status = (value: number): string => code(value.toString(16).toUpperCase().padStart(4, '0'))
const seconds = (milliseconds: number): string => `${milliseconds / 1000} s`

function bytes(count: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB']
  const unit = [3, 2, 1].find((power) => count >= 1024 ** power && count % 1024 ** power === 0) ?? 0
  return `${count / 1024 ** unit} ${units[unit]}`
}

function attribute(tag: number): string {
  return `${lookUp(tag)?.name ?? 'unknown'} ${formatTag(tag)}`
}

/** Those of the standard that a pattern takes. */
function syntaxesOf(pattern: RegExp): readonly string[] {
  const known = ['5', ...Array.from({ length: 120 }, (_, i) => `4.${i + 50}`), '4.201', '4.202', '4.203']
  return known.map((end) => `1.2.840.10008.1.2.${end}`).filter((uid) => pattern.test(uid))
}
