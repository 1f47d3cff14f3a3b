/**
 * Instance calls: what the gateway's thread and the thread of its database say to each other, and how calls that wait
 * together are done in one transaction.
 *
 * One flush serves all of them: while it runs, the next ones gather. A call that is refused leaves the others as they
 * are. Answers come after the commit, also those to questions: nobody hears of what a power cut could take back.
 */
import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'
import { inTransaction } from '../transaction.ts'
import { InstanceChanges } from './instance-changes.ts'
import { InstanceQueries } from './instance-queries.ts'
import { instanceError } from './instance-schema.ts'
import { InstanceStatements } from './instance-statements.ts'

type Methods = Omit<InstanceChanges, never> & Omit<InstanceQueries, 'whole'>
export type CallName = keyof Methods
export type CallArguments<Name extends CallName> = Parameters<Methods[Name]>
export type CallResult<Name extends CallName> = ReturnType<Methods[Name]>

export interface InstanceCall {
  readonly id: number
  readonly name: CallName
  readonly args: readonly unknown[]
}

export type CallAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly code: string; readonly message: string }

/** What the thread says: that it is open, that it failed for good, or what became of calls. */
export type ThreadMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'answers'; readonly answers: readonly CallAnswer[] }

const QUESTIONS: ReadonlySet<string> = new Set<keyof InstanceQueries>([
  'get',
  'findEarlier',
  'waitingDestinations',
  'list',
  'counts',
  'pendingEvents',
  'expired',
  'knowsKey',
])

export class InstanceCalls {
  readonly #database: DatabaseSync
  readonly #questions: InstanceQueries
  readonly #changes: InstanceChanges

  constructor(database: DatabaseSync) {
    this.#database = database
    const statements = new InstanceStatements(database)
    this.#questions = new InstanceQueries(statements)
    this.#changes = new InstanceChanges(statements, this.#questions)
  }

  /** Does calls in their order, and makes what they change durable. */
  perform(calls: readonly InstanceCall[]): readonly CallAnswer[] {
    const isQuestion = ({ name }: InstanceCall): boolean => QUESTIONS.has(name)
    if (calls.every(isQuestion)) return calls.map((call) => this.#answer(call))
    try {
      return inTransaction(this.#database, () =>
        calls.map((call) => (isQuestion(call) ? this.#answer(call) : this.#change(call))),
      )
    } catch (cause) {
      // Whether the commit took effect is not known: nobody is told that it did.
      return calls.map(({ id }) => refusal(id, cause))
    }
  }

  #change(call: InstanceCall): CallAnswer {
    this.#database.exec('SAVEPOINT change')
    const answer = this.#answer(call)
    if ('code' in answer && this.#database.isTransaction) this.#database.exec('ROLLBACK TO change')
    this.#database.exec('RELEASE change')
    return answer
  }

  #answer({ id, name, args }: InstanceCall): CallAnswer {
    const target: object = QUESTIONS.has(name) ? this.#questions : this.#changes
    try {
      const method = Reflect.get(target, name) as (...args: readonly unknown[]) => unknown
      return { id, result: Reflect.apply(method, target, args) }
    } catch (cause) {
      return refusal(id, cause)
    }
  }
}

function refusal(id: number, cause: unknown): CallAnswer {
  const error = instanceError(cause)
  if (error instanceof StoreError) return { id, code: error.code, message: error.message }
  if (error instanceof RangeError) return { id, code: 'RangeError', message: error.message }
  return { id, code: 'TypeError', message: error instanceof Error ? error.message : String(error) }
}
