/**
 * What a hop by DIMSE leaves of each shared file: the bytes of its data set, its attributes, its pixels.
 *
 * The counts are those of docs/reference/hops.md: FIDUCIAL_HOPS=1 prints them, and the attributes that changed.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it, type TestContext } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { compareHop, type HopChange, type HopSide } from '@fiducial/core/domain/gateway/hop.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { formatTag } from '@fiducial/core/formats/dicom/element.ts'
import { encodeElements } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { encodingOf, IMPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, textAt } from '@fiducial/core/formats/dicom/values.ts'
import { startAcceptor } from '../dimse/acceptor.ts'
import { DimseSender } from '../dimse/dimse-sender.ts'
import { get, QUERY_RETRIEVE, requireContext } from '../dimse/query.ts'
import { receiveInstances } from '../dimse/receive-instances.ts'
import type { RemoteNode } from '../dimse/remote-node.ts'
import { openAssociation } from '../dimse/requestor.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { describeImage } from '../services/log/describe-image.ts'
import { loadWasm } from '../storage/wasm.ts'
import { dcmtk, runDcmtk, startStorescp } from '../testing/dcmtk.ts'
import { MemoryIntake } from '../testing/memory-intake.ts'
import { type Orthanc, orthanc, startOrthanc } from '../testing/orthanc.ts'
import { type OutgoingFile, outgoingFiles } from '../testing/outgoing-files.ts'
import { sharedSkip, temporaryFolder } from '../testing/peers.ts'

const isPrinting = process.env.FIDUCIAL_HOPS !== undefined
const SOP_INSTANCE = 0x00080018
const STUDY = 0x0020000d

const nodeAt = (port: number): RemoteNode => ({
  host: '127.0.0.1',
  port,
  calledAet: 'ORTHANC',
  callingAet: 'FIDUCIAL',
  timeouts: { idleMs: 3000 },
})

/** What came out, by SOP Instance UID. */
type Arrived = ReadonlyMap<string, Uint8Array>

