/** The objects and checkpoints of a log on S3: every contract of their ports, and what failing servers do to them. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { S3CheckpointCell } from '../storage/log/s3/checkpoint-cell.ts'
import { S3Client, type S3Options, type S3Surroundings } from '../storage/log/s3/client.ts'
import { S3ImmutableStore } from '../storage/log/s3/immutable-store.ts'
import { openS3Log } from '../storage/log/s3/open.ts'
import { checkpointCellContract } from '../testing/log-contracts/checkpoint-cell-contract.ts'
import { type Harness, harnessOver, type Owner, storeError } from '../testing/log-contracts/harness.ts'
import { immutableStoreContract } from '../testing/log-contracts/immutable-store-contract.ts'
import { type Fault, type S3Double, type S3DoubleOptions, startS3Double } from '../testing/s3-double.ts'

const ATTEMPTS = 6
const PATH = 'tile/0/000'
const BYTES = Buffer.from('the bytes of a tile')
const OTHER = Buffer.from('the bytes of a file')

/** Notes how long it was asked to wait, and does not. */
function impatient(): S3Surroundings & { readonly waits: number[] } {
  const waits: number[] = []
  return {
    waits,
    now: () => new Date(),
    random: () => 0.5,
    sleep: async (ms) => {
      waits.push(ms)
    },
  }
}

function optionsFor(double: S3Double, more: Partial<S3Options> = {}): S3Options {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = double
  const credentials = { accessKeyId, secretAccessKey }
  return { endpoint, region, bucket, credentials, surroundings: impatient(), timeoutMs: 5_000, ...more }
}

/** A double, and a store over it that does not wait. */
async function stage(t: Owner, more: Partial<S3Options> = {}, how: S3DoubleOptions = {}) {
  const double = await startS3Double(how, t)
  const surroundings = impatient()
  const client = new S3Client(optionsFor(double, { surroundings, ...more }))
  return {
    double,
    client,
    waits: surroundings.waits,
    store: new S3ImmutableStore(client),
    cell: new S3CheckpointCell(client, 'checkpoint'),
  }
}

/** The harness of one of the ports; each state is a prefix of its own in one bucket. */
function harnessOf<Store extends object>(choose: (client: S3Client) => Store): Harness<Store> {
  const double = startS3Double()
  let count = 0
  return harnessOver(
    () => `logs/${++count}/`,
    async (prefix) => choose(new S3Client(optionsFor(await double, { prefix }))),
  )
}

immutableStoreContract(
  'S3',
  harnessOf((client) => new S3ImmutableStore(client)),
)
checkpointCellContract(
  'S3',
  harnessOf((client) => new S3CheckpointCell(client, 'checkpoint')),
)

/** Ways in which a request goes wrong for a moment, and does not say whether it took effect. */
const PASSING: readonly Fault[] = (['before', 'after'] as const).flatMap((when) => [
  { when, how: 500 },
  { when, how: 502, code: 'BadGateway' },
  { when, how: 503, code: 'SlowDown' },
  { when, how: 504 },
  { when, how: 'cut' },
])

const named = ({ when, how, method = '' }: Fault): string =>
  `${how} ${method} ${when} it took effect`.replace('  ', ' ')

