import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { concatBytes, encodeLatin1, joinBytes } from '@fiducial/core/bytes/text.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
} from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { ob, text } from '@fiducial/core/formats/dicom/values.ts'
import { itemsAt, textAt } from '@fiducial/core/formats/dicom-json/model.ts'
import { decodeDicomJson } from '@fiducial/core/formats/dicom-json/parse.ts'
import { formatLastDelimiter, formatPartHead } from '@fiducial/core/formats/multipart/format.ts'
import { KeepingIntake, type KeepingIntakeOptions } from '../../testing/keeping-intake.ts'
import { startServer } from '../server.ts'
import { type StoreFaceOptions, storeFace } from './store-face.ts'

const BOUNDARY = 'b-1'
const TYPE = `multipart/related; type="application/dicom"; boundary=${BOUNDARY}`
const REFERENCED = 0x00081199
const FAILED = 0x00081198
const OTHERS = 0x0008119a

function image(uid: string, { study = '1.2.3', pixels = 100, syntax = EXPLICIT_LITTLE_ENDIAN } = {}): Uint8Array {
  const elements = [
    text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7'),
    text(0x00080018, 'UI', uid),
    text(0x0020000d, 'UI', study),
    ob(0x7fe00010, new Uint8Array(pixels).fill(7)),
  ]
  return joinBytes(encodeFile({ transferSyntaxUid: syntax, elements }))
}

const bodyOf = (parts: readonly Uint8Array[], type = 'application/dicom'): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    joinBytes([
      ...parts.flatMap((part, i) => [formatPartHead(BOUNDARY, new Map([['Content-Type', type]]), i === 0), part]),
      formatLastDelimiter(BOUNDARY),
    ]),
  )

interface Served {
  readonly url: string
  readonly intake: KeepingIntake
  post(body: string | Uint8Array<ArrayBuffer>, headers?: Record<string, string>, path?: string): Promise<Response>
  /** In chunks, without a length stated beforehand. */
  send(chunks: readonly Uint8Array[]): Promise<{ readonly status: number }>
  /** A path that no client would leave as it is; the beginning of the answer. */
  rawPost(path: string): Promise<string>
}

async function serve(t: TestContext, options: Partial<StoreFaceOptions> & KeepingIntakeOptions = {}): Promise<Served> {
  const intake = new KeepingIntake(options)
  const server = await startServer([storeFace({ intake, ...options })], { hasStreams: true })
  t.after(() => server.close())
  const url = `${server.url}/dicom-web/studies`
  const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}, path = '') =>
    fetch(url + path, { method: 'POST', body, headers: { 'content-type': TYPE, ...headers } })
  const send = (chunks: readonly Uint8Array[]) =>
    new Promise<{ status: number }>((resolve, reject) => {
      const request = httpRequest(url, { method: 'POST', headers: { 'content-type': TYPE } }, (answer) => {
        answer.resume().on('end', () => resolve({ status: answer.statusCode ?? 0 }))
      })
      request.on('error', reject)
      for (const chunk of chunks) request.write(chunk)
      request.end()
    })
  const rawPost = (path: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
        socket.write(
          `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: ${TYPE}\r\nContent-Length: 0\r\n\r\n`,
        )
      })
      socket.setEncoding('utf8').on('data', resolve).on('error', reject)
    })
  return { url, intake, post, send, rawPost }
}

async function read(response: Response) {
  assert.equal(response.headers.get('content-type'), 'application/dicom+json')
  const [model] = decodeDicomJson(new Uint8Array(await response.arrayBuffer()))
  const uids = (tag: number) => itemsAt(model, tag).map((item) => textAt(item, 0x00081155))
  const reasons = (tag: number) => itemsAt(model, tag).map((item) => Number(textAt(item, 0x00081197)))
  return { model, stored: uids(REFERENCED), failed: uids(FAILED), reasons: reasons(FAILED), others: reasons(OTHERS) }
}

