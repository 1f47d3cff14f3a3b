/** Peers that answer with damaged bytes: whatever comes, an association ends with a code, and nothing hangs. */
import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { concatBytes } from '@fiducial/core/bytes/text.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { packMessage } from '@fiducial/core/formats/dimse/pack-message.ts'
import { formatPdu } from '@fiducial/core/formats/dul/pdu.ts'
import { NO_USER_INFORMATION } from '@fiducial/core/formats/dul/user-information.ts'
import { seeded } from '@fiducial/core/testing/seeded.ts'
import { find, MODALITY_WORKLIST } from './query.ts'
import { openAssociation } from './requestor.ts'

const SYNTAX = '1.2.840.10008.1.2'
const RUNS = Number(process.env.FIDUCIAL_FUZZ_RUNS ?? 400)
const CODES = new Set(['association_aborted', 'association_rejected', 'peer_timeout', 'peer_refused'])

const ACCEPT = formatPdu({
  type: 'associate_ac',
  protocolVersion: 1,
  calledAet: 'DOUBLE',
  callingAet: 'TEST',
  applicationContext: '1.2.840.10008.3.1.1.1',
  contexts: [{ id: 1, result: 0, transferSyntax: SYNTAX }],
  user: { ...NO_USER_INFORMATION, maximumLength: 16_384, implementationClassUid: '1.2.3' },
})
const packing = { contextId: 1, maximumLength: 64 }
const answer = (status: number, dataSet: Uint8Array | null): Uint8Array =>
  packMessage(
    { kind: 'c_find_rsp', messageIdBeingRespondedTo: 1, status, hasDataSet: dataSet !== null },
    dataSet,
    packing,
  )
const ANSWERS = concatBytes(answer(0xff00, new Uint8Array(100)), answer(0, null))

function damage(bytes: Uint8Array, below: (n: number) => number): Uint8Array {
  const copy = new Uint8Array(bytes)
  for (let i = below(4); i >= 0; i--) copy[below(copy.length)] = below(256)
  return copy.subarray(0, below(4) === 0 ? below(copy.length) : copy.length)
}

describe('a peer that damages what it says', () => {
  it(`ends ${RUNS} associations with a code each, or answers after all`, async (t) => {
    const below = seeded(11)
    const sockets = new Set<Socket>()
    // Which of both is damaged goes by turns; the connection is closed behind it, so that nobody waits.
    let run = 0
    const server = createServer((socket) => {
      const isFirst = run++ % 2 === 0
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('data', () => {
        if (isFirst) return socket.end(damage(ACCEPT, below))
        socket.write(ACCEPT)
        socket.once('data', () => socket.end(damage(ANSWERS, below)))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      for (const socket of sockets) socket.destroy()
      return new Promise<void>((resolve) => void server.close(() => resolve()))
    })
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const node = { host: '127.0.0.1', port, calledAet: 'DOUBLE', callingAet: 'TEST' }
    const ends = new Map<string, number>()
    const count = (code: string): void => void ends.set(code, (ends.get(code) ?? 0) + 1)
    for (let i = 0; i < RUNS; i++) {
      try {
        const proposals = [{ abstractSyntax: MODALITY_WORKLIST, transferSyntaxes: [SYNTAX] }]
        const association = await openAssociation(node, { proposals })
        const context = association.find(MODALITY_WORKLIST)
        if (context === undefined) count('no_context')
        else {
          await Array.fromAsync(find(association, context, new Uint8Array(8)))
          count('answered')
        }
        await association.release()
      } catch (error) {
        assert.ok(error instanceof StoreError && CODES.has(error.code), String(error))
        count(error.code)
      }
    }
    t.diagnostic(JSON.stringify(Object.fromEntries(ends)))
  })
})
