/** Watch: which log is looked at, whom to believe about it, and who is asked. */
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import type { LogSource } from '../../services/log/mirror.ts'

export interface Watch {
  readonly origin: string
  readonly policy: WitnessPolicy
  readonly sources: readonly LogSource[]
  /** Addresses of witnesses that nobody named: some show nothing to monitors, and need not. */
  readonly optional: ReadonlySet<string>
}
