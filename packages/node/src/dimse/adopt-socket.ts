/**
 * Adopt socket: lets an accepted connection read into one buffer of its own, again and again.
 *
 * Node offers that (`onread`) to connections that are made, not to those that are accepted, and a new buffer for each read
 * costs twice as much as the read itself. So the handle of the accepted socket moves to a new one. The handle has no
 * documented name: where it is not found, as for TLS, the connection is read as any other.
 */
import { Socket, type SocketConstructorOpts } from 'node:net'

/** As much as one read of the system may bring. */
const BUFFER_BYTES = 262_144

/**
 * Starts to read a socket that nobody has read from yet (`pauseOnConnect`).
 *
 * @param onBytes  gets a view that is valid while it runs
 * @returns the socket to use from now on
 */
export function readSocket(socket: Socket, onBytes: (bytes: Uint8Array) => void): Socket {
  const handle = takeHandle(socket)
  if (handle === undefined) {
    socket.on('data', onBytes)
    socket.resume()
    return socket
  }
  const buffer = new Uint8Array(BUFFER_BYTES)
  const onread = {
    buffer,
    callback: (length: number): boolean => {
      onBytes(buffer.subarray(0, length))
      return true
    },
  }
  const adopted = new Socket({ handle, onread } as SocketConstructorOpts)
  // The old one still counts as a connection of its server.
  adopted.once('close', () => socket.destroy())
  return adopted
}

function takeHandle(socket: Socket): object | undefined {
  const holder = socket as unknown as { _handle?: { readonly constructor?: { readonly name?: string } } | null }
  const handle = holder._handle
  if (socket.constructor !== Socket || handle?.constructor?.name !== 'TCP') return undefined
  holder._handle = null
  return handle
}
