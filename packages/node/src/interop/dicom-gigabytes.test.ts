/** Files of gigabytes: indexed and read through in little memory, measured in a process of their own. */
import assert from 'node:assert/strict'
import { closeSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { encodeFile, encodeHeader, encodeItemHeader, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'
import { run, temporaryFolder } from '../testing/peers.ts'

const MEBIBYTE = 2 ** 20
const PEAK_BYTES = 160 * MEBIBYTE
const UNDEFINED_LENGTH = 0xffffffff

const PROGRAM = `
  const [path, root] = process.argv.slice(1)
  const { openFileSource } = await import(root + '/storage/file-source.ts')
  const { parseDicom } = await import('@fiducial/core/formats/dicom/parse.ts')
  const source = openFileSource(path)
  const file = parseDicom(source, { isStrict: true })
  const pixels = file.dataSet.elements.at(-1)
  let read = 0
  for (const chunk of source.chunks(0, source.length)) read += chunk.length
  if (pixels.fragments) for (const { valueStart, end } of pixels.fragments) for (const chunk of source.chunks(valueStart, end)) read += chunk.length
  const { fragments, valueStart, valueEnd } = pixels
  const { length } = source
  console.log(JSON.stringify({ length, read, fragments: fragments?.length, valueStart, valueEnd, peakBytes: process.resourceUsage().maxRSS * 1024 }))
`

interface Report {
  readonly length: number
  readonly read: number
  readonly fragments?: number
  readonly valueStart: number
  readonly valueEnd: number
  readonly peakBytes: number
}

async function report(path: string): Promise<Report> {
  const root = join(import.meta.dirname, '..')
  const { code, stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', PROGRAM, path, root], {
    cwd: root,
  })
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

function startOfFile(transferSyntaxUid: string): Uint8Array {
  const elements: readonly NewElement[] = [
    text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7.3'),
    text(0x00080018, 'UI', '1.2.3'),
    text(0x00280008, 'IS', '1000'),
    us(0x00280010, 1024),
    us(0x00280011, 1024),
  ]
  return joinBytes(encodeFile({ transferSyntaxUid, elements }))
}

describe('a file of gigabytes', () => {
  it('takes little memory when its pixels are native', async (t) => {
    const path = join(temporaryFolder(t), 'native.dcm')
    const descriptor = openSync(path, 'w')
    const start = joinBytes([
      startOfFile('1.2.840.10008.1.2.1'),
      encodeHeader(0x7fe00010, 'OW', 2 ** 31, EXPLICIT_LITTLE),
    ])
    writeSync(descriptor, start)
    // The pixels are a hole in the file: bytes of zero that take no room on the disk.
    ftruncateSync(descriptor, start.length + 2 ** 31)
    closeSync(descriptor)
    const { length, read, valueStart, valueEnd, peakBytes } = await report(path)
    rmSync(path)
    assert.equal(length, start.length + 2 ** 31)
    assert.equal(read, length)
    assert.deepEqual([valueStart, valueEnd], [start.length, length])
    assert.ok(peakBytes < PEAK_BYTES, `${Math.round(peakBytes / MEBIBYTE)} MiB`)
  })

  it('takes little memory when it has 100,000 fragments', async (t) => {
    const [count, size] = [100_000, 10_000]
    const path = join(temporaryFolder(t), 'encapsulated.dcm')
    const descriptor = openSync(path, 'w')
    const header = encodeHeader(0x7fe00010, 'OB', UNDEFINED_LENGTH, EXPLICIT_LITTLE)
    const start = joinBytes([
      startOfFile('1.2.840.10008.1.2.4.90'),
      header,
      encodeItemHeader(0xfffee000, 0, EXPLICIT_LITTLE),
    ])
    writeSync(descriptor, start)
    const itemHeader = encodeItemHeader(0xfffee000, size, EXPLICIT_LITTLE)
    for (let i = 0; i < count; i++) writeSync(descriptor, itemHeader, 0, 8, start.length + i * (8 + size))
    const end = start.length + count * (8 + size)
    writeSync(descriptor, encodeItemHeader(0xfffee0dd, 0, EXPLICIT_LITTLE), 0, 8, end)
    closeSync(descriptor)
    const { length, read, fragments, valueEnd, peakBytes } = await report(path)
    rmSync(path)
    assert.equal(fragments, count + 1)
    assert.equal(valueEnd, end)
    assert.equal(read, length + count * size)
    assert.ok(peakBytes < PEAK_BYTES, `${Math.round(peakBytes / MEBIBYTE)} MiB`)
  })
})
