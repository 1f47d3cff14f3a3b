/**
 * Image statement: what a seal says about one image, by those who made it or by a gateway.
 *
 * The two are told apart by what they hold, and by their predicate types: see statement.ts and gateway-statement.ts.
 */
import type { GatewayStatement } from './gateway-statement.ts'
import type { Operator } from './holder.ts'
import type { AcquisitionStatement } from './statement.ts'

export type ImageStatement = AcquisitionStatement | GatewayStatement

/** Whether a gateway speaks, who has not seen how the image was made. */
export const isOfGateway = (statement: ImageStatement): statement is GatewayStatement => 'gateway' in statement

/** All whose certificates a statement names, in the order of naming. */
export const holdersOf = (statement: ImageStatement): readonly Operator[] =>
  isOfGateway(statement) ? [statement.gateway] : [statement.device, statement.operator]

/** How many DICOM signatures a statement names. */
export const countSignatures = ({ signatures }: ImageStatement): number =>
  Object.values(signatures).filter((reference) => reference !== null).length
