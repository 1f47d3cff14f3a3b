import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { it } from 'node:test'
import { portableCrypto } from '../../../bytes/portable-crypto.ts'
import { toyPlane } from '../../../testing/toy-planes.ts'
import { digestPlane } from './digest-plane.ts'

it('digestPlane covers width, height and bits, and samples in little endian', () => {
  const plane = toyPlane({ width: 300, height: 7, bits: 12 }, 'noisy')
  const bytes = Buffer.alloc(9 + 2 * plane.samples.length)
  bytes.writeUInt32BE(300, 0)
  bytes.writeUInt32BE(7, 4)
  bytes[8] = 12
  for (const [i, sample] of plane.samples.entries()) bytes.writeUInt16LE(sample, 9 + 2 * i)
  const expected = createHash('sha256').update(bytes).digest('hex')
  assert.equal(Buffer.from(digestPlane(portableCrypto.hash, plane)).toString('hex'), expected)
})
