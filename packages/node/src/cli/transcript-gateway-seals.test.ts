import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { piecesOf } from '@fiducial/core/formats/dicom/splice.ts'
import { openKeyRing } from '../keys/key-ring.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { prepareGatewaySeal } from '../services/seal-at-gateway.ts'
import { makeKeys, takeImage, testTranscript } from '../testing/transcript-stage.ts'

/** `through.dcm` with its seal, as a gateway of the site leaves it. */
async function passThrough(folder: string): Promise<void> {
  const home = join(folder, '.home')
  await makeKeys(home)
  const ring = await openKeyRing(home)
  const { id } = await ring.enrolGateway({ name: 'Back Door' })
  const prepared = await prepareGatewaySeal(
    memorySource(takeImage('chest')),
    {
      crypto: nativeCrypto,
      codecs: createCodecs(() => Promise.reject(new TypeError('native pixels need no codec'))),
      random: (length) => new Uint8Array(randomBytes(length)),
      now: () => new Date(),
      gateway: { id, keys: await ring.gatewaySigners(id) },
    },
    {
      origin: { protocol: 'dimse', callingAet: 'CT1', calledAet: 'BACKDOOR', address: '192.0.2.7:49152', peer: null },
      receivedAt: new Date(),
      order: null,
    },
  )
  if (prepared === undefined) throw new TypeError('the image is sealed already')
  const image = joinBytes([...piecesOf(prepared.segments)].map((piece) => piece.slice()))
  writeFileSync(join(folder, 'through.dcm'), image)
  const seal = await prepared.finish(new Uint8Array(createHash('sha256').update(image).digest()))
  writeFileSync(join(folder, 'through.dcm.fiducial.json'), seal)
}

testTranscript(join(import.meta.dirname, 'transcripts', 'gateway-seals.txt'), passThrough)
