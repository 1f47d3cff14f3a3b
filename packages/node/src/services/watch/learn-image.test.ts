import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { findTechnique, TECHNIQUES } from '@fiducial/core/domain/forge/techniques/all.ts'
import { pictureByRule } from '@fiducial/core/domain/watch/measure-view.ts'
import { LEARNT_NAMES, learnImage, seedOf } from './learn-image.ts'
import { findVariant, VARIANTS, varyView } from './variants.ts'

const hash: HashFactory = portableCrypto.hash
const sha256 = new Uint8Array(createHash('sha256').update('one').digest())

const techniques = ['codec', 'splice'].map((id) => findTechnique(id) ?? assert.fail(id))
const order = { view: pictureByRule(), kind: 'chest', sha256, techniques, variants: VARIANTS.slice(0, 2) } as const

describe('learnImage', () => {
  const learnt = learnImage(order, hash)

  it('has numbers of the picture, of each fake and of each variant', () => {
    assert.deepEqual(Object.keys(learnt), ['real', 'codec', 'splice', 'png', 'jpeg-90'])
    assert.equal(learnt.codec?.length, LEARNT_NAMES.length)
    assert.notDeepEqual(learnt.codec, learnt.real)
  })

  it('says where a technique refuses: nothing to splice in', () => {
    assert.equal(learnt.splice, 'host_refused')
  })

  it('gives the same numbers for a picture of 8 bits and its PNG', () => {
    assert.deepEqual(learnt.png, learnt.real)
  })

  it('is the same each time, and draws otherwise for another image', () => {
    assert.deepEqual(learnImage(order, hash), learnt)
    assert.notEqual(seedOf(sha256, 'codec', hash), seedOf(sha256.slice().fill(1), 'codec', hash))
    assert.notEqual(seedOf(sha256, 'codec', hash), seedOf(sha256, 'mirror', hash))
  })
})

describe('varyView', () => {
  it('puts a border around a picture, and makes it smaller', () => {
    const view = pictureByRule()
    const border = varyView(view, findVariant('border') ?? assert.fail())
    assert.equal(border.width, view.width + 2 * Math.round(view.width / 16))
    assert.equal(border.samples[0], 0)
    assert.equal(varyView(view, findVariant('resize-0.75') ?? assert.fail()).width, 192)
  })
})

it('shows models only techniques that make whole pictures anew', async () => {
  const { SHOWN, UNSHOWN } = await import('../../cli/watch/train.ts')
  assert.deepEqual([...SHOWN, ...UNSHOWN].sort(), TECHNIQUES.map(({ id }) => id).sort())
  assert.ok(UNSHOWN.includes('nodule') && SHOWN.includes('diffusion') && !SHOWN.includes('laterality-flip'))
})
