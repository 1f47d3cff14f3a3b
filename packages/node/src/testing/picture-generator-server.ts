/**
 * Picture generator server: a generator on this machine for tests, which speaks the images API of OpenAI and that of AUTOMATIC1111.
 *
 * Behind both stands the forge's own small diffusion network, so that what comes back was drawn by one. It behaves badly when told to. Forms and
 * requests are read by code of the runtime, not by that of the adapters.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after as afterAll } from 'node:test'
import { createRandom } from '@fiducial/core/domain/attack/random.ts'
import { regenerate } from '@fiducial/core/domain/forge/techniques/diffusion.ts'
import { decode, encode } from 'fast-png'

/** What goes wrong with the next requests. */
export type Misbehaviour =
  | { readonly how: 'status'; readonly status: number }
  /** No answer at all, until the server is closed. */
  | { readonly how: 'slow' }
  /** Without end, as far as the caller reads. */
  | { readonly how: 'huge' }
  /** Text where a picture should be; or no JSON. */
  | { readonly how: 'no-picture' | 'no-json' }
  /** A PNG file that is cut, or whose header promises more than anybody can hold. */
  | { readonly how: 'cut' | 'bomb' }
  /** A picture of these sides. */
  | { readonly how: 'size'; readonly width: number; readonly height: number }
  | { readonly how: 'redirect'; readonly to: string }
  /** The address of the picture instead of the picture; on this server, or as given. */
  | { readonly how: 'url'; readonly to?: string }

/** One request as the server understood it. */
export interface SeenRequest {
  readonly path: string
  readonly authorization: string | undefined
  /** Fields of the form or of the JSON, files and pictures left out. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Of the picture that came, null without one. */
  readonly size: { readonly width: number; readonly height: number } | null
}

export interface PictureGeneratorServer {
  readonly url: string
  readonly requests: readonly SeenRequest[]
  /** From now on; undefined heals. */
  misbehave(how: Misbehaviour | undefined): void
}

export interface GeneratorServerOptions {
  /** Requests without it get a 401. */
  readonly token?: string
  /** Whether the server lives on after the tests of a file, for use by hand. */
  readonly port?: number
}

interface Grey {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

/** Starts it on the loopback interface; closed after the tests of the file. */
export async function startPictureGenerator({
  token,
  port,
}: GeneratorServerOptions = {}): Promise<PictureGeneratorServer> {
  const requests: SeenRequest[] = []
  let trouble: Misbehaviour | undefined
  const server = createServer((request, response) => {
    answer(request, { requests, token, trouble, last })
      .then((reply) => send(response, reply))
      .catch((error: unknown) =>
        send(response, { status: 500, body: JSON.stringify({ error: { message: String(error) } }) }),
      )
  })
  const last: { png: Uint8Array } = { png: new Uint8Array(0) }
  await new Promise<void>((resolve) => server.listen(port ?? 0, '127.0.0.1', resolve))
  if (port === undefined) {
    afterAll(() => {
      server.closeAllConnections()
      server.close()
    })
  }
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    requests,
    misbehave(how) {
      trouble = how
    },
  }
}

interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly how?: 'slow' | 'huge'
}

function send(response: ServerResponse, { status, headers, body, how }: Reply): void {
  if (how === 'slow') return
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  if (how !== 'huge') return void response.end(body)
  const piece = Buffer.alloc(65_536, ' ')
  const pour = (): void => {
    while (!response.destroyed && response.write(piece));
  }
  response.on('drain', pour)
  pour()
}

interface State {
  readonly requests: SeenRequest[]
  readonly token: string | undefined
  readonly trouble: Misbehaviour | undefined
  /** The picture that is given by address. */
  readonly last: { png: Uint8Array }
}

