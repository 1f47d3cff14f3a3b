/**
 * What may come to a STOW-RS port besides good requests, while a good sender goes on; and the memory that receiving takes.
 *
 * The server is a process of its own, so that its memory is its own.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { encodeLatin1, joinBytes } from '@fiducial/core/bytes/text.ts'
import { encodeFile, encodeHeader } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE, EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text } from '@fiducial/core/formats/dicom/values.ts'
import { seeded } from '@fiducial/core/testing/seeded.ts'

const TYPE = 'multipart/related; type="application/dicom"; boundary=b'
const HEAD = encodeLatin1('--b\r\nContent-Type: application/dicom\r\n\r\n')
const END = encodeLatin1('\r\n--b--\r\n')
const CHUNK = new Uint8Array(65_536).fill(7)

/** Everything of an image but its pixels, whose length is stated. */
function headOf(instance: string, pixels: number): Uint8Array {
  const names = [
    text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7'),
    text(0x00080018, 'UI', instance),
    text(0x0020000d, 'UI', '1.1'),
  ]
  const file = joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: names }))
  return joinBytes([file, encodeHeader(0x7fe00010, 'OB', pixels, EXPLICIT_LITTLE)])
}

const SERVER = `
  import { startServer } from '${new URL('../http/server.ts', import.meta.url)}'
  import { storeFace } from '${new URL('../http/dicomweb/store-face.ts', import.meta.url)}'
  let counts = { begun: 0, committed: 0, aborted: 0, bytes: 0 }
  const begin = () => {
    counts.begun++
    return {
      write: (bytes) => void (counts.bytes += bytes.length),
      commit: async () => void counts.committed++,
      abort: async () => void counts.aborted++,
    }
  }
  const tell = (server) => server.get('/counts', async () => counts)
  const server = await startServer([storeFace({ intake: { begin } }), tell], { hasStreams: true })
  process.stdout.write(server.url + '\\n')
`

