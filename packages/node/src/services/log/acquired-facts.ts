/**
 * Acquired facts: what an acquisition statement tells an audit trail.
 */
import type { AcquiredFacts } from '@fiducial/core/domain/log/audit-record.ts'
import type { AcquisitionStatement } from '@fiducial/core/domain/seal/statement.ts'

export function factsOfAcquisition(statement: AcquisitionStatement): AcquiredFacts {
  const { instance, device, operator, pixels } = statement
  return {
    type: 'acquired',
    at: statement.sealedAt,
    isDemo: statement.isDemo,
    instance: {
      sopClassUid: instance.sopClassUid,
      sopInstanceUid: instance.sopInstanceUid,
      seriesInstanceUid: instance.seriesInstanceUid,
      studyInstanceUid: instance.studyInstanceUid,
      transferSyntaxUid: instance.transferSyntaxUid,
    },
    digests: {
      file: statement.file,
      dataset: statement.dataset,
      pixels: null,
      frames: pixels === null ? null : { count: pixels.count, root: pixels.root },
    },
    device: { id: device.id, name: device.name },
    operator: { id: operator.id, name: operator.name },
  }
}
