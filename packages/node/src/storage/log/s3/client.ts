/**
 * S3 client: signed requests for one object each, and the words for what fails there.
 *
 * Source: Amazon S3 API Reference (GetObject, PutObject, DeleteObject; "Conditional requests"), which MinIO and Ceph
 * follow. The signature is that of aws4fetch. Addresses have the bucket in their path, which all servers take. Whether a
 * request is sent again is decided in retry.ts, what an answer means for a log in the stores. Credentials go into the
 * signature alone; no message holds them, and no address either.
 */
import { createHash } from 'node:crypto'
import { StoreError } from '@fiducial/core/errors.ts'
import { AwsV4Signer } from 'aws4fetch'

const TIMEOUT_MS = 15_000
/** Bytes of an answer. The largest object, a bundle of 256 entries, has 16.8 million. */
const ANSWER_LIMIT = 32 * 1024 * 1024
/** SHA-256 over a whole object. */
const CHECKSUM = /^[A-Za-z0-9+/]{43}=$/
const NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const PREFIX = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/)*$/

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken?: string
}

/** What the client takes from the world around it. */
export interface S3Surroundings {
  now(): Date
  sleep(ms: number): Promise<void>
  /** 0 to 1, without 1. */
  random(): number
}

export interface S3Options {
  /** Such as `https://s3.eu-central-1.amazonaws.com` or `https://minio.example:9000`. */
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  /** What the keys of all objects start with: empty, or names that each end in a slash. */
  readonly prefix?: string
  /** Asked before each request where they change by themselves. */
  readonly credentials: S3Credentials | (() => Promise<S3Credentials>)
  /** Takes plain HTTP to another machine, which shows objects to whoever listens. Default: false. */
  readonly allowsPlainHttp?: boolean
  /** For one request; default 15 000. */
  readonly timeoutMs?: number
  readonly surroundings?: S3Surroundings
}

export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'DELETE'
  /** Key without the prefix. */
  readonly key: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

export interface S3Answer {
  /** Undefined where no answer came: nobody knows whether the request took effect. */
  readonly status: number | undefined
  /** S3's own code of a refusal, the system's where no answer came; may be empty. */
  readonly code: string
  readonly etag: string | undefined
  readonly body: Uint8Array
}

const REAL: S3Surroundings = {
  now: () => new Date(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: () => Math.random(),
}

export class S3Client {
  readonly surroundings: S3Surroundings
  readonly #base: string
  readonly #options: S3Options
  /** Derived signing keys, by day. */
  readonly #keys = new Map<string, ArrayBuffer>()

  /** @throws {RangeError} for an address, bucket or prefix that is none, and for plain HTTP to another machine */
  constructor(options: S3Options) {
    this.#options = options
    this.#base = baseOf(options)
    this.surroundings = options.surroundings ?? REAL
  }

  /** Sends a request once, with a checksum over what it carries. Does not throw for what the server or network does. */
  async send(request: S3Request): Promise<S3Answer> {
    const { method, body } = request
    const signed = await this.#sign(request)
    const headers = new Headers(signed.headers)
    // Not signed: some go-betweens change it, and a compressed answer would not have the length it says.
    headers.set('accept-encoding', 'identity')
    try {
      const response = await fetch(signed.url, {
        method,
        headers,
        // A redirection would carry the signature to somebody else.
        redirect: 'manual',
        signal: AbortSignal.timeout(this.#options.timeoutMs ?? TIMEOUT_MS),
        ...(body === undefined ? {} : { body: new Uint8Array(body) }),
      })
      return await readAnswer(method, response)
    } catch (cause) {
      if (cause instanceof StoreError) throw cause
      return { status: undefined, code: systemCode(cause), etag: undefined, body: new Uint8Array(0) }
    }
  }

  async #sign({ method, key, headers, body }: S3Request): Promise<{ url: URL; headers: Headers }> {
    const { credentials, region } = this.#options
    const digest = createHash('sha256').update(body ?? '')
    const checksum = digest.copy().digest('base64')
    const signer = new AwsV4Signer({
      ...(typeof credentials === 'function' ? await credentials() : credentials),
      method,
      url: `${this.#base}${key}`,
      service: 's3',
      region,
      cache: this.#keys,
      datetime: this.surroundings
        .now()
        .toISOString()
        .replace(/[-:]|\.\d+/g, ''),
      headers: {
        ...headers,
        'x-amz-content-sha256': digest.digest('hex'),
        ...(body === undefined ? {} : { 'x-amz-checksum-sha256': checksum }),
        ...(method === 'GET' ? { 'x-amz-checksum-mode': 'ENABLED' } : {}),
      },
    })
    return await signer.sign()
  }
}

/** What a failed request is called in a message: status and code, such as `403 AccessDenied`. */
export function describeAnswer({ status, code }: S3Answer): string {
  return [status ?? 'no answer', code].filter((part) => part !== '').join(' ')
}

function baseOf({ endpoint, bucket, prefix = '', allowsPlainHttp = false }: S3Options): string {
  const url = URL.parse(endpoint)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new RangeError('the endpoint is no HTTPS address without user and password')
  }
  if (url.search !== '' || url.hash !== '') throw new RangeError('the endpoint has a query or a fragment')
  if (url.protocol === 'http:' && !allowsPlainHttp && !isLoopback(url.hostname)) {
    throw new RangeError('the endpoint is another machine, and plain HTTP is not allowed')
  }
  if (!NAME.test(bucket) || bucket.includes('..')) throw new RangeError('this is no name of a bucket')
  if (!PREFIX.test(prefix)) throw new RangeError('the prefix is not empty and has no slash at its end')
  return `${url.href.replace(/\/$/, '')}/${bucket}/${prefix}`
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host)
}

async function readAnswer(method: string, response: Response): Promise<S3Answer> {
  const body = await readBody(response)
  const length = response.headers.get('content-length')
  if (length !== null && Number(length) !== body.length) return broken('LengthMismatch')
  const checksum = response.headers.get('x-amz-checksum-sha256') ?? ''
  // What is answered to a PUT has the checksum of what was put, which is not in the answer. What somebody else has put there
  // in several parts has a checksum of another form.
  const isOfWhole = method === 'GET' && response.status === 200 && CHECKSUM.test(checksum)
  if (isOfWhole && checksum !== sha256(body)) return broken('ChecksumMismatch')
  const code = response.ok ? '' : errorCode(body)
  return { status: response.status, code, etag: response.headers.get('etag') ?? undefined, body }
}

/** An answer that was damaged on its way is no answer. */
function broken(code: string): S3Answer {
  return { status: undefined, code, etag: undefined, body: new Uint8Array(0) }
}

async function readBody(response: Response): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of response.body ?? []) {
    length += piece.length
    if (length > ANSWER_LIMIT) throw new StoreError('service_refused', 'the object store answers with too many bytes')
    pieces.push(piece)
  }
  return new Uint8Array(Buffer.concat(pieces))
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64')

/** S3's code out of its XML; only letters and digits, whatever the server writes. */
function errorCode(body: Uint8Array): string {
  const text = Buffer.from(body.subarray(0, 4096)).toString('latin1')
  return /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(text)?.[1] ?? ''
}

/** The system's code, which fetch hides below its own error; a time limit has a name instead. */
function systemCode(cause: unknown): string {
  const { name, code, cause: inner } = (cause ?? {}) as { name?: unknown; code?: unknown; cause?: unknown }
  if (name === 'TimeoutError') return 'TimeoutError'
  if (inner !== undefined) return systemCode(inner)
  return typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? code : ''
}