describe('S3 objects on a server that fails', () => {
  for (const fault of PASSING) {
    for (const times of [1, 3]) {
      it(`stores an object once over ${named(fault)}, ${times} times`, async (t) => {
        const { double, store, waits } = await stage(t)
        double.fail({ ...fault, method: 'PUT', times })
        await store.putOnce(PATH, BYTES)
        assert.deepEqual(double.objects, new Map([[PATH, BYTES]]))
        assert.equal(double.pendingFaults(), 0)
        assert.equal(waits.length, times)
      })

      it(`refuses other bytes over ${named(fault)}, ${times} times`, async (t) => {
        const { double, store } = await stage(t)
        double.objects.set(PATH, OTHER)
        double.fail({ ...fault, method: 'PUT', times })
        await assert.rejects(store.putOnce(PATH, BYTES), storeError('object_conflict'))
        assert.deepEqual(double.objects.get(PATH), OTHER)
      })
    }

    it(`gives up over ${named(fault)}, for ever`, async (t) => {
      const { double, store } = await stage(t)
      double.fail({ ...fault, times: 1_000 })
      await assert.rejects(store.putOnce(PATH, BYTES), storeError('log_unwritable'))
      assert.equal(double.requests.length, ATTEMPTS)
      await assert.rejects(store.get(PATH), storeError('service_unreachable'))
      await assert.rejects(store.removePartial('tile/0/000.p/1'), storeError('log_unwritable'))
      assert.deepEqual([...double.objects.keys()], fault.when === 'after' ? [PATH] : [])
    })

    it(`reads and removes over ${named(fault)}`, async (t) => {
      const { double, store } = await stage(t)
      double.objects.set(PATH, BYTES).set('tile/0/000.p/5', BYTES)
      double.fail({ ...fault, times: 2 })
      assert.deepEqual(Buffer.from((await store.get(PATH)) ?? []), BYTES)
      double.fail({ ...fault, times: 2 })
      await store.removePartial('tile/0/000.p/5')
      assert.deepEqual([...double.objects.keys()], [PATH])
    })
  }

  it('waits longer each time, up to a bound, and a random part of it', async (t) => {
    const { double, store, waits } = await stage(t)
    double.fail({ when: 'before', how: 503, times: 1_000 })
    await assert.rejects(store.putOnce(PATH, BYTES), storeError('log_unwritable'))
    assert.deepEqual(waits, [50, 100, 200, 400, 800])
  })

  for (const code of ['ConditionalRequestConflict', 'OperationAborted']) {
    it(`tries again after a conflict with another writer (409 ${code})`, async (t) => {
      const { double, store, cell } = await stage(t)
      double.fail({ when: 'before', how: 409, code, times: 2 })
      await store.putOnce(PATH, BYTES)
      double.fail({ when: 'before', how: 409, code, method: 'PUT', times: 2 })
      await cell.compareAndSwap(undefined, 'note\n')
      assert.equal(double.objects.size, 2)
    })
  }

  for (const when of ['before', 'after'] as const) {
    it(`tries again when no answer comes in time, ${when} it took effect`, async (t) => {
      const { double, store, cell } = await stage(t, { timeoutMs: 100 })
      double.fail({ when, how: 'hang', method: 'PUT' })
      await store.putOnce(PATH, BYTES)
      double.fail({ when, how: 'hang', method: 'PUT' })
      await cell.compareAndSwap(undefined, 'note\n')
      assert.deepEqual([...double.objects.keys()], [PATH, 'checkpoint'])
      double.fail({ when, how: 'hang', times: 1_000 })
      await assert.rejects(store.get(PATH), storeError('service_unreachable'))
    })
  }

  for (const [how, count] of [
    ['truncate', 2],
    ['damage', 2],
  ] as const) {
    it(`does not believe an answer that the network did ${how}`, async (t) => {
      const { double, store } = await stage(t)
      double.objects.set(PATH, BYTES)
      double.fail({ when: 'after', how, method: 'GET', times: count })
      assert.deepEqual(Buffer.from((await store.get(PATH)) ?? []), BYTES)
      assert.equal(double.requests.length, count + 1)
      double.fail({ when: 'after', how, method: 'GET', times: 1_000 })
      await assert.rejects(store.get(PATH), storeError('service_unreachable'))
      await assert.rejects(store.putOnce(PATH, OTHER), storeError('log_unwritable'))
      assert.deepEqual(double.objects.get(PATH), BYTES)
    })
  }

  it('does not ask again where the answer will be the same', async (t) => {
    for (const [how, code] of [
      [403, 'AccessDenied'],
      [400, 'InvalidRequest'],
      [501, 'NotImplemented'],
      [307, 'TemporaryRedirect'],
      [405, 'MethodNotAllowed'],
    ] as const) {
      const { double, store, cell } = await stage(t)
      double.fail({ when: 'before', how, code, method: 'PUT', times: 1_000 })
      await assert.rejects(store.putOnce(PATH, BYTES), storeError('log_unwritable'))
      await assert.rejects(cell.compareAndSwap(undefined, 'note\n'), storeError('log_unwritable'))
      assert.equal(double.requests.filter((line) => line.startsWith('PUT')).length, 2)
    }
  })

  it('takes a refusal for no absence', async (t) => {
    for (const [how, code] of [
      [403, 'AccessDenied'],
      [404, 'NoSuchBucket'],
      [301, 'PermanentRedirect'],
    ] as const) {
      const { double, store, cell } = await stage(t)
      double.fail({ when: 'before', how, code, times: 1_000 })
      await assert.rejects(store.get(PATH), storeError('service_refused'))
      await assert.rejects(cell.read(), storeError('service_refused'))
      await assert.rejects(cell.compareAndSwap(undefined, 'note\n'), storeError('log_unwritable'))
    }
  })

  it('gives up where an object is there for writers only', async (t) => {
    const { double, store } = await stage(t)
    double.fail({ when: 'before', how: 412, code: 'PreconditionFailed', method: 'PUT', times: 1_000 })
    await assert.rejects(store.putOnce(PATH, BYTES), storeError('log_unwritable'))
  })

  it('starts no further object once one has failed', async (t) => {
    const { double, store } = await stage(t)
    const objects = Array.from({ length: 200 }, (_, i) => ({ path: `tile/0/${1000 + i}`, bytes: BYTES }))
    double.fail({ when: 'before', how: 403, code: 'AccessDenied', times: 1_000 })
    await assert.rejects(store.putAll(objects), storeError('log_unwritable'))
    assert.ok(double.requests.length <= 16, `${double.requests.length} requests`)
  })
})