describe('hops by DIMSE', { skip: sharedSkip || dcmtk.skip || orthanc.skip }, () => {
  const codecs = createCodecs(loadWasm)
  const sides = new Map<string, HopSide>()
  let files: readonly OutgoingFile[] = []

  const sideOf = async (bytes: Uint8Array): Promise<HopSide> => {
    const source = memorySource(bytes)
    const { digests } = await describeImage(source, { crypto: nativeCrypto, codecs })
    return { file: parseDicom(source), pixels: digests.pixels }
  }

  before(async () => {
    // One file of each instance: a receiver may keep the first or the last of several.
    const all = outgoingFiles('data/dicom').files
    files = [...new Map(all.toReversed().map((file) => [file.sopInstanceUid, file])).values()].reverse()
    for (const { path, sopInstanceUid } of files) {
      sides.set(sopInstanceUid, await sideOf(new Uint8Array(readFileSync(path))))
    }
  })

  const sendOurs = async (port: number): Promise<void> => {
    const sender = new DimseSender(nodeAt(port))
    for await (const _ of sender.send(files, AbortSignal.timeout(60_000)));
    await sender.close()
  }

  /** Sends with DCMTK, which proposes what each file needs, and leaves out what it cannot read. */
  const sendTheirs = async (port: number, aet: string): Promise<void> => {
    const args = ['+ma', '-dn', '-nh', '-aec', aet, '127.0.0.1', String(port)]
    await runDcmtk('dcmsend', [...args, ...files.map(({ path }) => path)], { timeoutMs: 120_000 })
  }

  async function report(t: TestContext, hop: string, arrived: Arrived): Promise<readonly HopChange[]> {
    const changes: HopChange[] = []
    for (const [uid, bytes] of arrived) {
      const was = sides.get(uid) ?? assert.fail('an instance that was never sent')
      const change = compareHop(was, await sideOf(bytes), nativeCrypto.hash)
      changes.push(change)
      const tags = [...change.removed, ...change.added, ...change.changed]
      const name = files.find(({ sopInstanceUid }) => sopInstanceUid === uid)?.name
      const how = `pixels ${change.pixels}, ${tags.map(formatTag).join(' ')}`
      if (isPrinting && (!change.isCanonicalSame || change.pixels === 'changed'))
        t.diagnostic(`${hop}: ${name}: ${how}`)
    }
    const count = (holds: (change: HopChange) => boolean): number => changes.filter(holds).length
    t.diagnostic(
      `${hop}: ${changes.length} of ${files.length} arrive, raw ${count((one) => one.isRawSame)}, attributes ` +
        `${count((one) => one.isCanonicalSame)}, pixels ${count(({ pixels }) => pixels === 'same')} of ` +
        `${count(({ pixels }) => pixels !== 'unknown')}`,
    )
    return changes
  }

  const byUid = (all: Iterable<Uint8Array>): Arrived =>
    new Map(
      [...all].map((bytes) => [textAt(parseDicom(memorySource(bytes)).dataSet, SOP_INSTANCE) ?? '', bytes] as const),
    )

  const fromRest = async (server: Orthanc): Promise<Arrived> => {
    const found = new Map<string, Uint8Array>()
    for (const uid of await server.instanceUids()) found.set(uid, (await server.fileOf(uid)) ?? assert.fail())
    return found
  }

  const noneChangedPixels = (changes: readonly HopChange[]): void =>
    assert.ok(changes.every(({ pixels }) => pixels !== 'changed'))

  it('from us to us change no byte', async (t) => {
    const intake = new MemoryIntake()
    const acceptor = await startAcceptor({ settings: { calledTitles: 'any', callers: 'any' }, intake })
    t.after(() => acceptor.stop(0))
    await sendOurs(acceptor.port)
    const changes = await report(t, 'ours to ours', byUid(intake.taken.map(({ bytes }) => bytes)))
    assert.equal(changes.length, files.length)
    assert.ok(changes.every(({ isCanonicalSame }) => isCanonicalSame))
    // A deflated data set of odd length gets the NUL that the standard asks for.
    assert.ok(changes.filter(({ isRawSame }) => !isRawSame).length <= 1)
    noneChangedPixels(changes)
  })

  it('dcmsend to storescp leave the pixels as they are', async (t) => {
    const receiver = await startStorescp({ folder: join(temporaryFolder(t), 'in'), args: ['+B', '--fork'] }, t)
    await sendTheirs(receiver.port, 'STORESCP')
    const arrived = byUid(receiver.files().map((path) => new Uint8Array(readFileSync(path))))
    noneChangedPixels(await report(t, 'dcmsend to storescp', arrived))
  })

  it('dcmsend to Orthanc, and out by REST, leave the pixels as they are', async (t) => {
    const server = await startOrthanc({}, t)
    await sendTheirs(server.dicomPort, server.aet)
    noneChangedPixels(await report(t, 'dcmsend to Orthanc, out by REST', await fromRest(server)))
  })

  it('from us to Orthanc, and out by REST or C-GET, leave the pixels as they are', async (t) => {
    const server = await startOrthanc({}, t)
    await sendOurs(server.dicomPort)
    const stored = await fromRest(server)
    noneChangedPixels(await report(t, 'ours to Orthanc, out by REST', stored))
    const pairs = new Map(
      files.map(({ sopClassUid, transferSyntaxUid: syntax }) => [`${sopClassUid} ${syntax}`, { sopClassUid, syntax }]),
    )
    const proposals = [...pairs.values()].map(({ sopClassUid, syntax }) => ({
      abstractSyntax: sopClassUid,
      transferSyntaxes: [syntax],
      isOwnScp: true,
    }))
    const taken: Uint8Array[] = []
    const association = await openAssociation(nodeAt(server.dicomPort), {
      proposals: [
        { abstractSyntax: QUERY_RETRIEVE.study.get, transferSyntaxes: [IMPLICIT_LITTLE_ENDIAN] },
        ...proposals.slice(0, 127),
      ],
      onRequest: receiveInstances(() => {
        const pieces: Uint8Array[] = []
        return {
          write: (bytes) => void pieces.push(new Uint8Array(bytes)),
          commit: async () => void taken.push(new Uint8Array(Buffer.concat(pieces))),
          abort: () => undefined,
        }
      }, 'ORTHANC'),
    })
    const context = requireContext(association, QUERY_RETRIEVE.study.get)
    const studies = [...stored.keys()].flatMap(
      (uid) => textAt(sides.get(uid)?.file.dataSet ?? assert.fail(), STUDY) ?? [],
    )
    for (const study of new Set(studies)) {
      const keys = [text(0x00080052, 'CS', 'STUDY'), text(STUDY, 'UI', study)]
      await get(association, context, encodeElements(keys, encodingOf(context.transferSyntax)))
    }
    await association.release()
    noneChangedPixels(await report(t, 'ours to Orthanc, out by C-GET', byUid(taken)))
  })
})
