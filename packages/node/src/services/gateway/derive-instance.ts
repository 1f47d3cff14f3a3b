/**
 * Derive instance: the copy that a route asks for: de-identified, in another transfer syntax, or both.
 *
 * What cannot be done safely is not done: pixels that may still say whose they are, and pixels that another syntax would not give
 * back exactly, end it. That the copy was derived, and from what, is for the custody log to say.
 */
import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import { type ByteSource, memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { deidentify } from '@fiducial/core/domain/deidentify/deidentify.ts'
import { doubtPixels } from '@fiducial/core/domain/deidentify/doubt-pixels.ts'
import type { DeidentifyProfile } from '@fiducial/core/domain/deidentify/profile.ts'
import { syntaxOfTarget, type TranscodeTarget } from '@fiducial/core/domain/transcode/target.ts'
import { type TranscodeMeans, transcode } from '@fiducial/core/domain/transcode/transcode.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import type { Encoders } from '@fiducial/core/formats/codec/encode.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { piecesOf, type Segment } from '@fiducial/core/formats/dicom/splice.ts'
import { isNativeSyntax } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { loadDecoder } from '../pixel-decoding.ts'
import type { Derive } from './prepare-copies.ts'

export interface DeriveDependencies {
  readonly hashes: HashFactory
  readonly codecs: Codecs
  readonly encoders: Encoders
  /**
   * At least 16 bytes, from which the new UIDs, names and dates of a profile follow.
   * @throws {KeyError} `key_missing`
   */
  readonly keyFor: (profile: DeidentifyProfile) => Uint8Array
}

/**
 * Makes the function that derives copies. It throws {FormatError}: `pixels_identifying`, `codec_unsupported`, `codec_failed`, and
 * the code of the first finding of the strict reader.
 */
export function createDerive(dependencies: DeriveDependencies): Derive {
  return async (source, { profile, transcode: target }) => {
    const named = profile === null ? undefined : removeNames(parseDicom(source), profile, dependencies)
    const file = named === undefined ? source : memorySourceOf(named)
    const recoded = target === null ? undefined : await recode(parseDicom(file), target, dependencies)
    const segments = recoded ?? named ?? [{ source, start: 0, end: source.length }]
    const methods = [
      ...(named === undefined ? [] : ['deidentify']),
      ...(recoded === undefined || target === null ? [] : [target]),
    ]
    return {
      segments,
      kind: named === undefined ? 'transcoded' : 'derived',
      method: methods.length === 0 ? 'unchanged' : methods.join('_'),
    }
  }
}

function removeNames(
  file: DicomFile,
  profile: DeidentifyProfile,
  { hashes, keyFor }: DeriveDependencies,
): readonly Segment[] {
  const doubts = profile.allowsBurnedIn ? [] : doubtPixels(file)
  if (doubts.length > 0)
    throw new FormatError('pixels_identifying', `the pixels may show a person: ${doubts.join(', ')}`)
  return deidentify(file, profile, { hashes, key: keyFor(profile) }).segments
}

/** What both is to be done to is held in memory once. */
const memorySourceOf = (segments: readonly Segment[]): ByteSource =>
  memorySource(joinBytes([...piecesOf(segments)].map((piece) => piece.slice())))

async function recode(
  file: DicomFile,
  target: TranscodeTarget,
  { codecs, encoders }: DeriveDependencies,
): Promise<readonly Segment[] | undefined> {
  const uid = syntaxOfTarget(target)
  const decode = await loadDecoder(file, codecs)
  const means: TranscodeMeans = {
    ...(decode && { decode }),
    ...(isNativeSyntax(uid) ? {} : await loadCompression(uid, codecs, encoders)),
  }
  return transcode(file, uid, means)?.segments
}

async function loadCompression(uid: string, codecs: Codecs, encoders: Encoders): Promise<TranscodeMeans> {
  const codec = await codecs.load(uid)
  return {
    encode: await encoders.load(uid),
    decodeAgain: (_uid, codestream, shape) => codec.decode(codestream, shape),
  }
}
