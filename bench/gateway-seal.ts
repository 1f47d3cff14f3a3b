/** What of the sealing of an image at a gateway takes how much processor time, and with which kind of DICOM key? */
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { formatGatewayStatement } from '@fiducial/core/domain/seal/gateway-statement.ts'
import { describeInstance } from '@fiducial/core/domain/seal/instance.ts'
import { parseGatewaySeal } from '@fiducial/core/domain/seal/seal.ts'
import { Digests } from '@fiducial/core/domain/signature/digest.ts'
import { isSignable } from '@fiducial/core/domain/signature/signable.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { piecesOf } from '@fiducial/core/formats/dicom/splice.ts'
import { embeddedAuthority } from '../packages/node/src/keys/embedded-authority.ts'
import { initKeyRing } from '../packages/node/src/keys/key-ring.ts'
import { nativeCrypto } from '../packages/node/src/keys/native-crypto.ts'
import { type Arrival, prepareGatewaySeal } from '../packages/node/src/services/seal-at-gateway.ts'
import { makeBench, makeCtFolder, makeDx } from './fixtures.ts'
import { median, publishReport, spread } from './log-report.ts'

const ROUNDS = 7
const FOR_MS = 400
const KEYS = ['rsa-2048', 'rsa-3072', 'p-256'] as const

const bench = makeBench()
const ring = await initKeyRing(join(bench.folder, 'ring'), { site: 'Bench' })
const authority = await embeddedAuthority(ring)
const gateways = await Promise.all(
  KEYS.map(async (dicomKey) => {
    const { id } = await ring.enrolGateway({ name: dicomKey, dicomKey })
    return { id, keys: await ring.gatewaySigners(id) }
  }),
)
const [gateway] = gateways as [(typeof gateways)[number]]
const codecs = createCodecs(() => Promise.reject(new TypeError('native pixels need no codec')))
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))
const dependencies = { crypto: nativeCrypto, codecs, random, now: () => new Date() }
const arrival: Arrival = {
  origin: { protocol: 'dimse', callingAet: 'CT1', calledAet: 'FRONTDOOR', address: '192.0.2.7:49152', peer: null },
  receivedAt: new Date(),
  order: null,
}
const sha256 = (...pieces: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return new Uint8Array(hash.digest())
}

const ctFolder = makeCtFolder(join(bench.folder, 'CT'), 1)
const images = {
  'CT, 0.53 MB': new Uint8Array(readFileSync(join(ctFolder, readdirSync(ctFolder)[0] as string))),
  'DX, 15.1 MB': makeDx(1),
}

/** Milliseconds of processor time of this thread for one step. */
async function cost(step: () => unknown): Promise<number> {
  const start = process.threadCpuUsage()
  const end = performance.now() + FOR_MS
  let count = 0
  do {
    await step()
    count++
  } while (performance.now() < end)
  const { user, system } = process.threadCpuUsage(start)
  return (user + system) / 1000 / count
}

type Steps = Readonly<Record<string, () => unknown>>

async function stepsOf(bytes: Uint8Array): Promise<Steps> {
  const original = sha256(bytes)
  const file = parseDicom(memorySource(bytes), { isStrict: true })
  const signable = file.dataSet.elements.filter(isSignable)
  const digests = new Digests(file.dataSet, nativeCrypto.hash)
  const measured = describeInstance(file, nativeCrypto.hash, random(16), { digests, random: random(16) })
  const [frame] = measured.frames as [Uint8Array]
  const describe = (knownFrame?: Uint8Array): unknown =>
    describeInstance(file, nativeCrypto.hash, random(16), {
      digests,
      random: random(16),
      ...(knownFrame && { knownFrame }),
    })
  const seal = async (by: typeof gateway, known: { file: Uint8Array; pixels?: Uint8Array }, isStamped = false) => {
    const means = { ...dependencies, gateway: by, ...(isStamped && { authority }) }
    const prepared = await prepareGatewaySeal(memorySource(bytes), means, arrival, known)
    if (prepared === undefined) throw new TypeError('the image is sealed already')
    return prepared.finish(sha256(...piecesOf(prepared.segments)))
  }
  const { statement, envelope } = parseGatewaySeal(await seal(gateway, { file: original }))
  const { keys } = gateway
  return {
    'all of it': () => seal(gateway, { file: original }),
    'all of it, examined before': () => seal(gateway, { file: original, pixels: frame }),
    ...Object.fromEntries(
      gateways.slice(1).map((by, i) => [`all of it, with ${KEYS[i + 1]}`, () => seal(by, { file: original })]),
    ),
    'all of it, with a token': () => seal(gateway, { file: original }, true),
    'reading strictly': () => parseDicom(memorySource(bytes), { isStrict: true }),
    'digest of the data set': () =>
      new Digests(file.dataSet, nativeCrypto.hash).digestElements('sha256', signable, 'normalised'),
    'digests of frames and attributes': () => describe(),
    'digests of attributes alone': () => describe(frame),
    'digest of the sealed file': () => sha256(bytes),
    'DICOM signature, RSA-2048': () => gateways[0]?.keys.dicom.signDigest('sha256', original),
    'DICOM signature, RSA-3072': () => gateways[1]?.keys.dicom.signDigest('sha256', original),
    'DICOM signature, P-256 in JavaScript': () => gateways[2]?.keys.dicom.signDigest('sha256', original),
    'writing the statement': () => formatGatewayStatement(statement),
    'Ed25519 over the statement': () => keys.statement.signMessage(envelope.payload),
    'ML-DSA-44 over the statement': () => keys.postQuantum.signMessage(envelope.payload),
  }
}

const kinds = Object.keys(images) as (keyof typeof images)[]
const steps = new Map<string, Steps>()
for (const kind of kinds) steps.set(kind, await stepsOf(images[kind]))
const names = Object.keys(steps.get(kinds[0] as string) ?? {})
const empty = (): Record<string, number[]> => Object.fromEntries(names.map((name) => [name, []]))
const measurements: Record<string, Record<string, number[]>> = Object.fromEntries(kinds.map((kind) => [kind, empty()]))
for (let round = -1; round < ROUNDS; round++) {
  for (const kind of kinds) {
    for (const name of names) {
      const found = await cost((steps.get(kind) as Steps)[name] as () => unknown)
      if (round < 0) continue
      measurements[kind]?.[name]?.push(found)
    }
  }
}
const found = (kind: string, name: string): readonly number[] => measurements[kind]?.[name] ?? []
const whole = (kind: string): number => median(found(kind, 'all of it'))

publishReport({
  name: 'gateway-seal',
  question: 'What of the sealing of an image at a gateway takes how much processor time?',
  input: `one native image in memory, its digest known since it came in; ${ROUNDS} rounds, in turn; median (lowest–highest) milliseconds of processor time of the thread`,
  tables: [
    {
      title: 'Milliseconds an image',
      columns: ['', ...kinds],
      rows: names.map((name) => [name, ...kinds.map((kind) => spread(found(kind, name)))]),
    },
  ],
  remarks: [
    'The gateway’s own keys are RSA-2048, Ed25519 and ML-DSA-44 where nothing else is said, and it takes no token.',
    `A processor seals ${kinds.map((kind) => `${Math.round(1000 / whole(kind))} ${kind.slice(0, 2)} images`).join(' or ')} a second.`,
  ],
  measurements,
})
