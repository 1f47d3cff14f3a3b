import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { planExposure } from '@fiducial/core/domain/room/plan.ts'
import { type Capture, captureSeries } from '@fiducial/core/domain/room/room.ts'
import { encodeFile, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { type Outcome, repositoryRoot, run, temporaryFolder } from '../../testing/peers.ts'

const MAIN = join(repositoryRoot, 'packages/node/src/main.ts')
const SLICES = 12
const CHANGED = 6

const folder = temporaryFolder()
const series: Capture[] = []

/** Slices in another order than that of their places, with the pixels of some exchanged. */
function layOut(name: string, exchanged: ReadonlyMap<number, Int16Array>): string {
  const place = join(folder, name)
  mkdirSync(place)
  for (const [i, { elements }] of series.entries()) {
    const pixels = exchanged.get(i)
    const changed = elements.map(
      (element): NewElement =>
        element.tag === 0x7fe00010 && pixels !== undefined
          ? { tag: element.tag, vr: 'OW', value: new Uint8Array(pixels.buffer) }
          : element,
    )
    const bytes = joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: changed }))
    writeFileSync(join(place, `${(i * 5) % SLICES}-${i}.dcm`), bytes)
  }
  return place
}

/** What lies between two slices, as if it had been filled in. */
function between(before: number, behind: number): Int16Array {
  const [a, b] = [series[before]?.pixels, series[behind]?.pixels]
  assert.ok(a !== undefined && b !== undefined)
  return Int16Array.from(a, (value, i) => Math.round((value + (b[i] as number)) / 2))
}

const watch = (...words: readonly string[]): Promise<Outcome> =>
  run(process.execPath, [MAIN, 'watch', 'volume', ...words], { env: { FIDUCIAL_HOME: join(folder, 'home') } })

interface Volume {
  readonly pValue: number
  readonly slices: readonly { readonly slice: number; readonly why: string | null }[]
  readonly paths: readonly string[]
}

describe('watch volume', () => {
  before(() => {
    const size = { columns: 160, rows: 160 }
    const at = '2026-03-04T10:11:12.345+01:00'
    series.push(...captureSeries(planExposure('watch-volume', { kind: 'ct', at, size, sliceCount: SLICES })))
  })

  it('finds nothing unusual in a series as it was taken', async () => {
    const { code, stdout, stderr } = await watch(layOut('true', new Map()))
    assert.equal(code, 0, stdout + stderr)
    assert.match(stdout, /^· usual {2}12 slices: /)
  })

  it('finds the slice that is the mean of its neighbours, whatever the order of the files', async () => {
    const place = layOut('filled', new Map([[CHANGED, between(CHANGED - 1, CHANGED + 1)]]))
    const { code, stdout, stderr } = await watch(place, '--json')
    assert.equal(code, 2, stderr)
    const { slices, paths, pValue } = JSON.parse(stdout) as Volume
    const found = slices.filter(({ why }) => why === 'interpolated').map(({ slice }) => paths[slice])
    assert.equal(found.length, 1)
    assert.match(found[0] ?? '', new RegExp(`-${CHANGED}\\.dcm$`))
    assert.ok(pValue < 0.01)
  })

  it('names the slice to people', async () => {
    const { stdout } = await watch(join(folder, 'filled'))
    assert.match(stdout, /^! unusual {2}12 slices: .*\(p = /)
    assert.match(stdout, new RegExp(`-${CHANGED}\\.dcm: interpolated$`, 'm'))
  })

  it('abstains from a few slices', async () => {
    const few = [0, 1, 2].map((i) => join(folder, 'true', `${(i * 5) % SLICES}-${i}.dcm`))
    const { code, stdout } = await watch(...few)
    assert.equal(code, 2)
    assert.match(stdout, /^\? abstains {2}3 slices: .*fewer than/)
  })
})
