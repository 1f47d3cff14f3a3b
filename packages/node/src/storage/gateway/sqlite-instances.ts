/**
 * SQLite instances: the record of all that is under way, in a database on this machine.
 *
 * A thread of its own has the database (instance-worker.ts), so that a flush holds up nobody; what waits while it runs is
 * one transaction. Several processes may have the same database open.
 */
import { Worker } from 'node:worker_threads'
import { type StoreCode, StoreError } from '@fiducial/core/errors.ts'
import type { InstanceStore } from '../../services/gateway/ports.ts'
import type { CallAnswer, CallArguments, CallName, CallResult, InstanceCall, ThreadMessage } from './instance-calls.ts'

interface Waiter {
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
}

type Arguments<Name extends keyof InstanceStore> = Parameters<InstanceStore[Name]>

export class SqliteInstances implements InstanceStore {
  readonly #worker: Worker
  readonly #waiters = new Map<number, Waiter>()
  #calls: InstanceCall[] = []
  #nextId = 0
  #failure: unknown
  #closing: Promise<void> | undefined

  private constructor(path: string) {
    this.#worker = new Worker(new URL('./instance-worker.ts', import.meta.url), { workerData: path })
  }

  /**
   * @param path  of the database, which is made where there is none; its folder is there
   * @throws {StoreError} `spool_unwritable`; `spool_corrupted`, also for a database of a newer version
   */
  static async open(path: string): Promise<SqliteInstances> {
    const instances = new SqliteInstances(path)
    try {
      await new Promise<void>((resolve, reject) => instances.#listen(resolve, reject))
    } catch (cause) {
      await instances.#worker.terminate()
      throw cause
    }
    return instances
  }

  accept = (...args: Arguments<'accept'>) => this.#ask('accept', args)
  withdraw = (...args: Arguments<'withdraw'>) => this.#ask('withdraw', args)
  claimReceived = (...args: Arguments<'claimReceived'>) => this.#ask('claimReceived', args)
  findEarlier = (...args: Arguments<'findEarlier'>) => this.#ask('findEarlier', args)
  judge = (...args: Arguments<'judge'>) => this.#ask('judge', args)
  postpone = (...args: Arguments<'postpone'>) => this.#ask('postpone', args)
  abandonClaims = () => this.#ask('abandonClaims', [])
  claimDeliveries = (...args: Arguments<'claimDeliveries'>) => this.#ask('claimDeliveries', args)
  waitingDestinations = () => this.#ask('waitingDestinations', [])
  sent = (...args: Arguments<'sent'>) => this.#ask('sent', args)
  failed = (...args: Arguments<'failed'>) => this.#ask('failed', args)
  giveBack = (...args: Arguments<'giveBack'>) => this.#ask('giveBack', args)
  committed = (...args: Arguments<'committed'>) => this.#ask('committed', args)
  resend = (...args: Arguments<'resend'>) => this.#ask('resend', args)
  revive = (...args: Arguments<'revive'>) => this.#ask('revive', args)
  askRelease = (...args: Arguments<'askRelease'>) => this.#ask('askRelease', args)
  release = (...args: Arguments<'release'>) => this.#ask('release', args)
  reexamine = (...args: Arguments<'reexamine'>) => this.#ask('reexamine', args)
  reject = (...args: Arguments<'reject'>) => this.#ask('reject', args)
  get = (...args: Arguments<'get'>) => this.#ask('get', args)
  list = (...args: Arguments<'list'>) => this.#ask('list', args)
  counts = () => this.#ask('counts', [])
  pendingEvents = (...args: Arguments<'pendingEvents'>) => this.#ask('pendingEvents', args)
  logged = (...args: Arguments<'logged'>) => this.#ask('logged', args)
  addEvents = (...args: Arguments<'addEvents'>) => this.#ask('addEvents', args)
  expired = (...args: Arguments<'expired'>) => this.#ask('expired', args)
  forgotten = (...args: Arguments<'forgotten'>) => this.#ask('forgotten', args)
  purge = (...args: Arguments<'purge'>) => this.#ask('purge', args)
  knowsKey = (...args: Arguments<'knowsKey'>) => this.#ask('knowsKey', args)

  /** Does what was asked before, and ends the thread. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#post()
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#worker.postMessage('close')
    await ended
  }

  #ask<Name extends CallName>(name: Name, args: CallArguments<Name>): Promise<CallResult<Name>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#closing !== undefined) return Promise.reject(stopped())
    const id = this.#nextId++
    return new Promise<CallResult<Name>>((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject })
      // What is asked in the same turn goes as one message.
      if (this.#calls.push({ id, name, args }) === 1) queueMicrotask(() => this.#post())
    })
  }

  #post(): void {
    if (this.#calls.length > 0) this.#worker.postMessage(this.#calls)
    this.#calls = []
  }

  #listen(resolve: () => void, reject: (error: unknown) => void): void {
    this.#worker.on('message', (message: ThreadMessage) => {
      if (message.kind === 'ready') resolve()
      else if (message.kind === 'answers') for (const answer of message.answers) this.#settle(answer)
      else {
        this.#fail(errorOf(message.code, message.message))
        reject(this.#failure)
      }
    })
    const onEnd = (cause?: unknown): void => {
      this.#fail(this.#closing === undefined ? stopped(cause) : stopped())
      reject(this.#failure)
    }
    this.#worker.on('error', onEnd)
    this.#worker.on('exit', () => onEnd())
  }

  #settle(answer: CallAnswer): void {
    const waiter = this.#waiters.get(answer.id)
    this.#waiters.delete(answer.id)
    if ('code' in answer) waiter?.reject(errorOf(answer.code, answer.message))
    else waiter?.resolve(answer.result as never)
  }

  #fail(cause: unknown): void {
    this.#failure ??= cause
    for (const { reject } of this.#waiters.values()) reject(this.#failure)
    this.#waiters.clear()
  }
}

const stopped = (cause?: unknown): StoreError =>
  new StoreError('spool_unwritable', 'the database of the gateway is closed', { cause })

function errorOf(code: string, message: string): Error {
  if (code === 'RangeError') return new RangeError(message)
  if (code === 'TypeError') return new TypeError(message)
  return new StoreError(code as StoreCode, message)
}
