/**
 * S3 double: a small server for tests that is as strict as S3 where a log depends on it, and fails when told to.
 *
 * Source: Amazon S3 API Reference, "Conditional requests" and "Signature Version 4". It checks signatures, checksums and
 * conditions by code of its own, not that of the adapter. Objects live in memory; there is one bucket and no listing.
 *
 * A server that is not ours cannot lose an answer on purpose; where nothing has to fail, one is asked: testing/versitygw.ts.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after as afterAll } from 'node:test'
import { checkRequest, type S3Account } from './s3-signature.ts'

/** What goes wrong with one request, before or after it took effect. */
export interface Fault {
  readonly when: 'before' | 'after'
  /** A status to answer with; the connection cut; no answer at all; of a GET: fewer bytes than announced, or others. */
  readonly how: number | 'cut' | 'hang' | 'truncate' | 'damage'
  /** S3's code in the answer with a status. */
  readonly code?: string
  /** Only for this method. */
  readonly method?: string
  /** Only for a key that ends in this. */
  readonly key?: string
  /** How many requests it hits; default 1. */
  readonly times?: number
}

export interface S3Double extends S3Account {
  readonly endpoint: string
  readonly bucket: string
  /** Objects by key. */
  readonly objects: Map<string, Buffer>
  /** What was asked and answered, such as `PUT tile/0/000 412`; 0 where no answer was given. */
  readonly requests: readonly string[]
  /** Headers of the last request, as they came. */
  readonly lastHeaders: () => IncomingMessage['headers']
  fail(fault: Fault): void
  /** Forgets all faults. */
  heal(): void
  /** Faults that have hit nothing yet. */
  readonly pendingFaults: () => number
}

export interface S3DoubleOptions {
  /** Like a server that knows no conditions. */
  readonly ignoresConditions?: boolean
  readonly now?: () => Date
}

