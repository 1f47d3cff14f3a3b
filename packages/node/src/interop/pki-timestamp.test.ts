/** Timestamps: tokens of `openssl ts` verified by us, ours verified by `openssl ts`, and an exchange over HTTP. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { HashName } from '@fiducial/core/bytes/hash.ts'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { anchorsFrom, type TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { type TimestampResult, verifyTimestamp } from '@fiducial/core/domain/trust/timestamp.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { parseSignedData } from '@fiducial/core/formats/cms/signed-data.ts'
import {
  type Imprint,
  parseTimestampQuery,
  parseTimestampResponse,
  parseTimestampToken,
  writeTimestampQuery,
  writeTimestampResponse,
} from '@fiducial/core/formats/cms/timestamp.ts'
import { parseCertificates } from '@fiducial/core/formats/x509/pem.ts'
import { createAuthority, type EmbeddedAuthority, embeddedAuthority } from '../keys/embedded-authority.ts'
import { signerFromPem } from '../keys/file-signer.ts'
import { httpAuthority } from '../keys/http-authority.ts'
import { initKeyRing, type KeyRing } from '../keys/key-ring.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import {
  CA_EXTENSIONS,
  type OpensslHolder,
  openssl,
  opensslRoot,
  opensslTimestamp,
  runOpenssl,
  TSA_EXTENSIONS,
} from '../testing/openssl-ca.ts'
import { run, sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'

const data = new TextEncoder().encode('a signature value')
const imprintOf = (name: HashName): Imprint => ({
  name,
  digest: new Uint8Array(createHash(name).update(data).digest()),
})
const imprint = imprintOf('sha256')

/** By both kinds of crypto, which must agree. */
function verify(token: Uint8Array, wanted: Imprint, anchors: TrustAnchors): TimestampResult {
  const [one, other] = [nativeCrypto, portableCrypto].map((crypto) => verifyTimestamp(token, wanted, anchors, crypto))
  assert.deepEqual(one, other)
  return one as TimestampResult
}

const reasonOf = (result: TimestampResult): string => ('reason' in result ? result.reason : result.outcome)

describe('tokens of openssl', { skip: openssl.skip }, () => {
  const folder = temporaryFolder()
  const authorities: Record<string, OpensslHolder> = {}
  let root: OpensslHolder
  let middle: OpensslHolder
  let anchors: TrustAnchors
  before(async () => {
    root = await opensslRoot(folder, { name: 'root' })
    middle = await root.issue({ name: 'middle', extensions: CA_EXTENSIONS })
    for (const key of ['rsa-2048', 'rsa-3072', 'p-256', 'p-384'] as const) {
      authorities[key] = await middle.issue({ name: `tsa ${key}`, key, extensions: TSA_EXTENSIONS })
    }
    anchors = anchorsFrom([root.certificate])
  })

  async function token(
    authority: OpensslHolder,
    name: HashName,
    options: { signatureDigest?: string; certificateDigest?: string } = {},
  ) {
    const query = writeTimestampQuery({ imprint: imprintOf(name), wantsCertificate: true, nonce: '00d1' })
    const reply = await opensslTimestamp(folder, authority, { query, chain: [middle], ...options })
    return parseTimestampResponse(reply).token as Uint8Array
  }

  it('hold for every kind of key and digest, and for no other imprint', async () => {
    for (const [kind, authority] of Object.entries(authorities)) {
      for (const name of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
        const bytes = await token(authority, name, { signatureDigest: name })
        const result = verify(bytes, imprintOf(name), anchors)
        assert.ok(result.outcome === 'holds', `${kind} ${name} ${reasonOf(result)}`)
        assert.ok(Math.abs(result.time.getTime() - Date.now()) < 60_000)
        assert.equal(result.accuracyMs, 1500.1)
        assert.equal(result.isWeak, name === 'sha1')
        assert.equal(result.path.length, 3)
        const other = { name, digest: new Uint8Array(imprintOf(name).digest.length) }
        assert.equal(reasonOf(verify(bytes, other, anchors)), 'imprint_wrong')
      }
    }
  })

  it('hold with the certificate named by SHA-1 and by SHA-512', async () => {
    for (const certificateDigest of ['sha1', 'sha512']) {
      const bytes = await token(authorities['p-256'] as OpensslHolder, 'sha256', { certificateDigest })
      assert.equal(verify(bytes, imprint, anchors).outcome, 'holds')
    }
  })

  it('are unknown under another root', async () => {
    const stranger = await opensslRoot(folder, { name: 'stranger' })
    const bytes = await token(authorities['p-256'] as OpensslHolder, 'sha256')
    assert.equal(reasonOf(verify(bytes, imprint, anchorsFrom([stranger.certificate]))), 'authority_untrusted')
  })

  it('never hold with another time or authority, whatever byte is damaged', async () => {
    const bytes = await token(authorities['p-256'] as OpensslHolder, 'sha256')
    const good = verify(bytes, imprint, anchors)
    assert.ok(good.outcome === 'holds')
    let held = 0
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Uint8Array.from(bytes)
      damaged[at] = (damaged[at] ?? 0) ^ 0x01
      const result = verifyTimestamp(damaged, imprint, anchors, nativeCrypto)
      if (result.outcome !== 'holds') continue
      held++
      assert.deepEqual([result.time, result.authority.bytes], [good.time, good.authority.bytes], `byte ${at}`)
    }
    // Not signed are: the versions, the set of digests, names of algorithms that have a second meaning.
    assert.ok(held < 20, String(held))
  })
})

