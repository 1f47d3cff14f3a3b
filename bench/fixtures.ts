/**
 * Fixtures: a site with keys, and folders of images, made anew for each measurement and removed after it.
 *
 * CT: copies of a 512 × 512 slice of the shared data. DX: 2800 × 2700 samples of 16 bits with noise, 15.1 MB, written
 * here since the shared data has none. Signing keys for the peer are made by openssl.
 */
import { spawnSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeFile, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'

const root = join(import.meta.dirname, '..')

/** The command line of this checkout. */
export const fiducial: string = join(root, 'fiducial')

export interface Bench {
  readonly folder: string
  /** State folder of the site, in the environment as FIDUCIAL_HOME, too. */
  readonly home: string
  /** The site's CA certificate, for peers. */
  readonly ca: string
}

/** Makes a site with one device and one person in a temporary folder, which goes away at the end of the process. */
export function makeBench(): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'fiducial-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const home = join(folder, 'home')
  process.env.FIDUCIAL_HOME = home
  runOrFail(fiducial, ['keys', 'init', '--site', 'Bench Hospital'])
  runOrFail(fiducial, ['keys', 'enrol', 'device', 'Room 2'])
  runOrFail(fiducial, ['keys', 'enrol', 'person', 'Kim Lee'])
  runOrFail(fiducial, ['keys', 'export', join(folder, 'public')])
  return { folder, home, ca: join(folder, 'public', 'ca.pem') }
}

/** A folder of copies of one CT slice of 0.53 MB. */
export function makeCtFolder(folder: string, count: number): string {
  const source = join(root, '../shared/data/dicom/cornerstone/CTImage.dcm')
  return fill(folder, count, (path) => copyFileSync(source, path))
}

/** A folder of noisy DX images of 15.1 MB. */
export function makeDxFolder(folder: string, count: number): string {
  return fill(folder, count, (path, i) => writeFileSync(path, makeDx(i)))
}

/** One DX image; `frames` of them make a larger file. */
export function makeDx(number: number, frames = 1): Uint8Array {
  const [rows, columns] = [2800, 2700]
  const pixels = randomFillSync(new Uint8Array(rows * columns * 2 * frames))
  const elements: readonly NewElement[] = [
    text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.1.1.1'),
    text(0x00080018, 'UI', `2.25.${number + 1}`),
    text(0x00080020, 'DA', '20260303'),
    text(0x00080030, 'TM', '101400'),
    text(0x00080060, 'CS', 'DX'),
    text(0x00100010, 'PN', 'DEMO^BENCH'),
    text(0x00100020, 'LO', 'DEMO-1'),
    text(0x0020000d, 'UI', '2.25.100'),
    text(0x0020000e, 'UI', '2.25.101'),
    us(0x00280002, 1),
    text(0x00280004, 'CS', 'MONOCHROME2'),
    text(0x00280008, 'IS', String(frames)),
    us(0x00280010, rows),
    us(0x00280011, columns),
    us(0x00280100, 16),
    us(0x00280101, 14),
    us(0x00280102, 13),
    us(0x00280103, 0),
    { tag: 0x7fe00010, vr: 'OW', value: pixels },
  ]
  return Buffer.concat(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))
}

/** A key and a certificate for the peer: RSA-3072, self-signed. */
export function makePeerKey(folder: string, name: string): { readonly key: string; readonly certificate: string } {
  const [key, certificate] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)]
  const subject = ['-days', '30', '-subj', `/CN=${name}`]
  runOrFail('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:3072',
    '-nodes',
    '-keyout',
    key,
    '-out',
    certificate,
    ...subject,
  ])
  return { key, certificate }
}

/** Runs a command to its end. @throws {TypeError} with its standard error if it fails */
export function runOrFail(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new TypeError(`${program} ${args[0]} ended with ${status}: ${stderr}`)
}

/** Bytes of a file as a plain array. */
export const readBytes = (path: string): Uint8Array => new Uint8Array(readFileSync(path))

function fill(folder: string, count: number, write: (path: string, i: number) => void): string {
  mkdirSync(folder, { recursive: true })
  for (let i = 0; i < count; i++) write(join(folder, `${String(i).padStart(4, '0')}.dcm`), i)
  return folder
}