describe('STOW-RS, PS3.18 section 10.5', () => {
  it('takes instances in as they are, and says so once they are durable', async (t) => {
    const { intake, post } = await serve(t, { retrieveUrl: 'https://pacs.example/dicom-web' })
    const images = [
      image('1.2.3.1'),
      image('1.2.3.2', { pixels: 100_000 }),
      image('1.2.3.3', { syntax: DEFLATED_EXPLICIT_LITTLE_ENDIAN }),
    ]
    const response = await post(bodyOf(images))
    assert.equal(response.status, 200)
    const { model, stored } = await read(response)
    assert.deepEqual(stored, ['1.2.3.1', '1.2.3.2', '1.2.3.3'])
    assert.equal(textAt(model, 0x00081190), 'https://pacs.example/dicom-web/studies/1.2.3')
    assert.deepEqual(
      intake.taken.map(({ bytes }) => bytes),
      images,
    )
    const [{ announcement }] = intake.taken as [KeepingIntake['taken'][number]]
    assert.equal(announcement.origin.protocol, 'dicomweb')
    assert.match(announcement.origin.address ?? '', /^127\.0\.0\.1:\d+$/)
    assert.equal(intake.open, 0)
  })

  it('answers in XML who asks for it', async (t) => {
    const { post } = await serve(t)
    const response = await post(bodyOf([image('1.2.3.1')]), { accept: 'application/dicom+xml' })
    assert.equal(response.headers.get('content-type'), 'application/dicom+xml')
    assert.match(await response.text(), /keyword="ReferencedSOPInstanceUID" vr="UI"><Value number="1">1\.2\.3\.1</)
  })

  it('takes parts of any length, in chunks of any length', async (t) => {
    const { intake, send } = await serve(t)
    const images = [2, 31_000, 32_768, 65_536, 200_002].map((pixels, i) => image(`1.2.3.${i + 1}`, { pixels }))
    const body = bodyOf(images)
    const { status } = await send(
      Array.from({ length: Math.ceil(body.length / 7919) }, (_, i) => body.subarray(7919 * i, 7919 * (i + 1))),
    )
    assert.equal(status, 200)
    assert.deepEqual(
      intake.taken.map(({ bytes }) => bytes),
      images,
    )
  })

  it('says of each part what is wrong with it, and stores the others', async (t) => {
    const { intake, post } = await serve(t, { instanceBytes: 50_000 })
    const junk = new Uint8Array(500)
    const noPrefix = image('1.2.3.8').subarray(132)
    const parts = [
      image('1.2.3.1'),
      junk,
      image('1.2.3.2', { pixels: 60_000 }),
      noPrefix,
      new Uint8Array(),
      image('1.2.3.3'),
    ]
    const response = await post(bodyOf(parts))
    assert.equal(response.status, 202)
    const { stored, failed, reasons, others } = await read(response)
    assert.deepEqual(stored, ['1.2.3.1', '1.2.3.3'])
    assert.deepEqual(failed, ['1.2.3.2', '1.2.3.8'])
    assert.deepEqual(reasons, [0xa700, 0xc000])
    assert.deepEqual(others, [0xc000, 0xc000])
    assert.equal(intake.taken.length, 2)
    assert.equal(intake.open, 0)
  })

  it('takes only instances of the study that a request is for', async (t) => {
    const { intake, post } = await serve(t)
    const response = await post(bodyOf([image('1.2.3.1'), image('9.1', { study: '9' })]), {}, '/1.2.3')
    assert.equal(response.status, 202)
    const { stored, failed, reasons } = await read(response)
    assert.deepEqual([stored, failed, reasons], [['1.2.3.1'], ['9.1'], [0xa900]])
    assert.equal((await post(bodyOf([image('9.1', { study: '9' })]), {}, '/1.2.3')).status, 409)
    assert.equal(intake.taken.length, 1)
  })

  it('refuses what is no study, before it reads a byte of the body', async (t) => {
    const { intake, post, rawPost } = await serve(t)
    for (const study of ['x', '1..2', '01.2', '1.2.', `1.${'2'.repeat(70)}`, '%2e%2e', '1%2f2', '1.2%00']) {
      assert.equal(
        (await post(bodyOf([image('1.2.3.1')]), {}, `/${study}`)).status,
        study === '%2e%2e' ? 404 : 400,
        study,
      )
    }
    assert.match(await rawPost('/dicom-web/studies/../../etc'), /^HTTP\/1\.1 40[04] /)
    assert.equal(intake.taken.length, 0)
  })

  it('answers 409 where nothing could be stored', async (t) => {
    const { post } = await serve(t)
    assert.equal((await post(bodyOf([new Uint8Array(10)]))).status, 409)
    assert.equal((await post(bodyOf([image('1.2.3.1')], 'image/png'))).status, 409)
  })

  it('refuses bodies of another type', async (t) => {
    const { intake, post } = await serve(t)
    const types = [
      'application/dicom',
      'multipart/form-data; boundary=b-1',
      'multipart/related; type="application/dicom+json"; boundary=b-1',
      'multipart/related; type="image/png"; boundary=b-1',
      'application/json',
    ]
    for (const type of types) assert.equal((await post(bodyOf([]), { 'content-type': type })).status, 415, type)
    for (const type of [
      'multipart/related; type="application/dicom"',
      'multipart/related; type="application/dicom"; boundary=""',
    ]) {
      assert.equal((await post(bodyOf([]), { 'content-type': type })).status, 400, type)
    }
    assert.equal((await post(bodyOf([image('1.2')]), { accept: 'image/png' })).status, 406)
    assert.equal(intake.taken.length, 0)
  })

  it('keeps what came whole of a damaged body, names it, and leaves nothing of the rest', async (t) => {
    const { intake, post } = await serve(t)
    const whole = bodyOf([image('1.2.3.1'), image('1.2.3.2', { pixels: 40_000 })])
    const damaged = [
      whole.slice(0, whole.length - 12),
      new Uint8Array(concatBytes(whole.subarray(0, whole.length - 200), encodeLatin1(`\r\n--${BOUNDARY}x\r\n`))),
    ]
    for (const body of damaged) {
      const response = await post(body)
      assert.equal(response.status, 400)
      assert.ok((await read(response)).stored.includes('1.2.3.1'))
      assert.equal(intake.open, 0)
    }
    assert.equal((await post(whole, { 'content-type': TYPE.replace('b-1', 'b-2') })).status, 400)
    assert.equal((await post('')).status, 400)
    assert.equal((await post(whole)).status, 200)
  })

  it('leaves nothing of a connection that is cut, and goes on with the others', async (t) => {
    const { intake, post, url } = await serve(t)
    const whole = bodyOf([image('1.2.3.1', { pixels: 300_000 })])
    const { port } = new URL(url)
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        socket.write(
          `POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Type: ${TYPE}\r\nContent-Length: ${whole.length}\r\n\r\n`,
        )
        socket.write(whole.subarray(0, 200_000))
        const timer = setInterval(() => {
          if (intake.open !== 1) return
          clearInterval(timer)
          socket.destroy()
          resolve()
        }, 2)
      })
    })
    assert.equal((await post(whole)).status, 200)
    while (intake.open > 0) await new Promise(setImmediate)
    assert.equal(intake.aborted, 1)
    assert.equal(intake.taken.length, 1)
  })

  it('cuts off a sender that is slower than anybody would be', async (t) => {
    const { intake, url } = await serve(t, { bytesPerSecond: 1e9, watchMs: 20 })
    const answer = await new Promise<string>((resolve) => {
      let said = ''
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
        const head = `POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Type: ${TYPE}\r\nContent-Length: 5000\r\n\r\n`
        socket.write(head)
        socket.write(bodyOf([image('1.2.3.1')]).subarray(0, 200))
      })
      socket.on('data', (bytes) => {
        said += bytes
      })
      socket.on('error', () => resolve(said)).on('close', () => resolve(said))
    })
    assert.equal(answer, '')
    assert.equal(intake.open, 0)
    assert.equal(intake.taken.length, 0)
  })

  it('tells a sender to come again where there is no room', async (t) => {
    for (const [step, code, status] of [
      ['begin', 'gateway_overloaded', 503],
      ['write', 'spool_full', 507],
      ['commit', 'spool_unwritable', 503],
    ] as const) {
      const fault = (at: string, count: number): void => {
        if (at === step && count !== 2) throw new StoreError(code, 'no room')
      }
      const { intake, post } = await serve(t, { fault })
      const refused = await post(bodyOf([image('1.2.3.1')]))
      assert.equal(refused.status, status)
      assert.deepEqual((await read(refused)).reasons, [0xa700])
      const partly = await post(bodyOf([image('1.2.3.2'), image('1.2.3.3')]))
      assert.equal(partly.status, 202)
      assert.deepEqual((await read(partly)).stored, ['1.2.3.2'])
      assert.equal(intake.open, 0)
    }
  })

  it('tells of a mistake of its own, and leaves nothing of what came', async (t) => {
    for (const step of ['begin', 'write', 'commit'] as const) {
      const fault = (at: string, count: number): void => {
        if (at === step && count === 2) throw new TypeError('a mistake')
      }
      const { intake, post } = await serve(t, { fault })
      assert.equal((await post(bodyOf([image('1.2.3.1'), image('1.2.3.2')]))).status, 500)
      assert.equal(intake.open, 0)
      assert.equal((await post(bodyOf([image('1.2.3.3')]))).status, 200)
    }
  })

  it('asks its guard before it reads a byte', async (t) => {
    const asked: string[] = []
    const { intake, post } = await serve(t, {
      require: (permission) => async (request, reply) => {
        asked.push(permission)
        return request.headers.authorization === 'Bearer x' ? undefined : reply.code(401).send()
      },
    })
    assert.equal((await post(bodyOf([image('1.2.3.1')]))).status, 401)
    assert.equal(intake.taken.length, 0)
    assert.equal((await post(bodyOf([image('1.2.3.1')]), { authorization: 'Bearer x' })).status, 200)
    assert.deepEqual(asked, ['instances.store', 'instances.store'])
  })

  it('receives so many requests at once', async (t) => {
    const { post } = await serve(t, { requests: 0 })
    const response = await post(bodyOf([image('1.2.3.1')]))
    assert.equal(response.status, 503)
    assert.equal(response.headers.get('retry-after'), '5')
  })
})