describe('the stored token of the shared vectors', { skip: sharedSkip }, () => {
  const read = (path: string): Uint8Array => new Uint8Array(readFileSync(sharedPath(`vectors/signatures/${path}`)))

  it('holds, and is the one of the response', () => {
    const stored = read('ts/stored.der')
    const { token } = parseTimestampResponse(read('ts/ct.tsr'))
    assert.deepEqual(stored.subarray(0, token?.length), token)
    const { info } = parseTimestampToken(token as Uint8Array)
    const anchors = anchorsFrom([
      ...parseCertificates(read('keys/root.pem')),
      ...parseCertificates(read('keys/int.pem')),
    ])
    const result = verify(stored, info.imprint, anchors)
    assert.ok(result.outcome === 'holds')
    assert.equal(result.authority.subject.commonName, 'Test TSA')
    assert.equal(reasonOf(verify(stored, imprint, anchors)), 'imprint_wrong')
  })
})

describe('tokens of ours', { skip: openssl.skip }, () => {
  const folder = temporaryFolder()
  let ring: KeyRing
  let authority: EmbeddedAuthority
  let caPath: string
  before(async () => {
    ring = await initKeyRing(folder, { site: 'Test Site' })
    authority = await embeddedAuthority(ring)
    ring.exportPublic(join(folder, 'public'))
    caPath = join(folder, 'public', 'ca.pem')
    writeFileSync(join(folder, 'data'), data)
  })

  /** Whether `openssl ts -verify` accepts a response or a bare token. */
  async function isAccepted(bytes: Uint8Array, ...by: readonly string[]): Promise<boolean> {
    writeFileSync(join(folder, 'token'), bytes)
    const outcome = await run(openssl.path, ['ts', '-verify', '-in', join(folder, 'token'), '-CAfile', caPath, ...by])
    return outcome.code === 0 && outcome.stdout.includes('Verification: OK')
  }

  it('are accepted by openssl and by us, for each digest in use', async () => {
    for (const name of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
      const { digest } = imprintOf(name)
      const bytes = await authority.timestamp(name, digest)
      assert.ok(await isAccepted(bytes, '-token_in', '-digest', Buffer.from(digest).toString('hex')), name)
      assert.equal(verify(bytes, imprintOf(name), ring.trust()).outcome, 'holds')
    }
    assert.ok(
      await isAccepted(await authority.timestamp('sha256', imprint.digest), '-token_in', '-data', join(folder, 'data')),
    )
  })

  it('are refused by openssl, too, for other data', async () => {
    const bytes = await authority.timestamp('sha256', new Uint8Array(32))
    assert.ok(!(await isAccepted(bytes, '-token_in', '-data', join(folder, 'data'))))
  })

  it('say the time to the millisecond, and differ in their serial numbers', async () => {
    const time = new Date('2026-06-01T12:34:56.789Z')
    const fixed = createAuthority(await ring.timestampSigner(), () => time)
    const [one, other] = await Promise.all([1, 2].map(() => fixed.timestamp('sha256', imprint.digest)))
    const infos = [one, other].map((bytes) => parseTimestampToken(bytes as Uint8Array).info)
    assert.deepEqual(
      infos.map((info) => info.time),
      [time, time],
    )
    assert.deepEqual(
      infos.map((info) => info.accuracyMs),
      [1, 1],
    )
    assert.notEqual(infos[0]?.serial, infos[1]?.serial)
  })

  it('answer a query of openssl, which accepts the reply', async () => {
    for (const extra of [[], ['-cert'], ['-no_nonce', '-cert'], ['-cert', '-sha512']]) {
      const query = join(folder, 'query')
      const digest = extra.includes('-sha512') ? [] : ['-sha256']
      await runOpenssl(['ts', '-query', '-data', join(folder, 'data'), ...digest, ...extra, '-out', query])
      const reply = await authority.answer(new Uint8Array(readFileSync(query)))
      const signer = ['-untrusted', join(folder, 'public', 'timestamp.pem')]
      assert.ok(
        await isAccepted(reply, '-queryfile', query, ...(extra.includes('-cert') ? [] : signer)),
        extra.join(' '),
      )
    }
  })

  it('refuse a query that is none, a weak digest, a digest of another length, and a policy of others', async () => {
    const queries: Record<string, Uint8Array> = {
      badDataFormat: new Uint8Array(10),
      badAlg: writeTimestampQuery({ imprint: imprintOf('sha1'), wantsCertificate: true }),
      unacceptedPolicy: writeTimestampQuery({ imprint, policy: '1.2.3.4', wantsCertificate: true }),
    }
    for (const [failure, query] of Object.entries(queries)) {
      const { status, failures, token } = parseTimestampResponse(await authority.answer(query))
      assert.deepEqual([status, failures, token], ['rejection', [failure], undefined])
    }
    const short = writeTimestampQuery({
      imprint: { name: 'sha256', digest: new Uint8Array(20) },
      wantsCertificate: true,
    })
    assert.deepEqual(parseTimestampResponse(await authority.answer(short)).failures, ['badDataFormat'])
  })

  it('are accepted from an authority with an elliptic key under a chain of openssl', async () => {
    const root = await opensslRoot(folder, { name: 'root' })
    const middle = await root.issue({ name: 'middle', extensions: CA_EXTENSIONS })
    for (const key of ['p-256', 'p-384'] as const) {
      const holder = await middle.issue({ name: `tsa ${key}`, key, extensions: TSA_EXTENSIONS })
      const text = (path: string): string => readFileSync(path, 'utf8')
      const signer = signerFromPem({
        key: text(holder.keyPath),
        certificate: text(holder.certificatePath),
        chain: text(root.certificatePath) + text(middle.certificatePath),
      })
      const bytes = await createAuthority(signer).timestamp('sha256', imprint.digest)
      caPath = root.certificatePath
      assert.ok(await isAccepted(bytes, '-token_in', '-data', join(folder, 'data')))
      assert.equal(verify(bytes, imprint, anchorsFrom([root.certificate])).outcome, 'holds')
    }
  })
})

