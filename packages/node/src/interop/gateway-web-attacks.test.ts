/**
 * The web side of a gateway under attack: no token, the wrong one, too much, too slowly, other paths, and through a browser that
 * is signed in. Each is refused, nothing acts, and others are served meanwhile.
 */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { dcmtk } from '../testing/dcmtk.ts'
import {
  FAST_RETRY,
  makeFiles,
  makeToken,
  spooledFiles,
  spoolOf,
  startGateway,
  storeByWeb,
  storeFiles,
} from '../testing/gateway-peers.ts'
import { makeImage } from '../testing/gateway-site.ts'
import { temporaryFolder } from '../testing/peers.ts'
import type { GatewayProcess } from '../testing/running-gateway.ts'

/** Longest time after which a connection that brings nothing has to be gone. */
const PATIENCE_MS = 20_000
/** Limits of the server. */
const CONNECTIONS = 1_000
const REQUESTS = 10_000

describe('the web side of a gateway', { skip: dcmtk.skip }, () => {
  const home = temporaryFolder()
  const cleanUps: (() => Promise<void> | void)[] = []
  let gateway: GatewayProcess
  let url = ''
  let held = ''
  const tokens: Record<string, string> = {}

  before(async () => {
    gateway = await startGateway(
      { after: (cleanUp) => void cleanUps.push(cleanUp) },
      home,
      `limits: { objectMegabytes: 1 }\n${FAST_RETRY}`,
    )
    url = gateway.reach().url
    for (const role of ['reader', 'sender', 'monitor', 'security', 'administrator'])
      tokens[role] = await makeToken(gateway, role, role)
    // One that is held back: something that must not be released.
    assert.equal((await storeFiles(gateway, ...makeFiles(home, ['2.25.611']))).code, 0)
    await gateway.when('2.25.611', 'done')
    await storeByWeb(gateway, tokens.sender ?? '', makeImage({ sop: '2.25.611', fill: 9 }))
    held = (await gateway.when('2.25.611', 'quarantined')).id
  })
  after(async () => {
    for (const cleanUp of cleanUps) await cleanUp()
  })

  const bearer = (role: string) => ({ authorization: `Bearer ${tokens[role]}` })
  const isHeld = async (): Promise<boolean> => {
    const [instance] = await gateway.list('instance=2.25.611&state=quarantined')
    return instance?.releaseAskedBy === null
  }
  const release = (headers: Record<string, string>, body = JSON.stringify({ reason: 'x' })) =>
    fetch(`${url}/api/v1/instances/${held}/release`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    })

  it('refuses whoever shows no token, or one of another role', async () => {
    for (const path of ['/api/v1/status', '/api/v1/instances', '/metrics', '/page', '/'])
      assert.equal((await fetch(url + path)).status, 401, path)
    assert.equal((await release({})).status, 401)
    for (const role of ['reader', 'sender', 'monitor']) assert.equal((await release(bearer(role))).status, 403, role)
    assert.equal((await fetch(`${url}/api/v1/status`, { headers: bearer('sender') })).status, 403)
    assert.equal((await fetch(`${url}/api/v1/instances`, { headers: bearer('monitor') })).status, 403)
    assert.equal((await storeByWeb(gateway, tokens.reader ?? '', makeImage({ sop: '2.25.612' }))).status, 403)
    // A token in an address would end up in logs.
    assert.equal((await fetch(`${url}/api/v1/status?token=${tokens.administrator}`)).status, 401)
    assert.ok(await isHeld())
  })

  it('lets no other site act through a browser that is signed in', async () => {
    const invitation = await gateway.command('gateway', 'invite')
    const entered = await fetch(String(invitation[0]?.url), { redirect: 'manual' })
    const setCookie = entered.headers.get('set-cookie') ?? ''
    assert.match(setCookie, /; HttpOnly; SameSite=Strict/)
    const cookie = setCookie.split(';')[0] ?? ''
    assert.equal((await fetch(url, { headers: { cookie } })).status, 200)
    const stranger = { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    assert.equal((await release(stranger)).status, 401)
    // What a form of another site can send, and what asks before.
    const form = { ...stranger, 'content-type': 'text/plain' }
    assert.equal((await release(form)).status, 401)
    for (const action of ['pause', 'resume', 'retry'])
      assert.equal(
        (await fetch(`${url}/api/v1/destinations/pacs/${action}`, { method: 'POST', headers: stranger })).status,
        401,
      )
    const asked = await fetch(`${url}/api/v1/status`, {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    })
    assert.equal(asked.headers.get('access-control-allow-origin'), null)
    const page = await fetch(url, { headers: { cookie } })
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/)
    assert.ok(await isHeld())
  })

  it('refuses too much: of an address, of headers, of a body, of an object', async () => {
    assert.equal(
      (await fetch(`${url}/api/v1/instances?study=${'1'.repeat(9_000)}`, { headers: bearer('reader') })).status,
      431,
    )
    assert.equal((await fetch(url, { headers: { 'x-much': 'x'.repeat(20_000) } })).status, 431)
    assert.equal((await release(bearer('security'), JSON.stringify({ reason: 'x'.repeat(100_000) }))).status, 413)
    assert.equal((await release(bearer('security'), '{"reason":')).status, 400)
    const before = (await gateway.list('limit=100')).length
    const pixels = { tag: 0x00420011, vr: 'OB', value: new Uint8Array(2 * 2 ** 20) } as const
    const large = await storeByWeb(gateway, tokens.sender ?? '', makeImage({ sop: '2.25.613', more: [pixels] }))
    assert.ok(large.status >= 400 && large.status < 500, String(large.status))
    assert.equal((await gateway.list('limit=100')).length, before)
    assert.deepEqual(
      spooledFiles(spoolOf(home)).filter((name) => name.endsWith('.part')),
      [],
    )
    assert.ok(await isHeld())
  })

  it('leads nobody to another place by a path, and shows no defect', async () => {
    const paths = [
      '/../../../../etc/passwd',
      '/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
      '/dicom-web/studies/..%2f..%2f..%2fetc%2fpasswd',
      '/dicom-web/studies/../../../../etc/passwd/series',
      '/dicom-web/studies/1.2%00/metadata',
      '/api/v1/instances/..%2f..%2freach.json',
      '/api/v1/instances/%00',
      '/api/v1/instances/%ff',
      '/api/v1/instances?study=..%2f..%2fetc',
      '//etc/passwd',
      '/enter?code=../../reach.json',
    ]
    for (const path of paths) {
      const answer = await raw(
        `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.administrator}\r\nConnection: close\r\n\r\n`,
      )
      assert.match(answer, /^HTTP\/1\.1 (400|403|404|503) /, path)
      assert.ok(!answer.includes('root:') && !answer.includes('"token"'), path)
    }
    // Headers of an answer are ours alone, and requests do not hide in each other.
    const split = await raw('GET /enter?code=%0d%0aset-cookie:%20x=y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    assert.ok(!/^set-cookie/im.test(split))
    const smuggled = await raw(
      'POST /api/v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: x\r\n\r\n',
    )
    assert.match(smuggled, /^HTTP\/1\.1 400 /)
    assert.ok(!smuggled.includes('live'))
    assert.ok(!gateway.logLines.includes('"severity":"error"'), gateway.logLines)
  })

  it('lets go of those who are slow, and serves others meanwhile', async (t) => {
    const connections = [
      // Headers, a character a second; a body of which nothing comes; one that trickles; nothing at all.
      slow('GET /health/live HTTP/1.1\r\nHost: x\r\nX-', 'y'),
      slow(
        `POST /api/v1/instances/${held}/release HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.security}\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n`,
        ' ',
      ),
      slow(
        `POST /api/v1/instances/${held}/release HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n`,
        ' ',
      ),
    ]
    const silent = Array.from({ length: 200 }, () => slow('', ''))
    assert.equal((await fetch(`${url}/health/live`)).status, 200)
    assert.ok((await gateway.status()).isReady !== undefined)
    const ended = await Promise.all(connections.map(({ closed }) => closed))
    t.diagnostic(`ended after ${ended.map((ms) => `${Math.round(ms / 1000)} s`).join(', ')}`)
    const silences = await Promise.all(silent.map(({ closed }) => closed))
    assert.ok(silences.every((ms) => ms < PATIENCE_MS))
    assert.ok(ended.every((ms) => ms < PATIENCE_MS))
    assert.ok(await isHeld())
  })

  it('takes so many connections and no more, and so many requests on one', async () => {
    const sockets = Array.from({ length: CONNECTIONS + 100 }, () => slow('', '').socket)
    await new Promise((resolve) => sockets.at(-1)?.once('close', resolve))
    for (const socket of sockets) socket.destroy()
    await gateway.until('others are served again', async () =>
      fetch(`${url}/health/live`).then(
        ({ status }) => (status === 200 ? true : undefined),
        () => undefined,
      ),
    )
    const answers = await raw('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(REQUESTS + 100))
    const count = answers.split('\r\n\r\nlive\n').length - 1
    assert.equal(count, REQUESTS)
  })

  it('slows down whoever guesses tokens', async () => {
    const statuses: number[] = []
    for (let i = 0; i < 30; i++)
      statuses.push(
        (await fetch(`${url}/api/v1/status`, { headers: { authorization: `Bearer fiducial_${i}` } })).status,
      )
    assert.equal(statuses[0], 401)
    assert.equal(statuses.at(-1), 429)
  })

  /** What is answered to these bytes, until the other side ends. */
  function raw(request: string): Promise<string> {
    return new Promise((resolve) => {
      let answer = ''
      const socket = connect(gateway.webPort, '127.0.0.1', () => socket.end(request, 'latin1'))
      socket.setEncoding('latin1')
      socket.on('data', (piece: string) => {
        answer += piece
      })
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(answer))
    })
  }

  /** Sends a beginning, then a little more each second. @returns how long the other side bears it */
  function slow(beginning: string, more: string): { readonly socket: Socket; readonly closed: Promise<number> } {
    const start = performance.now()
    const socket = connect(gateway.webPort, '127.0.0.1', () => socket.write(beginning, 'latin1'))
    socket.on('error', () => undefined)
    socket.resume()
    const closed = new Promise<number>((resolve) => {
      let isOver = false
      socket.on('close', () => {
        isOver = true
        resolve(performance.now() - start)
      })
      const drip = async (): Promise<void> => {
        while (!isOver && performance.now() - start < PATIENCE_MS) {
          await pause(1_000)
          if (!isOver && more !== '') socket.write(more)
        }
        socket.destroy()
      }
      if (more !== '') void drip()
    })
    return { socket, closed }
  }
})
