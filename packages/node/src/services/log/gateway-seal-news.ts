/**
 * Gateway seal news: the event by which a custody log knows the seal of a gateway.
 *
 * Of the statement the log keeps no word: it names who sent the image and for which order, and the log holds no data
 * about patients. The digest of the seal file ties both together.
 */
import { digestOf, type HashFactory } from '@fiducial/core/bytes/hash.ts'
import { parseGatewaySeal } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { EventNews } from './recorder.ts'

/**
 * What to record of a seal file. Whether it may be believed is left to verifiers.
 * @throws {FormatError} as `parseGatewaySeal`; `seal_malformed` for a gateway that made no signature in the image
 */
export function newsOfGatewaySeal(file: Uint8Array, hashes: HashFactory): EventNews {
  const { instance, dataset, pixels, sealedAt, gateway, ...statement } = parseGatewaySeal(file).statement
  const [certificate] = gateway.certificates.dicom
  if (certificate === undefined) throw new FormatError('seal_malformed', 'the gateway has not signed in the image')
  const { sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid, transferSyntaxUid } = instance
  return {
    type: 'sealed-at-gateway',
    at: sealedAt,
    instance: { sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid, transferSyntaxUid },
    digests: {
      file: statement.file,
      dataset,
      pixels: null,
      frames: pixels && { count: pixels.count, root: pixels.root },
    },
    details: { seal: digestOf(hashes, 'sha256', file), certificate },
  }
}
