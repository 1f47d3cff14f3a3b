import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { renderFrame } from '@fiducial/core/domain/view/render-frame.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { encodeFile, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_BIG_ENDIAN, EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { sq, text, us } from '@fiducial/core/formats/dicom/values.ts'
import { MultipartParser, readBoundary } from '@fiducial/core/formats/multipart/parse.ts'
import type { Archive, ArchivedInstance, FrameMaker } from '../../services/archive/ports.ts'
import { startServer } from '../server.ts'
import { retrieveFace } from './retrieve-face.ts'

const JPEG_LS = '1.2.840.10008.1.2.4.80'

interface Held {
  readonly bytes: Uint8Array
  readonly transferSyntaxUid: string
}

/** Two frames of two by two pixels, 16 bits. */
function image(transferSyntaxUid = EXPLICIT_LITTLE_ENDIAN, more: readonly NewElement[] = []): Held {
  const elements = [
    text(0x00080016, 'UI', '1.2'),
    text(0x00080018, 'UI', '1.3'),
    text(0x0020000d, 'UI', '1.1'),
    us(0x00280002, 1),
    text(0x00280004, 'CS', 'MONOCHROME2'),
    text(0x00280008, 'IS', '2'),
    us(0x00280010, 2),
    us(0x00280011, 2),
    us(0x00280100, 16),
    us(0x00280101, 12),
    us(0x00280102, 11),
    us(0x00280103, 0),
    ...more,
    { tag: 0x7fe00010, vr: 'OW', value: Uint8Array.from({ length: 16 }, (_, i) => i) },
  ]
  return { bytes: joinBytes(encodeFile({ transferSyntaxUid, elements })), transferSyntaxUid }
}

interface Served {
  readonly root: string
  /** Files that are open. */
  open: number
}

async function serve(t: TestContext, held: readonly Held[], change: Partial<Archive> = {}): Promise<Served> {
  const served = { root: '', open: 0 }
  const instances: ArchivedInstance[] = held.map(({ bytes, transferSyntaxUid }, i) => {
    const names = { study: '1.1', series: '1.2', instance: `1.3.${i}`, sopClassUid: '1.2' }
    return { ...names, transferSyntaxUid, lengthBytes: bytes.length }
  })
  const archive: Archive = {
    search: async function* () {},
    instances: async ({ study, instance }) =>
      instances.filter((one) => one.study === study && (instance ?? one.instance) === one.instance),
    async open({ instance }) {
      served.open++
      const { bytes } = held[Number(instance.split('.').at(-1))] as Held
      return { ...memorySource(bytes), [Symbol.asyncDispose]: async () => void served.open-- }
    },
    ...change,
  }
  const maker: FrameMaker = {
    decode: () => assert.fail(),
    draw: async ({ bytes, shape }, order) => renderFrame({ bytes, shape }, order).data.filter((_, i) => i % 3 === 0),
  }
  const server = await startServer([retrieveFace({ archive, maker })], { hasStreams: true, urlLimit: 8192 })
  t.after(() => server.close())
  served.root = `${server.url}/dicom-web/studies/1.1`
  return served
}

const get = (url: string, accept = '*/*', init: RequestInit = {}) => fetch(url, { ...init, headers: { accept } })

async function partsOf(
  response: Response,
): Promise<{ readonly type: string | undefined; readonly bytes: Uint8Array }[]> {
  const parts: { type: string | undefined; bytes: Uint8Array }[] = []
  let pieces: Uint8Array[] = []
  let type: string | undefined
  const parser = new MultipartParser(readBoundary(response.headers.get('content-type') ?? ''), {
    begin(headers) {
      type = headers.get('content-type')
      pieces = []
    },
    body: (bytes) => void pieces.push(bytes.slice()),
    end: () => void parts.push({ type, bytes: joinBytes(pieces) }),
  })
  parser.write(new Uint8Array(await response.arrayBuffer()))
  parser.end()
  return parts
}

const FRAMES = '/series/1.2/instances/1.3.0/frames'

