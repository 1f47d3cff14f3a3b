import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { counted, layOut, wrap } from './table.ts'

describe('layOut', () => {
  it('lines columns up by characters, without blanks at the end', () => {
    assert.deepEqual(
      layOut([
        ['a', 'bb', ''],
        ['ääää', '', 'c'],
      ]),
      ['a     bb', 'ääää      c'],
    )
    assert.deepEqual(layOut([]), [])
  })

  it('paints cells after they have their width', () => {
    const paint = (text: string, column: number, row: number): string =>
      column === 0 && row === 1 ? `<${text}>` : text
    assert.deepEqual(
      layOut(
        [
          ['long', 'x'],
          ['s', 'y'],
        ],
        paint,
      ),
      ['long  x', '<s   >  y'],
    )
  })
})

describe('wrap', () => {
  it('breaks between words and never inside', () => {
    assert.deepEqual(wrap('one two three', 7), ['one two', 'three'])
    assert.deepEqual(wrap('incomprehensibilities are long', 5), ['incomprehensibilities', 'are', 'long'])
    assert.deepEqual(wrap('', 5), [''])
  })
})

describe('counted', () => {
  it('knows one from many', () => {
    assert.deepEqual(
      [0, 1, 2].map((n) => counted(n, 'file')),
      ['0 files', '1 file', '2 files'],
    )
    assert.equal(counted(2, 'series', 'series'), '2 series')
  })
})
