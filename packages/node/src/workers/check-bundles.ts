/** Check bundles: checks those of a log in files, on threads where there are enough of them. */
import { availableParallelism } from 'node:os'
import { StoreError } from '@fiducial/core/errors.ts'
import type { CheckedBundle } from '../services/log/check-bundle.ts'
import type { Answer } from './log-check-work.ts'
import { openWork } from './perform.ts'
import { runInPool } from './pool.ts'
import type { LogCheckSetup } from './setup.ts'

/** Fewer are checked before a thread is of any use. */
const WORTH_THREADS = 8

/**
 * Checks bundles, results in the order of the numbers.
 * @throws {StoreError} where something cannot be read
 */
export async function* checkBundlesOf(
  numbers: readonly bigint[],
  setup: Omit<LogCheckSetup, 'kind'>,
  signal: AbortSignal,
): AsyncGenerator<CheckedBundle, void, undefined> {
  if (numbers.length < WORTH_THREADS) {
    const check = await openWork({ kind: 'log-check', ...setup })
    for (const number of numbers) {
      if (signal.aborted) return
      yield bundleOf((await check(number)) as Answer)
    }
    return
  }
  const answers = runInPool<bigint, Answer>(each(numbers), {
    script: new URL('./worker.ts', import.meta.url),
    setup: { kind: 'log-check', ...setup } satisfies LogCheckSetup,
    threads: availableParallelism(),
    signal,
    onCrash: (number, cause) => {
      throw new TypeError(`checking bundle ${number} broke off`, { cause })
    },
  })
  for await (const answer of answers) yield bundleOf(answer)
}

function bundleOf(answer: Answer): CheckedBundle {
  if ('bundle' in answer) return answer.bundle
  throw new StoreError(answer.error.code, answer.error.message)
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}
