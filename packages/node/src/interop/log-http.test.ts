import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, describe, it, type TestContext } from 'node:test'
import { signCheckpoint } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { rootAt } from '@fiducial/core/domain/log/tile-proofs.ts'
import { createPlainHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { logFace } from '../http/log-face.ts'
import { startServer } from '../http/server.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { makeLogSigner, ORIGIN } from '../testing/log-site.ts'
import { run, temporaryFolder } from '../testing/peers.ts'
import { buildJudge, type GoLog, goSkip, writeGoLog } from './log-go.ts'

/** The example of C2SP tlog-tiles, section "Partial Tiles". */
const SIZE = 70_000
const hasher = createPlainHasher(nativeCrypto.hash)
const signer = makeLogSigner()

describe('Our log by HTTP, read by Go', { skip: goSkip }, () => {
  const folder = temporaryFolder()
  let program: string
  let log: GoLog
  let newest: string
  before(async () => {
    program = buildJudge(folder, join(import.meta.dirname, 'go-client/main.go'))
    log = await writeGoLog(join(folder, 'log'), SIZE, () => 5_000)
    newest = await sign(SIZE)
  })

  const sign = async (size: number): Promise<string> => {
    const root = await rootAt(BigInt(size), log.readTile, hasher)
    return signCheckpoint({ origin: ORIGIN, size: BigInt(size), root, extensions: [] }, signer, 1_772_532_840n)
  }

  /** Serves the files of the log; `notes` are the checkpoints that are read, one after the other, the last for good. */
  async function serve(t: TestContext, notes: readonly string[], change = (_path: string, bytes: Uint8Array) => bytes) {
    let reads = 0
    const head = { read: async () => notes[Math.min(reads++, notes.length - 1)] }
    const get = async (path: string) => {
      const bytes = log.files.get(path)
      return bytes && change(path, bytes)
    }
    const server = await startServer([logFace({ objects: { get }, head }, { prefix: '/log' })])
    t.after(() => server.close())
    return `${server.url}/log`
  }

  const read = (url: string, indexes: readonly number[]) =>
    run(program, ['read', url, formatVerifierKey(signer.ed25519.key), indexes.join(',')])

  it('is read and proved, entry by entry', async (t) => {
    const url = await serve(t, [newest])
    const indexes = Array.from({ length: 200 }, (_, i) => (i * 7919) % SIZE)
    const { code, stdout, stderr } = await read(url, [
      0,
      255,
      256,
      65_535,
      65_536,
      69_887,
      69_888,
      SIZE - 1,
      ...indexes,
    ])
    assert.equal(code, 0, stderr)
    assert.equal(stdout, `ok ${SIZE}\n`)
  })

  it('is read by somebody who has an older checkpoint, though it keeps the newest partial tiles only', async (t) => {
    for (const size of [1, 255, 256, 257, 65_536, 65_537, 69_889, 69_990]) {
      const url = await serve(t, [await sign(size), newest])
      const { code, stdout, stderr } = await read(url, [0, size - 1, size >> 1])
      assert.equal(code, 0, stderr)
      assert.equal(stdout, `ok ${size}\n`)
    }
  })

  it('is refused with one bit of one tile changed, and with another checkpoint', async (t) => {
    for (const path of ['tile/0/000', 'tile/0/273.p/112', 'tile/1/000', 'tile/1/001.p/17', 'tile/2/000.p/1']) {
      assert.ok(log.files.has(path), path)
      // The second hash, where there is one: the first is an ancestor of an entry that is proved, and stands in no proof.
      const spoil = (bytes: Uint8Array) => {
        const at = bytes.length > 32 ? 41 : 9
        return bytes.with(at, (bytes[at] ?? 0) ^ 1)
      }
      const url = await serve(t, [newest], (at, bytes) => (at === path ? spoil(bytes) : bytes))
      assert.equal((await read(url, [0, 255, 65_536, SIZE - 1])).code, 1)
    }
    const forged = await serve(t, [newest.replace(`\n${SIZE}\n`, `\n${SIZE - 1}\n`)])
    assert.equal((await read(forged, [0])).code, 1)
  })
})