describe('a STOW-RS port', () => {
  let server: ReturnType<typeof spawn>
  let url: string
  let port: number
  before(async () => {
    const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', SERVER]
    server = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] })
    url = await new Promise((resolve) => server.stdout?.once('data', (line) => resolve(String(line).trim())))
    port = Number(new URL(url).port)
  })
  after(() => server.kill('SIGKILL'))

  const counts = async () =>
    (await (await fetch(`${url}/counts`)).json()) as {
      begun: number
      committed: number
      aborted: number
      bytes: number
    }

  /** Instances of so many bytes of pixels, one after the other in one request. */
  function send(lengths: readonly number[]): Promise<number> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        `${url}/dicom-web/studies`,
        { method: 'POST', headers: { 'content-type': TYPE } },
        (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0))
        },
      )
      request.on('error', reject)
      const write = async (bytes: Uint8Array) => {
        if (!request.write(bytes)) await new Promise((resume) => request.once('drain', resume))
      }
      const all = async () => {
        for (const [i, length] of lengths.entries()) {
          if (i > 0) await write(encodeLatin1('\r\n'))
          await write(HEAD)
          await write(headOf(`1.2.${i + 1}`, length))
          for (let left = length; left > 0; left -= CHUNK.length)
            await write(CHUNK.subarray(0, Math.min(left, CHUNK.length)))
        }
        await write(END)
        request.end()
      }
      all().catch(reject)
    })
  }

  /** Says something as it is, and gives the answer up to its end, or to the end of the connection. */
  function say(bytes: Uint8Array | string, ends = true): Promise<string> {
    return new Promise((resolve) => {
      let answer = ''
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(bytes)
        if (ends) socket.end()
      })
      socket.setEncoding('latin1')
      socket.on('data', (piece) => {
        answer += piece
      })
      socket.on('error', () => resolve(answer)).on('close', () => resolve(answer))
    })
  }

  const post = (body: Uint8Array | string, headers = `Content-Type: ${TYPE}\r\n`) => {
    const bytes = typeof body === 'string' ? encodeLatin1(body) : body
    return joinBytes([
      encodeLatin1(
        `POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${bytes.length}\r\n${headers}\r\n`,
      ),
      bytes,
    ])
  }

  it('refuses what is no good request, and goes on', async () => {
    const image = joinBytes([HEAD, headOf('1.2.1', 10), CHUNK.subarray(0, 10)])
    const cases: readonly (readonly [what: string, bytes: Uint8Array | string, status: RegExp])[] = [
      ['nonsense', 'GET / HTTP/9.9\r\n\r\n', /^HTTP\/1\.1 (?:400|505)/],
      ['TLS', Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3), /^(?:HTTP\/1\.1 400|$)/],
      ['a DICOM association', Uint8Array.of(1, 0, 0, 0, 0, 0xd0, 0, 1, 0, 0), /^(?:HTTP\/1\.1 400|$)/],
      [
        'headers that are too long',
        `POST / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`,
        /^HTTP\/1\.1 431/,
      ],
      [
        'a length and chunks',
        'POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        /^HTTP\/1\.1 400/,
      ],
      ['no boundary', post(image, 'Content-Type: multipart/related\r\n'), /^HTTP\/1\.1 400/],
      ['another boundary', post(image, `Content-Type: ${TYPE}x\r\n`), /^HTTP\/1\.1 400/],
      ['no end', post(image), /^HTTP\/1\.1 400/],
      ['headers of a part without end', post(`--b\r\n${'A: b\r\n'.repeat(3000)}`), /^HTTP\/1\.1 400/],
      ['much before the first part', post(`${'x'.repeat(100_000)}\r\n--b--`), /^HTTP\/1\.1 400/],
      ['bodies of form data', post(image, 'Content-Type: multipart/form-data; boundary=b\r\n'), /^HTTP\/1\.1 415/],
      [
        'base64',
        post('--b\r\nContent-Type: application/dicom\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--'),
        /^HTTP\/1\.1 409/,
      ],
    ]
    for (const [what, bytes, status] of cases) assert.match(await say(bytes), status, what)
    assert.equal(await send([1000]), 200)
    const { begun, committed, aborted } = await counts()
    assert.equal(begun, committed + aborted)
  })

  it('stands a thousand damaged requests beside a good one', async () => {
    const random = seeded(99)
    const good = joinBytes([
      HEAD,
      headOf('1.2.1', 4000),
      CHUNK.subarray(0, 4000),
      encodeLatin1('\r\n'),
      HEAD,
      headOf('1.2.2', 0),
      END,
    ])
    const before = await counts()
    const steady = send(Array.from({ length: 200 }, () => 100_000))
    for (let round = 0; round < 50; round++) {
      const attempts = Array.from({ length: 20 }, () => {
        const body = good.slice()
        for (let i = 0; i < 3; i++) body[random(body.length)] = random(256)
        const whole = post(body)
        // Some are cut off in the middle.
        return random(4) === 0 ? say(whole.subarray(0, random(whole.length))) : say(whole)
      })
      await Promise.all(attempts)
    }
    assert.equal(await steady, 200)
    // What was cut off is given up once its end is seen.
    for (;;) {
      const now = await counts()
      if (now.begun === now.committed + now.aborted) break
      await new Promise(setImmediate)
    }
    assert.ok((await counts()).committed >= before.committed + 200)
  })

  it('takes a gibibyte, and thousands of small instances, in the same memory', {
    skip: process.platform !== 'linux',
  }, async () => {
    const peakMegabytes = () =>
      Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024
    assert.equal(await send(Array.from({ length: 100 }, () => 524_288)), 200)
    const first = peakMegabytes()
    assert.equal(await send([2 ** 30]), 200)
    assert.equal(await send(Array.from({ length: 5000 }, () => 2000)), 200)
    const grown = peakMegabytes() - first
    process.stdout.write(`${first.toFixed(0)} MB at 50 MB received, ${grown.toFixed(0)} MB more at 1,100 MB\n`)
    assert.ok(grown < 64, `${grown} MB`)
  })
})