describe('S3 checkpoints on a server that fails', () => {
  for (const fault of PASSING) {
    for (const times of [1, 3]) {
      it(`swaps once over ${named(fault)}, ${times} times`, async (t) => {
        const { double, cell } = await stage(t)
        for (const [expected, next] of [
          [undefined, 'one\n'],
          ['one\n', 'two\n'],
          ['two\n', 'two\n'],
          ['two\n', 'three\n'],
        ] as const) {
          double.fail({ ...fault, method: 'PUT', times })
          await cell.compareAndSwap(expected, next)
          assert.equal(double.objects.get('checkpoint')?.toString(), next)
        }
        assert.equal(double.pendingFaults(), 0)
      })
    }

    it(`tells a lost race from a won one over ${named(fault)}`, async (t) => {
      const { double, cell, client } = await stage(t)
      const rival = new S3CheckpointCell(client, 'checkpoint')
      await cell.compareAndSwap(undefined, 'one\n')
      await rival.compareAndSwap('one\n', 'rival\n')
      double.fail({ ...fault, method: 'PUT', times: 2 })
      await assert.rejects(cell.compareAndSwap('one\n', 'two\n'), storeError('checkpoint_moved'))
      assert.equal(await cell.read(), 'rival\n')
      double.fail({ ...fault, times: 1_000 })
      await assert.rejects(cell.compareAndSwap('rival\n', 'two\n'), storeError('log_unwritable'))
    })
  }

  it('does not take the same text of a rival for its own', async (t) => {
    const { cell, client } = await stage(t)
    await cell.compareAndSwap(undefined, 'one\n')
    await new S3CheckpointCell(client, 'checkpoint').compareAndSwap('one\n', 'two\n')
    await assert.rejects(cell.compareAndSwap('one\n', 'two\n'), storeError('checkpoint_moved'))
  })

  it('asks for no version that it has written itself', async (t) => {
    const { double, cell } = await stage(t)
    await cell.compareAndSwap(undefined, 'one\n')
    await cell.compareAndSwap('one\n', 'two\n')
    assert.deepEqual(double.requests, ['GET checkpoint 404', 'PUT checkpoint 200', 'PUT checkpoint 200'])
  })

  it('notices an object that was removed', async (t) => {
    const { double, cell } = await stage(t)
    await cell.compareAndSwap(undefined, 'one\n')
    double.objects.clear()
    await assert.rejects(cell.compareAndSwap('one\n', 'two\n'), storeError('checkpoint_moved'))
    assert.equal(await cell.read(), undefined)
  })
})

