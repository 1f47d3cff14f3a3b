/** The forge by the command line: every technique on a sealed image, and DICOM of every transfer syntax that we read. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { equalBytes, joinBytes } from '@fiducial/core/bytes/text.ts'
import { findSyntheticMarks } from '@fiducial/core/domain/audit/synthetic.ts'
import type { GroundTruth } from '@fiducial/core/domain/forge/ground-truth.ts'
import { TECHNIQUES, VOLUME_TECHNIQUES } from '@fiducial/core/domain/forge/techniques/all.ts'
import { planExposure } from '@fiducial/core/domain/room/plan.ts'
import { captureExposure, captureSeries } from '@fiducial/core/domain/room/room.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { encodeFile, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN, isNativeSyntax } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { maskChange } from '@fiducial/core/formats/picture/change.ts'
import { decode } from 'fast-png'
import { openPixels } from '../services/open-pixels.ts'
import { loadWasm } from '../storage/wasm.ts'
import { type Outcome, peer, repositoryRoot, run, sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { makeKeys } from '../testing/transcript-stage.ts'

const MAIN = join(repositoryRoot, 'packages/node/src/main.ts')
const dcmdump = peer('dcmdump')
const dciodvfy = peer('dciodvfy')
const means = { codecs: createCodecs(loadWasm), encoders: createEncoders(loadWasm) }
/** Elements that a forgery has of its own. */
const OWN = new Set([
  0x00080008, 0x00080018, 0x0008001c, 0x00082111, 0x00082112, 0x0018a001, 0x0020000e, 0x7fe00001, 0x7fe00002,
  0x7fe00010,
])

const folder = temporaryFolder()
const fiducial = (...args: readonly string[]): Promise<Outcome> =>
  run(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], {
    cwd: folder,
    env: { FIDUCIAL_HOME: join(folder, 'home') },
  })

interface Line {
  readonly path: string
  readonly state: string
  readonly output: string
  readonly truth: string
}
const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
const parseFile = (path: string): DicomFile => parseDicom(memorySource(readFileSync(path)))
const readTruth = (path: string): GroundTruth => JSON.parse(readFileSync(join(folder, path), 'utf8')) as GroundTruth
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

/** Everything but what a forgery has of its own, and lengths of groups, by tag. */
function keptOf({ dataSet }: DicomFile): Map<number, Uint8Array> {
  const kept = dataSet.elements.filter(({ tag }) => !OWN.has(tag) && (tag & 0xffff) !== 0)
  return new Map(kept.map(({ tag, start, end }) => [tag, dataSet.source.view(start, end)]))
}

/** Says that the mask beside a forgery is where its samples differ, that it is marked, and that the rest of it is as it was. */
async function checkForgery(input: string, output: string, truth: GroundTruth, name: string): Promise<void> {
  const [before, after] = [parseFile(input), parseFile(output)]
  const image = truth.images.find(({ file }) => output.endsWith(file))
  assert.ok(image)
  assert.equal(image.input.sha256, sha256(input))
  assert.equal(image.output.sha256, sha256(output))
  assert.ok(findSyntheticMarks(after.dataSet, false).includes('synthetic_data'))
  assert.ok(findSyntheticMarks(after.dataSet, false).includes('synthesizing_equipment'))
  assert.deepEqual(after.findings, [])
  const [kept, keptNow] = [keptOf(before), keptOf(after)]
  assert.deepEqual([...keptNow.keys()], [...kept.keys()])
  for (const [tag, bytes] of kept)
    assert.ok(equalBytes(bytes, keptNow.get(tag) as Uint8Array), `${name} ${tag.toString(16)}`)
  const [old, made] = [await openPixels(before, means), await openPixels(after, means)]
  assert.equal(made.frames, old.frames)
  for (let frame = 0; frame < old.frames; frame++) {
    const mask = maskChange(old.read(frame)[0]?.samples ?? [], made.read(frame)[0]?.samples ?? [])
    const said = image.frames.find((one) => one.frame === frame + 1)
    if (said === undefined) assert.ok(!mask.includes(1))
    else await checkMask(output, said, mask)
  }
}

