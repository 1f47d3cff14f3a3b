/** Commit afterwards, with a destination that answers as it is told. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { COMMITMENT_FAILURES, type CommitmentDecision } from '@fiducial/core/domain/gateway/commitment.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { freePort } from '../testing/free-port.ts'
import { MemoryIntake } from '../testing/memory-intake.ts'
import { startAcceptor } from './acceptor.ts'
import { CommitAfterwards, type StoredCopy, waitsToAskAgain } from './commit-afterwards.ts'
import { CommitmentService } from './commitment-service.ts'
import { CommitmentReports } from './request-commitment.ts'

type Owner = { after(cleanUp: () => Promise<void> | void): void }
type Word = 'yes' | keyof typeof COMMITMENT_FAILURES

const nodeAt = (port: number) => ({ host: '127.0.0.1', port, calledAet: 'ARCHIVE', callingAet: 'GATEWAY' })
const CT = '1.2.840.10008.5.1.4.1.1.2'
const copy = (deliveryId: string): StoredCopy => ({
  deliveryId,
  sopClassUid: CT,
  sopInstanceUid: `1.2.${deliveryId.codePointAt(0)}`,
})

/** An archive. @param answers  what it says of each copy, by its id, to the first question, the second one and so on */
async function archive(owner: Owner, answers: Readonly<Record<string, readonly Word[]>>) {
  const asked: string[] = []
  const turns = new Map<string, number>()
  const decide = (uid: string): CommitmentDecision => {
    const id = String.fromCodePoint(Number(uid.slice(4)))
    const turn = turns.get(id) ?? 0
    turns.set(id, turn + 1)
    const word = answers[id]?.[turn] ?? assert.fail(`${id} is asked for once too often`)
    return word === 'yes' ? { outcome: 'committed' } : { outcome: 'failed', reason: COMMITMENT_FAILURES[word] }
  }
  const service = new CommitmentService({
    decide: async (references) => {
      const ids = references.map(({ sopInstanceUid }) => String.fromCodePoint(Number(sopInstanceUid.slice(4))))
      asked.push(ids.join(''))
      return references.map(({ sopInstanceUid }) => decide(sopInstanceUid))
    },
    nodeOf: () => undefined,
    reports: new CommitmentReports(),
    onError: () => undefined,
    pollMs: 10,
    deadlineMs: 20_000,
  })
  const settings = { calledTitles: 'any', callers: 'any' } as const
  const acceptor = await startAcceptor({ settings, intake: new MemoryIntake(), services: [service] })
  owner.after(() => service.close())
  owner.after(() => acceptor.stop(0))
  return { node: nodeAt(acceptor.port), asked }
}

/** Asks about copies, and notes what is told of them. Asking ends once all of them are settled. */
function witness(owner: Owner, againMs: readonly number[]) {
  const told = { committed: '', lost: '', refused: 0 }
  const errors: unknown[] = []
  const afterwards = new CommitAfterwards({
    reports: new CommitmentReports(),
    onCommitted: async (ids) => {
      told.committed += ids.join('')
    },
    onError: (error) => void errors.push(error),
    againMs,
  })
  owner.after(() => afterwards.close())
  const ask = (node: ReturnType<typeof nodeAt>, ids: string, onLost = async (count: number) => count): Promise<void> =>
    new Promise((resolve) => {
      const settle = (): void => {
        if (told.committed.length + told.lost.length + told.refused >= ids.length) resolve()
      }
      const copies = [...ids].map(copy)
      afterwards.ask(node, copies, {
        onLost: async (lost) => {
          const count = await onLost(lost.length)
          told.lost += lost.map(({ deliveryId }) => deliveryId).join('')
          settle()
          return count
        },
        onRefused: (count) => {
          told.refused += count
          settle()
        },
      })
    })
  return { told, errors, ask, afterwards }
}

describe('commitment afterwards', () => {
  it('is asked for again where a destination indexes late, and refused in the end', async (t) => {
    const { node, asked } = await archive(t, {
      a: ['yes'],
      b: ['no_such_instance', 'yes'],
      c: ['processing_failure', 'resource_limitation', 'class_not_supported', 'processing_failure'],
    })
    const { told, ask, errors } = witness(t, [1, 1, 1])
    await ask(node, 'abc')
    assert.deepEqual(told, { committed: 'ab', lost: '', refused: 1 })
    assert.deepEqual(asked, ['abc', 'bc', 'c', 'c'])
    assert.deepEqual(errors, [])
  })

  it('finds lost what the destination says a second time, or later, that it does not have', async (t) => {
    const { node, asked } = await archive(t, {
      a: ['no_such_instance', 'no_such_instance'],
      b: ['no_such_instance', 'processing_failure', 'no_such_instance'],
      c: ['no_such_instance', 'class_instance_conflict', 'class_instance_conflict', 'class_instance_conflict'],
    })
    const { told, ask } = witness(t, [1, 1, 1])
    await ask(node, 'abc')
    assert.deepEqual(told, { committed: '', lost: 'ab', refused: 1 })
    assert.deepEqual(asked, ['abc', 'abc', 'bc', 'c'])
  })

  it('asks again for what nobody could send again, and says how many had moved on', async (t) => {
    const answers = { a: Array<Word>(3).fill('no_such_instance'), b: Array<Word>(3).fill('no_such_instance') }
    const { node, asked } = await archive(t, answers)
    const { told, ask, errors } = witness(t, [1, 1, 1])
    let calls = 0
    await ask(node, 'ab', async () => {
      if (calls++ === 0) throw new StoreError('service_unreachable', 'as planned')
      return 1
    })
    assert.deepEqual(asked, ['ab', 'ab', 'ab'])
    assert.equal(told.lost, 'ab')
    assert.equal(errors.length, 1)
  })

  it('finds nothing lost while a destination is away, and goes on asking', async (t) => {
    const port = await freePort()
    const { told, ask, errors, afterwards } = witness(t, [1, 1])
    void ask(nodeAt(port), 'a')
    while (errors.length < 6) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(told, { committed: '', lost: '', refused: 0 })
    assert.ok(errors.every((error) => error instanceof StoreError && error.code === 'service_unreachable'))
    await afterwards.close()
    assert.equal(told.refused, 0)
  })

  it('comes a minute, ten minutes and an hour later', () => {
    assert.deepEqual(waitsToAskAgain(60_000), [60_000, 600_000, 3_600_000])
  })
})
