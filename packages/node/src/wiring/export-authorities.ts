/** Export authorities: whose tokens go along with what is exported: the timestamp authority of the key ring. */
import { parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import { embeddedAuthority } from '../keys/embedded-authority.ts'
import { openKeyRing, type RingOptions } from '../keys/key-ring.ts'
import type { ExportAuthority } from '../services/log/export-event.ts'

/** @throws {KeyError} if there is no ring, or its authority cannot be used */
export async function openExportAuthorities(home: string, options: RingOptions): Promise<readonly ExportAuthority[]> {
  const ring = await openKeyRing(home, options)
  const { certificate, chain } = await ring.timestampSigner()
  return [{ authority: await embeddedAuthority(ring), chain: [certificate, ...chain].map(parseCertificate) }]
}
