import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Technique } from '@fiducial/core/domain/forge/technique.ts'
import { UsageError } from '../usage-error.ts'
import { allTechniques, type MakeOptions, pickTechnique, readChosen } from './options.ts'

const technique: Technique = {
  ...{ id: 'toy', title: 'A toy', reach: 'local', kinds: ['chest', 'ct'], leastSide: 1 },
  parameters: [
    { name: 'size', low: -2, high: 30, usual: 5, meaning: 'how large' },
    { name: 'depth', low: 0, high: 1, usual: null, meaning: 'how deep' },
  ],
  expected: { signature: 'sees', mark: 'sees', header: 'blind', watchdog: 'may', reader: 'may' },
  make: () => assert.fail('nothing is made here'),
}
const asked = (more: Partial<MakeOptions>): MakeOptions => ({ out: 'fakes', seed: 1, mask: true, ...more })

describe('readChosen', () => {
  it('reads parameters', () => {
    assert.deepEqual(readChosen(technique, asked({ set: ['size=-1.5', 'depth=1'] })), { size: -1.5, depth: 1 })
    assert.deepEqual(readChosen(technique, asked({})), {})
  })

  for (const word of [
    'size',
    'size=',
    '=3',
    'colour=3',
    'size=31',
    'size=-3',
    'size=x',
    'size=0x1g',
    'depth=NaN',
    'size= 3',
    'size=1e9',
  ])
    it(`refuses --set ${word}`, () => assert.throws(() => readChosen(technique, asked({ set: [word] })), UsageError))

  it('refuses what the technique is not for', () => {
    assert.throws(() => readChosen(technique, asked({ kind: 'limb' })), UsageError)
    assert.deepEqual(readChosen(technique, asked({ kind: 'ct' })), {})
  })

  it('wants a donor where one is needed, and nowhere else', () => {
    const needy = { ...technique, needsDonor: true }
    assert.throws(() => readChosen(needy, asked({})), UsageError)
    assert.throws(() => readChosen(technique, asked({ donor: 'a.dcm' })), UsageError)
    assert.deepEqual(readChosen(needy, asked({ donor: 'a.dcm' })), {})
  })
})

describe('pickTechnique', () => {
  it('finds every technique by its id, each of which is the only one of its name', () => {
    const all = allTechniques()
    for (const one of all) assert.equal(pickTechnique(one.id), one)
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length)
    assert.throws(() => pickTechnique('magic'), UsageError)
  })
})
