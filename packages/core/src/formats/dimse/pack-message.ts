/**
 * Pack message: a command, and a data set that is in memory, as the PDUs that carry them.
 *
 * Source: PS3.8 annex E.1. A data set that comes from elsewhere is sent piece by piece, behind the headers that
 * formats/dul/data-pdu writes.
 */
import { DATA_HEADER_BYTES, longestFragment, writeDataHeader } from '../dul/data-pdu.ts'
import { type Command, formatCommand } from './command.ts'

export interface Packing {
  readonly contextId: number
  /** Longest PDU that the peer takes, without its header; 0 or null for any. */
  readonly maximumLength: number | null
}

/** Longest PDU that is sent to a peer that takes any. */
export const OWN_PDU_BYTES = 131_072

/**
 * One buffer with everything, to be written at once.
 *
 * @param dataSet  in the transfer syntax of the context; where it is missing, `command.hasDataSet` must be false
 * @throws {TypeError} where the two disagree
 */
export function packMessage(command: Command, dataSet: Uint8Array | null, packing: Packing): Uint8Array {
  if (command.hasDataSet !== (dataSet !== null)) throw new TypeError('the command says something else of the data set')
  return joinFragments([
    ...cut(formatCommand(command), true, packing),
    ...(dataSet === null ? [] : cut(dataSet, false, packing)),
  ])
}

/** A command whose data set follows by other means. */
export function packCommand(command: Command, packing: Packing): Uint8Array {
  return joinFragments(cut(formatCommand(command), true, packing))
}

interface Fragment {
  readonly contextId: number
  readonly isCommand: boolean
  readonly isLast: boolean
  readonly bytes: Uint8Array
}

/** A set of no bytes still takes one fragment. */
function cut(bytes: Uint8Array, isCommand: boolean, { contextId, maximumLength }: Packing): Fragment[] {
  const step = longestFragment(maximumLength, OWN_PDU_BYTES)
  const fragments: Fragment[] = []
  for (let at = 0; at === 0 || at < bytes.length; at += step) {
    const isLast = at + step >= bytes.length
    fragments.push({ contextId, isCommand, isLast, bytes: bytes.subarray(at, at + step) })
  }
  return fragments
}

function joinFragments(fragments: readonly Fragment[]): Uint8Array {
  const length = fragments.reduce((sum, { bytes }) => sum + DATA_HEADER_BYTES + bytes.length, 0)
  const whole = new Uint8Array(length)
  let at = 0
  for (const { bytes, ...header } of fragments) {
    writeDataHeader(whole, at, { ...header, length: bytes.length })
    whole.set(bytes, at + DATA_HEADER_BYTES)
    at += DATA_HEADER_BYTES + bytes.length
  }
  return whole
}
