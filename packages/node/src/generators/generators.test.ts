/** Both adapters against a server that draws with a network of its own, and against one that behaves badly. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPicture, type Picture } from '@fiducial/core/domain/attack/picture.ts'
import { FormatError, type StoreCode, StoreError } from '@fiducial/core/errors.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import type { PictureGenerator } from '../services/forge/ports.ts'
import { loadWasm } from '../storage/wasm.ts'
import { type Misbehaviour, startPictureGenerator } from '../testing/picture-generator-server.ts'
import { httpDiffusion } from './http-diffusion.ts'
import { openaiImages } from './openai-images.ts'
import { decodePicture, encodePicture } from './picture-files.ts'
import type { ServiceOptions } from './service-calls.ts'

const TOKEN = 'secret-of-the-test'
const server = await startPictureGenerator({ token: TOKEN })
const elsewhere = await startPictureGenerator()
const codecs = createCodecs(loadWasm)
const common = { url: server.url, codecs, authorization: async () => `Bearer ${TOKEN}` }
type Open = (options?: Partial<ServiceOptions>) => PictureGenerator
const ADAPTERS: Readonly<Record<string, Open>> = {
  'openai-images': (options) => openaiImages({ ...common, model: 'dall-e-2', ...options }),
  'http-diffusion': (options) => httpDiffusion({ ...common, ...options }),
}

/** Soft bars. */
function pictureOf(width: number, height: number): Picture {
  const picture = createPicture(width, height)
  for (let i = 0; i < picture.samples.length; i++) picture.samples[i] = 128 + 90 * Math.sin((i % width) / 9)
  return picture
}

const wish = { picture: pictureOf(96, 64), prompt: 'chest radiograph', strength: 0.2, seed: 7 }

/** What an adapter does while the server behaves so. */
async function codeWhen(generator: PictureGenerator, trouble: Misbehaviour): Promise<StoreCode> {
  server.misbehave(trouble)
  try {
    await generator.regenerate(wish)
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error))
    assert.ok(!`${error.message}${error.cause}`.includes(TOKEN))
    return error.code
  } finally {
    server.misbehave(undefined)
  }
  return assert.fail('a bad answer was taken')
}

for (const [name, open] of Object.entries(ADAPTERS)) {
  describe(name, () => {
    it('gives back a picture that is much like the one that was sent, and not the same', async () => {
      const made = await open().regenerate(wish)
      assert.deepEqual([made.width, made.height], [96, 64])
      const difference = made.samples.reduce(
        (sum, value, i) => sum + Math.abs(value - (wish.picture.samples[i] ?? 0)),
        0,
      )
      assert.ok(difference / made.samples.length > 0.3 && difference / made.samples.length < 25)
    })

    const troubles: readonly [string, Misbehaviour, StoreCode][] = [
      ['an error of the server', { how: 'status', status: 500 }, 'service_unreachable'],
      ['a refusal', { how: 'status', status: 400 }, 'service_refused'],
      ['no JSON', { how: 'no-json' }, 'service_refused'],
      ['no picture', { how: 'no-picture' }, 'service_refused'],
      ['half a picture', { how: 'cut' }, 'service_refused'],
      ['a picture that promises more pixels than fit anywhere', { how: 'bomb' }, 'service_refused'],
      ['an answer without end', { how: 'huge' }, 'service_refused'],
    ]
    for (const [what, trouble, code] of troubles) {
      it(`refuses ${what}`, async () => {
        assert.equal(await codeWhen(open({ answerLimitBytes: 500_000 }), trouble), code)
      })
    }

    it('waits no longer than it was told', async () => {
      assert.equal(await codeWhen(open({ timeoutMs: 150 }), { how: 'slow' }), 'peer_timeout')
    })

    it('follows no redirect: neither picture nor secret reach another host', async () => {
      const seen = elsewhere.requests.length
      assert.equal(await codeWhen(open(), { how: 'redirect', to: elsewhere.url }), 'service_refused')
      assert.equal(elsewhere.requests.length, seen)
    })

    it('says that nobody is there', async () => {
      await assert.rejects(open({ url: 'http://127.0.0.1:9' }).regenerate(wish), { code: 'service_unreachable' })
    })

    it('says that the secret is not the right one, without saying it', async () => {
      const generator = open({ authorization: async () => 'Bearer another' })
      await assert.rejects(generator.regenerate(wish), { code: 'service_refused', message: /401/ })
    })

    it('stops when it is told to', async () => {
      server.misbehave({ how: 'slow' })
      const signal = AbortSignal.timeout(50)
      await assert.rejects(open().regenerate({ ...wish, signal }), { name: 'TimeoutError' })
      server.misbehave(undefined)
    })

    it('speaks plainly to this machine only, unless told otherwise', () => {
      for (const url of [
        'http://images.example',
        'http://127.0.0.1.example',
        'ftp://localhost',
        'https://a:b@c',
        'x',
      ]) {
        assert.throws(() => open({ url }), RangeError, url)
      }
      for (const url of ['https://images.example/root/', 'http://localhost:1', 'http://[::1]:1']) open({ url })
      open({ url: 'http://images.example', isInsecure: true })
    })
  })
}

