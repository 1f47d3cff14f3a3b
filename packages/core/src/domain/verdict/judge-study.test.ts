import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '../../bytes/text.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import { type ExpectedInstance, type FoundInstance, judgeStudy } from './judge-study.ts'

const digest = (name: string): Uint8Array => sha256(encodeUtf8(name))
const logged = (name: string, state: ExpectedInstance['state'] = 'present'): ExpectedInstance => ({
  name,
  digest: digest(name),
  state,
})
const here = (name: string, of = name): FoundInstance => ({ name, digest: digest(of) })
const names = Array.from({ length: 12 }, (_, i) => `2.25.${100 + i}`)
const study = names.map((name) => logged(name))
const images = names.map((name) => here(name))

describe('judgeStudy', () => {
  it('finds a study complete that is as the log has it, in whatever order', () => {
    const { outcome, count, sentence } = judgeStudy({ expected: study, found: images.toReversed() })
    assert.deepEqual([outcome, count], ['complete', 12])
    assert.equal(sentence, 'The log says that this study has 12 images, and all are here.')
  })

  it('names the images that are missing, and says how many', () => {
    const found = images.filter((_, i) => i !== 3 && i !== 7)
    const judged = judgeStudy({ expected: study, found })
    assert.deepEqual([judged.outcome, judged.missing], ['incomplete', ['2.25.103', '2.25.107']])
    assert.equal(judged.sentence, 'The log says that this study has 12 images; 2 are missing here.')
    assert.deepEqual([judged.extra, judged.gone, judged.changed], [[], [], []])
  })

  it('misses every single image that is taken away', () => {
    for (const name of names) {
      const { outcome, missing } = judgeStudy({ expected: study, found: images.filter((image) => image.name !== name) })
      assert.deepEqual([outcome, missing], ['incomplete', [name]])
    }
  })

  it('shows an image that the log does not know', () => {
    const { outcome, extra, missing, sentence } = judgeStudy({ expected: study, found: [...images, here('2.25.9')] })
    assert.deepEqual([outcome, extra, missing], ['contradicted', ['2.25.9'], []])
    assert.equal(sentence, 'The log says that this study has 12 images; 1 that it does not know is here.')
  })

  it('shows an image that was put in the place of another, although the number is right', () => {
    const judged = judgeStudy({ expected: study, found: [...images.slice(1), here('2.25.9')] })
    assert.deepEqual([judged.outcome, judged.missing, judged.extra], ['contradicted', ['2.25.100'], ['2.25.9']])
    assert.match(judged.sentence, /1 is missing here and 1 that it does not know is here\.$/)
  })

  it('shows an image that changed under its name', () => {
    const judged = judgeStudy({ expected: study, found: [here('2.25.100', 'forged'), ...images.slice(1)] })
    assert.deepEqual([judged.outcome, judged.changed, judged.missing], ['contradicted', ['2.25.100'], []])
    assert.match(judged.sentence, /1 is not as it was recorded\.$/)
  })

  it('shows a changed image beside the right one', () => {
    const { outcome, changed } = judgeStudy({ expected: study, found: [...images, here('2.25.100', 'forged')] })
    assert.deepEqual([outcome, changed], ['contradicted', ['2.25.100']])
  })

  it('counts an image that is found twice once', () => {
    const judged = judgeStudy({ expected: study, found: [...images, ...images, here('2.25.9'), here('2.25.9')] })
    assert.deepEqual([judged.count, judged.extra, judged.missing], [12, ['2.25.9'], []])
  })

  it('does not ask for what was erased or withdrawn, and shows it where it is', () => {
    const expected = [...study, logged('2.25.200', 'erased'), logged('2.25.201', 'withdrawn')]
    assert.deepEqual(
      [judgeStudy({ expected, found: images }).outcome, judgeStudy({ expected, found: images }).count],
      ['complete', 12],
    )
    const judged = judgeStudy({ expected, found: [...images, here('2.25.200'), here('2.25.201', 'other')] })
    assert.deepEqual([judged.outcome, judged.gone], ['contradicted', ['2.25.200', '2.25.201']])
    assert.deepEqual([judged.extra, judged.changed], [[], []])
    assert.match(judged.sentence, /2 that it says are gone are here\.$/)
  })

  it('holds nothing against an image of which one side has no digest', () => {
    const expected: readonly ExpectedInstance[] = [{ ...logged('2.25.1'), digest: null }, logged('2.25.2')]
    const found: readonly FoundInstance[] = [here('2.25.1'), { name: '2.25.2', digest: null }]
    assert.equal(judgeStudy({ expected, found }).outcome, 'complete')
  })

  it('speaks of one, two and no images as people do', () => {
    const say = (expected: readonly ExpectedInstance[], found: readonly FoundInstance[]): string =>
      judgeStudy({ expected, found }).sentence
    assert.equal(say([logged('a')], [here('a')]), 'The log says that this study has 1 image, and it is here.')
    assert.equal(say([logged('a')], []), 'The log says that this study has 1 image; 1 is missing here.')
    const two = [logged('a'), logged('b')]
    assert.equal(say(two, [here('a'), here('b')]), 'The log says that this study has 2 images, and both are here.')
    assert.equal(say([], []), 'The log says that this study has 0 images, and none is here.')
    assert.equal(
      say([...two, logged('c', 'erased')], [here('a', 'x'), here('c'), here('d')]),
      'The log says that this study has 2 images; 1 is missing here, 1 is not as it was recorded, ' +
        '1 that it does not know is here and 1 that it says is gone is here.',
    )
  })
})
