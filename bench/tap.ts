/**
 * Tap: a relay of TCP in front of a DICOM receiver, which sees when that answers.
 */
import { connect, createServer, type Server } from 'node:net'

/** First byte of a PDU with data (PS3.8 section 9.3.1): from a receiver, that of an answer. */
const P_DATA = 0x04

/** A relay of TCP in front of the destination, which sees when that answers. */
export class Tap {
  #server: Server | undefined
  #onAnswer: ((at: number) => void) | undefined
  port = 0

  async open(target: number): Promise<void> {
    this.#server = createServer({ noDelay: true }, (socket) => {
      const peer = connect({ port: target, host: '127.0.0.1', noDelay: true })
      socket.pipe(peer).on('error', () => socket.destroy())
      peer.on('data', (bytes: Buffer) => {
        if (bytes[0] === P_DATA) this.#onAnswer?.(performance.now())
      })
      peer.pipe(socket).on('error', () => peer.destroy())
    })
    this.port = await listen(this.#server)
  }

  /** Resolves with the moment of the next answer. */
  next(): Promise<number> {
    return new Promise((resolve) => {
      this.#onAnswer = resolve
    })
  }

  close(): void {
    this.#server?.close()
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}
