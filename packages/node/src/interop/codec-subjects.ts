/** What the codec tests work on: files as shapes and codestreams, and comparison of samples. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { concatBytes } from '@fiducial/core/bytes/text.ts'
import { createCodecs, type DecodedFrame, type FrameShape } from '@fiducial/core/formats/codec/codec.ts'
import { findElement } from '@fiducial/core/formats/dicom/element.ts'
import { parseOffsets, splitFrames } from '@fiducial/core/formats/dicom/frames.ts'
import { type DataSet, type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { numberAt, readBytes, textAt, uint16At } from '@fiducial/core/formats/dicom/values.ts'
import { loadWasm } from '../storage/wasm.ts'
import { sharedPath } from '../testing/peers.ts'

export const codecs = createCodecs(loadWasm)

/** A file with pixel data, native or encapsulated. */
export interface Subject {
  readonly path: string
  readonly name: string
  readonly transferSyntaxUid: string
  readonly shape: FrameShape
  readonly numberOfFrames: number
  /** Native pixel data, in the file's byte order, padding included; empty if encapsulated. */
  readonly native: Uint8Array
  /** One codestream a frame; empty if native. */
  readonly codestreams: () => Uint8Array[]
}

/** Every file below a folder of the shared data. */
export function filesUnder(folder: string): string[] {
  const root = sharedPath(folder)
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => join(root, path))
    .filter((path) => statSync(path).isFile())
    .sort()
}

/** The file as a subject, or undefined if it is not DICOM or has no pixel data with a shape. */
export function readSubject(path: string): Subject | undefined {
  let file: DicomFile
  try {
    file = parseDicom(memorySource(new Uint8Array(readFileSync(path))))
  } catch {
    return undefined
  }
  const { dataSet, transferSyntaxUid } = file
  const pixels = findElement(dataSet.elements, 0x7fe00010)
  const shape = shapeOf(dataSet)
  if (pixels === undefined || shape === undefined) return undefined
  const numberOfFrames = numberAt(dataSet, 0x00280008) ?? 1
  return {
    path,
    name: basename(path),
    transferSyntaxUid,
    shape,
    numberOfFrames,
    native:
      pixels.fragments === undefined ? dataSet.source.view(pixels.valueStart, pixels.valueEnd) : new Uint8Array(0),
    codestreams: () => codestreamsOf(dataSet, numberOfFrames),
  }
}

/** The file by its path under the shared data; it must be there. */
export function subjectAt(path: string): Subject {
  const subject = readSubject(sharedPath(path))
  if (subject === undefined) throw new Error(`${path} has no pixel data`)
  return subject
}

/** Every encapsulated file of the shared data. */
export const encapsulatedSubjects = (): Subject[] =>
  filesUnder('data/dicom')
    .map(readSubject)
    .filter((subject) => subject !== undefined && subject.native.length === 0) as Subject[]

function shapeOf(dataSet: DataSet): FrameShape | undefined {
  const rows = uint16At(dataSet, 0x00280010)
  const columns = uint16At(dataSet, 0x00280011)
  const bitsAllocated = uint16At(dataSet, 0x00280100)
  if (rows === undefined || columns === undefined || bitsAllocated === undefined) return undefined
  return {
    rows,
    columns,
    bitsAllocated,
    samplesPerPixel: uint16At(dataSet, 0x00280002) ?? 1,
    bitsStored: uint16At(dataSet, 0x00280101) ?? bitsAllocated,
    isSigned: uint16At(dataSet, 0x00280103) === 1,
    planarConfiguration: uint16At(dataSet, 0x00280006) ?? 0,
    photometricInterpretation: textAt(dataSet, 0x00280004) ?? '',
  }
}

function codestreamsOf({ source, elements }: DataSet, numberOfFrames: number): Uint8Array[] {
  const fragments = findElement(elements, 0x7fe00010)?.fragments
  const table = fragments?.[0]
  if (fragments === undefined || table === undefined) return []
  const offsets = findElement(elements, 0x7fe00001)
  const lengths = findElement(elements, 0x7fe00002)
  const frames = splitFrames({
    fragments,
    basicOffsets: parseOffsets(source.view(table.valueStart, table.end), 4),
    ...(offsets === undefined ? {} : { extendedOffsets: parseOffsets(readBytes(source, offsets), 8) }),
    ...(lengths === undefined ? {} : { extendedLengths: parseOffsets(readBytes(source, lengths), 8) }),
    numberOfFrames,
    read: ({ valueStart, end }) => source.view(valueStart, end),
  })
  return frames.map((indices) =>
    concatBytes(
      ...indices.map((index) => {
        const { valueStart, end } = fragments[index] as { valueStart: number; end: number }
        return source.view(valueStart, end)
      }),
    ),
  )
}

/** All frames of an encapsulated subject. */
export async function decodeSubject({ transferSyntaxUid, codestreams, shape }: Subject): Promise<DecodedFrame[]> {
  const codec = await codecs.load(transferSyntaxUid)
  return codestreams().map((codestream) => codec.decode(codestream, shape))
}

/** Frames one behind the other, as native pixel data has them; whole bytes only. */
export const joinFrames = (frames: readonly DecodedFrame[]): Uint8Array =>
  concatBytes(...frames.map(({ bytes }) => bytes))

/** Greatest absolute difference of two runs of little-endian samples. */
export function greatestDifference(
  ours: Uint8Array,
  theirs: Uint8Array,
  { bitsAllocated, isSigned }: FrameShape,
): number {
  if (ours.length !== theirs.length) throw new Error(`${ours.length} bytes against ${theirs.length}`)
  const read = (bytes: Uint8Array, at: number): number => {
    const value = bitsAllocated === 8 ? (bytes[at] as number) : (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
    const sign = 1 << (bitsAllocated - 1)
    return isSigned && (value & sign) !== 0 ? value - 2 * sign : value
  }
  let greatest = 0
  for (let at = 0; at < ours.length; at += bitsAllocated / 8) {
    greatest = Math.max(greatest, Math.abs(read(ours, at) - read(theirs, at)))
  }
  return greatest
}

/** A copy with the bits above those stored cleared. */
export function onlyStored(bytes: Uint8Array, { bitsAllocated, bitsStored }: FrameShape): Uint8Array {
  const size = bitsAllocated / 8
  return bytes.map((byte, at) => {
    const bitsHere = bitsStored - 8 * (at % size)
    return bitsHere >= 8 ? byte : bitsHere <= 0 ? 0 : byte & ((1 << bitsHere) - 1)
  })
}

/** Asserts equality without printing megabytes where it fails. */
export function assertSameBytes(ours: Uint8Array, theirs: Uint8Array): void {
  assert.equal(ours.length, theirs.length)
  if (Buffer.compare(ours, theirs) === 0) return
  const at = ours.findIndex((byte, i) => byte !== theirs[i])
  assert.equal(at, -1, `byte ${at} is ${ours[at]}, not ${theirs[at]}`)
}
