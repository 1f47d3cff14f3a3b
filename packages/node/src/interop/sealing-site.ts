/**
 * Sealing site: a hospital with its own authority, a device and a technologist, who seal images and verify them as the
 * program does; for tests of the whole way.
 */
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { Check } from '@fiducial/core/domain/verdict/check.ts'
import { ACQUISITION_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { piecesOf } from '@fiducial/core/formats/dicom/splice.ts'
import { embeddedAuthority } from '../keys/embedded-authority.ts'
import { type InitOptions, initKeyRing, type KeyRing } from '../keys/key-ring.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { Sealer } from '../services/ports.ts'
import { prepareSeal, type SealDependencies } from '../services/seal-instance.ts'
import { type VerifiedInstance, type VerifyDependencies, verifyInstance } from '../services/verify-instance.ts'
import { loadWasm } from '../storage/wasm.ts'

export interface SealedImage {
  readonly image: Uint8Array
  readonly seal: Uint8Array
}

export type SealOptions = Partial<SealDependencies> & { readonly isUnstamped?: boolean }

export interface SealingSite {
  readonly ring: KeyRing
  readonly anchors: TrustAnchors
  readonly device: Sealer
  readonly operator: Sealer
  /** What sealing takes; for one image other parts may be put in. */
  readonly dependencies: SealDependencies
  seal(bytes: Uint8Array, options?: SealOptions): Promise<SealedImage>
  /** @param seal  absent for an image alone */
  verify(image: Uint8Array, seal?: Uint8Array, options?: Partial<VerifyDependencies>): Promise<VerifiedInstance>
  /** Somebody else of the ring; keys of holders that are revoked or expired are handed out, too. */
  sealer(id: string): Promise<Sealer>
}

export const codecs = createCodecs(loadWasm)
export const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))

/** A site in a folder of its own: "General Hospital", the device "Room 2", the technologist "Kim Lee". */
export async function createSealingSite(folder: string, options: Partial<InitOptions> = {}): Promise<SealingSite> {
  const ring = await initKeyRing(join(folder, 'site'), { site: 'General Hospital', ...options })
  const enrolled = [
    await ring.enrolDevice({ name: 'Room 2', manufacturer: 'Acme', serial: '123' }),
    await ring.enrolPerson({ name: 'Kim Lee' }),
  ]
  const sealer = async (id: string): Promise<Sealer> => ({
    id,
    keys: await ring.signers(id, { isStatusIgnored: true }),
  })
  const [device, operator] = (await Promise.all(enrolled.map(({ id }) => sealer(id)))) as [Sealer, Sealer]
  const now = (): Date => new Date()
  const anchors = ring.trust()
  const authority = await embeddedAuthority(ring, options.now)
  const dependencies: SealDependencies = { crypto: nativeCrypto, codecs, random, now, device, operator, authority }
  const trusting: VerifyDependencies = { crypto: nativeCrypto, codecs, anchors, policy: ACQUISITION_POLICY, now }
  return {
    ring,
    anchors,
    device,
    operator,
    dependencies,
    sealer,
    async seal(bytes, { isUnstamped = false, ...others } = {}) {
      const { authority: clock, ...rest } = { ...dependencies, ...others }
      const prepared = await prepareSeal(memorySource(bytes), {
        ...rest,
        ...(isUnstamped || clock === undefined ? {} : { authority: clock }),
      })
      const image = joinBytes([...piecesOf(prepared.segments)].map((piece) => piece.slice()))
      return { image, seal: await prepared.finish(sha256(image)) }
    },
    verify: (image, seal, others = {}) =>
      verifyInstance(
        { source: memorySource(image), ...(seal === undefined ? {} : { seal }) },
        { ...trusting, ...others },
      ),
  }
}

export const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest())

/** Checks that do not hold, as `content: pixels_changed`. */
export const complaints = (checks: readonly Check[]): readonly string[] =>
  checks.flatMap((check) => (check.outcome === 'holds' ? [] : [`${check.subject}: ${check.reason}`]))