async function answer(request: IncomingMessage, state: State): Promise<Reply> {
  const path = new URL(request.url ?? '/', 'http://generator').pathname
  const { authorization } = request.headers
  if (state.token !== undefined && authorization !== `Bearer ${state.token}`) return { status: 401, body: '{}' }
  if (path === '/picture.png') return { status: 200, headers: { 'content-type': 'image/png' }, body: state.last.png }
  if (path === '/sdapi/v1/sd-models') return json([{ title: 'small', model_name: 'small-diffusion' }])
  const asked = await readWish(path, request)
  if (asked === undefined) return { status: 404, body: '{}' }
  const { fields, picture, strength, seed } = asked
  const size = picture === null ? null : { width: picture.width, height: picture.height }
  state.requests.push({ path, authorization, fields, size })
  const wrong = misanswer(state.trouble)
  if (wrong !== undefined) return wrong
  const made = draw(picture ?? blank(fields), strength, seed)
  const png = spoil(made, state.trouble)
  state.last.png = png
  const text = Buffer.from(png).toString('base64')
  if (path.startsWith('/sdapi/')) return json({ images: [text], parameters: {}, info: '{}' })
  const url =
    state.trouble?.how === 'url' ? (state.trouble.to ?? `http://${request.headers.host}/picture.png`) : undefined
  return json({ created: 0, data: [url === undefined ? { b64_json: text } : { url }] })
}

const json = (value: unknown): Reply => ({ status: 200, body: JSON.stringify(value) })

interface Asked {
  readonly fields: Readonly<Record<string, unknown>>
  readonly picture: Grey | null
  readonly strength: number
  readonly seed: number
}

async function readWish(path: string, request: IncomingMessage): Promise<Asked | undefined> {
  const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))
  const fallback = { strength: 0.2, seed: 1 }
  if (path === '/v1/images/edits') {
    const headers = { 'content-type': request.headers['content-type'] ?? '' }
    const form = await new Response(body, { headers }).formData()
    const file = form.get('image') ?? form.get('image[]')
    if (file === null || typeof file === 'string') throw new TypeError('no image in the form')
    const fields = Object.fromEntries([...form].filter(([, value]) => typeof value === 'string'))
    return { fields, picture: readPng(new Uint8Array(await file.arrayBuffer())), ...fallback }
  }
  if (path !== '/v1/images/generations' && path !== '/sdapi/v1/img2img') return undefined
  const { init_images: images, ...fields } = JSON.parse(body.toString('utf8')) as Record<string, unknown>
  if (path === '/v1/images/generations') return { fields, picture: null, ...fallback }
  // Other clients write a data address.
  const text = String((images as readonly string[])[0]).replace(/^data:image\/png;base64,/, '')
  const picture = readPng(Buffer.from(text, 'base64'))
  return { fields, picture, strength: Number(fields.denoising_strength), seed: Number(fields.seed) }
}

function misanswer(trouble: Misbehaviour | undefined): Reply | undefined {
  switch (trouble?.how) {
    case 'status':
      return { status: trouble.status, body: JSON.stringify({ error: { message: 'as told' } }) }
    case 'slow':
    case 'huge':
      return { status: 200, how: trouble.how }
    case 'redirect':
      return { status: 307, headers: { location: trouble.to } }
    case 'no-json':
      return { status: 200, body: '<html>' }
    default:
      return undefined
  }
}

/** The picture's file, damaged as told. */
function spoil(picture: Grey, trouble: Misbehaviour | undefined): Uint8Array {
  if (trouble?.how === 'no-picture') return Buffer.from('no picture at all')
  if (trouble?.how === 'size') return writePng(blank({ size: `${trouble.width}x${trouble.height}` }))
  const png = writePng(picture)
  if (trouble?.how === 'cut') return png.subarray(0, png.length >> 1)
  if (trouble?.how === 'bomb') new DataView(png.buffer, png.byteOffset).setUint32(16, 0x7fff_ffff)
  return png
}

function draw({ width, height, data }: Grey, strength: number, seed: number): Grey {
  const samples = Float32Array.from(data, (value) => value / 127.5 - 1)
  const noise = 0.02 + 0.4 * strength
  const made = regenerate({ width, height, samples }, createRandom(seed), { noise, grain: 0.7, steps: 3 })
  return {
    width,
    height,
    data: Uint8Array.from(made.samples, (value) => Math.round(127.5 * (Math.min(1, Math.max(-1, value)) + 1))),
  }
}

function blank({ size }: Readonly<Record<string, unknown>>): Grey {
  const [width = 256, height = 256] = String(size).split('x').map(Number)
  return { width, height, data: new Uint8Array(width * height).fill(127) }
}

/** The first colour. */
function readPng(bytes: Uint8Array): Grey {
  const { width, height, channels, data } = decode(bytes)
  return { width, height, data: Uint8Array.from({ length: width * height }, (_, i) => data[i * channels] as number) }
}

const writePng = ({ width, height, data }: Grey): Uint8Array => encode({ width, height, data, depth: 8, channels: 1 })