describe('WADO-RS, PS3.18 section 10.4', () => {
  it('sends instances as parts, with their length and their transfer syntaxes', async (t) => {
    const held = [image(), image(EXPLICIT_BIG_ENDIAN)] as const
    const { root } = await serve(t, held)
    const response = await get(root, 'multipart/related; type="application/dicom"; transfer-syntax=*')
    assert.equal(response.status, 200)
    assert.ok(Number(response.headers.get('content-length')) > held[0].bytes.length)
    const parts = await partsOf(response)
    assert.deepEqual(
      parts.map(({ bytes }) => bytes),
      held.map(({ bytes }) => bytes),
    )
    assert.deepEqual(
      parts.map(({ type }) => type),
      [
        `application/dicom; transfer-syntax=${EXPLICIT_LITTLE_ENDIAN}`,
        `application/dicom; transfer-syntax=${EXPLICIT_BIG_ENDIAN}`,
      ],
    )
  })

  it('sends those of a transfer syntax that is asked for, and says that they are not all', async (t) => {
    const { root } = await serve(t, [image(), image(EXPLICIT_BIG_ENDIAN)])
    const accept = (syntax: string) => `multipart/related; type="application/dicom"; transfer-syntax=${syntax}`
    const response = await get(root, accept(EXPLICIT_BIG_ENDIAN))
    assert.equal(response.status, 206)
    assert.equal((await partsOf(response)).length, 1)
    assert.equal((await get(root, accept(JPEG_LS))).status, 406)
    // What is liked more is tried first.
    const both = await get(root, `image/png, ${accept(JPEG_LS)};q=0.1, application/dicom;q=0`)
    assert.equal(both.status, 406)
  })

  it('says nothing of a length that it does not know', async (t) => {
    const { bytes } = image()
    const unknown = {
      study: '1.1',
      series: '1.2',
      instance: '1.3.0',
      sopClassUid: '1.2',
      transferSyntaxUid: null,
      lengthBytes: null,
    }
    const { root } = await serve(t, [image()], { instances: async () => [unknown] })
    const response = await get(`${root}/series/1.2/instances/1.3.0`, 'application/dicom')
    assert.equal(response.headers.get('content-length'), null)
    assert.equal(response.headers.get('content-type'), 'application/dicom')
    assert.equal((await response.arrayBuffer()).byteLength, bytes.length)
  })

  it('sends frames in the order that is asked for, in little endian', async (t) => {
    const { root } = await serve(t, [image(EXPLICIT_BIG_ENDIAN)])
    const response = await get(`${root}${FRAMES}/2,1`, 'multipart/related; type="application/octet-stream"')
    const parts = await partsOf(response)
    // Written as little-endian words, they come back as such.
    assert.deepEqual(
      parts.map(({ bytes }) => [...bytes]),
      [
        [8, 9, 10, 11, 12, 13, 14, 15],
        [0, 1, 2, 3, 4, 5, 6, 7],
      ],
    )
    assert.equal(parts[0]?.type, `application/octet-stream; transfer-syntax=${EXPLICIT_LITTLE_ENDIAN}`)
    assert.equal((await get(`${root}${FRAMES}/1,2`, 'application/octet-stream')).status, 406)
    assert.equal((await get(`${root}${FRAMES}/3`)).status, 404)
    const long = Array.from({ length: 600 }, () => '1').join()
    assert.equal((await partsOf(await get(`${root}${FRAMES}/${long}`))).length, 600)
  })

  it('gives metadata with values, and addresses of the long ones', async (t) => {
    const { root } = await serve(t, [image(), image()])
    const models = (await (await get(`${root}/metadata`, 'application/dicom+json')).json()) as Record<string, object>[]
    assert.deepEqual(
      models.map((model) => model['00280010']),
      [
        { vr: 'US', Value: [2] },
        { vr: 'US', Value: [2] },
      ],
    )
    const long = image(EXPLICIT_LITTLE_ENDIAN, [sq(0x54000100, [text(0x00204000, 'LT', 'x'.repeat(3000))])])
    const other = await serve(t, [long])
    const [model] = (await (await get(`${other.root}/metadata`)).json()) as Record<
      string,
      { Value: { '00204000': { BulkDataURI: string } }[] }
    >[]
    const address = model?.['54000100']?.Value[0]?.['00204000'].BulkDataURI ?? assert.fail()
    assert.equal(address, `${other.root}/series/1.2/instances/1.3.0/bulkdata/54000100/1/00204000`)
    assert.equal((await (await get(address)).text()).length, 3000)
    assert.equal((await get(`${root}/metadata`, 'application/dicom+xml')).status, 406)
    const parts = await partsOf(await get(`${root}/metadata`, 'multipart/related; type="application/dicom+xml"'))
    assert.deepEqual(
      parts.map(({ type }) => type),
      ['application/dicom+xml', 'application/dicom+xml'],
    )
    assert.match(new TextDecoder().decode(parts[0]?.bytes), /keyword="Rows" vr="US"><Value number="1">2</)
  })

  it('draws pictures through the window that is asked for', async (t) => {
    const { root } = await serve(t, [image()])
    const picture = async (query: string) => [
      ...new Uint8Array(await (await get(`${root}${FRAMES}/1/rendered${query}`)).arrayBuffer()),
    ]
    const whole = await picture('')
    assert.deepEqual([whole[0], whole[3]], [0, 255])
    assert.deepEqual(await picture('?window=600,1'), [0, 255, 255, 255])
    assert.equal((await picture('?viewport=1,1')).length, 1)
    assert.equal((await picture('?viewport=500,500')).length, 4)
    for (const query of ['?window=1', '?window=1,0', '?window=1,2,sigmoid', '?viewport=0,1', '?viewport=1']) {
      assert.equal((await get(`${root}${FRAMES}/1/rendered${query}`)).status, 400, query)
    }
    assert.equal((await get(`${root}${FRAMES}/1,2/rendered`)).status, 406)
  })

  it('says that pixels cannot be had where the file does not hold them', async (t) => {
    const { bytes } = image()
    const { root } = await serve(t, [
      { bytes: bytes.subarray(0, bytes.length - 12), transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN },
    ])
    assert.equal((await get(`${root}${FRAMES}/2`)).status, 422)
    assert.equal((await get(`${root}${FRAMES}/2/rendered`)).status, 422)
  })

  it('closes what it opened, also where whoever asks goes away', async (t) => {
    const pixels = new Uint8Array(8 * 2 ** 20)
    const large = { bytes: pixels, transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN }
    const served = await serve(t, [image(), large, large, large])
    await (await get(served.root)).arrayBuffer()
    assert.equal(served.open, 0)
    const stop = new AbortController()
    const response = await get(served.root, '*/*', { signal: stop.signal })
    const reader = response.body?.getReader()
    await reader?.read()
    stop.abort()
    while (served.open > 0) await new Promise(setImmediate)
  })

  it('breaks an answer off that it cannot finish, rather than end it as if it were whole', async (t) => {
    const open = () => Promise.reject(new StoreError('instance_missing', 'gone'))
    const first = await serve(t, [image()], { open })
    assert.equal((await get(first.root)).status, 404)
    let count = 0
    const { bytes } = image()
    const second = await serve(t, [image(), image()], {
      open: async () =>
        count++ === 0 ? { ...memorySource(bytes), [Symbol.asyncDispose]: async () => undefined } : open(),
    })
    await assert.rejects(async () => (await get(second.root)).arrayBuffer())
  })

  it('says what the archive could not do', async (t) => {
    for (const [code, status] of [
      ['service_unreachable', 503],
      ['peer_timeout', 504],
      ['service_refused', 502],
    ] as const) {
      const { root } = await serve(t, [image()], { instances: () => Promise.reject(new StoreError(code, 'away')) })
      assert.equal((await get(root)).status, status)
    }
  })
})
