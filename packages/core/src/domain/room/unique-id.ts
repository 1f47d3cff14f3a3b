/**
 * Unique ID: identifiers made from the seed, so that the same seed gives the same file.
 *
 * Source: PS3.5 annex B.2: `2.25.` and a UUID as one decimal number; RFC 9562 section 5.8: UUID version 8, whose bits are
 * the maker's own.
 */
import type { Random } from './random.ts'

export function drawUniqueId(random: Random): string {
  let bits = 0n
  for (let i = 0; i < 4; i++) bits = (bits << 32n) | BigInt(random.bits())
  const version = (bits & ~(0xfn << 76n)) | (0x8n << 76n)
  const variant = (version & ~(0x3n << 62n)) | (0x2n << 62n)
  return `2.25.${variant}`
}
