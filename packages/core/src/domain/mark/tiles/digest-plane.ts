/** Digest of a plane: docs/reference/mark.md, "Signature". */
import type { HashFactory } from '../../../bytes/hash.ts'
import type { Plane } from '../../pixels/plane.ts'

const CHUNK_SAMPLES = 1 << 16
/** The order of this machine: samples lie in memory as they are digested. */
const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** SHA-256 of shape and samples, 32 bytes. */
export function digestPlane(hashes: HashFactory, { width, height, bits, samples }: Plane): Uint8Array {
  const shape = new Uint8Array(9)
  const view = new DataView(shape.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  shape[8] = bits
  const hash = hashes('sha256')
  hash.update(shape)
  if (IS_LITTLE_ENDIAN) {
    hash.update(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength))
    return hash.digest()
  }
  const chunk = new DataView(new ArrayBuffer(2 * CHUNK_SAMPLES))
  for (let first = 0; first < samples.length; first += CHUNK_SAMPLES) {
    const some = Math.min(CHUNK_SAMPLES, samples.length - first)
    for (let i = 0; i < some; i++) chunk.setUint16(2 * i, samples[first + i] as number, true)
    hash.update(new Uint8Array(chunk.buffer, 0, 2 * some))
  }
  return hash.digest()
}
