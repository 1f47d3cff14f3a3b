/**
 * Seal vectors: makes vectors/seals anew: a small image, sealed with keys of each kind, one that is marked, and
 * a series of three; or
 * vectors/gateway-seals: the same image, sealed by a gateway that it came to.
 *
 * The keys are thrown away; what is written is public. Run it when version 1 of a format changes, which it must not
 * do any more once it is released: the vectors then show that old seals still verify.
 *
 *   node tools/generate-seal-vectors.ts seals|gateway-seals
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { concatBytes } from '@fiducial/core/bytes/text.ts'
import type { Origin } from '@fiducial/core/domain/gateway/origin.ts'
import { createPlainCoder } from '@fiducial/core/domain/mark/tiles/plain-coder.ts'
import { openDicomPixels } from '@fiducial/core/domain/pixels/dicom-pixels.ts'
import type { Operator } from '@fiducial/core/domain/seal/holder.ts'
import type { MarkClaim } from '@fiducial/core/domain/seal/mark-claim.ts'
import { sealName, seriesSealName } from '@fiducial/core/domain/seal/namespace.ts'
import { formatSeal, formatSeriesSeal, parseSeal, type Seal } from '@fiducial/core/domain/seal/seal.ts'
import { SeriesProver } from '@fiducial/core/domain/seal/series.ts'
import { seriesEntry } from '@fiducial/core/domain/seal/series-statement.ts'
import { signSeries } from '@fiducial/core/domain/seal/sign.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { encodeFile, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { piecesOf } from '@fiducial/core/formats/dicom/splice.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'
import { embeddedAuthority } from '../packages/node/src/keys/embedded-authority.ts'
import { initKeyRing } from '../packages/node/src/keys/key-ring.ts'
import { nativeCrypto } from '../packages/node/src/keys/native-crypto.ts'
import { prepareMark } from '../packages/node/src/services/mark/mark-instance.ts'
import type { MarkMeans } from '../packages/node/src/services/mark/ports.ts'
import { type OrderFacts, prepareGatewaySeal } from '../packages/node/src/services/seal-at-gateway.ts'
import { prepareSeal, type SealDependencies } from '../packages/node/src/services/seal-instance.ts'
import { memoryMarkRecords } from '../packages/node/src/testing/memory-mark-records.ts'
import { markDeviceOf } from '../packages/node/src/wiring/mark.ts'

const kinds = ['seals', 'gateway-seals'] as const
const wanted = kinds.find((known) => known === process.argv[2])
if (wanted === undefined) throw new TypeError(`name one of ${kinds.join(', ')}`)
const folder = join(import.meta.dirname, '..', 'vectors', wanted)
const home = mkdtempSync(join(tmpdir(), 'fiducial-vectors-'))
const SERIES = '2.25.2'
const MEANS = {
  crypto: nativeCrypto,
  codecs: createCodecs(() => Promise.reject(new TypeError('native pixels need no codec'))),
  random: (length: number) => new Uint8Array(randomBytes(length)),
  now: () => new Date(),
  isDemo: true,
}
const ORIGIN: Origin = {
  protocol: 'dimse',
  callingAet: 'CT1',
  calledAet: 'FRONTDOOR',
  address: '192.0.2.7:49152',
  peer: null,
}
const ORDER: OrderFacts = {
  source: 'mpps',
  matchedBy: 'procedure_step',
  accessionNumber: 'A-17',
  requestedProcedureId: 'RP-1',
  scheduledProcedureStepId: 'SPS-1',
  stationAet: 'CT1',
  mppsSopInstanceUid: '2.25.9',
  technologist: 'DEMO^Technologist',
}

const ring = await initKeyRing(home, { site: 'Vectors', isDemo: true })
const authority = await embeddedAuthority(ring)

/** Device and technologist with statement keys of one kind. */
async function enrol(statementKey: 'ed25519' | 'p-256'): Promise<Pick<SealDependencies, 'device' | 'operator'>> {
  const device = await ring.enrolDevice({
    name: `Room ${statementKey}`,
    manufacturer: 'Example',
    model: 'X',
    serial: '4711',
    statementKey,
  })
  const person = await ring.enrolPerson({ name: `Änne ${statementKey}`, staffId: 'u17', statementKey })
  return {
    device: { id: '4711', keys: await ring.signers(device.id) },
    operator: { id: 'u17', keys: await ring.signers(person.id) },
  }
}

/** Two frames of 4 rows and 6 columns; samples count up from the number of the instance. */
const SMALL = { rows: 4, columns: 6, sample: (i: number): number => i }
/** As small as it can be and still have several tiles; with the grain that a sensor has. */
const GRAINY = {
  rows: 96,
  columns: 64,
  sample: (i: number): number => 1000 + (i % 64) + (Math.imul(i, 0x9e37_79b1) >>> 28),
}

function image(instance: number, { rows, columns, sample } = SMALL): Uint8Array {
  const elements: readonly NewElement[] = [
    text(0x00080005, 'CS', 'ISO_IR 192'),
    text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7.3'),
    text(0x00080018, 'UI', `2.25.${1000 + instance}`),
    text(0x0008001c, 'CS', 'YES'),
    text(0x0008002a, 'DT', '20260303101359.5+0100'),
    text(0x00081070, 'PN', 'Änne'),
    text(0x00100010, 'PN', 'DEMO^Patient'),
    text(0x00100020, 'LO', 'DEMO-1'),
    text(0x0020000d, 'UI', '2.25.1'),
    text(0x0020000e, 'UI', SERIES),
    us(0x00280002, 1),
    text(0x00280004, 'CS', 'MONOCHROME2'),
    text(0x00280008, 'IS', '2'),
    us(0x00280010, rows),
    us(0x00280011, columns),
    us(0x00280100, 16),
    us(0x00280101, 12),
    us(0x00280102, 11),
    us(0x00280103, 0),
    {
      tag: 0x7fe00010,
      vr: 'OW',
      value: new Uint8Array(Uint16Array.from({ length: 2 * rows * columns }, (_, i) => instance + sample(i)).buffer),
    },
  ]
  return concatBytes(...encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))
}

