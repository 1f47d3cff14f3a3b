/**
 * Perform: what a thread does with a task, whichever kind it is; also done without a thread where there is little to do.
 */
import type { SealSettings, VerifySettings } from '../cli/work.ts'
import type { HolderMaterial } from '../keys/key-ring.ts'
import type { SignerMaterial } from '../keys/signer.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'

/** What the tasks of a run have in common; can be posted to a thread. Holds keys: never log it. */
export type WorkSetup = VerifySetup | SealSetup

export interface VerifySetup {
  readonly kind: 'verify'
  readonly settings: VerifySettings
}

export interface SealSetup {
  readonly kind: 'seal'
  readonly settings: Omit<SealSettings, 'home' | 'secrets' | 'isStatusIgnored'>
  readonly device: HolderMaterial
  readonly operator: HolderMaterial
  /** Of the ring's own timestamp authority; absent where another one is asked. */
  readonly authority?: SignerMaterial
  readonly isDemo: boolean
  /** The ring itself, to know its own seals again. */
  readonly anchors: TrustAnchors
}

/** Performs one task. Never rejects: a task that cannot be done is answered with a failure. */
export type Perform = (task: unknown) => Promise<unknown>

/** Readies what the tasks need. Loads only what this kind of task needs. */
export async function openWork(setup: WorkSetup): Promise<Perform> {
  if (setup.kind === 'verify') return (await import('./verify-work.ts')).openVerifyWork(setup) as Perform
  return (await (await import('./seal-work.ts')).openSealWork(setup)) as Perform
}
