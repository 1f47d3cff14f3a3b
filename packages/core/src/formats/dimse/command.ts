/**
 * Command: the part of a DIMSE message that says what is asked or answered.
 *
 * Source: PS3.7 sections 6.3 (command set), 9.3 and 10.3 (messages), annex E (elements). Command sets are implicit VR
 * little endian whatever a context's transfer syntax is. Elements that are not known here are kept.
 */
import { decodeLatin1, encodeLatin1, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { encodeElement } from '../dicom/encode.ts'
import { IMPLICIT_LITTLE } from '../dicom/transfer-syntax.ts'

/** Values of Command Field (0000,0100). */
export const COMMAND_FIELDS = {
  c_store_rq: 0x0001,
  c_store_rsp: 0x8001,
  c_get_rq: 0x0010,
  c_get_rsp: 0x8010,
  c_find_rq: 0x0020,
  c_find_rsp: 0x8020,
  c_move_rq: 0x0021,
  c_move_rsp: 0x8021,
  c_echo_rq: 0x0030,
  c_echo_rsp: 0x8030,
  n_event_report_rq: 0x0100,
  n_event_report_rsp: 0x8100,
  n_get_rq: 0x0110,
  n_get_rsp: 0x8110,
  n_set_rq: 0x0120,
  n_set_rsp: 0x8120,
  n_action_rq: 0x0130,
  n_action_rsp: 0x8130,
  n_create_rq: 0x0140,
  n_create_rsp: 0x8140,
  n_delete_rq: 0x0150,
  n_delete_rsp: 0x8150,
  c_cancel_rq: 0x0fff,
} as const

export type CommandKind = keyof typeof COMMAND_FIELDS

/** What a command may say, by the names of PS3.7 annex E. Numbers are 0 to 65535; tags are group × 65536 + element. */
interface CommandElements {
  readonly affectedSopClassUid: string
  readonly requestedSopClassUid: string
  readonly messageId: number
  readonly messageIdBeingRespondedTo: number
  /** AE title. */
  readonly moveDestination: string
  /** 0 medium, 1 high, 2 low. */
  readonly priority: number
  readonly status: number
  readonly offendingElements: readonly number[]
  readonly errorComment: string
  readonly errorId: number
  readonly affectedSopInstanceUid: string
  readonly requestedSopInstanceUid: string
  readonly eventTypeId: number
  readonly attributeIdentifiers: readonly number[]
  readonly actionTypeId: number
  readonly remaining: number
  readonly completed: number
  readonly failed: number
  readonly warnings: number
  /** AE title. */
  readonly moveOriginator: string
  readonly moveOriginatorMessageId: number
}

type ElementName = keyof CommandElements

/** Without these a message cannot be acted upon; what an answer merely repeats is optional, as devices leave it out. */
const NEEDED = {
  c_store_rq: ['affectedSopClassUid', 'messageId', 'affectedSopInstanceUid'],
  c_store_rsp: ['messageIdBeingRespondedTo', 'status'],
  c_get_rq: ['affectedSopClassUid', 'messageId'],
  c_get_rsp: ['messageIdBeingRespondedTo', 'status'],
  c_find_rq: ['affectedSopClassUid', 'messageId'],
  c_find_rsp: ['messageIdBeingRespondedTo', 'status'],
  c_move_rq: ['affectedSopClassUid', 'messageId', 'moveDestination'],
  c_move_rsp: ['messageIdBeingRespondedTo', 'status'],
  c_echo_rq: ['affectedSopClassUid', 'messageId'],
  c_echo_rsp: ['messageIdBeingRespondedTo', 'status'],
  n_event_report_rq: ['affectedSopClassUid', 'messageId', 'affectedSopInstanceUid', 'eventTypeId'],
  n_event_report_rsp: ['messageIdBeingRespondedTo', 'status'],
  n_get_rq: ['requestedSopClassUid', 'messageId', 'requestedSopInstanceUid'],
  n_get_rsp: ['messageIdBeingRespondedTo', 'status'],
  n_set_rq: ['requestedSopClassUid', 'messageId', 'requestedSopInstanceUid'],
  n_set_rsp: ['messageIdBeingRespondedTo', 'status'],
  n_action_rq: ['requestedSopClassUid', 'messageId', 'requestedSopInstanceUid', 'actionTypeId'],
  n_action_rsp: ['messageIdBeingRespondedTo', 'status'],
  n_create_rq: ['affectedSopClassUid', 'messageId'],
  n_create_rsp: ['messageIdBeingRespondedTo', 'status'],
  n_delete_rq: ['requestedSopClassUid', 'messageId', 'requestedSopInstanceUid'],
  n_delete_rsp: ['messageIdBeingRespondedTo', 'status'],
  c_cancel_rq: ['messageIdBeingRespondedTo'],
} as const satisfies Record<CommandKind, readonly ElementName[]>

/** An element that is not known here, such as a retired one. */
export interface OtherElement {
  /** Of group 0000. */
  readonly tag: number
  readonly value: Uint8Array
}

/** The command of one kind: what that kind needs is there, everything else may be. */
export type CommandOf<Kind extends CommandKind> = {
  readonly [K in Kind]: { readonly kind: K } & Pick<CommandElements, (typeof NEEDED)[K][number]> &
    Partial<CommandElements> & {
      /** Whether a data set follows: Command Data Set Type is not 0101H. */
      readonly hasDataSet: boolean
      readonly others?: readonly OtherElement[]
    }
}[Kind]

export type Command = CommandOf<CommandKind>
export type RequestKind = Extract<CommandKind, `${string}_rq`>
export type ResponseKind = Extract<CommandKind, `${string}_rsp`>
/** Something that is asked and to be answered. */
export type Request = CommandOf<Exclude<RequestKind, 'c_cancel_rq'>>
export type Response = CommandOf<ResponseKind>

interface Row {
  readonly tag: number
  readonly vr: 'UI' | 'US' | 'AE' | 'LO' | 'AT'
}

/** In ascending order of tags, which is the order they are written in. */
const ROWS: Readonly<Record<ElementName, Row>> = {
  affectedSopClassUid: { tag: 0x0002, vr: 'UI' },
  requestedSopClassUid: { tag: 0x0003, vr: 'UI' },
  messageId: { tag: 0x0110, vr: 'US' },
  messageIdBeingRespondedTo: { tag: 0x0120, vr: 'US' },
  moveDestination: { tag: 0x0600, vr: 'AE' },
  priority: { tag: 0x0700, vr: 'US' },
  status: { tag: 0x0900, vr: 'US' },
  offendingElements: { tag: 0x0901, vr: 'AT' },
  errorComment: { tag: 0x0902, vr: 'LO' },
  errorId: { tag: 0x0903, vr: 'US' },
  affectedSopInstanceUid: { tag: 0x1000, vr: 'UI' },
  requestedSopInstanceUid: { tag: 0x1001, vr: 'UI' },
  eventTypeId: { tag: 0x1002, vr: 'US' },
  attributeIdentifiers: { tag: 0x1005, vr: 'AT' },
  actionTypeId: { tag: 0x1008, vr: 'US' },
  remaining: { tag: 0x1020, vr: 'US' },
  completed: { tag: 0x1021, vr: 'US' },
  failed: { tag: 0x1022, vr: 'US' },
  warnings: { tag: 0x1023, vr: 'US' },
  moveOriginator: { tag: 0x1030, vr: 'AE' },
  moveOriginatorMessageId: { tag: 0x1031, vr: 'US' },
}

const NAMES: ReadonlyMap<number, ElementName> = new Map(
  Object.entries(ROWS).map(([name, { tag }]) => [tag, name as ElementName]),
)
const KINDS: ReadonlyMap<number, CommandKind> = new Map(
  Object.entries(COMMAND_FIELDS).map(([kind, field]) => [field, kind as CommandKind]),
)

const GROUP_LENGTH = 0x0000
const COMMAND_FIELD = 0x0100
const DATA_SET_TYPE = 0x0800
const NO_DATA_SET = 0x0101
/** Any other value stands for a data set; this one is what others send. */
const A_DATA_SET = 0x0001

/** The answer that belongs to a kind of request. */
export const responseKind = (kind: Request['kind']): ResponseKind => kind.replace(/rq$/, 'rsp') as ResponseKind

/**
 * Reads a command set.
 *
 * @param bytes  the whole set; nothing of it is kept
 * @throws {FormatError} `dimse_malformed`
 */
export function parseCommand(bytes: Uint8Array): Command {
  const elements: Record<string, unknown> = {}
  const others: OtherElement[] = []
  let field: number | undefined
  let dataSetType: number | undefined
  for (const { tag, value, offset } of splitElements(bytes)) {
    const name = NAMES.get(tag)
    if (name !== undefined) elements[name] = readValue(ROWS[name], value, offset)
    else if (tag === COMMAND_FIELD) field = readUint16(value, offset)
    else if (tag === DATA_SET_TYPE) dataSetType = readUint16(value, offset)
    // What the group length says is not needed, and devices get it wrong.
    else if (tag !== GROUP_LENGTH) others.push({ tag, value: new Uint8Array(value) })
  }
  const kind = field === undefined ? undefined : KINDS.get(field)
  if (kind === undefined) throw malformed(field === undefined ? 'no Command Field' : `Command Field ${field}`)
  if (dataSetType === undefined) throw malformed('no Command Data Set Type')
  for (const name of NEEDED[kind]) {
    if (elements[name] === undefined) throw malformed(`${kind} without ${name}`)
  }
  const command = { kind, ...elements, hasDataSet: dataSetType !== NO_DATA_SET }
  return (others.length === 0 ? command : { ...command, others }) as Command
}

/**
 * Writes a command set, its group length included; the inverse of {@link parseCommand}.
 * @throws {RangeError} for a number or text that does not fit
 */
export function formatCommand(command: Command): Uint8Array {
  const pieces = new Map<number, Uint8Array>()
  for (const [name, row] of Object.entries(ROWS)) {
    const value = command[name as ElementName]
    if (value !== undefined) pieces.set(row.tag, formatValue(row, value))
  }
  pieces.set(COMMAND_FIELD, uint16(COMMAND_FIELDS[command.kind]))
  pieces.set(DATA_SET_TYPE, uint16(command.hasDataSet ? A_DATA_SET : NO_DATA_SET))
  for (const { tag, value } of command.others ?? []) pieces.set(tag, value)
  const body = joinBytes(
    [...pieces]
      .sort(([a], [b]) => a - b)
      .map(([tag, value]) => encodeElement({ tag, vr: vrOf(tag), value }, IMPLICIT_LITTLE)),
  )
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, body.length, true)
  return joinBytes([encodeElement({ tag: GROUP_LENGTH, vr: 'UL', value: length }, IMPLICIT_LITTLE), body])
}

