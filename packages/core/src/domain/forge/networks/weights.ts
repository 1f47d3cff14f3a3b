/**
 * Weights: numbers of a trained network, as tools/train-forge-networks.py writes them.
 *
 * Halves (IEEE 754 binary16, little endian) in base64, one after another; no names and no shapes, which the network knows.
 */
import { decodeBase64 } from '../../../bytes/base64.ts'
import type { Kernel } from './layers.ts'

/** Takes numbers from the front, in the order in which they were written. */
export interface Weights {
  /** @throws {RangeError} where there are not as many */
  take(count: number): Float32Array
  /** @throws {RangeError} as {@link take} */
  takeKernel(inputs: number, outputs: number, stride?: 1 | 2): Kernel
  /** Numbers that are still there. */
  left(): number
}

/** @throws {FormatError} `base64_malformed`; {RangeError} for half a number */
export function readWeights(text: string): Weights {
  const bytes = decodeBase64(text)
  if (bytes.length % 2 !== 0) throw new RangeError('weights end within a number')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  const left = (): number => bytes.length / 2 - at
  const take = (count: number): Float32Array => {
    if (count > left()) throw new RangeError(`${left()} weights where ${count} are needed`)
    const taken = new Float32Array(count)
    for (let i = 0; i < count; i++) taken[i] = numberOfHalf(view.getUint16(2 * (at + i), true))
    at += count
    return taken
  }
  const takeKernel = (inputs: number, outputs: number, stride: 1 | 2 = 1): Kernel => {
    const weights = take(9 * inputs * outputs)
    return { inputs, outputs, stride, weights, shifts: take(outputs) }
  }
  return { take, takeKernel, left }
}

/** The number that 16 bits stand for; exact. */
export function numberOfHalf(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}