describe('S3 as a log opens it', () => {
  it('opens on a server that minds conditions, again and again', async (t) => {
    const double = await startS3Double({}, t)
    for (let i = 0; i < 2; i++) {
      const { objects, head, published } = await openS3Log(optionsFor(double, { prefix: 'hospital/log/' }))
      await objects.putOnce(PATH, BYTES)
      assert.equal(await published.read(), undefined)
      await head.compareAndSwap(i === 0 ? undefined : 'head 0\n', `head ${i}\n`)
    }
    const keys = ['condition-probe', 'head', PATH].map((key) => `hospital/log/${key}`)
    assert.deepEqual([...double.objects.keys()].sort(), keys)
  })

  it('refuses a server that ignores conditions', async (t) => {
    const double = await startS3Double({ ignoresConditions: true }, t)
    await assert.rejects(openS3Log(optionsFor(double)), storeError('service_refused'))
  })

  it('refuses a server that knows no conditions, or refuses us', async (t) => {
    const double = await startS3Double({}, t)
    for (const how of [501, 403, 400, 301]) {
      double.fail({ when: 'before', how, code: 'SomeCode' })
      await assert.rejects(openS3Log(optionsFor(double)), storeError('service_refused'))
    }
    await assert.rejects(openS3Log(optionsFor(double, { bucket: 'other-bucket' })), storeError('service_refused'))
  })

  it('says that nobody answers', async (t) => {
    const double = await startS3Double({}, t)
    double.fail({ when: 'before', how: 'cut', times: 1_000 })
    await assert.rejects(openS3Log(optionsFor(double)), storeError('service_unreachable'))
    // Port 9 is "discard", which nothing listens on here.
    const options = optionsFor(double, { endpoint: 'http://127.0.0.1:9' })
    await assert.rejects(openS3Log(options), storeError('service_unreachable'))
  })
})

describe('S3 requests', () => {
  const wrong: Readonly<Record<string, (double: S3Double) => Partial<S3Options>>> = {
    'another secret': ({ accessKeyId }) => ({ credentials: { accessKeyId, secretAccessKey: 'another-secret-0' } }),
    'another key': ({ secretAccessKey }) => ({ credentials: { accessKeyId: 'AKIDOFSOMEBODY', secretAccessKey } }),
    'another region': () => ({ region: 'us-east-1' }),
    'a clock that is a day late': () => ({
      surroundings: { ...impatient(), now: () => new Date(Date.now() - 86_400_000) },
    }),
  }
  for (const [what, optionsOf] of Object.entries(wrong)) {
    it(`are refused with ${what}, and no message tells a secret`, async (t) => {
      const double = await startS3Double({}, t)
      const options = optionsFor(double, optionsOf(double))
      const store = new S3ImmutableStore(new S3Client(options))
      const secrets = [double.secretAccessKey, double.accessKeyId, 'another-secret-0', 'AKIDOFSOMEBODY']
      for (const attempt of [() => store.putOnce(PATH, BYTES), () => store.get(PATH), () => openS3Log(options)]) {
        await assert.rejects(attempt, (error) => {
          storeError('log_unwritable', 'service_refused')(error)
          const text = everythingIn(error)
          for (const secret of secrets) assert.ok(!text.includes(secret), 'a secret in an error')
          return true
        })
      }
      assert.equal(double.objects.size, 0)
    })
  }

  it('carry checksums and conditions that were signed', async (t) => {
    const { double, store } = await stage(t)
    await store.putOnce(PATH, BYTES)
    const headers = double.lastHeaders()
    assert.equal(headers['x-amz-checksum-sha256'], createHash('sha256').update(BYTES).digest('base64'))
    assert.match(headers.authorization ?? '', /if-none-match.*x-amz-checksum-sha256.*x-amz-content-sha256/)
    assert.match(headers['cache-control'] ?? '', /immutable/)
  })

  it('ask for credentials each time where they change', async (t) => {
    let asked = 0
    const double = await startS3Double({}, t)
    const { accessKeyId, secretAccessKey } = double
    const credentials = async () => ({ accessKeyId, secretAccessKey, sessionToken: `session ${++asked}` })
    const store = new S3ImmutableStore(new S3Client(optionsFor(double, { credentials })))
    await store.putOnce(PATH, BYTES)
    await store.get(PATH)
    assert.equal(asked, 2)
    assert.equal(double.lastHeaders()['x-amz-security-token'], 'session 2')
  })
})

