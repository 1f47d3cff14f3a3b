/**
 * Scan: the UIDs of an instance from the front of its data set, without an index of it.
 *
 * Hops from header to header and keeps nothing but what is asked for. Where anything is out of the ordinary the whole
 * file is indexed instead, so that both ways find the same; only damage behind the UIDs goes unnoticed.
 */
import type { ByteSource } from '../../bytes/source.ts'
import type { Tag } from './element.ts'
import { type InstanceUids, readInstanceUids, uidOrNull } from './instance-uids.ts'
import { Ledger } from './ledger.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { parseDicom, parseFileHead } from './parse.ts'
import { ElementReader } from './read-elements.ts'
import { encodingOf, isDeflatedSyntax } from './transfer-syntax.ts'
import { readText } from './values.ts'
import { hasLongLength, knownVrOf } from './vr.ts'
import { Window } from './window.ts'

const SOP_CLASS_UID = 0x00080016
const SOP_INSTANCE_UID = 0x00080018
const STUDY_INSTANCE_UID = 0x0020000d
const SERIES_INSTANCE_UID = 0x0020000e
const UNDEFINED_LENGTH = 0xffffffff

/**
 * The UIDs of a file, as {@link readInstanceUids} has them of the whole.
 *
 * Cost: the headers in front of group 0020; of an unusual file, one index of it.
 * @throws {FormatError} as {@link parseDicom}, where the whole file is indexed
 */
export function scanInstanceUids(source: ByteSource, limits: Limits = DEFAULT_LIMITS): InstanceUids {
  return hop(source, limits) ?? readInstanceUids(parseDicom(source, { limits }))
}

/** Undefined where something is out of the ordinary: a UID that is not in its place, a length that does not fit. */
function hop(source: ByteSource, limits: Limits): InstanceUids | undefined {
  const { dataSetStart, transferSyntaxUid } = parseFileHead(source, limits)
  if (transferSyntaxUid === undefined || isDeflatedSyntax(transferSyntaxUid)) return undefined
  const encoding = encodingOf(transferSyntaxUid)
  const { isExplicit, isLittleEndian } = encoding
  const window = new Window(source)
  const reader = new ElementReader(window, new Ledger(limits))
  const end = source.length
  const found = new Map<Tag, string>()
  let last: Tag = -1
  for (let start = dataSetStart; start + 12 <= end; ) {
    const tag = window.tag(start, isLittleEndian)
    if (tag <= last || tag >>> 16 <= 2) return undefined
    if (tag > SERIES_INSTANCE_UID) break
    last = tag
    const vr = knownVrOf(window.uint16(start + 4, false))
    if ((vr !== undefined) !== isExplicit) return undefined
    const isLong = vr !== undefined && hasLongLength(vr)
    const valueStart = start + (isLong ? 12 : 8)
    const length =
      vr === undefined || isLong
        ? window.uint32(valueStart - 4, isLittleEndian)
        : window.uint16(valueStart - 2, isLittleEndian)
    const behind = length === UNDEFINED_LENGTH ? reader.endOf(start, end, encoding) : valueStart + length
    if (behind === undefined || behind > end) return undefined
    if (isAskedFor(tag)) {
      if (length === UNDEFINED_LENGTH) return undefined
      found.set(tag, readText(source, { valueStart, valueEnd: behind }).trim())
    }
    start = behind
  }
  const uid = (tag: Tag): string | null => uidOrNull(found.get(tag))
  return found.size < 4
    ? undefined
    : {
        sopClassUid: uid(SOP_CLASS_UID),
        sopInstanceUid: uid(SOP_INSTANCE_UID),
        seriesInstanceUid: uid(SERIES_INSTANCE_UID),
        studyInstanceUid: uid(STUDY_INSTANCE_UID),
        transferSyntaxUid: uidOrNull(transferSyntaxUid),
      }
}

const isAskedFor = (tag: Tag): boolean =>
  tag === SOP_CLASS_UID || tag === SOP_INSTANCE_UID || tag === STUDY_INSTANCE_UID || tag === SERIES_INSTANCE_UID
