/**
 * Accept: which form of an instance or frame a client takes.
 *
 * Source: PS3.18 sections 8.7.3 (media types of resources) and 8.7.8 (Accept). A media type of parts stands in the `type` of
 * multipart/related; `transfer-syntax` is a UID or `*`. We send what is stored and transcode nothing but frames, which can
 * be had decoded: a client that asks for another transfer syntax is told that there is none.
 */
import { EXPLICIT_LITTLE_ENDIAN, isNativeSyntax } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import type { MediaType } from '@fiducial/core/formats/multipart/media-type.ts'

/** What of a client's list fits what we have. */
interface Wanted {
  readonly partType: string
  readonly isMultipart: boolean
  /** Undefined where it does not say. */
  readonly transferSyntax: string | undefined
}

export interface InstanceForm {
  readonly isMultipart: boolean
  /** Undefined takes any. */
  readonly transferSyntax: string | undefined
}

export interface FrameForm {
  /** As stored, or decoded to explicit little endian. */
  readonly isDecoded: boolean
  readonly isMultipart: boolean
}

function wantedOf({ type, parameters }: MediaType): Wanted {
  const isMultipart = type === 'multipart/related'
  const partType = (isMultipart ? (parameters.get('type') ?? '*/*') : type).toLowerCase()
  const syntax = parameters.get('transfer-syntax')
  return {
    partType,
    isMultipart: isMultipart || type === '*/*' || type === 'multipart/*',
    transferSyntax: syntax === '*' ? undefined : syntax,
  }
}

/** How instances are sent; undefined where the client takes none of our forms. */
export function instanceForm(types: readonly MediaType[]): InstanceForm | undefined {
  const wanted = types.map(wantedOf)
  const fitting = wanted.find(({ partType }) =>
    ['application/dicom', 'application/*', '*/*', 'multipart/*'].includes(partType),
  )
  if (types.length === 0) return { isMultipart: true, transferSyntax: undefined }
  return fitting === undefined
    ? undefined
    : { isMultipart: fitting.isMultipart, transferSyntax: fitting.transferSyntax }
}

/** Media types of codestreams (PS3.18 table 8.7.3-5). */
export const FRAME_TYPES: readonly (readonly [pattern: RegExp, type: string])[] = [
  [/^1\.2\.840\.10008\.1\.2\.4\.(?:50|51|53|55|57|70)$/, 'image/jpeg'],
  [/^1\.2\.840\.10008\.1\.2\.4\.(?:80|81)$/, 'image/jls'],
  [/^1\.2\.840\.10008\.1\.2\.4\.(?:90|91)$/, 'image/jp2'],
  [/^1\.2\.840\.10008\.1\.2\.4\.(?:92|93)$/, 'image/jpx'],
  [/^1\.2\.840\.10008\.1\.2\.4\.(?:201|202|203)$/, 'image/jphc'],
  [/^1\.2\.840\.10008\.1\.2\.5$/, 'image/dicom-rle'],
]
export const OCTETS = 'application/octet-stream'

/** The media type of a stored frame. */
export function frameType(transferSyntaxUid: string): string {
  return FRAME_TYPES.find(([pattern]) => pattern.test(transferSyntaxUid))?.[1] ?? OCTETS
}

/** How a frame is sent; undefined where the client takes none of our forms. */
export function frameForm(types: readonly MediaType[], transferSyntaxUid: string): FrameForm | undefined {
  const isNative = isNativeSyntax(transferSyntaxUid)
  const stored = frameType(transferSyntaxUid)
  for (const { partType, isMultipart, transferSyntax } of types.map(wantedOf)) {
    const isAny = ['*/*', 'multipart/*'].includes(partType)
    const fits = isAny || partType === stored || partType === `${stored.split('/')[0]}/*`
    // Octets without a transfer syntax are explicit little endian (PS3.18 section 8.7.3.3.2).
    const asksNative = partType === OCTETS && (transferSyntax ?? EXPLICIT_LITTLE_ENDIAN) === EXPLICIT_LITTLE_ENDIAN
    if (asksNative || (isNative && fits)) return { isDecoded: true, isMultipart }
    if (fits && (transferSyntax === undefined || transferSyntax === transferSyntaxUid))
      return { isDecoded: false, isMultipart }
    if (isAny && transferSyntax === EXPLICIT_LITTLE_ENDIAN) return { isDecoded: true, isMultipart }
    if (partType === OCTETS && transferSyntax === transferSyntaxUid) return { isDecoded: false, isMultipart }
  }
  return undefined
}
