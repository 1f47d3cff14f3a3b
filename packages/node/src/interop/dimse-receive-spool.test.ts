/** C-STORE into the spool on disk, from senders that are killed on the way: what was answered is whole, and nothing else is there. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { parseFileHead } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'
import { startAcceptor } from '../dimse/acceptor.ts'
import type { AcceptorEvent } from '../dimse/acceptor-events.ts'
import type { Intake } from '../services/gateway/ports.ts'
import { FileSpool } from '../storage/gateway/file-spool.ts'
import { dcmtk } from '../testing/dcmtk.ts'
import { fastFolder } from '../testing/fast-folder.ts'
import { peer } from '../testing/peers.ts'
import { CT } from '../testing/raw-peer.ts'

const PIXEL_BYTES = 16_000_000
const SENDERS = 8

/** Files of 16 MB, one for each sender, and another one that is sent first. */
function makeFiles(folder: string): readonly (readonly [string, string])[] {
  const pixels = new Uint8Array(PIXEL_BYTES)
  return Array.from({ length: SENDERS }, (_, index) => {
    const [small, large] = [1, 2].map((number) => {
      const path = join(folder, `${index}-${number}.dcm`)
      const elements = [
        text(0x00080016, 'UI', CT),
        text(0x00080018, 'UI', `1.2.${index}.${number}`),
        us(0x00280010, number),
        { tag: 0x7fe00010, vr: 'OW', value: number === 1 ? pixels.subarray(0, 1_000) : pixels } as const,
      ]
      writeFileSync(path, Buffer.concat(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements })))
      return path
    })
    return [small ?? '', large ?? ''] as const
  })
}

describe('C-STORE into the spool', dcmtk, () => {
  const folder = fastFolder()
  const spoolFolder = fastFolder()

  it('keeps what was answered, and nothing of what senders left half sent when they were killed', async (t) => {
    const spool = await FileSpool.open(spoolFolder)
    t.after(() => spool.close())
    const senders = new Map<string, ChildProcess>()
    const ended = new Map<string, PromiseWithResolvers<void>>()
    const answered: string[] = []
    const intake: Intake = {
      begin: ({ origin, sopInstanceUid }) => {
        const writer = spool.create()
        let length = 0
        return {
          write: (bytes) => {
            writer.write(bytes)
            length += bytes.length
            // Each sender dies somewhere else within its second object.
            const index = Number(origin.callingAet?.slice(3))
            if (length > 200_000 + (index * PIXEL_BYTES) / SENDERS / 2)
              senders.get(origin.callingAet ?? '')?.kill('SIGKILL')
          },
          commit: async () => {
            const { lengthBytes, sha256 } = await writer.commit()
            answered.push(writer.key)
            const known = { studyInstanceUid: null, sopClassUid: CT, transferSyntaxUid: null, orderKey: '' }
            const receivedAt = new Date()
            return {
              id: writer.key,
              spoolKey: writer.key,
              lengthBytes,
              sha256,
              origin,
              receivedAt,
              sopInstanceUid,
              ...known,
            }
          },
          abort: () => writer.abort(),
        }
      },
    }
    const events: AcceptorEvent[] = []
    const acceptor = await startAcceptor({
      settings: { calledTitles: 'any', callers: 'any' },
      intake,
      onEvent: (event) => {
        events.push(event)
        if (event.type === 'association_ended') ended.get(event.association.callingAet)?.resolve()
      },
    })
    t.after(() => acceptor.stop(0))
    for (const [index, paths] of makeFiles(folder).entries()) {
      const title = `CT_${index}`
      ended.set(title, Promise.withResolvers<void>())
      const args = ['-aet', title, '--max-send-pdu', '16384', '127.0.0.1', `${acceptor.port}`, ...paths]
      senders.set(
        title,
        spawn(peer('storescu').path, args, { stdio: 'ignore', env: { ...process.env, TCP_NODELAY: '1' } }),
      )
    }
    await Promise.all([...ended.values()].map(({ promise }) => promise))
    await acceptor.stop(0)

    const failed = events.filter(({ type }) => type === 'object_failed').length
    const kept: string[] = []
    for await (const key of spool.list()) kept.push(key)
    assert.deepEqual(kept.sort(), answered.sort())
    assert.ok(kept.length >= SENDERS && failed > 0, `${kept.length} ${failed}`)
    assert.equal(kept.length + failed, 2 * SENDERS)
    const names = readdirSync(spoolFolder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    assert.deepEqual(names.map(({ name }) => name).sort(), kept)
    for (const key of kept) {
      await using file = await spool.open(key)
      const bytes = file.view(0, file.length)
      assert.equal(parseFileHead(memorySource(bytes)).transferSyntaxUid, EXPLICIT_LITTLE_ENDIAN)
    }
    t.diagnostic(`${kept.length} kept, ${failed} dropped half sent`)
  })
})
