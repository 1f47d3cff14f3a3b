/** Gateway site: a hospital with a gateway that seals what comes to it; for tests of the whole way. */
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { GATEWAY_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { piecesOf } from '@fiducial/core/formats/dicom/splice.ts'
import type { Sealer } from '../services/ports.ts'
import {
  type Arrival,
  type GatewaySealDependencies,
  type KnownDigests,
  type PreparedGatewaySeal,
  prepareGatewaySeal,
} from '../services/seal-at-gateway.ts'
import type { VerifiedInstance, VerifyDependencies } from '../services/verify-instance.ts'
import { createSealingSite, type SealedImage, type SealingSite, sha256 } from './sealing-site.ts'

export interface GatewaySite {
  readonly site: SealingSite
  readonly gateway: Sealer
  /** Another one of the same site. */
  readonly second: Sealer
  prepare(bytes: Uint8Array, options?: GatewayOptions): Promise<PreparedGatewaySeal | undefined>
  /** @throws {TypeError} for an image that is not sealed again */
  receive(bytes: Uint8Array, options?: GatewayOptions): Promise<SealedImage>
  /** Under the policy of gateways. */
  verify(image: Uint8Array, seal?: Uint8Array, options?: Partial<VerifyDependencies>): Promise<VerifiedInstance>
}

export type GatewayOptions = Partial<GatewaySealDependencies> & {
  readonly arrival?: Partial<Arrival>
  readonly known?: KnownDigests
}

export const ORDER: NonNullable<Arrival['order']> = {
  source: 'mpps',
  matchedBy: 'procedure_step',
  accessionNumber: null,
  requestedProcedureId: null,
  scheduledProcedureStepId: null,
  stationAet: 'CT1',
  mppsSopInstanceUid: '2.25.9',
  technologist: 'Lee^Kim',
}

export const ARRIVAL: Omit<Arrival, 'receivedAt'> = {
  origin: { protocol: 'dimse', callingAet: 'CT1', calledAet: 'FRONTDOOR', address: '192.0.2.7:49152', peer: null },
  order: ORDER,
}

/** A site in a folder of its own: "General Hospital" with the gateways "Front Door" and "Back Door". */
export async function createGatewaySite(folder: string): Promise<GatewaySite> {
  const site = await createSealingSite(folder)
  const enrol = async (name: string): Promise<Sealer> => {
    const { id } = await site.ring.enrolGateway({ name })
    return { id, keys: await site.ring.gatewaySigners(id) }
  }
  const [gateway, second] = [await enrol('Front Door'), await enrol('Back Door')]
  const { crypto, codecs, random, now } = site.dependencies
  const dependencies: GatewaySealDependencies = { crypto, codecs, random, now, gateway }
  const prepare: GatewaySite['prepare'] = (bytes, { arrival, known, ...others } = {}) =>
    prepareGatewaySeal(
      memorySource(bytes),
      { ...dependencies, ...others },
      { ...ARRIVAL, receivedAt: now(), ...arrival },
      known,
    )
  return {
    site,
    gateway,
    second,
    prepare,
    async receive(bytes, options) {
      const prepared = await prepare(bytes, options)
      if (prepared === undefined) throw new TypeError('the image is sealed already')
      const image = joinBytes([...piecesOf(prepared.segments)].map((piece) => piece.slice()))
      return { image, seal: await prepared.finish(sha256(image)) }
    },
    verify: (image, seal, options) => site.verify(image, seal, { policy: GATEWAY_POLICY, ...options }),
  }
}