type Frame = GroundTruth['images'][number]['frames'][number]

async function checkMask(output: string, { mask: file, changedShare }: Frame, mask: Uint8Array): Promise<void> {
  assert.ok(file)
  const drawn = decode(readFileSync(join(output, '..', file)))
  assert.ok(
    equalBytes(
      new Uint8Array(drawn.data),
      mask.map((changed) => 255 * changed),
    ),
  )
  assert.equal(changedShare, mask.reduce((sum, changed) => sum + changed, 0) / mask.length)
}

const toBytes = (elements: readonly NewElement[]): Uint8Array =>
  joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))

function layOut(): void {
  const size = { columns: 416, rows: 512 }
  for (const kind of ['chest', 'hand'] as const)
    for (const seed of ['one', 'two']) {
      const plan = planExposure(seed, { kind, at: '2026-03-04T10:11:12.345+01:00', size, patientNumber: 7 })
      mkdirSync(join(folder, 'in'), { recursive: true })
      writeFileSync(join(folder, 'in', `${kind}-${seed}.dcm`), toBytes(captureExposure(plan).elements))
    }
  for (const kind of ['ct', 'mr'] as const) {
    const plan = planExposure('volume', {
      ...{ kind, at: '2026-03-04T10:11:12.345+01:00', patientNumber: 7 },
      ...{ size: { columns: 160, rows: 160 }, sliceCount: 16 },
    })
    mkdirSync(join(folder, 'in', kind), { recursive: true })
    for (const [i, { elements }] of [...captureSeries(plan)].entries())
      writeFileSync(join(folder, 'in', kind, `${String(i).padStart(2, '0')}.dcm`), toBytes(elements))
  }
}

const HOSTS = { chest: 'chest-one.dcm', limb: 'hand-one.dcm', ct: 'ct/08.dcm', mr: 'mr/08.dcm', other: 'chest-one.dcm' }

describe('every technique on a sealed image', () => {
  before(async () => {
    layOut()
    await makeKeys(join(folder, 'home'))
    const { code, stderr } = await fiducial('seal', 'in', '--out', 'sealed', '--no-log')
    assert.equal(code, 0, stderr)
  })

  for (const { id, kinds, needsDonor } of TECHNIQUES) {
    it(`${id} makes a forgery that says so, and that no signature takes for an original`, async () => {
      const host = HOSTS[kinds[0] as keyof typeof HOSTS]
      const donor = needsDonor === true ? ['--donor', join('in', host.replace('one', 'two'))] : []
      const words = ['forge', 'make', id, join('sealed', host), '--out', id, '--seed', '7', '--json', ...donor]
      const { code, stdout, stderr } = await fiducial(...words)
      assert.equal(code, 0, stdout + stderr)
      const [line] = linesOf(stdout)
      assert.ok(line)
      const truth = readTruth(line.truth)
      assert.equal(truth.technique.id, id)
      await checkForgery(join(folder, 'sealed', host), join(folder, line.output), truth, id)
      const verified = await fiducial('verify', line.output, '--json', '--no-log')
      assert.equal(verified.code, 1, verified.stdout)
      assert.equal((JSON.parse(verified.stdout) as { verdict: string }).verdict, 'not_authentic')
    })
  }

  it('the same seed makes the same bytes, another seed others', async () => {
    const make = async (seed: string, out: string): Promise<string> => {
      const { code, stderr } = await fiducial(
        'forge',
        'make',
        'nodule',
        'in/chest-one.dcm',
        '--out',
        out,
        '--seed',
        seed,
      )
      assert.equal(code, 0, stderr)
      return sha256(join(folder, out, 'chest-one.dcm'))
    }
    const [one, again, other] = [await make('1', 'a'), await make('1', 'b'), await make('2', 'c')]
    assert.equal(one, again)
    assert.notEqual(one, other)
    assert.deepEqual(readdirSync(join(folder, 'a')), readdirSync(join(folder, 'b')))
  })

  for (const { id, kinds } of VOLUME_TECHNIQUES) {
    it(`${id} forges a series together, and writes every slice of it`, async () => {
      const [kind = 'ct'] = kinds
      const { code, stdout, stderr } = await fiducial('forge', 'make', id, `in/${kind}`, '--out', id, '--json')
      assert.equal(code, 0, stdout + stderr)
      const [line] = linesOf(stdout)
      assert.ok(line)
      const truth = readTruth(line.truth)
      assert.equal(truth.images.length, 16)
      assert.ok(truth.images.some(({ frames }) => frames.length > 0))
      for (const { file } of truth.images)
        await checkForgery(join(folder, 'in', kind, file), join(folder, id, file), truth, `${id} ${file}`)
      const series = truth.images.map(({ file }) => parseFile(join(folder, id, file)))
      assert.equal(new Set(series.map(seriesOf)).size, 1)
    })
  }
})

