/**
 * Message sender: whole messages in one write each, and data sets that come piece by piece, never mixed.
 *
 * Source: PS3.8 annex E.1: the fragments of a message are not interrupted by those of another. A message that is to be sent
 * while another one's data set is still coming waits behind it.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { Command } from '@fiducial/core/formats/dimse/command.ts'
import { OWN_PDU_BYTES, packCommand, packMessage } from '@fiducial/core/formats/dimse/pack-message.ts'
import { formatDataHeader, longestFragment } from '@fiducial/core/formats/dul/data-pdu.ts'
import type { Transport } from './transport.ts'

export type DataSetPieces = Uint8Array | AsyncIterable<Uint8Array>

export class MessageSender {
  readonly #transport: Transport
  /** Longest PDU that the peer takes; 0 or null for any. */
  readonly #maximumLength: number | null
  readonly #timeoutMs: number
  /** Messages that wait for a data set to end; undefined while none is under way. */
  #behind: Uint8Array[] | undefined

  /** @param timeoutMs  for a peer that takes nothing: then the connection is closed */
  constructor(transport: Transport, maximumLength: number | null, timeoutMs: number) {
    this.#transport = transport
    this.#maximumLength = maximumLength
    this.#timeoutMs = timeoutMs
  }

  /** Sends a message whose data set is in memory; in one write. */
  send(contextId: number, command: Command, dataSet: Uint8Array | null = null): void {
    const bytes = packMessage(command, dataSet, { contextId, maximumLength: this.#maximumLength })
    if (this.#behind === undefined) this.#transport.send(bytes)
    else this.#behind.push(bytes)
  }

  /** Waits until the peer can take more. @throws {StoreError} `association_aborted` */
  drained(): Promise<void> {
    return this.#transport.drained(this.#timeoutMs)
  }

  /**
   * Sends a message whose data set comes in pieces; one at a time.
   * @throws {StoreError} `association_aborted`; whatever the pieces throw, after which the association is of no use
   */
  async stream(contextId: number, command: Command, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#behind !== undefined) throw new TypeError('a data set is under way')
    this.#behind = []
    this.#transport.send(packCommand(command, { contextId, maximumLength: this.#maximumLength }))
    const most = longestFragment(this.#maximumLength, OWN_PDU_BYTES)
    // The last fragment says that it is: one is held back until there is another.
    let held: Uint8Array | undefined
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length; at += most) {
        if (held !== undefined) await this.#fragment(contextId, held, false)
        held = piece.subarray(at, at + most)
      }
    }
    await this.#fragment(contextId, held ?? new Uint8Array(0), true)
    const behind = this.#behind
    this.#behind = undefined
    for (const bytes of behind) this.#transport.send(bytes)
  }

  async #fragment(contextId: number, bytes: Uint8Array, isLast: boolean): Promise<void> {
    if (this.#transport.isClosed) throw new StoreError('association_aborted', 'the connection closed')
    const header = formatDataHeader({ contextId, isCommand: false, isLast }, bytes.length)
    if (!this.#transport.sendAll([header, bytes])) await this.drained()
  }
}
