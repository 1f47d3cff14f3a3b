import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { formatMediaType, parseMediaType, parseMediaTypes } from './media-type.ts'

const refused = { code: 'multipart_malformed' }

describe('media type', () => {
  it('reads type and parameters', () => {
    const { type, parameters } = parseMediaType(
      'Multipart/Related; type="application/dicom"; Boundary=a-b ;start=<x@y>'.replace('<x@y>', '"<x@y>"'),
    )
    assert.equal(type, 'multipart/related')
    assert.deepEqual(
      [...parameters],
      [
        ['type', 'application/dicom'],
        ['boundary', 'a-b'],
        ['start', '<x@y>'],
      ],
    )
  })

  it('takes a media type as a value without quotes, as many senders write it', () => {
    assert.equal(
      parseMediaType('multipart/related; type=application/dicom; boundary=x').parameters.get('type'),
      'application/dicom',
    )
  })

  it('reads a backslash in quotes, and writes it again', () => {
    const parsed = parseMediaType('a/b; c="x \\"y\\" \\\\ z"')
    assert.equal(parsed.parameters.get('c'), 'x "y" \\ z')
    assert.deepEqual(parseMediaType(formatMediaType(parsed)), parsed)
  })

  it('reads the list of an Accept header', () => {
    const types = parseMediaTypes('application/dicom+json;q=0.5 , , */*, image/png')
    assert.deepEqual(
      types.map(({ type }) => type),
      ['application/dicom+json', '*/*', 'image/png'],
    )
    assert.deepEqual(parseMediaTypes(''), [])
  })

  for (const text of [
    '',
    'a',
    'a/',
    '/b',
    'a/b c',
    'a/b; c',
    'a/b; c=',
    'a/b; c="x',
    'a/b; c=1; C=2',
    'a/b, c/d',
    'a/b; c=d/',
    'a b/c',
    `a/b; c=${'x'.repeat(3000)}`,
  ]) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}`, () => {
      assert.throws(() => parseMediaType(text), refused)
    })
  }

  it('reads random texts, or refuses them with an error of its own (50,000 texts)', () => {
    const random = seeded(3)
    const alphabet = 'a/=;, "\\\\*+-.q0\\t\\r\\n\\0é'
    for (let i = 0; i < 50_000; i++) {
      const text = Array.from({ length: random(20) }, () => alphabet[random(alphabet.length)]).join('')
      try {
        for (const type of parseMediaTypes(text)) assert.deepEqual(parseMediaType(formatMediaType(type)), type)
      } catch (error) {
        assert.ok(error instanceof FormatError && error.code === 'multipart_malformed', JSON.stringify(text))
      }
    }
  })
})
