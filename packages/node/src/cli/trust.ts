/**
 * Trust: whom a run believes: the site's own CA, the files in the folder `trust` of the state, and those named on the
 * command line.
 */
import { join } from 'node:path'
import { decodeLatin1 } from '@fiducial/core/bytes/text.ts'
import { anchorsFrom, joinAnchors, NO_ANCHORS, type TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { FormatError, KeyError } from '@fiducial/core/errors.ts'
import { type Certificate, parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import { type Crl, parseCrl } from '@fiducial/core/formats/x509/crl.ts'
import { decodePem } from '@fiducial/core/formats/x509/pem.ts'
import type { Context } from './context.ts'
import { UsageError } from './usage-error.ts'

export interface TrustOptions {
  /** Files with CA certificates, and revocation lists if they like. */
  readonly trust?: readonly string[]
  /** Files with revocation lists. */
  readonly crl?: readonly string[]
}

const DER_SEQUENCE = 0x30

/**
 * Everybody who is believed.
 * @throws {FormatError} `pem_malformed`, `certificate_malformed`, `crl_malformed`
 * @throws {UsageError} for a file that does not exist
 */
export async function readTrust({ trust = [], crl = [] }: TrustOptions, context: Context): Promise<TrustAnchors> {
  const files = [...(await listTrustFolder(context)), ...trust, ...crl]
  const certificates: Certificate[] = []
  const crls: Crl[] = []
  for (const path of files) {
    const bytes = await context.adapters.readFile(path)
    if (bytes === undefined) throw new UsageError(`there is no file ${path}`)
    const found = readTrustFile(bytes, path)
    if (found.certificates.length === 0 && trust.includes(path)) {
      throw new FormatError('pem_malformed', `${path} holds no certificate`)
    }
    certificates.push(...found.certificates)
    crls.push(...found.crls)
  }
  return joinAnchors(await ownAnchors(context), anchorsFrom(certificates, crls))
}

/** The site's own CA; nobody where there are no keys. */
async function ownAnchors({ adapters, home }: Context): Promise<TrustAnchors> {
  try {
    return (await adapters.openRing(home, {})).trust()
  } catch (error) {
    if (error instanceof KeyError && error.code === 'key_missing') return NO_ANCHORS
    throw error
  }
}

async function listTrustFolder({ adapters, home }: Context): Promise<string[]> {
  const folder = join(home, 'trust')
  const paths: string[] = []
  using inputs = await adapters.findInputs([folder])
  // A folder that is not there is offered under its own name.
  for await (const { path } of inputs) if (path !== folder) paths.push(path)
  return paths
}

/** Certificates and revocation lists of a PEM file; one of either of a DER file. */
function readTrustFile(
  bytes: Uint8Array,
  path: string,
): { readonly certificates: readonly Certificate[]; readonly crls: readonly Crl[] } {
  if (bytes[0] === DER_SEQUENCE) return readDerFile(bytes)
  const blocks = decodePem(decodeLatin1(bytes))
  const certificates = blocks
    .filter(({ label }) => label === 'CERTIFICATE')
    .map((block) => parseCertificate(block.bytes))
  const crls = blocks.filter(({ label }) => label === 'X509 CRL').map((block) => parseCrl(block.bytes))
  if (certificates.length + crls.length === 0)
    throw new FormatError('pem_malformed', `${path} holds neither certificate nor revocation list`)
  return { certificates, crls }
}

function readDerFile(bytes: Uint8Array): {
  readonly certificates: readonly Certificate[]
  readonly crls: readonly Crl[]
} {
  try {
    return { certificates: [parseCertificate(bytes)], crls: [] }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return { certificates: [], crls: [parseCrl(bytes)] }
  }
}
