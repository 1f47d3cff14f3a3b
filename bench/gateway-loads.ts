/**
 * Gateway loads: images that are sent to receivers, each under a UID of its own, and how they are sent.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDx } from './fixtures.ts'

export interface Load {
  readonly name: string
  readonly count: number
  readonly bytes: number
  /** Folders, one for each association. */
  readonly folders: readonly string[]
}

/** A CT slice of 0.53 MB. */
export const ct = readFileSync(join(import.meta.dirname, '../../shared/data/dicom/cornerstone/CTImage.dcm'))

/** The slice under UIDs of their own, of the same length. @param images  folder to write to */
export function makeCtLoad(
  images: string,
  { name, count, associations }: { readonly name: string; readonly count: number; readonly associations: number },
): Load {
  const uid = /1\.3\.6\.1\.4\.1\.5962\.1\.1\.[0-9.]+|1\.2\.[0-9.]{20,60}/
  const text = ct.toString('latin1')
  const at = text.indexOf(sopInstanceUid(text))
  if (at < 0 || !uid.test(sopInstanceUid(text))) throw new TypeError('the slice has no UID of the expected kind')
  const own = sopInstanceUid(text)
  const folders = Array.from({ length: associations }, (_, i) => join(images, `${name.replaceAll(' ', '-')}-${i}`))
  for (const folder of folders) mkdirSync(folder, { recursive: true })
  for (let i = 0; i < count; i++) {
    const other = own.slice(0, -5) + String(10_000 + i)
    const bytes = Buffer.from(text.replaceAll(own, other), 'latin1')
    writeFileSync(join(folders[i % associations] as string, `${i}.dcm`), bytes)
  }
  return { name, count, bytes: ct.length * count, folders }
}

/** Value of (0008,0018) in explicit or implicit little endian. */
function sopInstanceUid(text: string): string {
  const at = text.indexOf('\x08\x00\x18\x00')
  const isExplicit = text.slice(at + 4, at + 6) === 'UI'
  const length = text.charCodeAt(at + (isExplicit ? 6 : 4)) + 256 * text.charCodeAt(at + (isExplicit ? 7 : 5))
  return text.slice(at + 8, at + 8 + length).replace(/\0$/, '')
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

/** Sends a folder by storescu over one association; resolves with its last answer. */
export function sendFolder(port: number, aet: string, folder: string): Promise<void> {
  const args = ['-aec', aet, '+sd', '127.0.0.1', String(port), folder]
  return new Promise((resolve, reject) => {
    const child = spawn('storescu', args, { stdio: 'ignore', env: { ...process.env, TCP_NODELAY: '1' } })
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`storescu ended with ${code}`))))
  })
}
