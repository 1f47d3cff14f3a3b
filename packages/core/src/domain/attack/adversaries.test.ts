/** Attacks of somebody who means harm, against a toy mark: a fixed pattern that is added, and read by correlation. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { blurGaussian } from './blur.ts'
import { removeByOracle } from './oracle.ts'
import { averageResiduals, differenceOf, likeness, transplantMark } from './pattern.ts'
import { createPicture, type Picture } from './picture.ts'
import { changeSample, editArea, pasteArea, type StoredPlane } from './plane-edit.ts'
import { createRandom } from './random.ts'
import { addResidual, residualOf } from './residual.ts'

const SIDE = 64
const PATTERN = Float32Array.from({ length: SIDE * SIDE }, signs(77))

function signs(seed: number): () => number {
  const random = createRandom(seed)
  return () => (random.uniform() < 0.5 ? -4 : 4)
}

/** Hills, with noise of the sensor on them. */
function scene(seed: number): StoredPlane {
  const random = createRandom(seed)
  const [x0, y0] = [random.between(5, 12), random.between(5, 12)]
  const samples = Uint16Array.from({ length: SIDE * SIDE }, (_, i) =>
    Math.round(2000 + 400 * Math.sin((i % SIDE) / x0) + 300 * Math.cos(i / SIDE / y0) + 5 * random.normal()),
  )
  return { width: SIDE, height: SIDE, samples }
}

const mark = (plane: StoredPlane): StoredPlane => addResidual(plane, PATTERN, 1, 4095)

describe('plane edits', () => {
  const plane = scene(1)

  it('change one sample of a copy', () => {
    const edited = changeSample(plane, 70, -1)
    assert.equal(edited.samples[70], (plane.samples[70] as number) - 1)
    assert.equal(differenceOf(edited, plane).filter((value) => value !== 0).length, 1)
  })

  it('change an area and nothing else', () => {
    const edited = editArea(plane, { left: 3, top: 4, width: 5, height: 6 }, (value, column) => value + 1 + column)
    const changes = differenceOf(edited, plane)
    assert.equal(changes.filter((value) => value !== 0).length, 30)
    assert.equal(changes[4 * SIDE + 3], 1)
    assert.equal(changes[9 * SIDE + 7], 5)
  })

  it('paste from another plane', () => {
    const other = scene(2)
    const edited = pasteArea(plane, other, { left: 8, top: 8, width: 4, height: 4 }, { left: 16, top: 0 })
    assert.equal(edited.samples[16], other.samples[8 * SIDE + 8])
    assert.equal(edited.samples[15], plane.samples[15])
  })
})

describe('what images give away', () => {
  it('is nothing in a plain plane', () => {
    const plain = { width: 9, height: 9, samples: new Uint16Array(81).fill(500) }
    assert.ok(residualOf(plain, 2).every((value) => value === 0))
  })

  it('grows clearer with the number of marked images', () => {
    const guess = (count: number): number =>
      likeness(averageResiduals(Array.from({ length: count }, (_, i) => residualOf(mark(scene(i)), 1))), PATTERN)
    const [one, many] = [guess(1), guess(60)]
    assert.ok(one > 0.1 && many > one + 0.2, `${one} ${many}`)
  })

  it('is everything where originals are at hand', () => {
    const found = averageResiduals([1, 2].map((seed) => differenceOf(mark(scene(seed)), scene(seed))))
    assert.ok(likeness(found, PATTERN) > 0.999)
    assert.deepEqual(addResidual(mark(scene(9)), found, -1, 4095), scene(9))
  })

  it('lands on an image that was never marked', () => {
    const forged = transplantMark(scene(3), mark(scene(4)), { reach: 1, strength: 1, most: 4095 })
    assert.ok(likeness(differenceOf(forged, scene(3)), PATTERN) > 0.1)
  })

  it('needs images of one size', () => {
    const small = { width: 2, height: 2, samples: new Uint16Array(4) }
    assert.throws(() => differenceOf(small, scene(1)), RangeError)
    assert.throws(() => transplantMark(scene(1), small, { reach: 1, strength: 1, most: 9 }), RangeError)
    assert.throws(() => averageResiduals([]), RangeError)
    assert.throws(() => averageResiduals([new Float32Array(2), new Float32Array(3)]), RangeError)
  })

  it('is not alike where there is nothing', () => {
    assert.equal(likeness(new Float32Array(4), PATTERN.subarray(0, 4)), 0)
  })
})

describe('an oracle', () => {
  const marked = createPicture(SIDE, SIDE)
  for (let i = 0; i < marked.samples.length; i++) marked.samples[i] = 120 + (PATTERN[i] as number)
  const isRead = ({ samples }: Picture): boolean =>
    likeness(
      Float32Array.from(samples, (value) => value - 120),
      PATTERN,
    ) > 0.5

  it('tells how to remove a mark with less change than ruining takes', () => {
    const ruined = blurGaussian(marked, 3)
    const { picture, queries, progress } = removeByOracle(marked, isRead, { ruined, queries: 200, areas: [16, 8, 4] })
    assert.ok(!isRead(picture))
    assert.ok(queries <= 200)
    const errors = progress.map(({ error }) => error)
    assert.deepEqual(
      errors,
      errors.toSorted((a, b) => b - a),
    )
    assert.ok((errors.at(-1) as number) < (errors[0] as number) * 0.8, errors.join())
  })

  it('refuses a picture that is not ruined', () => {
    assert.throws(() => removeByOracle(marked, isRead, { ruined: marked, queries: 9 }), RangeError)
  })
})
