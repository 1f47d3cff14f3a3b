/** Evidence: everything about an image that a judgement may rest on, measured and not yet weighed. */
import type { DicomFile } from '../../formats/dicom/parse.ts'
import type { Comparison } from '../seal/compare.ts'
import type { AcquisitionStatement } from '../seal/statement.ts'
import type { SealReport } from '../seal/verify.ts'
import type { FragmentsCheck } from '../signature/fragments.ts'
import type { SignaturesReport } from '../signature/verify.ts'

/** The seal beside the file, as far as it could be read. */
export type SealEvidence =
  | { readonly state: 'absent' }
  /** There is a file of that name, and it is no seal. */
  | { readonly state: 'malformed'; readonly code: string }
  | {
      readonly state: 'present'
      readonly report: SealReport<AcquisitionStatement>
      /** Against the file at hand; the statement is believed only as far as the report holds. */
      readonly comparison: Comparison
    }

export interface Evidence {
  readonly file: DicomFile
  readonly signatures: SignaturesReport
  readonly fragments: FragmentsCheck
  readonly seal: SealEvidence
}
