/** The DICOM JSON model against DCMTK's, over every file of the shared data that it reads. */
import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { encodeElements, encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { encodeDicomJson, formatDicomJson } from '@fiducial/core/formats/dicom-json/format.ts'
import { decodeDicomJson, parseDicomJson } from '@fiducial/core/formats/dicom-json/parse.ts'
import { peer, run, sharedSkip } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

const dcm2json = peer('dcm2json')
/** Pixels take long to spell in base64, and say nothing that other bytes do not. */
const LARGEST_BYTES = 300_000

function parsed(path: string): DicomFile | undefined {
  try {
    return parseDicom(memorySource(readFileSync(path)))
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

describe('DICOM JSON of the shared files', { skip: sharedSkip }, () => {
  it('is read back to the same model, for every file', () => {
    let count = 0
    for (const { path, name } of sharedFiles('data/dicom')) {
      const file = statSync(path).size > LARGEST_BYTES ? undefined : parsed(path)
      if (file === undefined) continue
      const model = formatDicomJson(file.dataSet)
      if (model['00080016'] === undefined || model['00080018'] === undefined) continue
      const elements = parseDicomJson(decodeDicomJson(encodeDicomJson(model))[0] ?? {})
      const { length } = encodeElements(elements, { isLittleEndian: true, isExplicit: true })
      assert.ok(length > 0)
      const again = parseDicom(
        memorySource(joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))),
      )
      // Odd values of damaged files get the byte that they lack.
      assert.equal(plain(formatDicomJson(again.dataSet)), plain(model), name)
      count++
    }
    assert.ok(count > 150, `${count} files`)
  })

  it('agrees with DCMTK', { skip: dcm2json.skip }, async () => {
    let count = 0
    for (const { path, name } of sharedFiles('data/dicom')) {
      const file = statSync(path).size > LARGEST_BYTES ? undefined : parsed(path)
      if (file === undefined || file.findings.length > 0 || THEIR_FLAWS.some((flaw) => name.endsWith(flaw))) continue
      const { code, stdout } = await run(dcm2json.path, ['-q', path])
      if (code !== 0) continue
      let theirs: unknown
      try {
        theirs = JSON.parse(stdout)
      } catch {
        continue
      }
      const differing = compare(shorten(formatDicomJson(file.dataSet)), shorten(theirs), '')
      assert.deepEqual(differing, [], name)
      count++
    }
    assert.ok(count > 0, `${count} files`)
    process.stdout.write(`${count} files agree with dcm2json\n`)
  })
})

const plain = (model: unknown): string =>
  JSON.stringify(model).replace(/"InlineBinary":"[^"]*"/g, (text) => text.replace(/A*=*"$/, '"'))

/** Where two models differ; what only the spelling decides is the same. */
function compare(ours: unknown, theirs: unknown, path: string): string[] {
  if (Array.isArray(ours) && Array.isArray(theirs) && ours.length === theirs.length)
    return ours.flatMap((value, i) => compare(value, theirs[i], `${path}/${i}`))
  if (isObject(ours) && isObject(theirs)) {
    return keysOf(ours, theirs).flatMap((key) => compare(ours[key], theirs[key], `${path}/${key}`))
  }
  if (typeof ours === 'number' && typeof theirs === 'number' && isAlmost(ours, theirs)) return []
  return ours === theirs
    ? []
    : [`${path}: ${JSON.stringify(ours)?.slice(0, 80)} / ${JSON.stringify(theirs)?.slice(0, 80)}`]
}

/** They leave it as it was in items, though the text is UTF-8 now. */
const keysOf = (ours: object, theirs: object): string[] =>
  [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].filter((key) => key !== '00080005')

/** Names without the components that are empty at their end (PS3.5 section 6.2.1.2), and values of no even length. */
const shorten = (model: unknown): unknown =>
  JSON.parse(
    JSON.stringify(model)
      .replace(/"Alphabetic":"([^"]*?)\^+"/g, '"Alphabetic":"$1"')
      .replace(/,"Value":\[\{"Alphabetic":""\}\]/g, ''),
  )

/** Files of which DCMTK leaves something as it was: text in items with a character set of their own, odd lengths. */
const THEIR_FLAWS = ['chrSQEncoding.dcm', 'meta_missing_tsyntax.dcm', 'nested_priv_SQ.dcm']

/** They write fewer digits than a number has. */
const isAlmost = (a: number, b: number): boolean => Math.abs(a - b) <= Math.abs(a) * 1e-8

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
