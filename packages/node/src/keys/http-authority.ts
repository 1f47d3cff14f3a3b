/**
 * HTTP authority: a timestamp authority somewhere else, by its address.
 *
 * Source: RFC 3161 section 3.4. What comes back is checked to be an answer to this very query, with a signature that
 * holds under the certificate in it; whether that certificate is believed is left to those who verify the image.
 */
import { randomBytes } from 'node:crypto'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { findFlaw, findSigner } from '@fiducial/core/formats/cms/signed-data.ts'
import {
  type Imprint,
  parseTimestampResponse,
  parseTimestampToken,
  writeTimestampQuery,
} from '@fiducial/core/formats/cms/timestamp.ts'
import type { TimestampAuthority } from '../services/ports.ts'
import { nativeCrypto } from './native-crypto.ts'

const QUERY_TYPE = 'application/timestamp-query'
const REPLY_TYPE = 'application/timestamp-reply'
/** Bytes of a reply; one with a long chain has some 20,000. */
const REPLY_LIMIT = 1024 * 1024

/**
 * An authority by HTTP or HTTPS.
 *
 * @param timeoutMs  for the whole exchange; 10 000 unless said otherwise
 * @throws {RangeError} for what is no HTTP address
 */
export function httpAuthority(
  url: string | URL,
  { timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {},
): TimestampAuthority {
  const address = URL.parse(String(url))
  if (!address || !/^https?:$/.test(address.protocol)) throw new RangeError('not an HTTP address')
  return {
    async timestamp(name, digest) {
      const imprint = { name, digest }
      // A positive number: its first bit is zero, and its first byte is not.
      const nonce = `4${randomBytes(8).toString('hex').slice(1)}`
      const reply = await post(address, writeTimestampQuery({ imprint, nonce, wantsCertificate: true }), timeoutMs)
      return readReply(reply, imprint, nonce)
    },
  }
}

async function post(address: URL, query: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
  try {
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': QUERY_TYPE, accept: REPLY_TYPE },
      body: new Uint8Array(query),
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (!response.ok) throw refused(`it answered with status ${response.status}`)
    const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
    if (type !== REPLY_TYPE) throw refused('its answer is no timestamp reply')
    return await readBody(response)
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    throw new StoreError('service_unreachable', 'the timestamp authority cannot be reached', { cause })
  }
}

async function readBody(response: Response): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of response.body ?? []) {
    length += piece.length
    if (length > REPLY_LIMIT) throw refused('its answer is too long')
    pieces.push(piece)
  }
  return new Uint8Array(Buffer.concat(pieces))
}

/** The token of a reply, which must be an answer to this query. */
function readReply(reply: Uint8Array, imprint: Imprint, nonce: string): Uint8Array {
  try {
    const { status, failures, token } = parseTimestampResponse(reply)
    if (!token) throw refused([status, ...failures].join(', '))
    const { info, signer, signedData } = parseTimestampToken(token)
    if (info.imprint.name !== imprint.name || !equalBytes(info.imprint.digest, imprint.digest)) {
      throw refused('its timestamp is of another digest')
    }
    if (info.nonce !== nonce) throw refused('its timestamp answers another query')
    const certificate = findSigner(signer, signedData.certificates)
    if (!certificate) throw refused('its timestamp comes without a certificate')
    const flaw = findFlaw(signedData, signer, certificate, nativeCrypto)
    if (flaw) throw refused(`its timestamp does not hold: ${flaw}`)
    return new Uint8Array(token)
  } catch (cause) {
    if (cause instanceof FormatError) throw refused('its answer cannot be read', cause)
    throw cause
  }
}

function refused(why: string, cause?: unknown): StoreError {
  return new StoreError('service_refused', `the timestamp authority gave no timestamp: ${why}`, { cause })
}
