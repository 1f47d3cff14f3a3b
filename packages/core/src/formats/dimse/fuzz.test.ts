/**
 * Random and damaged bytes for everything that reads what a socket brings: it hands out messages, or throws its own error.
 *
 * FUZZ_ROUNDS sets how many streams are tried; the default takes some seconds.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { toyBytes, toyCommand, toyPdu } from '../../testing/toy-pdus.ts'
import { formatPdu, parsePdu } from '../dul/pdu.ts'
import { PduReader } from '../dul/pdu-reader.ts'
import { formatCommand, parseCommand } from './command.ts'
import { MessageReader } from './message-reader.ts'
import { packMessage } from './pack-message.ts'

type Next = (below: number) => number

const surroundings = globalThis as { process?: { env: Record<string, string | undefined> } }
const ROUNDS = Number(surroundings.process?.env.FUZZ_ROUNDS ?? 40_000)
const LIMITS = { dataBytes: 4_096, associateBytes: 8_192 }

const damages: readonly ((bytes: Uint8Array, next: Next) => Uint8Array)[] = [
  (bytes, next) => {
    for (let k = 1 + next(4); k > 0; k--) bytes[next(bytes.length)] = next(256)
    return bytes
  },
  (bytes, next) => {
    const at = next(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << next(8))
    return bytes
  },
  (bytes, next) => bytes.subarray(0, next(bytes.length)),
  (bytes, next) => bytes.subarray(next(bytes.length)),
  (bytes, next) => {
    const at = next(bytes.length)
    return joinBytes([bytes.subarray(0, at), toyBytes(next, 12), bytes.subarray(at)])
  },
  (bytes, next) => {
    const at = next(bytes.length)
    return joinBytes([bytes.subarray(0, at), bytes.subarray(at + 1 + next(12))])
  },
  (bytes, next) => {
    // Lengths are where a reader is led astray.
    if (bytes.length < 4) return bytes
    const at = next(bytes.length - 3)
    bytes.set(
      [
        [0, 0, 0, 0],
        [255, 255, 255, 255],
        [0, 0, 0, 1],
        [127, 255, 255, 255],
      ][next(4)] as number[],
      at,
    )
    return bytes
  },
]

function toyMessage(next: Next): Uint8Array {
  const command = toyCommand(next)
  const dataSet = command.hasDataSet ? toyBytes(next, 300) : null
  return packMessage(command, dataSet, { contextId: 2 * next(128) + 1, maximumLength: 16 + next(2_000) })
}

/** Reads a stream in pieces; gives the number of things that came out, and what refused it. */
function attempt(stream: Uint8Array, next: Next): { readonly found: number; readonly code: string | undefined } {
  let found = 0
  const count = (): void => {
    found++
  }
  const messages = new MessageReader({ onCommand: count, onData: count }, 2_048)
  const pdus = new PduReader({ onPdu: count, onFragment: (part) => messages.read(part) }, LIMITS)
  try {
    for (let at = 0; at < stream.length; ) {
      const end = at + 1 + next(400)
      assert.equal(pdus.read(stream.subarray(at, end)), Math.min(end, stream.length) - at)
      at = end
    }
    return { found, code: undefined }
  } catch (error) {
    assert.ok(error instanceof FormatError, String(error))
    return { found, code: error.code }
  }
}

describe('readers of the upper layer, on hostile bytes', () => {
  it('read or refuse damaged streams', () => {
    const next = seeded(2_024)
    const ends = new Map<string | undefined, number>()
    for (let i = 0; i < ROUNDS; i++) {
      const pieces = Array.from({ length: 1 + next(3) }, () => (next(2) ? toyMessage(next) : formatPdu(toyPdu(next))))
      let stream = joinBytes(pieces)
      for (let k = next(3); k >= 0 && stream.length > 0; k--) {
        stream = (damages[next(damages.length)] as (typeof damages)[number])(stream, next)
      }
      const { code } = attempt(stream, next)
      ends.set(code, (ends.get(code) ?? 0) + 1)
    }
    // Each way to end is met, so the damage is neither too small nor too great.
    for (const code of ['pdu_malformed', 'dimse_malformed', undefined]) {
      assert.ok((ends.get(code) ?? 0) > ROUNDS / 100, `${code}: ${ends.get(code)} of ${ROUNDS}`)
    }
    assert.equal(ends.size, 3, [...ends.keys()].join(' '))
  })

  it('read or refuse random bytes behind a good beginning', () => {
    const next = seeded(2_025)
    for (let i = 0; i < ROUNDS / 4; i++) {
      const type = 1 + next(7)
      const body = toyBytes(next, 200)
      attempt(joinBytes([Uint8Array.of(type, 0, 0, 0, 0, body.length), body, toyBytes(next, 50)]), next)
    }
  })

  it('read or refuse damaged contents', () => {
    const next = seeded(2_026)
    const subjects: readonly { make: () => Uint8Array; read: (bytes: Uint8Array) => unknown; code: string }[] = [
      { make: () => formatCommand(toyCommand(next)), read: parseCommand, code: 'dimse_malformed' },
      {
        make: () => formatPdu(toyPdu(next)),
        read: (bytes) => parsePdu(bytes[0] ?? 0, bytes.subarray(6)),
        code: 'pdu_malformed',
      },
    ]
    for (const { make, read, code } of subjects) {
      let refused = 0
      for (let i = 0; i < ROUNDS / 2; i++) {
        const bytes = (damages[next(damages.length)] as (typeof damages)[number])(make(), next)
        try {
          read(bytes)
        } catch (error) {
          assert.ok(error instanceof FormatError && error.code === code, String(error))
          refused++
        }
      }
      assert.ok(refused > ROUNDS / 10, String(refused))
    }
  })
})
