/**
 * PDU reader: takes what a socket delivers, in whatever pieces, and hands out PDUs and fragments.
 *
 * Source: PS3.8 section 9.3. A fragment of P-DATA-TF is never assembled: its bytes are handed out as slices of the chunk
 * they came in. Other PDUs are assembled up to a limit. The order of PDUs (the state machine) is left to node/dimse.
 */
import { malformed } from './cursor.ts'
import { FRAGMENT_HEADER_BYTES, type FragmentHeader } from './data-pdu.ts'
import { ABORT_REASONS, isKnownPdu, PDU_HEADER_BYTES, PDU_TYPES, type Pdu, parsePdu } from './pdu.ts'

export interface PduLimits {
  /** Longest P-DATA-TF, without its header: what was announced to the peer. */
  readonly dataBytes: number
  /** Longest request for an association, and answer to one. */
  readonly associateBytes: number
}

/** 128 contexts with 25 transfer syntaxes each fit a request of this length. */
export const DEFAULT_PDU_LIMITS: PduLimits = { dataBytes: 131_072, associateBytes: 262_144 }

/** The next bytes of a fragment. */
export interface FragmentPart extends FragmentHeader {
  /** A slice of the chunk, valid while the handler runs; may be empty. */
  readonly bytes: Uint8Array
  /** The fragment ends with these bytes. */
  readonly isEnd: boolean
}

export interface PduHandler {
  /** A whole PDU. */
  onPdu(pdu: Pdu): void
  onFragment(part: FragmentPart): void
}

type Step = 'header' | 'content' | 'fragment_header' | 'fragment'

export class PduReader {
  readonly #handler: PduHandler
  readonly #limits: PduLimits
  #step: Step = 'header'
  #isStopped = false
  #abortReason: number = ABORT_REASONS.invalidParameter
  /** Header of a PDU or of a fragment, as far as it has come. */
  readonly #header = new Uint8Array(PDU_HEADER_BYTES)
  #headerLength = 0
  #type = 0
  /** Bytes of the PDU that have not come yet. */
  #pduLeft = 0
  /** What has come of a PDU that spans chunks. */
  #content: Uint8Array | undefined
  #contentLength = 0
  #fragment: FragmentHeader = { contextId: 0, isCommand: false, isLast: false }
  #fragmentLeft = 0

  constructor(handler: PduHandler, limits: PduLimits = DEFAULT_PDU_LIMITS) {
    this.#handler = handler
    this.#limits = limits
  }

  /** Between two PDUs: what ends here is cut off nowhere. */
  get isBetween(): boolean {
    return this.#step === 'header' && this.#headerLength === 0
  }

  /** What an A-ABORT gives as its reason once {@link read} has thrown: one of `ABORT_REASONS`. */
  get abortReason(): number {
    return this.#abortReason
  }

  /** For a handler: ends {@link read} once the handler returns; the rest of the chunk is left to the caller. */
  stop(): void {
    this.#isStopped = true
  }

