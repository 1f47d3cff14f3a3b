/**
 * Pinned fetch: speaks HTTPS to the one server whose certificate is known beforehand, whatever name or authority it has.
 *
 * For a service of this machine: its certificate names the host as others see it, and the authority may be the site's own.
 */
import { X509Certificate } from 'node:crypto'
import { request } from 'node:https'
import { Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Fetch } from '../services/log/remote.ts'

/** @param certificate  PEM; of several the first, the server's own */
export function pinnedFetch(certificate: string): Fetch {
  const pinned = new X509Certificate(certificate).raw
  return (url, { method = 'GET', headers, body, signal }) => {
    if (body != null && typeof body !== 'string') throw new TypeError('a body is a string here')
    return new Promise<Response>((resolve, reject) => {
      const options = {
        method,
        headers: Object.fromEntries(new Headers(headers)),
        // The handshake proves that the server has the key of this very certificate; more is not asked.
        rejectUnauthorized: false,
        agent: false,
        ...(signal != null && { signal }),
      } as const
      const asked = request(url, options, (answer) => {
        const status = answer.statusCode ?? 0
        const type = answer.headers['content-type']
        resolve(
          new Response(Readable.toWeb(answer) as ReadableStream<Uint8Array>, {
            status,
            headers: type === undefined ? {} : { 'content-type': type },
          }),
        )
      })
      asked.once('error', reject)
      // Nothing is sent before the certificate was looked at.
      asked.once('socket', (socket) => {
        socket.once('secureConnect', () => {
          const shown = 'getPeerX509Certificate' in socket ? (socket as TLSSocket).getPeerX509Certificate() : undefined
          if (shown?.raw.equals(pinned) === true) asked.end(body ?? undefined)
          else asked.destroy(new Error('the server is another one'))
        })
      })
    })
  }
}