interface Call {
  readonly method: string
  readonly key: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

const BUCKET = 'custody-log'
const ACCOUNT: S3Account = {
  region: 'eu-test-1',
  accessKeyId: 'AKIDOFTHEDOUBLE',
  secretAccessKey: 'secret/key+of the double==',
}

/** Starts a server on a port of the loopback interface, which ends with the test or suite. */
export async function startS3Double(
  options: S3DoubleOptions = {},
  owner: { after(cleanUp: () => Promise<void> | void): void } = { after: afterAll },
): Promise<S3Double> {
  const objects = new Map<string, Buffer>()
  const requests: string[] = []
  const faults: { left: number; fault: Fault }[] = []
  let lastHeaders: IncomingMessage['headers'] = {}
  const takeFault = ({ method, key }: Call): Fault | undefined => {
    const fits = ({ fault }: { fault: Fault }): boolean =>
      (fault.method ?? method) === method && key.endsWith(fault.key ?? '')
    const index = faults.findIndex(fits)
    const found = faults[index]
    if (found === undefined) return undefined
    if (--found.left === 0) faults.splice(index, 1)
    return found.fault
  }

  const server = createServer(async (request, response) => {
    const body = await readAll(request)
    const call = { method: request.method ?? '', key: keyOf(request.url ?? ''), headers: request.headers, body }
    lastHeaders = request.headers
    const fault = takeFault(call)
    const run = (): Reply => {
      const refusal = checkRequest(request, body, ACCOUNT, options.now?.() ?? new Date())
      if (refusal !== undefined) return refuse(refusal.status, refusal.code)
      if (!request.url?.startsWith(`/${BUCKET}/`)) return refuse(404, 'NoSuchBucket')
      return answer(call, objects, options)
    }
    const reply = fault?.when === 'before' && typeof fault.how === 'number' ? failed(fault) : perform(fault, run)
    const isSilent = fault?.how === 'cut' || fault?.how === 'hang'
    requests.push(`${call.method} ${call.key} ${isSilent || reply === undefined ? 0 : reply.status}`)
    if (fault?.how === 'hang') return
    if (fault?.how === 'cut' || reply === undefined) request.socket.destroy()
    else send(response, reply, fault)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  owner.after(() => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...ACCOUNT,
    bucket: BUCKET,
    objects,
    requests,
    lastHeaders: () => lastHeaders,
    fail: (fault) => faults.push({ left: fault.times ?? 1, fault }),
    heal: () => faults.splice(0),
    pendingFaults: () => faults.length,
  }
}

/** Runs the request unless the fault comes first; what the client hears may still be something else. */
function perform(fault: Fault | undefined, run: () => Reply): Reply | undefined {
  if (fault?.when === 'before') return undefined
  const reply = run()
  return fault !== undefined && typeof fault.how === 'number' ? failed(fault) : reply
}

function failed({ how, code = 'InternalError' }: Fault): Reply {
  return refuse(typeof how === 'number' ? how : 500, code)
}

function send(response: ServerResponse, { status, headers = {}, body = Buffer.alloc(0) }: Reply, fault?: Fault): void {
  const damaged = Buffer.from(body)
  if (fault?.how === 'damage' && damaged.length > 0) damaged[0] = (damaged[0] as number) ^ 1
  response.writeHead(status, { ...headers, ...(status === 204 ? {} : { 'content-length': String(body.length) }) })
  if (fault?.how !== 'truncate') response.end(damaged)
  else response.write(damaged.subarray(0, damaged.length - 1), () => response.socket?.destroy())
}

/** Carries a request out; nothing comes between its condition and its effect. */
function answer(call: Call, objects: Map<string, Buffer>, { ignoresConditions = false }: S3DoubleOptions): Reply {
  const there = objects.get(call.key)
  if (call.method === 'PUT') {
    const refusal = ignoresConditions ? undefined : conditionRefusal(call, there)
    if (refusal !== undefined) return refusal
    objects.set(call.key, call.body)
    return { status: 200, headers: { etag: etagOf(call.body), ...checksumOf(call.body) } }
  }
  if (call.method === 'DELETE') {
    objects.delete(call.key)
    return { status: 204 }
  }
  if (call.method !== 'GET') return refuse(405, 'MethodNotAllowed')
  return there === undefined ? refuse(404, 'NoSuchKey') : found(call, there)
}

function conditionRefusal({ headers }: Call, there: Buffer | undefined): Reply | undefined {
  const ifNoneMatch = headers['if-none-match']
  const ifMatch = headers['if-match']
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') return refuse(501, 'NotImplemented')
  if (ifNoneMatch !== undefined && there !== undefined) return refuse(412, 'PreconditionFailed')
  if (ifMatch === undefined) return undefined
  if (there === undefined) return refuse(404, 'NoSuchKey')
  return ifMatch === etagOf(there) ? undefined : refuse(412, 'PreconditionFailed')
}

function found({ headers }: Call, content: Buffer): Reply {
  const tags = { etag: etagOf(content), 'accept-ranges': 'bytes' }
  if (headers.range !== undefined) return foundRange(headers.range, content, tags)
  const wantsChecksum = headers['x-amz-checksum-mode'] === 'ENABLED'
  return { status: 200, headers: { ...tags, ...(wantsChecksum ? checksumOf(content) : {}) }, body: content }
}

const checksumOf = (content: Buffer): Readonly<Record<string, string>> => ({
  'x-amz-checksum-sha256': createHash('sha256').update(content).digest('base64'),
})

/** One range, as RFC 9110 section 14.1.2 writes it. */
function foundRange(range: string, content: Buffer, tags: Readonly<Record<string, string>>): Reply {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? []
  if (first === '' && last === '') return refuse(416, 'InvalidRange')
  const start = first === '' ? Math.max(0, content.length - Number(last)) : Number(first)
  const end = first === '' || last === '' ? content.length : Math.min(content.length, Number(last) + 1)
  if (start >= end) return refuse(416, 'InvalidRange')
  const headers = { ...tags, 'content-range': `bytes ${start}-${end - 1}/${content.length}` }
  return { status: 206, headers, body: content.subarray(start, end) }
}

function refuse(status: number, code: string): Reply {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>no</Message></Error>`
  return { status, headers: { 'content-type': 'application/xml' }, body: Buffer.from(body) }
}

const etagOf = (content: Buffer): string => `"${createHash('md5').update(content).digest('hex')}"`

/** What follows the bucket. */
const keyOf = (url: string): string => decodeURIComponent(url.split('?')[0] ?? '').replace(/^\/[^/]*\//, '')

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}