/** Decides the padding of an odd value: NUL for UIDs, a space for text. */
function vrOf(tag: number): Row['vr'] {
  const name = NAMES.get(tag)
  return name === undefined ? 'UI' : ROWS[name].vr
}

function* splitElements(bytes: Uint8Array): Generator<{ tag: number; value: Uint8Array; offset: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let last = -1
  for (let at = 0; at < bytes.length; ) {
    if (at + 8 > bytes.length) throw malformed('an element is cut off', at)
    const group = view.getUint16(at, true)
    const tag = view.getUint16(at + 2, true)
    const length = view.getUint32(at + 4, true)
    if (group !== 0) throw malformed(`an element of group ${group}`, at)
    if (tag <= last) throw malformed('elements are out of order', at)
    if (length > bytes.length - at - 8) throw malformed('a value ends behind its set', at)
    yield { tag, value: bytes.subarray(at + 8, at + 8 + length), offset: at }
    last = tag
    at += 8 + length
  }
}

function readValue({ vr }: Row, value: Uint8Array, offset: number): unknown {
  if (vr === 'US') return readUint16(value, offset)
  if (vr === 'AT') return readTags(value, offset)
  const text = decodeLatin1(value)
  if (vr === 'LO') return text.replaceAll(/^ +|[ \0]+$/g, '')
  // Padding is one NUL for UIDs and spaces for titles; devices mix them up, so either ends here. Whether a UID is one is
  // left to those who answer: they have a status for it.
  const trimmed = text.replaceAll(/^ +|[ \0]+$/g, '')
  if (!/^[ -~]*$/.test(trimmed) || trimmed.length > (vr === 'UI' ? 64 : 16)) throw malformed(`not a ${vr}`, offset)
  return trimmed
}