describe('authority by HTTP', { skip: openssl.skip }, () => {
  const folder = temporaryFolder()
  const servers: Server[] = []
  let authority: OpensslHolder
  let root: OpensslHolder
  before(async () => {
    root = await opensslRoot(folder, { name: 'root' })
    authority = await root.issue({ name: 'tsa', extensions: TSA_EXTENSIONS })
  })
  after(() => {
    for (const server of servers) server.closeAllConnections()
    for (const server of servers) server.close()
  })

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener)
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/tsa`
  }

  /** A server that answers each query with what `reply` makes of it. */
  function replying(
    reply: (query: Uint8Array) => Promise<Uint8Array>,
    type = 'application/timestamp-reply',
  ): Promise<string> {
    return serve(async (request, response) => {
      const pieces: Buffer[] = []
      for await (const piece of request) pieces.push(piece as Buffer)
      response.setHeader('content-type', type)
      response.end(await reply(new Uint8Array(Buffer.concat(pieces))))
    })
  }

  const fails = (code: string) => (error: unknown) => error instanceof StoreError && error.code === code
  const ask = (url: string, timeoutMs = 5000) => httpAuthority(url, { timeoutMs }).timestamp('sha256', imprint.digest)

  it('gives a token of openssl that holds', async () => {
    const types: (string | undefined)[] = []
    const url = await serve(async (request, response) => {
      types.push(request.headers['content-type'])
      const pieces: Buffer[] = []
      for await (const piece of request) pieces.push(piece as Buffer)
      response.setHeader('content-type', 'application/timestamp-reply')
      response.end(await opensslTimestamp(folder, authority, { query: new Uint8Array(Buffer.concat(pieces)) }))
    })
    const token = await ask(url)
    assert.equal(verify(token, imprint, anchorsFrom([root.certificate])).outcome, 'holds')
    assert.deepEqual(types, ['application/timestamp-query'])
  })

  const refusals: Record<string, (query: Uint8Array) => Promise<Uint8Array>> = {
    'a refusal': async () => writeTimestampResponse({ failure: 'systemFailure', text: 'no' }),
    'no timestamp reply': async () => new Uint8Array(30),
    'a reply without end': async () => new Uint8Array(2 * 1024 * 1024),
    'a timestamp of another digest': (query) => answerTo(query, { digest: new Uint8Array(32) }),
    'a timestamp for another query': (query) => answerTo(query, { nonce: '0011' }),
    'a timestamp without a certificate': (query) => answerTo(query, { wantsCertificate: false }),
    'a timestamp whose signature does not hold': async (query) => {
      const reply = await opensslTimestamp(folder, authority, { query })
      const damaged = Uint8Array.from(reply)
      damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
      return damaged
    },
  }
  /** What openssl answers to a query that was changed on its way. */
  async function answerTo(
    query: Uint8Array,
    change: { digest?: Uint8Array; nonce?: string; wantsCertificate?: boolean },
  ): Promise<Uint8Array> {
    const { imprint: asked, nonce = '', wantsCertificate } = parseTimestampQuery(query)
    const changed = {
      imprint: { ...asked, ...(change.digest && { digest: change.digest }) },
      nonce: change.nonce ?? nonce,
      wantsCertificate: change.wantsCertificate ?? wantsCertificate,
    }
    return opensslTimestamp(folder, authority, { query: writeTimestampQuery(changed) })
  }
  for (const [name, reply] of Object.entries(refusals)) {
    it(`refuses ${name}`, async () => {
      const url = await replying(reply)
      await assert.rejects(ask(url), fails('service_refused'))
    })
  }

  it('refuses a status that is not OK, and a reply of another type', async () => {
    const failing = await serve((_request, response) => response.writeHead(503).end())
    await assert.rejects(ask(failing), fails('service_refused'))
    const page = await replying(async () => new Uint8Array(), 'text/html')
    await assert.rejects(ask(page), fails('service_refused'))
  })

  it('says that nobody answers, or not in time', async () => {
    const url = await serve(() => undefined)
    await assert.rejects(ask(url, 50), fails('service_unreachable'))
    const closed = servers.pop() as Server
    closed.closeAllConnections()
    await new Promise((resolve) => closed.close(resolve))
    await assert.rejects(ask(url), fails('service_unreachable'))
  })

  it('takes HTTP addresses only', () => {
    for (const url of ['', 'ftp://example.org', 'tsa.example.org']) assert.throws(() => httpAuthority(url), RangeError)
  })
})

describe('parsers of tokens and replies', { skip: openssl.skip }, () => {
  it('throw FormatError alone for damage of every byte of what openssl made', async () => {
    const folder = temporaryFolder()
    const root = await opensslRoot(folder, { name: 'root' })
    const authority = await root.issue({ name: 'tsa', extensions: TSA_EXTENSIONS })
    const query = writeTimestampQuery({ imprint, wantsCertificate: true })
    const reply = await opensslTimestamp(folder, authority, { query })
    const { token } = parseTimestampResponse(reply)
    for (const [bytes, parse] of [
      [reply, parseTimestampResponse],
      [token as Uint8Array, parseTimestampToken],
      [token as Uint8Array, parseSignedData],
    ] as const) {
      let refused = 0
      for (let i = 0; i < bytes.length * 2; i++) {
        const at = i >> 1
        const damaged = Uint8Array.from(bytes)
        damaged[at] = i % 2 === 0 ? (damaged[at] ?? 0) ^ 0xff : (damaged[at] ?? 0) + 1
        try {
          parse(damaged)
        } catch (error) {
          assert.ok(error instanceof FormatError, String(error))
          refused++
        }
      }
      assert.ok(refused > 0)
    }
  })
})
