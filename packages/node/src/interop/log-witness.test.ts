import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, describe, it, type TestContext } from 'node:test'
import { judgeSplitView } from '@fiducial/core/domain/log/split-view.ts'
import { formatVerifierKey, parseVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { toySigner } from '@fiducial/core/testing/toy-log.ts'
import { startServer } from '../http/server.ts'
import { witnessFace } from '../http/witness-face.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { createWitness } from '../services/log/witness-service.ts'
import { openWitnessStore } from '../storage/log/witness-store.ts'
import { peer, repositoryRoot, run, temporaryFolder } from '../testing/peers.ts'
import { buildJudge, goSkip } from './log-go.ts'

const ORIGIN = 'elsewhere.example/log'
const NOW = 1_800_000_000
const signer = toySigner('insurer.example/w', 'cosignature-ed25519')
const strace = peer('strace')

describe('Our witness, asked by a log in Go', { skip: goSkip }, () => {
  const folder = temporaryFolder()
  let program: string
  before(() => {
    program = buildJudge(folder, join(import.meta.dirname, 'go-client/main.go'))
  })

  /** A witness on a real store, and how a log in Go fares with it. */
  async function setUp(t: TestContext) {
    const [secret = '', verifier = ''] = (await run(program, ['key', ORIGIN])).stdout.split('\n')
    const keys = [parseVerifierKey(verifier, nativeCrypto.hash)]
    const store = openWitnessStore(join(temporaryFolder(t), 'witness.db'), { mayCreate: true })
    const now = () => new Date(NOW * 1000)
    const logs = [{ origin: ORIGIN, keys }]
    const found: string[] = []
    const onEvidence = (view: Parameters<typeof judgeSplitView>[0]) =>
      found.push(judgeSplitView(view, keys, nativeCrypto))
    const witness = createWitness({ logs, signers: [signer], store, crypto: nativeCrypto, now, onEvidence })
    const server = await startServer([witnessFace(witness)])
    t.after(async () => {
      await server.close()
      await store.close()
    })
    const submit = async (steps: string, key = secret): Promise<string[]> => {
      const args = ['submit', server.url, key, formatVerifierKey(signer.key), steps]
      const { code, stdout, stderr } = await run(program, args)
      assert.equal(code, 0, stderr)
      return stdout.split('\n').slice(0, -1)
    }
    return { submit, found, store, secret }
  }

  it('takes its proofs, and gives it cosignatures that hold for it', async (t) => {
    const { submit, store } = await setUp(t)
    const steps = ['0-1', '1-2', '2-2', '2-7', '7-8', '8-64', '64-65', '65-255', '255-256', '256-257', '257-1000']
    const answers = await submit(steps.join(','))
    assert.deepEqual(
      answers,
      steps.map(() => `200 ${NOW}`),
    )
    assert.equal((await store.read(ORIGIN))?.size, 1000n)
  })

  it('takes a proof from each size to many larger ones', async (t) => {
    const { submit } = await setUp(t)
    const steps: string[] = ['0-1']
    for (let size = 1, step = 1; size < 200; step = (step % 9) + 1) {
      steps.push(`${size}-${size + step}`)
      size += step
    }
    const answers = await submit(steps.join(','))
    assert.ok(answers.every((answer) => answer === `200 ${NOW}`))
  })

  it('tells it its size, and refuses its fork', async (t) => {
    const { submit, found } = await setUp(t)
    assert.deepEqual(await submit('5-9,0-20,0-20,10-30,20-20f,20-30f,16-30f,20-30'), [
      '409 0',
      `200 ${NOW}`,
      '409 20',
      '409 20',
      '409 20',
      '422',
      '409 20',
      `200 ${NOW}`,
    ])
    assert.deepEqual(found, ['proven', 'proven'])
  })

  it('refuses a log whose key it does not know', async (t) => {
    const [mine, other] = [await setUp(t), await setUp(t)]
    assert.deepEqual(await mine.submit('0-5', other.secret), ['403'])
    assert.equal(await mine.store.read(ORIGIN), undefined)
    assert.deepEqual(await mine.submit('0-5'), [`200 ${NOW}`])
  })
})

describe('The store of a witness', { skip: strace.skip }, () => {
  it('has its record on the disk before it says so', async (t) => {
    const folder = temporaryFolder(t)
    const module = join(repositoryRoot, 'packages/node/src/storage/log/witness-store.ts')
    const program = `
      const { openWitnessStore } = await import(${JSON.stringify(module)})
      const { writeSync } = await import('node:fs')
      const store = openWitnessStore(${JSON.stringify(join(folder, 'witness.db'))}, { mayCreate: true })
      let record
      for (let i = 0; i < 3; i++) {
        const next = { size: BigInt(i), root: new Uint8Array(32), timestamp: 1n, note: 'note ' + i }
        await store.replace('a', record, next)
        record = next
        writeSync(1, 'kept\\n')
      }`
    const trace = join(folder, 'trace')
    const args = [
      '-f',
      '-e',
      'trace=fsync,fdatasync,write',
      '-o',
      trace,
      process.execPath,
      '--input-type=module',
      '-e',
      program,
    ]
    const { code, stderr } = await run(strace.path, args)
    assert.equal(code, 0, stderr)
    const { stdout } = await run('cat', [trace])
    const calls = stdout
      .split('\n')
      .flatMap((line) => /\b(fsync|fdatasync)\(|write\(1, "(kept)/.exec(line)?.slice(1) ?? [])
    const words = calls.filter((word) => word !== undefined).join(' ')
    assert.match(words, /sync kept (f(data)?sync )+kept (f(data)?sync )+kept/)
  })
})