const seriesOf = ({ dataSet }: DicomFile): string => {
  const element = dataSet.elements.find(({ tag }) => tag === 0x0020000e)
  return element === undefined ? '' : Buffer.from(dataSet.source.view(element.valueStart, element.valueEnd)).toString()
}

const LOSSLESS = /^1\.2\.840\.10008\.1\.2(?:\.1|\.1\.99|\.2|\.5|\.4\.(?:57|70|80|90|201|202))?$/
/** What the checker knows no attribute or no rule for, as its edition is older than the attribute. */
const OLDER = /0008,001c/

for (const data of ['data/dicom/cornerstone', 'data/dicom/pydicom'])
  describe(`forgeries of ${data}`, { skip: sharedSkip }, () => {
    const out = data.replaceAll('/', '-')
    let lines: readonly Line[] = []
    before(async () => {
      const { stdout } = await fiducial('forge', 'make', 'upsampling-trace', sharedPath(data), '--out', out, '--json')
      lines = linesOf(stdout).filter(({ state }) => state === 'forged')
      assert.ok(lines.length > 15, `${lines.length} forged`)
    })

    it('differ from their originals where the mask says so, and nowhere else, in the same syntax where that is lossless', async () => {
      const syntaxes = new Set<string>()
      for (const { path, output, truth } of lines) {
        const file = join(folder, output)
        await checkForgery(path, file, readTruth(truth), path)
        const [from, to] = [parseFile(path).transferSyntaxUid, parseFile(file).transferSyntaxUid]
        if (LOSSLESS.test(from) && isNativeSyntax(from)) assert.equal(to, from, path)
        else assert.ok(to === from || to === EXPLICIT_LITTLE_ENDIAN, path)
        syntaxes.add(to)
      }
      process.stdout.write(`${lines.length} forged in ${syntaxes.size} transfer syntaxes: ${[...syntaxes].join(' ')}\n`)
      assert.ok(syntaxes.size >= 5)
    })

    it('are read by DCMTK without a warning', { skip: dcmdump.skip }, async () => {
      for (const { output } of lines) {
        const { code, stderr } = await run(dcmdump.path, ['-q', join(folder, output)])
        assert.equal(`${code} ${stderr}`, '0 ', output)
      }
    })

    it('break no rule of their object that their originals keep', { skip: dciodvfy.skip }, async () => {
      // The checker reads no deflated data sets.
      for (const { path, output } of lines.filter((line) => !/[Dd]eflate|dfl/.test(line.path)).slice(0, 25)) {
        const [before, after] = [await errorsOf(path), await errorsOf(join(folder, output))]
        const more = [...after].filter((error) => !before.has(error) && !OLDER.test(error))
        assert.deepEqual(more, [], output)
      }
    })
  })

async function errorsOf(path: string): Promise<ReadonlySet<string>> {
  assert.ok(existsSync(path))
  const { stderr } = await run(dciodvfy.path, ['-new', path])
  return new Set(stderr.split('\n').filter((line) => line.startsWith('Error')))
}
