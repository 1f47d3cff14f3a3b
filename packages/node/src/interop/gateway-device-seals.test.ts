/**
 * Device seals: what the gateway keeps of the seals that modalities hand over beside their images.
 */
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import type { Seal } from '@fiducial/core/domain/seal/seal.ts'
import { anchorsFrom } from '@fiducial/core/domain/trust/anchors.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { toyElements } from '@fiducial/core/testing/toy-seal.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { DeviceSeals } from '../services/gateway/device-seals.ts'
import { FileSealShelf } from '../storage/gateway/file-seal-shelf.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { createSealingSite } from './sealing-site.ts'

const folder = temporaryFolder()
const site = await createSealingSite(folder)
const image = joinBytes([...encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: toyElements([]) })])
const [first, second] = [await site.seal(image), await site.seal(image)]

let shelves = 0
function open(anchors = site.anchors) {
  const recorded: Seal[] = []
  const place = join(folder, `shelf-${shelves++}`)
  const seals = new DeviceSeals({
    shelf: new FileSealShelf(place),
    crypto: nativeCrypto,
    anchors: () => anchors,
    now: () => new Date(),
    record: async (seal) => void recorded.push(seal),
  })
  return { seals, recorded, place }
}

describe('device seals', () => {
  it('are kept, found by the image, and recorded', async () => {
    const { seals, recorded, place } = open()
    const { sopInstanceUid, isNew } = await seals.put(first.seal)
    assert.equal(isNew, true)
    assert.equal(recorded.length, 1)
    const path = (await seals.find(sopInstanceUid)) ?? ''
    assert.ok(path.startsWith(place))
    assert.ok(!path.includes(sopInstanceUid))
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(await seals.find('1.2.3'), undefined)
  })

  it('are one however often they come, and the first one stays', async () => {
    const { seals, recorded } = open()
    await seals.put(first.seal)
    assert.equal((await seals.put(first.seal)).isNew, false)
    assert.equal(recorded.length, 2)
    await assert.rejects(seals.put(second.seal), { code: 'object_conflict' })
  })

  it('are refused unless they hold, of keys that are believed', async () => {
    const { seals, recorded, place } = open()
    const text = Buffer.from(first.seal).toString('latin1')
    const damaged = [
      text.slice(0, -2),
      text.replace(/"payload":"(.)/, (_, letter: string) => `"payload":"${letter === 'e' ? 'f' : 'e'}`),
      text.replace(/"sig":"(.)/, (_, letter: string) => `"sig":"${letter === 'A' ? 'B' : 'A'}`),
      '{}',
      '',
    ]
    for (const bytes of damaged) {
      await assert.rejects(seals.put(Buffer.from(bytes, 'latin1')), { name: 'FormatError' })
    }
    const strange = open(anchorsFrom([]))
    await assert.rejects(strange.seals.put(first.seal), { code: 'seal_malformed' })
    assert.equal(recorded.length, 0)
    assert.throws(() => readdirSync(place))
  })
})
