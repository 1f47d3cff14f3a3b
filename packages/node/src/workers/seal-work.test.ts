import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { parseSeal } from '@fiducial/core/domain/seal/seal.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import { toyElements } from '@fiducial/core/testing/toy-seal.ts'
import { initKeyRing, type KeyRing } from '../keys/key-ring.ts'
import { createNoteSigner } from '../keys/log-signer.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { makeToySeal } from '../testing/memory-site.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { logFolder } from '../wiring/log-reader.ts'
import { createSiteLog, openSiteLog } from '../wiring/site-log.ts'
import { openQuoting, openSealWork, type SealImage } from './seal-work.ts'

describe('sealing beside a log', () => {
  const folder = temporaryFolder()
  const home = join(folder, 'site')
  const log = logFolder(home)
  let ring: KeyRing
  let copies = 0
  before(async () => {
    ring = await initKeyRing(home, { site: 'A', isDemo: true })
    await ring.enrolDevice({ name: 'Room 2', manufacturer: 'Acme', serial: '1' })
    await ring.enrolPerson({ name: 'Kim Lee' })
    await createSiteLog(home, ring, { origin: 'a.example/log' })
    await using open = await openSiteLog(home)
    await open.site.recorder.recordSeal(await makeToySeal())
  })
  /** A copy of the log with something done to it. */
  function copyWith(damage: (copy: string) => void): string {
    const copy = join(folder, `copy-${++copies}`)
    cpSync(log, copy, { recursive: true })
    damage(copy)
    return copy
  }
  const newest = () => {
    const { origin, size, root } = parseCheckpoint(parseNote(readFileSync(join(log, 'checkpoint'), 'utf8')).text)
    return { origin, size, root }
  }
  const damages: Readonly<Record<string, (copy: string) => void>> = {
    'is gone': (copy) => rmSync(copy, { recursive: true }),
    'has no policy': (copy) => rmSync(join(copy, 'policy')),
    'has a policy that is none': (copy) => writeFileSync(join(copy, 'policy'), 'junk'),
    'has the policy of another log': (copy) => writeFileSync(join(copy, 'policy'), 'quorum none\n'),
    'has a config that is none': (copy) => writeFileSync(join(copy, '.private', 'config.json'), '{'),
    'has no checkpoint yet': (copy) => rmSync(join(copy, 'checkpoint')),
    'has a checkpoint that is none': (copy) => writeFileSync(join(copy, 'checkpoint'), 'junk'),
    'has a checkpoint that nobody signed': (copy) => {
      const text = readFileSync(join(copy, 'checkpoint'), 'utf8')
      writeFileSync(join(copy, 'checkpoint'), text.replace('\n1\n', '\n2\n'))
    },
    'has a folder for a checkpoint': (copy) => {
      rmSync(join(copy, 'checkpoint'))
      mkdirSync(join(copy, 'checkpoint'))
    },
  }

  describe('openQuoting', () => {
    it('quotes the newest checkpoint', async () => {
      const quote = await openQuoting(log)
      assert.deepEqual(await quote(), newest())
      assert.deepEqual(await quote(), newest())
    })

    it('quotes none that lacks the witnesses of the policy', async () => {
      const { privateKey } = generateKeyPairSync('ed25519')
      const { key } = createNoteSigner('w.example', 'cosignature-ed25519', privateKey, nativeCrypto.hash)
      const witness = `witness w ${formatVerifierKey(key)}\n`
      const unwitnessed = copyWith((copy) => {
        const policy = readFileSync(join(copy, 'policy'), 'utf8')
        writeFileSync(join(copy, 'policy'), policy.replace('quorum none', `${witness}quorum w`))
      })
      assert.equal(await (await openQuoting(unwitnessed))(), null)
    })

    for (const [name, damage] of Object.entries(damages)) {
      it(`quotes nothing of a log that ${name}, and throws nothing`, async () => {
        assert.equal(await (await openQuoting(copyWith(damage)))(), null)
      })
    }
  })

  describe('openSealWork', () => {
    let image: string
    before(() => {
      image = join(folder, 'image.dcm')
      writeFileSync(
        image,
        joinBytes([...encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: toyElements() })]),
      )
    })
    async function sealerFor(logFolderPath: string): Promise<SealImage> {
      const [device, operator] = ring.list().filter(({ role }) => role === 'device' || role === 'person')
      assert.ok(device && operator)
      return openSealWork({
        kind: 'seal',
        settings: {
          device: device.id,
          operator: operator.id,
          isSeries: false,
          isOverwriting: false,
          logFolder: logFolderPath,
        },
        device: await ring.material(device.id),
        operator: await ring.material(operator.id),
        authority: await ring.timestampMaterial(),
        isDemo: true,
        anchors: ring.trust(),
      })
    }

    it('quotes the checkpoint of the log in the seal', async () => {
      const target = join(folder, 'sealed', 'good.dcm')
      const done = await (await sealerFor(log))({ path: image, label: 'image.dcm', target })
      assert.ok('value' in done, JSON.stringify(done))
      const seal = parseSeal(readFileSync(`${target}.fiducial.json`))
      assert.deepEqual(seal.statement.checkpoint, newest())
    })

    it('leaves no proof of what lay there before beside a new seal, and keeps that of an old one', async () => {
      const target = join(folder, 'sealed', 'again.dcm')
      const proof = `${target}.tlog-proof`
      const seal = await sealerFor(log)
      mkdirSync(join(folder, 'sealed'), { recursive: true })
      writeFileSync(proof, 'of an image that was here')
      const first = await seal({ path: image, label: 'image.dcm', target })
      assert.ok('value' in first && first.value.state === 'sealed')
      assert.equal(existsSync(proof), false)
      writeFileSync(proof, 'its own')
      const second = await seal({ path: image, label: 'image.dcm', target })
      assert.ok('value' in second && second.value.state === 'already')
      assert.equal(readFileSync(proof, 'utf8'), 'its own')
      mkdirSync(`${join(folder, 'sealed', 'odd.dcm')}.tlog-proof`)
      const odd = await seal({ path: image, label: 'image.dcm', target: join(folder, 'sealed', 'odd.dcm') })
      assert.ok('value' in odd, 'a folder of that name hinders nobody')
    })

    it('seals all the same, and quotes nothing, whatever is wrong with the log', async () => {
      for (const [i, damage] of Object.values(damages).entries()) {
        const target = join(folder, 'sealed', `${i}.dcm`)
        const done = await (await sealerFor(copyWith(damage)))({ path: image, label: 'image.dcm', target })
        assert.ok('value' in done, JSON.stringify(done))
        assert.equal(parseSeal(readFileSync(`${target}.fiducial.json`)).statement.checkpoint, null)
        assert.ok(existsSync(target))
      }
      assert.deepEqual(
        readdirSync(join(folder, 'sealed')).filter((name) => name.includes('.tmp')),
        [],
      )
    })
  })
})
