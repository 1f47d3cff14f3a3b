/**
 * Gateway loads: images that are sent to receivers, each under a UID of its own, and how they are sent.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { memorySource } from '../packages/core/src/bytes/source.ts'
import { parseDicom } from '../packages/core/src/formats/dicom/parse.ts'
import { scanInstanceUids } from '../packages/core/src/formats/dicom/scan.ts'
import { textAt } from '../packages/core/src/formats/dicom/values.ts'
import type { DimseSender } from '../packages/node/src/dimse/dimse-sender.ts'
import type { Outgoing } from '../packages/node/src/services/gateway/ports.ts'
import { makeDx } from './fixtures.ts'

const SOP_CLASS_UID = 0x00080016
const SOP_INSTANCE_UID = 0x00080018

export interface Load {
  readonly name: string
  readonly count: number
  readonly bytes: number
  /** Folders, one for each association. */
  readonly folders: readonly string[]
}

/** A CT slice of 0.53 MB. */
export const ct = readFileSync(join(import.meta.dirname, '../../shared/data/dicom/cornerstone/CTImage.dcm'))

const ctText = ct.toString('latin1')
const ctUid = scanInstanceUids(memorySource(ct)).sopInstanceUid ?? ''

export interface CtOrder {
  readonly name: string
  readonly count: number
  readonly associations: number
  /** First of the five digits in which their UIDs differ. Default: 10000. */
  readonly first?: number
}

/** The slice under another UID, of the same length. @param number  five digits, the last of the UID */
export function ctNumbered(number: number): Buffer {
  return Buffer.from(ctText.replaceAll(ctUid, ctUid.slice(0, -5) + String(number)), 'latin1')
}

/** Slices under UIDs of their own. @param images  folder to write to */
export function makeCtLoad(images: string, { name, count, associations, first = 10_000 }: CtOrder): Load {
  const folders = Array.from({ length: associations }, (_, i) => join(images, `${name.replaceAll(' ', '-')}-${i}`))
  for (const folder of folders) mkdirSync(folder, { recursive: true })
  for (let i = 0; i < count; i++) {
    writeFileSync(join(folders[i % associations] as string, `${i}.dcm`), ctNumbered(first + i))
  }
  return { name, count, bytes: ct.length * count, folders }
}

/** DX images of 15.1 MB. */
export function makeDxLoad(images: string, count: number): Load {
  const folder = join(images, 'dx')
  mkdirSync(folder)
  let bytes = 0
  for (let i = 0; i < count; i++) {
    const image = makeDx(1_000_000 + i)
    bytes += image.length
    writeFileSync(join(folder, `${i}.dcm`), image)
  }
  return { name: 'DX', count, bytes, folders: [folder] }
}

/** An image in memory as a sender takes it. @param onOpen  called when its bytes are about to be read */
export function copyOf(bytes: Uint8Array, id: string, onOpen?: () => void): Outgoing {
  const source = memorySource(bytes)
  const { dataSet, transferSyntaxUid } = parseDicom(source)
  return {
    deliveryId: id,
    orderKey: id,
    sopClassUid: textAt(dataSet, SOP_CLASS_UID) ?? '',
    sopInstanceUid: textAt(dataSet, SOP_INSTANCE_UID) ?? '',
    transferSyntaxUid,
    open: async () => {
      onOpen?.()
      return { ...source, [Symbol.asyncDispose]: async () => undefined }
    },
  }
}

/** Sends copies. @throws {Error} where one is not taken */
export async function sendCopies(sender: DimseSender, copies: readonly Outgoing[]): Promise<void> {
  for await (const result of sender.send(copies, new AbortController().signal)) {
    if (result.outcome !== 'stored') throw new Error(`an image was not taken: ${result.code}`)
  }
}

/** Sends a folder by storescu over one association; resolves with its last answer. */
export function sendFolder(port: number, aet: string, folder: string): Promise<void> {
  const args = ['-aec', aet, '+sd', '127.0.0.1', String(port), folder]
  return new Promise((resolve, reject) => {
    const child = spawn('storescu', args, { stdio: 'ignore', env: { ...process.env, TCP_NODELAY: '1' } })
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`storescu ended with ${code}`))))
  })
}
