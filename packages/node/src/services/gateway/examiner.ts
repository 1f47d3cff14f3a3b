/**
 * Examiner: whoever looks at the bytes of an instance, and makes the copies that its route asks for.
 *
 * A port: node/workers has threads behind it. Tasks and answers are plain values. Bad evidence is an answer; what an
 * examiner cannot do is an outcome of its own, since the gateway goes on in either case.
 */

import type { DeidentifyProfile } from '@fiducial/core/domain/deidentify/profile.ts'
import type { AttributePath } from '@fiducial/core/domain/gateway/attribute-path.ts'
import type { StatedObject } from '@fiducial/core/domain/gateway/header-rules.ts'
import type { CopyOrder, Preparation } from '@fiducial/core/domain/gateway/judgement.ts'
import type { Examination } from '@fiducial/core/domain/gateway/passage.ts'
import { KeyError, StoreError } from '@fiducial/core/errors.ts'
import type { Arrival } from '../seal-at-gateway.ts'

/** An instance to look at. */
export interface ExamineTask {
  readonly kind: 'examine'
  /** Where its bytes lie, and their SHA-256. */
  readonly path: string
  readonly sha256: Uint8Array
  /** Whether to look first if the bytes are those: they were written by a process that may have ended in a power cut. */
  readonly isToBeChecked: boolean
  readonly stated: StatedObject
  /** Attributes that routes ask for. */
  readonly attributes: readonly AttributePath[]
  /** Where a seal lies that was made of the same instance before; null for none. */
  readonly sealPath: string | null
}

/** Copies to make of it. */
export interface PrepareTask {
  readonly kind: 'prepare'
  readonly path: string
  readonly sha256: Uint8Array
  /** SHA-256 of its decoded frames, as it was described; null where it was not. */
  readonly pixels: Uint8Array | null
  /** What a seal of the gateway is to say besides; null where none is asked for. */
  readonly arrival: Arrival | null
  /** Spool key of the instance where its seal is to stand beside it; null where a copy is to have it. */
  readonly besideKey: string | null
  readonly orders: readonly CopyOrder[]
  /** Those that the orders name. */
  readonly profiles: Readonly<Record<string, DeidentifyProfile>>
}

/** How a task went. */
export type Attempted<Value> =
  | { readonly outcome: 'done'; readonly value: Value; readonly cpuMs: number }
  /** The task killed its thread, or took too long. */
  | { readonly outcome: 'died'; readonly cause: Error }
  /** The file is gone, or not what it was. */
  | { readonly outcome: 'damaged'; readonly cause: Error }
  /** Nobody can work: threads do not come up, or the spool does not give the file. */
  | { readonly outcome: 'unavailable'; readonly cause: Error }

export interface Examiner {
  /** How many tasks are worked on at once. */
  readonly threads: number
  /** Advisors that are not there: what they would look at was not looked at, and every report says so. */
  readonly absentAdvisors: readonly string[]
  examine(task: ExamineTask): Promise<Attempted<Examination>>
  prepare(task: PrepareTask): Promise<Attempted<Preparation>>
  close(): Promise<void>
}

/** What follows from a failure around a task; undefined where the task itself is to blame. */
export function outcomeOf(cause: unknown): Extract<Attempted<never>, { readonly cause: Error }> | undefined {
  if (cause instanceof KeyError) return { outcome: 'unavailable', cause }
  if (!(cause instanceof StoreError)) return undefined
  return { outcome: DAMAGE.has(cause.code) ? 'damaged' : 'unavailable', cause }
}

const DAMAGE: ReadonlySet<string> = new Set(['spool_corrupted', 'input_missing', 'input_empty'])
