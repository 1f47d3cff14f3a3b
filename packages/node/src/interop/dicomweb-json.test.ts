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
import { formatNativeXml } from '@fiducial/core/formats/dicom-json/native-xml.ts'
import { decodeDicomJson, parseDicomJson } from '@fiducial/core/formats/dicom-json/parse.ts'
import { peer, run, sharedSkip } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

const dcm2json = peer('dcm2json')
const dcm2xml = peer('dcm2xml')
/** Pixels take long to spell in base64, and say nothing that other bytes do not. */
const LARGEST_BYTES = 100_000

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
    assert.ok(count > 120, `${count} files`)
  })

  it('agrees with DCMTK as XML', { skip: dcm2xml.skip }, async () => {
    let count = 0
    for (const { path, name } of sharedFiles('data/dicom')) {
      const file = statSync(path).size > LARGEST_BYTES ? undefined : parsed(path)
      // Of text that is not ASCII their converter leaves much as it is.
      const isPlain =
        file !== undefined &&
        file.findings.length === 0 &&
        !/[^\x00-\x7f]/.test(JSON.stringify(formatDicomJson(file.dataSet)))
      if (!isPlain || THEIR_FLAWS.some((flaw) => name.endsWith(flaw))) continue
      const { code, stdout } = await run(dcm2xml.path, ['-q', '-nat', '+Eb', path])
      if (code !== 0 || stdout.includes('ESC')) continue
      const ours = formatNativeXml(formatDicomJson(file.dataSet, { bulkDataUri: () => undefined }))
      assert.deepEqual(spellings(ours), spellings(stdout), name)
      count++
    }
    assert.ok(count > 0, `${count} files`)
    process.stdout.write(`${count} files agree with dcm2xml\n`)
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

/** The parts of a native model that two writers may spell differently: order of attributes, white space, numbers. */
function spellings(xml: string): string[] {
  return (
    xml
      .replace(/^.*?<NativeDicomModel[^>]*>/s, '')
      .replace(/>\n+/g, '>')
      .replaceAll('&apos;', "'")
      .replace(/&#(1[03]);/g, (_, code) => String.fromCharCode(Number(code)))
      // They name no retired attribute, and write words in the order of a big-endian machine.
      .replace(/ keyword="[^"]*"/g, '')
      .replace(/<InlineBinary>[^<]*/g, '<InlineBinary>')
      // Values that are empty; elements of no creator, whose block they leave out.
      .replace(/<Value number="\d+"><\/Value>|<PersonName number="\d+"><Alphabetic><\/Alphabetic><\/PersonName>/g, '')
      .replace(/tag="(...[13579BDF])..(..)"/g, 'tag="$1--$2"')
      // Group lengths, the character set that the text had, and fragments, for which there is no place.
      .replace(/<DicomAttribute [^>]*tag="(?:....0000|00080005|7FE00010)"[^>]*>.*?<\/DicomAttribute>/gs, '')
      .split(/(?=<)/)
      .map((piece) => piece.trim())
      .filter((piece) => piece !== '')
      .map((piece) => {
        const attributes = [...piece.matchAll(/([a-zA-Z]+)="([^"]*)"/g)].map(([whole]) => whole).sort()
        const [, name = '', content = ''] = /^<\/?([\w?]+)[^>]*>(.*)$/s.exec(piece) ?? []
        const number = /^[+-]?[\d.]+(?:[eE][+-]?\d+)?$/.test(content.trim())
          ? String(Math.fround(Number(content)))
          : content.trim()
        return `${piece.startsWith('</') ? '/' : ''}${name} ${attributes.join(' ')} ${number}`
      })
  )
}

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
