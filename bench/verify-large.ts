/** How close does verifying a large image come to the machine's SHA-256? */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { ACQUISITION_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { openKeyRing } from '../packages/node/src/keys/key-ring.ts'
import { nativeCrypto } from '../packages/node/src/keys/native-crypto.ts'
import { verifyInstance } from '../packages/node/src/services/verify-instance.ts'
import { loadWasm } from '../packages/node/src/storage/wasm.ts'
import { fiducial, makeBench, makeDx, readBytes, runOrFail } from './fixtures.ts'
import { compare, publish } from './harness.ts'

const bench = makeBench()
const dependencies = {
  crypto: nativeCrypto,
  codecs: createCodecs(loadWasm),
  anchors: (await openKeyRing(bench.home)).trust(),
  policy: ACQUISITION_POLICY,
  now: () => new Date(),
}

for (const { name, frames, input } of [
  { name: 'verify-dx', frames: 1, input: 'a DX image of 15.1 MB in memory' },
  { name: 'verify-multi-frame', frames: 20, input: 'a multi-frame DX image of 302 MB in memory' },
]) {
  const path = join(bench.folder, `${name}.dcm`)
  writeFileSync(path, makeDx(0, frames))
  const sealed = join(bench.folder, 'sealed')
  runOrFail(fiducial, ['seal', path, '--out', sealed])
  const image = readBytes(join(sealed, `${name}.dcm`))
  const seal = readBytes(join(sealed, `${name}.dcm.fiducial.json`))
  const verify = async (): Promise<void> => {
    const { verdict } = await verifyInstance({ source: memorySource(image), seal }, dependencies)
    if (verdict !== 'authentic') throw new TypeError(`the image is ${verdict}`)
  }
  publish(
    await compare({
      name,
      question: 'How close does verifying a large image come to one SHA-256 over its bytes?',
      input,
      volume: { amount: image.length / 1e6, of: 'MB' },
      ours: { name: 'verify: two signatures, two timestamps, seal', work: verify },
      others: [{ name: 'SHA-256 of the bytes (node:crypto)', work: () => createHash('sha256').update(image).digest() }],
      rounds: 15,
    }),
  )
}