  /**
   * Takes the next bytes and calls the handler for what they complete. What a handler throws leaves here.
   *
   * @returns how many bytes were taken: all, unless a handler said {@link stop}; the rest is to be given again
   * @throws {FormatError} `pdu_malformed`; the reader is of no use afterwards
   */
  read(chunk: Uint8Array): number {
    this.#isStopped = false
    let at = 0
    while (at < chunk.length && !this.#isStopped) {
      if (this.#step === 'header') at += this.#readHeader(chunk, at)
      else if (this.#step === 'content') at += this.#readContent(chunk, at)
      else if (this.#step === 'fragment_header') at += this.#readFragmentHeader(chunk, at)
      else at += this.#readFragment(chunk, at)
    }
    return at
  }

  #readHeader(chunk: Uint8Array, at: number): number {
    const taken = this.#fillHeader(chunk, at)
    this.#checkType()
    if (this.#headerLength < PDU_HEADER_BYTES) return taken
    this.#headerLength = 0
    const length = uint32At(this.#header, 2)
    this.#pduLeft = length
    const { dataBytes, associateBytes } = this.#limits
    if (this.#type === PDU_TYPES.data) {
      if (length > dataBytes) throw malformed(`P-DATA-TF of ${length} bytes where ${dataBytes} were agreed`)
      if (length < FRAGMENT_HEADER_BYTES) throw malformed('P-DATA-TF without a fragment')
      this.#step = 'fragment_header'
    } else {
      const limit = this.#type <= PDU_TYPES.associateAccept ? associateBytes : 4
      if (length === 0 || length > limit) throw malformed(`PDU of type ${this.#type} with ${length} bytes`)
      this.#step = 'content'
    }
    return taken
  }

  /** On the first byte already: somebody who speaks another protocol need not be waited for. */
  #checkType(): void {
    this.#type = this.#header[0] as number
    if (isKnownPdu(this.#type)) return
    this.#abortReason = ABORT_REASONS.unrecognizedPdu
    throw malformed(`no PDU has the type ${this.#type}`)
  }

  #readContent(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#pduLeft, chunk.length - at)
    const piece = chunk.subarray(at, at + taken)
    let content = piece
    if (this.#content !== undefined || taken < this.#pduLeft) {
      this.#content ??= new Uint8Array(this.#pduLeft)
      this.#content.set(piece, this.#contentLength)
      this.#contentLength += taken
      content = this.#content
    }
    this.#pduLeft -= taken
    if (this.#pduLeft > 0) return taken
    this.#content = undefined
    this.#contentLength = 0
    this.#step = 'header'
    this.#handler.onPdu(parsePdu(this.#type, content))
    return taken
  }

  #readFragmentHeader(chunk: Uint8Array, at: number): number {
    const taken = this.#fillHeader(chunk, at)
    if (this.#headerLength < FRAGMENT_HEADER_BYTES) return taken
    this.#headerLength = 0
    const length = uint32At(this.#header, 0)
    const [contextId, flags] = [this.#header[4] as number, this.#header[5] as number]
    if (length < 2 || length + 4 > this.#pduLeft) throw malformed(`fragment of ${length} bytes in ${this.#pduLeft}`)
    if (contextId % 2 === 0) throw malformed(`context id ${contextId}`)
    // Bits above the lowest two are reserved and not looked at (PS3.8 annex E.2).
    this.#fragment = { contextId, isCommand: (flags & 1) !== 0, isLast: (flags & 2) !== 0 }
    this.#fragmentLeft = length - 2
    this.#pduLeft -= length + 4
    if (this.#pduLeft > 0 && this.#pduLeft < FRAGMENT_HEADER_BYTES) throw malformed('bytes behind the last fragment')
    if (this.#fragmentLeft === 0) this.#emit(chunk.subarray(0, 0))
    else this.#step = 'fragment'
    return taken
  }

  #readFragment(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#fragmentLeft, chunk.length - at)
    this.#fragmentLeft -= taken
    this.#emit(chunk.subarray(at, at + taken))
    return taken
  }

  #emit(bytes: Uint8Array): void {
    const isEnd = this.#fragmentLeft === 0
    if (isEnd) this.#step = this.#pduLeft === 0 ? 'header' : 'fragment_header'
    const { contextId, isCommand, isLast } = this.#fragment
    this.#handler.onFragment({ contextId, isCommand, isLast, bytes, isEnd })
  }

  #fillHeader(chunk: Uint8Array, at: number): number {
    const taken = Math.min(PDU_HEADER_BYTES - this.#headerLength, chunk.length - at)
    for (let i = 0; i < taken; i++) this.#header[this.#headerLength + i] = chunk[at + i] as number
    this.#headerLength += taken
    return taken
  }
}

function uint32At(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [number, number, number, number]
  return a * 0x1000000 + ((b << 16) | (c << 8) | d)
}