describe('The S3 double', () => {
  const get = (double: S3Double, headers: Record<string, string>) =>
    new S3Client(optionsFor(double)).send({ method: 'GET', key: PATH, headers })

  it('gives a range of an object', async (t) => {
    const double = await startS3Double({}, t)
    double.objects.set(PATH, Buffer.from('0123456789'))
    for (const [range, expected] of [
      ['bytes=2-4', '234'],
      ['bytes=7-', '789'],
      ['bytes=-2', '89'],
      ['bytes=0-99', '0123456789'],
    ] as const) {
      const { status, body } = await get(double, { range })
      assert.deepEqual([status, Buffer.from(body).toString()], [206, expected])
    }
    for (const range of ['bytes=10-', 'bytes=4-2', 'bytes=-', 'bytes=0-1,3-4', 'pages=1-2']) {
      assert.equal((await get(double, { range })).status, 416)
    }
  })

  it('refuses requests that nobody signed', async (t) => {
    const double = await startS3Double({}, t)
    const url = `${double.endpoint}/${double.bucket}/${PATH}`
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const response = await fetch(url, { method, ...(method === 'PUT' ? { body: 'x' } : {}) })
      assert.equal(response.status, 403)
      await response.body?.cancel()
    }
    assert.equal(double.objects.size, 0)
  })

  it('refuses a body that is not the one that was signed', async (t) => {
    const double = await startS3Double({}, t)
    await new S3ImmutableStore(new S3Client(optionsFor(double))).putOnce(PATH, BYTES)
    const signed = double.lastHeaders()
    const names = ['authorization', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-checksum-sha256', 'if-none-match']
    const headers = Object.fromEntries(names.map((name) => [name, String(signed[name])]))
    const put = async (path: string, body: Buffer, more: object): Promise<number> => {
      const init = { method: 'PUT', body: new Uint8Array(body), headers: { ...headers, ...more } }
      const response = await fetch(`${double.endpoint}/${double.bucket}/${path}`, init)
      await response.body?.cancel()
      return response.status
    }
    double.objects.clear()
    assert.equal(await put(PATH, OTHER, {}), 400)
    assert.equal(await put('tile/0/001', BYTES, {}), 403)
    assert.equal(await put(PATH, BYTES, { 'if-none-match': '"x"' }), 403)
    assert.equal(await put(PATH, BYTES, { 'x-amz-meta-more': '1' }), 403)
    assert.equal(double.objects.size, 0)
  })
})

/** Message, stack and everything below an error, as a careless log would write it. */
function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = Object.getOwnPropertyNames(error).map((name) =>
    String((error as unknown as Record<string, unknown>)[name]),
  )
  return [...own, error instanceof StoreError ? error.code : '', everythingIn(error.cause)].join('\n')
}
