/** Outgoing files: shared files as copies that a sender of the gateway can send, and the bytes of their data sets. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type ByteSource, memorySource } from '@fiducial/core/bytes/source.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { parseDicom, parseFileHead } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import type { Outgoing, SpooledFile } from '../services/gateway/ports.ts'
import { sharedFiles } from './shared-files.ts'

const SOP_CLASS = 0x00080016
const SOP_INSTANCE = 0x00080018
const STUDY = 0x0020000d

export interface OutgoingFile extends Outgoing {
  readonly path: string
  /** Below the shared folder. */
  readonly name: string
  readonly dataSetSha256: string
}

/** SHA-256 of the data set of a Part 10 file, as it lies in the file, in hexadecimal. */
export function dataSetSha256(file: Uint8Array): string {
  const { dataSetStart } = parseFileHead(memorySource(file))
  return createHash('sha256').update(file.subarray(dataSetStart)).digest('hex')
}

export const spooledFile = (source: ByteSource): SpooledFile => ({
  ...source,
  [Symbol.asyncDispose]: async () => undefined,
})

/** A copy of a file in memory; undefined for what is no DICOM, or names no SOP Class or instance. */
export function outgoingOf(bytes: Uint8Array, name: string): Omit<OutgoingFile, 'path'> | undefined {
  const source = memorySource(bytes)
  const described = describe(source)
  if (described === undefined) return undefined
  return {
    ...described,
    deliveryId: name,
    name,
    dataSetSha256: dataSetSha256(bytes),
    open: async () => spooledFile(source),
  }
}

/** Every file below a shared folder that can be sent, and the names of those that cannot. */
export function outgoingFiles(folder: string): {
  readonly files: readonly OutgoingFile[]
  readonly others: readonly string[]
} {
  const files: OutgoingFile[] = []
  const others: string[] = []
  for (const { path, name } of sharedFiles(folder)) {
    const copy = outgoingOf(new Uint8Array(readFileSync(path)), name)
    if (copy === undefined) others.push(name)
    else files.push({ ...copy, path, open: async () => spooledFile(memorySource(new Uint8Array(readFileSync(path)))) })
  }
  return { files, others }
}

function describe(
  source: ByteSource,
): Pick<Outgoing, 'sopClassUid' | 'sopInstanceUid' | 'transferSyntaxUid' | 'orderKey'> | undefined {
  try {
    const { dataSet, transferSyntaxUid } = parseDicom(source)
    const sopClassUid = textAt(dataSet, SOP_CLASS)
    const sopInstanceUid = textAt(dataSet, SOP_INSTANCE)
    if (sopClassUid === undefined || sopInstanceUid === undefined) return undefined
    return { sopClassUid, sopInstanceUid, transferSyntaxUid, orderKey: textAt(dataSet, STUDY) ?? sopInstanceUid }
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
