import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { formatWatchModel, parseWatchModel } from '@fiducial/core/domain/watch/model/model-file.ts'
import { encodeFile, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text } from '@fiducial/core/formats/dicom/values.ts'
import { type Outcome, repositoryRoot, run, temporaryFolder } from '../../testing/peers.ts'
import { makeKeys } from '../../testing/transcript-stage.ts'
import { greyElements, modelOfOne, pictureOf } from '../../testing/watch-pictures.ts'

const MAIN = join(repositoryRoot, 'packages/node/src/main.ts')
/** The fewest that calibrate. */
const PATIENTS = 39

const folder = temporaryFolder()
const home = join(folder, 'home')
const model = join(folder, 'model.json')
const env = { FIDUCIAL_HOME: home }
const fiducial = (...words: readonly string[]): Promise<Outcome> => run(process.execPath, [MAIN, ...words], { env })

/** A picture of a patient, as a room sends it. */
function imageOf(patient: number): Uint8Array {
  const more: readonly NewElement[] = [
    text(0x00080018, 'UI', `2.25.7.${patient}`),
    text(0x00080060, 'CS', 'DX'),
    text(0x00081010, 'SH', 'ROOM7'),
    text(0x00100020, 'LO', `DEMO-${patient}`),
    text(0x0020000d, 'UI', `2.25.8.${patient}`),
    text(0x0020000e, 'UI', `2.25.9.${patient}`),
  ]
  const merged = new Map([...greyElements(pictureOf(patient)), ...more].map((element) => [element.tag, element]))
  const elements = [...merged.values()].toSorted((a, b) => a.tag - b.tag)
  return joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))
}

describe('watch calibrate', () => {
  before(async () => {
    await makeKeys(home)
    const limits = { rows: [160, 160], columns: [160, 160], bits: [8] } as const
    const one = modelOfOne(pictureOf(1), { kind: 'other', selector: { stationName: 'ROOM1' }, limits })
    writeFileSync(model, formatWatchModel(one))
    mkdirSync(join(folder, 'in'))
    for (let i = 1; i <= PATIENTS; i++) writeFileSync(join(folder, 'in', `${i}.dcm`), imageOf(i))
    writeFileSync(join(folder, 'new.dcm'), imageOf(1000))
    const sealed = await fiducial('seal', join(folder, 'in'), '--out', join(folder, 'sealed'))
    assert.equal(sealed.code, 0, sealed.stderr)
  })

  it('takes what this site has sealed, and compares with it from then on', async () => {
    // Of the same patients, and not sealed: nothing that a stratum is made of.
    writeFileSync(join(folder, 'sealed', 'unsealed.dcm'), imageOf(2000))
    const made = await fiducial(
      'watch',
      'calibrate',
      join(folder, 'sealed'),
      '--id',
      'room-7',
      '--model',
      model,
      '--json',
    )
    assert.equal(made.code, 0, made.stderr)
    const { patients, isSealed, selector } = JSON.parse(made.stdout) as Record<string, unknown>
    assert.deepEqual([patients, isSealed, selector], [PATIENTS, true, ['modality', 'stationName']])
    const before = await fiducial('watch', 'score', join(folder, 'new.dcm'), '--model', model, '--json')
    assert.equal((JSON.parse(before.stdout) as { reason: string }).reason, 'no_stratum')
    const after = await fiducial('watch', 'score', join(folder, 'new.dcm'), '--json')
    const { score } = JSON.parse(after.stdout) as { score: { stratum: string; count: number } }
    assert.deepEqual([score.stratum, score.count], ['room-7', PATIENTS])
  })

  it('gives the same bytes again, in place of the stratum of that name', async () => {
    const path = join(home, 'watch', 'model.json')
    const first = readFileSync(path)
    const again = await fiducial('watch', 'calibrate', join(folder, 'sealed'), '--id', 'room-7')
    assert.equal(again.code, 0, again.stderr)
    assert.deepEqual(readFileSync(path), first)
    assert.deepEqual(
      parseWatchModel(first).strata.map(({ id }) => id),
      ['room-1', 'room-7'],
    )
  })

  it('measures anew what it has measured as another kind', async () => {
    const strataAs = async (...kind: readonly string[]): Promise<string> => {
      const own = join(folder, kind[1] ?? 'as-told')
      const words = ['watch', 'calibrate', join(folder, 'in'), '--unsealed', '--id', 'kinds', '--model', model]
      for (const place of [home, own]) {
        const { code, stderr } = await run(process.execPath, [MAIN, ...words, ...kind], {
          env: { FIDUCIAL_HOME: place },
        })
        assert.equal(code, 0, stderr)
      }
      const [here, alone] = [home, own].map((place) => readFileSync(join(place, 'watch', 'model.json'), 'utf8'))
      assert.equal(here, alone)
      return here ?? ''
    }
    assert.notEqual(await strataAs('--kind', 'other'), await strataAs('--kind', 'chest'))
  })

  it('takes one with a changed sample out, and is then short of a patient', async () => {
    const path = join(folder, 'sealed', '5.dcm')
    const bytes = readFileSync(path)
    bytes[bytes.length - 2000] = (bytes[bytes.length - 2000] as number) ^ 1
    writeFileSync(path, bytes)
    const { code, stderr } = await fiducial('watch', 'calibrate', join(folder, 'sealed'), '--id', 'room-7')
    assert.equal(code, 65)
    assert.match(stderr, new RegExp(`${PATIENTS - 1} patients; .*watch_too_few`))
  })
})

describe('an interruption of the watchdog', () => {
  /** Ends a command by Ctrl-C at its first word. */
  async function interrupt(...words: readonly string[]): Promise<number> {
    const child = spawn(process.execPath, [MAIN, ...words], { env: { ...process.env, ...env } })
    child.stdout.once('data', () => child.kill('SIGINT'))
    return new Promise((resolve) => child.on('close', (code) => resolve(code ?? -1)))
  }

  it('leaves whole pictures only', async () => {
    const out = join(folder, 'drawn')
    const code = await interrupt('watch', 'score', join(folder, 'in'), '--model', model, '--out', out)
    assert.equal(code, 130)
    const names = readdirSync(out)
    assert.ok(names.length > 0 && names.length < PATIENTS, `${names.length} drawn`)
    for (const name of names) {
      assert.match(name, /^\d+\.dcm\.watch\.png$/)
      assert.equal(readFileSync(join(out, name)).subarray(-8, -4).toString('latin1'), 'IEND', name)
    }
  })
})