async function seal(
  bytes: Uint8Array,
  holders: Pick<SealDependencies, 'device' | 'operator' | 'mark'>,
  isSeries: boolean,
): Promise<{ file: Uint8Array; seal: Seal }> {
  const prepared = await prepareSeal(memorySource(bytes), {
    ...holders,
    ...MEANS,
    authority,
    isSeries,
  })
  const file = concatBytes(...piecesOf(prepared.segments))
  return { file, seal: parseSeal(await prepared.finish(new Uint8Array(createHash('sha256').update(file).digest()))) }
}

/** Puts tiles into an image, with the mark key of all numbers from 0 to 31. */
async function mark(bytes: Uint8Array): Promise<{ file: Uint8Array; claim: MarkClaim; record: Uint8Array }> {
  const means: MarkMeans = {
    ...MEANS,
    hash: nativeCrypto.hash,
    createCoder: createPlainCoder,
    encoders: { load: () => Promise.reject(new TypeError('native pixels need no codec')) },
    records: memoryMarkRecords(),
  }
  const device = markDeviceOf({
    id: 'device-room-ed25519',
    markKey: Uint8Array.from({ length: 32 }, (_, i) => i),
    isDemo: true,
  })
  const prepared = await prepareMark(
    openDicomPixels(parseDicom(memorySource(bytes))),
    { device, layers: 'tiles' },
    means,
  )
  const file = concatBytes(...[...prepared.pieces()].map((piece) => piece.slice()))
  const { claim, recordBytes } = await prepared.finish()
  return { file, claim, record: recordBytes }
}

const write = (name: string, bytes: Uint8Array): void => writeFileSync(join(folder, name), bytes)

/** The image as it came to a gateway: with and without an order, with a token over its seal, and with nothing in the file. */
async function makeGatewaySeals(): Promise<void> {
  const seals = [
    { name: 'bound', statementKey: 'ed25519', order: ORDER, isBeside: false },
    { name: 'unbound', statementKey: 'p-256', order: null, isBeside: false },
    { name: 'stamped', statementKey: 'ed25519', order: ORDER, isBeside: false, authority },
    { name: 'beside', statementKey: 'ed25519', order: ORDER, isBeside: true },
  ] as const
  for (const { name, statementKey, order, isBeside, ...stamp } of seals) {
    const { id } = await ring.enrolGateway({ name: `Gateway ${name}`, statementKey })
    const prepared = await prepareGatewaySeal(
      memorySource(image(1)),
      { ...MEANS, ...stamp, gateway: { id, keys: await ring.gatewaySigners(id) } },
      { origin: ORIGIN, receivedAt: new Date(), order },
      { isBeside },
    )
    if (prepared === undefined) throw new TypeError('the image is sealed already')
    const file = concatBytes(...piecesOf(prepared.segments))
    write(`${name}.dcm`, file)
    write(sealName(`${name}.dcm`), await prepared.finish(new Uint8Array(createHash('sha256').update(file).digest())))
  }
  write('received.dcm', image(1))
}

async function makeSeals(): Promise<void> {
  const holders = await enrol('ed25519')
  for (const [kind, by] of [
    ['ed25519', holders],
    ['p-256', await enrol('p-256')],
  ] as const) {
    const made = await seal(image(1), by, false)
    write(`${kind}.dcm`, made.file)
    write(sealName(`${kind}.dcm`), formatSeal(made.seal))
  }
  const marked = await mark(image(4, GRAINY))
  const made = await seal(marked.file, { ...holders, mark: marked.claim }, false)
  write('marked.dcm', made.file)
  write(sealName('marked.dcm'), formatSeal(made.seal))
  write('marked.fmr', marked.record)
  const images: { readonly file: Uint8Array; readonly seal: Seal }[] = []
  for (const instance of [1, 2, 3]) images.push(await seal(image(instance), holders, true))
  const operator = images[0]?.seal.statement.operator as Operator
  const series = await signSeries({
    statement: {
      isDemo: true,
      studyInstanceUid: '2.25.1',
      seriesInstanceUid: SERIES,
      operator,
      signedAt: new Date(),
      checkpoint: null,
    },
    entries: images.map(({ seal: { statement } }) => seriesEntry(statement, nativeCrypto.hash)),
    signers: { statement: holders.operator.keys.statement, postQuantum: holders.operator.keys.postQuantum },
    hashes: nativeCrypto.hash,
    timestamp: (name, digest) => authority.timestamp(name, digest),
  })
  const prover = new SeriesProver(series, nativeCrypto.hash)
  write(seriesSealName(SERIES), formatSeriesSeal(series))
  for (const [i, { file, seal: pending }] of images.entries()) {
    write(`series-${i + 1}.dcm`, file)
    write(sealName(`series-${i + 1}.dcm`), formatSeal(prover.attach(pending) as Seal))
  }
  write(sealName('pending.dcm'), formatSeal(images[2]?.seal as Seal))
}

mkdirSync(folder, { recursive: true })
await (wanted === 'seals' ? makeSeals() : makeGatewaySeals())
ring.exportPublic(join(home, 'public'))
for (const name of ['ca.pem', 'crl.pem']) write(name, readFileSync(join(home, 'public', name)))
rmSync(home, { recursive: true })