function readUint16(value: Uint8Array, offset: number): number {
  if (value.length !== 2) throw malformed(`number of ${value.length} bytes`, offset)
  return (value[0] as number) | ((value[1] as number) << 8)
}

function readTags(value: Uint8Array, offset: number): number[] {
  if (value.length % 4 !== 0) throw malformed(`list of tags of ${value.length} bytes`, offset)
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  return Array.from(
    { length: value.length / 4 },
    (_, i) => view.getUint16(i * 4, true) * 0x10000 + view.getUint16(i * 4 + 2, true),
  )
}

function formatValue({ vr }: Row, value: string | number | readonly number[]): Uint8Array {
  if (typeof value === 'number') return uint16(value)
  if (typeof value === 'string') {
    const limit = vr === 'AE' ? 16 : 64
    if (value.length > limit) throw new RangeError(`${value.length} characters in ${vr}`)
    return encodeLatin1(value)
  }
  return joinBytes(value.flatMap((tag) => [uint16(Math.floor(tag / 0x10000)), uint16(tag % 0x10000)]))
}

function uint16(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw new RangeError(`${value} is not 0 to 65535`)
  return Uint8Array.of(value & 0xff, value >>> 8)
}

const malformed = (what: string, offset?: number): FormatError =>
  new FormatError('dimse_malformed', what, offset === undefined ? {} : { offset })
