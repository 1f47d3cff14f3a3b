/**
 * S3 signature: checks requests to the S3 double, by code of its own.
 *
 * Source: AWS, "Create a signed AWS API request" (Signature Version 4), steps 1 to 4, and "Checking object integrity".
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const SKEW_MS = 15 * 60_000

/** Who may send requests, and what they have to be signed for. */
export interface S3Account {
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Status and code with which S3 refuses a request. */
export interface Refusal {
  readonly status: number
  readonly code: string
}

/** Why a request is not even looked at: its time, its checksums, its signature; undefined if all are right. */
export function checkRequest(
  request: IncomingMessage,
  body: Buffer,
  account: S3Account,
  now: Date,
): Refusal | undefined {
  const { headers } = request
  const date = String(headers['x-amz-date'] ?? '')
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? []
  const at = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`)
  if (Number.isNaN(at)) return { status: 403, code: 'AccessDenied' }
  if (Math.abs(at - now.getTime()) > SKEW_MS) return { status: 403, code: 'RequestTimeTooSkewed' }
  if (headers['x-amz-content-sha256'] !== sha256(body).toString('hex')) {
    return { status: 400, code: 'XAmzContentSHA256Mismatch' }
  }
  const flaw = signatureFlaw(request, date, account)
  if (flaw !== undefined) return { status: 403, code: flaw }
  const checksum = headers['x-amz-checksum-sha256']
  const isWrong = checksum !== undefined && checksum !== sha256(body).toString('base64')
  return isWrong ? { status: 400, code: 'BadDigest' } : undefined
}

function signatureFlaw(request: IncomingMessage, date: string, account: S3Account): string | undefined {
  const scheme = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
  const [, credential = '', signedHeaders = '', signature = ''] = scheme.exec(request.headers.authorization ?? '') ?? []
  const scope = `${date.slice(0, 8)}/${account.region}/s3/aws4_request`
  if (credential.split('/')[0] !== account.accessKeyId) return 'InvalidAccessKeyId'
  if (credential !== `${account.accessKeyId}/${scope}`) return 'AuthorizationHeaderMalformed'
  const names = signedHeaders.split(';')
  const mustBeSigned = Object.keys(request.headers).filter((name) => name === 'host' || name.startsWith('x-amz-'))
  if (names.toSorted().join() !== names.join() || mustBeSigned.some((name) => !names.includes(name))) {
    return 'AccessDenied'
  }
  const [path = '', query = ''] = (request.url ?? '').split('?')
  const canonical = [
    request.method,
    path,
    query.split('&').toSorted().join('&'),
    ...names.map(
      (name) =>
        `${name}:${String(request.headers[name] ?? '')
          .trim()
          .replace(/ +/g, ' ')}`,
    ),
    '',
    signedHeaders,
    request.headers['x-amz-content-sha256'],
  ].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical).toString('hex')].join('\n')
  const key = scope
    .split('/')
    .reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${account.secretAccessKey}`)
  return timingSafeEqual(hmac(key, toSign), Buffer.from(signature, 'hex')) ? undefined : 'SignatureDoesNotMatch'
}

const sha256 = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest()

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
