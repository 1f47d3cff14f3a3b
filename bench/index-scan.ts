/**
 * How many CT images are indexed in a second, from bytes in memory to their UIDs, beside dicom-parser and dcmjs?
 *
 * A scan stops behind the UIDs; beside it our index of the whole data set, which is what the peers make. The peers are fetched from npm into a temporary folder.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { memorySource } from '../packages/core/src/bytes/source.ts'
import { readInstanceUids } from '../packages/core/src/formats/dicom/instance-uids.ts'
import { parseDicom } from '../packages/core/src/formats/dicom/parse.ts'
import { scanInstanceUids } from '../packages/core/src/formats/dicom/scan.ts'
import { makeBench } from './fixtures.ts'
import { compare, publish } from './harness.ts'

const PEERS = ['dicom-parser@1.8.21', 'dcmjs@0.41.0']
const COUNT = 200

const { folder } = makeBench()
writeFileSync(join(folder, 'package.json'), '{"private":true}')
execFileSync('npm', ['install', '--silent', '--ignore-scripts', '--prefix', folder, ...PEERS])
const peers = createRequire(join(folder, 'package.json'))
const dicomParser = peers('dicom-parser') as {
  parseDicom(bytes: Uint8Array, options?: { readonly untilTag: string }): { string(tag: string): string | undefined }
}
const dcmjs = peers('dcmjs') as {
  data: { DicomMessage: { readFile(bytes: ArrayBuffer): { dict: Record<string, { Value?: readonly unknown[] }> } } }
  log?: { setLevel(level: string): void }
}
dcmjs.log?.setLevel('error')

const bytes = new Uint8Array(readFileSync(join(import.meta.dirname, '../../shared/data/dicom/cornerstone/CTImage.dcm')))
const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer
const expected = readInstanceUids(parseDicom(memorySource(bytes))).sopInstanceUid

/** Does something for each image, and holds what it found against what is there. */
const forEach = (read: () => unknown, count: number) => (): void => {
  for (let i = 0; i < count; i++) if (read() !== expected) throw new Error('the UID is another one')
}

const scanned = () => scanInstanceUids(memorySource(bytes)).sopInstanceUid
const indexed = () => readInstanceUids(parseDicom(memorySource(bytes))).sopInstanceUid
publish(
  await compare({
    name: 'index-scan',
    question: 'How many CT images are indexed in a second, beside dicom-parser and dcmjs?',
    input: `a CT image of ${bytes.length} bytes in memory, ${COUNT} times`,
    volume: { amount: COUNT, of: 'images' },
    ours: { name: 'scanInstanceUids', work: forEach(scanned, COUNT) },
    others: [
      { name: 'parseDicom: an index of the whole, checked', work: forEach(indexed, COUNT) },
      {
        name: PEERS[0] as string,
        work: forEach(() => dicomParser.parseDicom(bytes).string('x00080018'), COUNT),
      },
      {
        name: `${PEERS[0]}, until (0020,000E)`,
        work: forEach(() => dicomParser.parseDicom(bytes, { untilTag: 'x0020000e' }).string('x00080018'), COUNT),
      },
      {
        name: PEERS[1] as string,
        work: forEach(() => dcmjs.data.DicomMessage.readFile(buffer).dict['00080018']?.Value?.[0], COUNT),
      },
    ],
    rounds: 15,
    warmUps: 5,
  }),
)
