/** Toy gateway: seals the toy image as one that came to it. Real keys are put to the test in packages/node/src/interop. */
import { encodeLatin1 } from '../bytes/text.ts'
import type { GatewayStatement } from '../domain/seal/gateway-statement.ts'
import type { Operator } from '../domain/seal/holder.ts'
import type { InstanceDescription } from '../domain/seal/instance.ts'
import type { GatewaySeal } from '../domain/seal/seal.ts'
import { certificatesOf, type GatewaySealRequest, signGatewaySeal } from '../domain/seal/sign.ts'
import { sha256 } from './toy-pki.ts'
import { hashes, sealedAt, toyDescription, toyHolder } from './toy-seal.ts'

export const gateway = toyHolder('gateway', 'Front Door')

export const gatewayFacts: Operator = {
  id: 'gateway-front-door',
  name: 'Front Door',
  certificates: certificatesOf(gateway, hashes),
}

/** From AE CT1 by DIMSE, for an order that a performed procedure step named. */
export function toyGatewayStatement(
  description: InstanceDescription = toyDescription(),
  overrides: Partial<GatewayStatement> = {},
): GatewayStatement {
  const { frames: _, ...facts } = description
  return {
    ...facts,
    file: sha256(encodeLatin1('sealed')),
    original: sha256(encodeLatin1('original')),
    isDemo: true,
    gateway: gatewayFacts,
    received: {
      protocol: 'dimse',
      callingAet: 'CT1',
      calledAet: 'FRONTDOOR',
      address: '192.0.2.7:49152',
      certificate: sha256(encodeLatin1('TLS')),
      token: null,
      receivedAt: new Date(sealedAt.getTime() - 300),
    },
    order: {
      source: 'mpps',
      matchedBy: 'procedure_step',
      accessionNumber: 'A-17',
      requestedProcedureId: 'RP-1',
      scheduledProcedureStepId: 'SPS-1',
      stationAet: 'CT1',
      mppsSopInstanceUid: '2.25.9',
    },
    technologist: { name: 'Müller^Änne', source: 'mpps' },
    signatures: { gateway: { uid: '2.25.7', sha256: sha256(encodeLatin1('gateway')) } },
    sealedAt,
    checkpoint: null,
    ...overrides,
  }
}

/** Without a timestamp, unless the request has one: a gateway keeps a log. */
export function toyGatewaySeal(overrides: Partial<GatewaySealRequest> = {}): Promise<GatewaySeal> {
  const description = toyDescription()
  const statement = toyGatewayStatement(description)
  return signGatewaySeal({ statement, frames: description.frames, signers: gateway, hashes, ...overrides })
}
