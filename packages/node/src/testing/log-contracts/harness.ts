/**
 * Harness: how a contract suite gets the adapter that it tries, and what it tries it with.
 *
 * A contract is what the comments of services/log/ports.ts promise, as tests. Each suite is a function that registers
 * its tests with node:test; every adapter's own test file calls it with a harness.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import type { NewEntry, SequencedBatch, Term } from '../../services/log/ports.ts'

/** What a test takes its clean-up hooks from. */
export type Owner = Pick<TestContext, 'after'>

export interface Harness<Store> {
  /** An adapter over a new and empty state that no other test sees. Cleans up after the test by itself. */
  fresh(t: Owner): Promise<Store>
  /**
   * Another adapter object over the state of `store`, as a second process would open it. Called both while `store` is
   * in use and after it was closed (where the port has a `close`); may be called several times.
   */
  reopen(store: Store, t: Owner): Promise<Store>
}

/** A harness that remembers which state an adapter stands over, such as a folder, a prefix, or a thing in memory. */
export function harnessOver<State, Store extends object>(
  freshState: (t: Owner) => State,
  openState: (state: State, t: Owner) => Promise<Store>,
): Harness<Store> {
  const states = new WeakMap<Store, State>()
  const open = async (state: State, t: Owner): Promise<Store> => {
    const store = await openState(state, t)
    states.set(store, state)
    return store
  }
  return { fresh: (t) => open(freshState(t), t), reopen: (store, t) => open(states.get(store) as State, t) }
}

/** Whether an error is a {@link StoreError} with one of these codes; for `assert.rejects`. */
export const storeError =
  (...codes: readonly string[]) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof StoreError, `a StoreError, not ${String(error)}`)
    assert.ok(codes.includes(error.code), `${error.code} is one of ${codes.join(', ')}`)
    return true
  }

/** 32 bytes that are the same for the same name. */
export function digestOf(name: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(name).digest())
}

/** Which entry to make; everything follows from the number. */
export interface EntryOptions {
  readonly leafBytes?: number
  /** None unless given. */
  readonly payload?: Uint8Array
  /** Default: a type, and an instance that only this entry has. */
  readonly terms?: readonly Term[]
  /** Makes entries of one number differ. */
  readonly flavour?: string
}

export function makeEntry(number: number, options: EntryOptions = {}): NewEntry {
  const { leafBytes = 40, payload, flavour = '', terms = [type('acquired'), instance(number)] } = options
  const leaf = new Uint8Array(leafBytes)
  const name = `${flavour}${number}`
  for (let at = 0; at < leafBytes; at += 32) leaf.set(digestOf(`leaf ${name} ${at}`).subarray(0, leafBytes - at), at)
  return { leaf, identity: digestOf(`identity ${name}`), terms, ...(payload === undefined ? {} : { payload }) }
}

/** A batch whose entries have the numbers of their indexes. The root is 32 arbitrary bytes: adapters do not check it. */
export function makeBatch(first: number, count: number, options: EntryOptions = {}): SequencedBatch {
  const entries = Array.from({ length: count }, (_, i) => makeEntry(first + i, options))
  return { first: BigInt(first), entries, root: digestOf(`root ${options.flavour ?? ''}${first} ${count}`) }
}

export const type = (value: string): Term => ({ kind: 'type', value })
export const instance = (number: number): Term => ({ kind: 'instance', value: `1.2.3.${number}` })

/** Everything that an iterable gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Batches may be read back with bytes of another class, such as Buffer; only the values count. */
export function plainBatch({ first, entries, root }: SequencedBatch): unknown {
  return {
    first,
    root: hex(root),
    entries: entries.map(({ leaf, identity, payload, terms }) => ({
      leaf: hex(leaf),
      identity: hex(identity),
      payload: payload === undefined ? undefined : hex(payload),
      terms: terms.map(({ kind, value }) => `${kind}:${value}`).sort(),
    })),
  }
}

/** Lower-case hexadecimal. */
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** How many of the promises were kept, and the errors of the others. */
export async function outcomes(promises: readonly Promise<unknown>[]): Promise<{ kept: number; errors: unknown[] }> {
  const results = await Promise.allSettled(promises)
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  return { kept: results.length - errors.length, errors }
}
