/**
 * File marks: by what a custody log could know a file for which no seal speaks.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { hashTree } from '../../formats/merkle/tree.ts'
import type { InstanceDigests } from '../log/logged-instance.ts'
import { digestDataSet } from '../seal/instance.ts'
import { describePixels, type Fill, readShape } from '../seal/pixels.ts'
import type { Digests } from '../signature/digest.ts'
import type { DecodeFrame } from '../signature/encapsulated.ts'
import type { SignaturesReport } from '../signature/verify.ts'

export interface FileMarks {
  readonly digests: InstanceDigests
  /** The root over the frames if zeros stood above signed samples before they were compressed; absent where they cannot. */
  readonly zeroExtended?: Uint8Array
  /** SHA-256 of the certificate of each signature in the main data set. */
  readonly signers: readonly Uint8Array[]
}

export interface MarkOptions {
  readonly crypto: Crypto
  /** Of this file: the digest of its data set is free where a signature over all of it was checked. */
  readonly digests: Digests
  /** Absent for native pixels, and for syntaxes without a decoder. */
  readonly decodeFrame?: DecodeFrame
  /** What was measured of the same bytes already; absent for nothing. `frames` is null where there are none to be had. */
  readonly known?: { readonly file: Uint8Array; readonly frames: Uint8Array | null }
}

/** Measures a file. Cost: a pass over it, one over its pixels, and one over its data set where nobody signed all of it. */
export function measureMarks(
  file: DicomFile,
  { signatures }: Pick<SignaturesReport, 'signatures'>,
  options: MarkOptions,
): FileMarks {
  const { crypto, digests, known } = options
  const frames = known === undefined ? rootOfFrames(file, options) : (known.frames ?? undefined)
  const zeroExtended = hasSpareBits(file, options) ? rootOfFrames(file, options, 'zeros') : undefined
  const main = signatures.filter(({ path }) => path === '')
  return {
    digests: {
      file: known?.file ?? digestFile(file, crypto.hash),
      dataset: digestDataSet(file, digests),
      ...(frames && { frames }),
    },
    ...(zeroExtended && { zeroExtended }),
    signers: main.map(({ signer }) => digestOf(crypto.hash, 'sha256', signer.certificate.bytes)),
  }
}

/** SHA-256 of all bytes. */
export function digestFile({ source }: DicomFile, hashes: HashFactory): Uint8Array {
  const hash = hashes('sha256')
  for (const chunk of source.chunks(0, source.length)) hash.update(chunk)
  return hash.digest()
}

function rootOfFrames(file: DicomFile, { crypto, decodeFrame }: MarkOptions, fill?: Fill): Uint8Array | undefined {
  const described = describePixels(file, crypto.hash, decodeFrame, fill)
  return described && hashTree(crypto.hash, described.frames)
}

/** Whether a decoder put signs where the samples may have had zeros. */
function hasSpareBits({ dataSet }: DicomFile, { decodeFrame }: MarkOptions): boolean {
  const { isSigned, bitsStored, bitsAllocated } = readShape(dataSet)
  return decodeFrame !== undefined && isSigned && bitsStored < bitsAllocated
}
