/**
 * Statement: what device and technologist say about one image, as an in-toto statement.
 *
 * Source: in-toto Statement v1 (in-toto/attestation); the predicate is ours, described in docs/reference/seal-file.md.
 * What it says of the image stands in sealed-instance.ts. Who signs it, and whether that may be believed, is left to
 * seal.ts and verify.ts.
 */
import { encodeCanonicalJson, parseCanonicalJson } from '../../formats/json/canonical.ts'
import { type Device, type Operator, readDevice, readOperator, writeDevice, writeOperator } from './holder.ts'
import { type MarkClaim, readMarkClaim, writeMarkClaim } from './mark-claim.ts'
import { ACQUISITION_PREDICATE } from './namespace.ts'
import {
  readReference,
  readStatement,
  type SealedInstance,
  type SignatureReference,
  type StatementKind,
  writeReference,
  writeStatement,
} from './sealed-instance.ts'

/** What device and technologist add. */
interface Acquisition {
  readonly device: Device
  readonly operator: Operator
  /** `operator` is null where the technologist signs the series and not each image. */
  readonly signatures: { readonly device: SignatureReference; readonly operator: SignatureReference | null }
  /** What the pixels carry; null where they were sealed unmarked. */
  readonly mark: MarkClaim | null
}

export interface AcquisitionStatement extends SealedInstance, Acquisition {}

const ACQUISITION: StatementKind<Acquisition> = {
  predicateType: ACQUISITION_PREDICATE,
  read: (fields) => ({
    device: fields.object('device', readDevice),
    operator: fields.object('operator', readOperator),
    signatures: fields.object('signatures', (inner) => ({
      device: inner.object('device', readReference),
      operator: inner.nullable('operator', readReference),
    })),
    mark: fields.nullable('mark', readMarkClaim),
  }),
  write: ({ device, operator, signatures, mark }) => ({
    device: writeDevice(device),
    operator: writeOperator(operator),
    signatures: {
      device: writeReference(signatures.device),
      operator: signatures.operator === null ? null : writeReference(signatures.operator),
    },
    mark: mark === null ? null : writeMarkClaim(mark),
  }),
}

/**
 * Reads a statement in its one spelling.
 * @throws {FormatError} `statement_malformed`; `json_malformed` for bytes that are no canonical JSON
 */
export const parseStatement = (payload: Uint8Array): AcquisitionStatement =>
  readStatement(parseCanonicalJson(payload), ACQUISITION)

/**
 * The bytes of a statement; the inverse of {@link parseStatement}.
 * @throws {FormatError} `statement_malformed` for a value outside the limits, such as a name of 300 characters
 */
export const formatStatement = (statement: AcquisitionStatement): Uint8Array =>
  encodeCanonicalJson(writeStatement(statement, ACQUISITION))
