/** Connect: a TCP or TLS connection to a peer, without delay of small writes. */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { StoreError } from '@fiducial/core/errors.ts'
import { DEFAULT_NODE_TIMEOUTS, type RemoteNode } from './remote-node.ts'
import { TLS_PROFILE } from './tls-profile.ts'

/**
 * Connects to a node.
 * @throws {StoreError} `service_unreachable` where nobody takes the connection, or one side refuses the other's certificate
 */
export function connectTo(node: RemoteNode, signal?: AbortSignal): Promise<Socket> {
  const { connectMs } = { ...DEFAULT_NODE_TIMEOUTS, ...node.timeouts }
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const socket = open(node)
    const timer = setTimeout(() => fail(new Error('it took too long')), connectMs)
    const stop = (): void => fail(signal?.reason)
    const fail = (cause: unknown): void => {
      settle()
      socket.on('error', () => undefined)
      socket.destroy()
      reject(cause === signal?.reason && signal?.aborted ? cause : unreachable(node, cause))
    }
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      socket.off('error', fail)
    }
    socket.once('error', fail)
    signal?.addEventListener('abort', stop)
    socket.once(node.tls === undefined ? 'connect' : 'secureConnect', () => {
      settle()
      resolve(socket)
    })
  })
}

function open({ host, port, tls }: RemoteNode): Socket {
  if (tls === undefined) return connectTcp({ host, port, noDelay: true })
  const { trusted, certificate, key, serverName = host, isHostChecked = true } = tls
  const pem = (value: string | Uint8Array): string | Buffer => (typeof value === 'string' ? value : Buffer.from(value))
  const socket = connectTls({
    host,
    port,
    ...(trusted === undefined ? {} : { ca: pem(trusted) }),
    ...(certificate === undefined ? {} : { cert: pem(certificate) }),
    ...(key === undefined ? {} : { key: pem(key) }),
    ...TLS_PROFILE,
    // Only names may be asked for by name (RFC 6066 section 3).
    ...(isIP(serverName) > 0 ? {} : { servername: serverName }),
    ...(isHostChecked ? {} : { checkServerIdentity: () => undefined }),
  })
  socket.setNoDelay(true)
  return socket
}

/** The code of the system or of TLS says more than its words, and holds nothing secret. */
function unreachable({ host, port }: RemoteNode, cause: unknown): StoreError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : (cause as Error | undefined)?.message
  return new StoreError('service_unreachable', `no connection to ${host}:${port}: ${code}`, { cause })
}
