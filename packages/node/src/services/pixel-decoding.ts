/**
 * Pixel decoding: readies the decoder that one file needs, since loading it takes time and decoding does not.
 */

import type { DecodeFrame } from '@fiducial/core/domain/signature/encapsulated.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { type Codecs, isSupportedSyntax } from '@fiducial/core/formats/codec/codec.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import { isNativeSyntax } from '@fiducial/core/formats/dicom/transfer-syntax.ts'

/** The decoder for a file's frames; undefined for native pixels and for syntaxes without a decoder. */
export async function loadDecoder({ transferSyntaxUid }: DicomFile, codecs: Codecs): Promise<DecodeFrame | undefined> {
  if (isNativeSyntax(transferSyntaxUid) || !isSupportedSyntax(transferSyntaxUid)) return undefined
  try {
    const codec = await codecs.load(transferSyntaxUid)
    return (_uid, codestream, shape) => codec.decode(codestream, shape)
  } catch (error) {
    if (error instanceof FormatError && error.code === 'codec_unsupported') return undefined
    throw error
  }
}
