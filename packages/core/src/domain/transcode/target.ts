/**
 * Target: the transfer syntaxes that a route may have images written in; lossless ones only.
 *
 * Source: PS3.5 annex A; the words are ours.
 */
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'

export const TRANSCODE_TARGETS = [
  'explicit_little_endian',
  'implicit_little_endian',
  'rle',
  'jpeg_ls',
  'jpeg_2000',
  'htj2k',
] as const
export type TranscodeTarget = (typeof TRANSCODE_TARGETS)[number]

const UIDS: Readonly<Record<TranscodeTarget, string>> = {
  explicit_little_endian: EXPLICIT_LITTLE_ENDIAN,
  implicit_little_endian: IMPLICIT_LITTLE_ENDIAN,
  rle: '1.2.840.10008.1.2.5',
  jpeg_ls: '1.2.840.10008.1.2.4.80',
  jpeg_2000: '1.2.840.10008.1.2.4.90',
  htj2k: '1.2.840.10008.1.2.4.201',
}

export const syntaxOfTarget = (target: TranscodeTarget): string => UIDS[target]