describe('openai-images', () => {
  it('sends what the API asks for, in the shape of a form', async () => {
    await ADAPTERS['openai-images']?.().regenerate(wish)
    const { path, fields, size } = server.requests.at(-1) ?? assert.fail()
    assert.equal(path, '/v1/images/edits')
    assert.deepEqual(fields, {
      model: 'dall-e-2',
      prompt: wish.prompt,
      n: '1',
      size: '96x64',
      response_format: 'b64_json',
    })
    assert.deepEqual(size, { width: 96, height: 64 })
  })

  it('takes the root with the version behind it too', async () => {
    await openaiImages({ ...common, url: `${server.url}/v1/`, model: 'dall-e-2' }).regenerate(wish)
    assert.equal(server.requests.at(-1)?.path, '/v1/images/edits')
  })

  it('does not ask models for base64 that give nothing else', async () => {
    await openaiImages({ ...common, model: 'gpt-image-1' }).regenerate(wish)
    assert.ok(!('response_format' in (server.requests.at(-1)?.fields ?? {})))
  })

  it('draws from words alone when asked to, and sends no picture', async () => {
    const made = await openaiImages({ ...common, model: 'dall-e-2', way: 'generate' }).regenerate(wish)
    assert.deepEqual([made.width, made.height, server.requests.at(-1)?.size], [96, 64, null])
    assert.equal(server.requests.at(-1)?.path, '/v1/images/generations')
  })

  it('fetches a picture by address from the same host, and from no other', async () => {
    const generator = openaiImages({ ...common, model: 'dall-e-2' })
    server.misbehave({ how: 'url' })
    assert.equal((await generator.regenerate(wish)).width, 96)
    assert.equal(await codeWhen(generator, { how: 'url', to: `${elsewhere.url}/picture.png` }), 'service_refused')
    assert.equal(await codeWhen(generator, { how: 'url', to: '/picture.png' }), 'service_refused')
    assert.equal(await codeWhen(generator, { how: 'url', to: 'file:///etc/hostname' }), 'service_refused')
  })

  it('takes the size that has the proportions of the picture', () => {
    const { sizeFor } = openaiImages({ ...common, model: 'gpt-image-1' })
    assert.deepEqual(sizeFor({ width: 512, height: 512 }), { width: 1024, height: 1024 })
    assert.deepEqual(sizeFor({ width: 2200, height: 2500 }), { width: 1024, height: 1024 })
    assert.deepEqual(sizeFor({ width: 1000, height: 3000 }), { width: 1024, height: 1536 })
  })
})

describe('http-diffusion', () => {
  it('sends strength, seed and steps', async () => {
    await httpDiffusion({ ...common, steps: 12 }).regenerate(wish)
    const { path, fields } = server.requests.at(-1) ?? assert.fail()
    assert.equal(path, '/sdapi/v1/img2img')
    const { denoising_strength, seed, steps, width, height } = fields
    assert.deepEqual([denoising_strength, seed, steps, width, height], [0.2, 7, 12, 96, 64])
  })

  it('gives the same picture for the same seed', async () => {
    const generator = httpDiffusion(common)
    const once = await generator.regenerate(wish)
    assert.deepEqual(await generator.regenerate(wish), once)
    assert.notDeepEqual(await generator.regenerate({ ...wish, seed: 8 }), once)
  })

  it('says which models are there', async () => {
    assert.deepEqual(await httpDiffusion(common).checkHealth(), ['small-diffusion'])
  })

  it('works at sides that are multiples of eight', () => {
    const { sizeFor } = httpDiffusion(common)
    assert.deepEqual(sizeFor({ width: 2021, height: 2517 }), { width: 408, height: 512 })
    assert.deepEqual(sizeFor({ width: 5000, height: 10 }), { width: 512, height: 8 })
  })
})

describe('decodePicture', () => {
  it('reads what encodePicture writes', async () => {
    assert.deepEqual(await decodePicture(encodePicture(wish.picture), codecs), wish.picture)
  })

  it('refuses every beginning of a picture, by the same class', async () => {
    const png = encodePicture(pictureOf(12, 9))
    for (let length = 0; length < png.length - 12; length += 7) {
      await assert.rejects(
        decodePicture(png.subarray(0, length), codecs),
        (error) => !(error instanceof FormatError) && error instanceof StoreError,
      )
    }
  })
})
