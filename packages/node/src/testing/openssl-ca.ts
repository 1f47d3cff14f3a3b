/**
 * OpenSSL CA: certificates, revocation lists and timestamps made by the openssl program, for tests of ours.
 *
 * Made in a temporary folder at each run: no private key lies in this repository. Keys are P-256 unless a test says
 * otherwise, since they are made in no time.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Certificate } from '@fiducial/core/formats/x509/certificate.ts'
import type { Crl } from '@fiducial/core/formats/x509/crl.ts'
import { parseCertificates, parseCrls } from '@fiducial/core/formats/x509/pem.ts'
import { type Outcome, peer, run } from './peers.ts'

export const openssl = peer('openssl')

/** Arguments of `openssl genpkey` by kind of key. */
const KINDS = {
  'p-256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'p-384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'p-521': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  'rsa-1024': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
  'rsa-2048': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  'rsa-3072': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072'],
  'rsa-4096': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:4096'],
  ed25519: ['-algorithm', 'ED25519'],
} as const

export const CA_EXTENSIONS = [
  'basicConstraints=critical,CA:TRUE',
  'keyUsage=critical,keyCertSign,cRLSign',
  'subjectKeyIdentifier=hash',
]
export const LEAF_EXTENSIONS = [
  'basicConstraints=CA:FALSE',
  'keyUsage=critical,digitalSignature',
  'authorityKeyIdentifier=keyid',
]
export const TSA_EXTENSIONS = [...LEAF_EXTENSIONS, 'extendedKeyUsage=critical,timeStamping']

export interface Order {
  readonly name: string
  /** Lines of an extension section; those of a CA for a root, else those of a leaf. */
  readonly extensions?: readonly string[]
  readonly key?: keyof typeof KINDS
  /** Digest of the issuer's signature. */
  readonly digest?: string
  /** `YYYYMMDDhhmmssZ`; from 2026-01-01 to 2036-01-01 unless said otherwise. */
  readonly from?: string
  readonly to?: string
}

/** Somebody with a key and a certificate, who can issue others. */
export interface OpensslHolder {
  readonly certificate: Certificate
  readonly certificatePath: string
  readonly keyPath: string
  issue(order: Order): Promise<OpensslHolder>
  /** Puts a certificate on the list of the holder. */
  revoke(of: OpensslHolder, reason?: string): Promise<void>
  /** A list of all that was revoked. @param days  until its next update */
  crl(days?: number): Promise<Crl & { readonly path: string }>
}

/** Runs openssl. @throws {Error} with what it said if its exit code is not 0 */
export async function runOpenssl(args: readonly string[], input?: Uint8Array): Promise<Outcome> {
  const outcome = await run(openssl.path, args, input ? { input } : {})
  if (outcome.code !== 0) throw new Error(`openssl ${args[0]} failed: ${outcome.stderr}`)
  return outcome
}

/** A self-signed certificate. */
export async function opensslRoot(folder: string, order: Order): Promise<OpensslHolder> {
  return make(folder, { extensions: CA_EXTENSIONS, ...order })
}

async function make(
  folder: string,
  order: Order,
  issuer?: { certificatePath: string; keyPath: string; home: string },
): Promise<OpensslHolder> {
  const home = join(folder, order.name.replace(/\W+/g, '-'))
  mkdirSync(join(home, 'issued'), { recursive: true })
  const keyPath = join(home, 'key.pem')
  const certificatePath = join(home, 'certificate.pem')
  const requestPath = join(home, 'request.pem')
  await runOpenssl(['genpkey', ...KINDS[order.key ?? 'p-256'], '-out', keyPath])
  const config = writeConfig(home, order.extensions ?? LEAF_EXTENSIONS, { certificatePath, keyPath })
  const subject = `/O=Test Site/CN=${order.name}`
  await runOpenssl(['req', '-new', '-config', config, '-key', keyPath, '-subj', subject, '-utf8', '-out', requestPath])
  const dates = ['-startdate', order.from ?? '20260101000000Z', '-enddate', order.to ?? '20360101000000Z']
  const by = issuer
    ? ['-config', join(issuer.home, 'ca.cnf'), '-cert', issuer.certificatePath, '-keyfile', issuer.keyPath]
    : ['-config', config, '-selfsign', '-keyfile', keyPath]
  const digest = order.key === 'ed25519' && !issuer ? [] : ['-md', order.digest ?? 'sha256']
  const common = [
    'ca',
    '-batch',
    '-notext',
    '-in',
    requestPath,
    '-out',
    certificatePath,
    '-extfile',
    config,
    '-extensions',
    'ext',
  ]
  await runOpenssl([...common, ...by, ...digest, ...dates])

  const [certificate] = parseCertificates(readFileSync(certificatePath))
  if (!certificate) throw new Error('openssl wrote no certificate')
  return {
    certificate,
    certificatePath,
    keyPath,
    issue: (next) => make(folder, next, { certificatePath, keyPath, home }),
    async revoke(of, reason = 'superseded') {
      await runOpenssl(['ca', '-config', config, '-revoke', of.certificatePath, '-crl_reason', reason])
    },
    async crl(days = 30) {
      const path = join(home, 'crl.pem')
      await runOpenssl(['ca', '-config', config, '-gencrl', '-md', 'sha256', '-crldays', String(days), '-out', path])
      const [crl] = parseCrls(readFileSync(path))
      if (!crl) throw new Error('openssl wrote no list')
      return { ...crl, path }
    },
  }
}

function writeConfig(
  home: string,
  extensions: readonly string[],
  paths: { certificatePath: string; keyPath: string },
): string {
  const path = join(home, 'ca.cnf')
  writeFileSync(join(home, 'index.txt'), '')
  writeFileSync(join(home, 'crlnumber'), '01\n')
  writeFileSync(
    path,
    `[ca]
default_ca = site
[site]
database = ${join(home, 'index.txt')}
crlnumber = ${join(home, 'crlnumber')}
new_certs_dir = ${join(home, 'issued')}
certificate = ${paths.certificatePath}
private_key = ${paths.keyPath}
rand_serial = yes
unique_subject = no
policy = any
default_md = sha256
crl_extensions = crl
[any]
organizationName = optional
commonName = supplied
[req]
distinguished_name = dn
string_mask = utf8only
[dn]
[crl]
authorityKeyIdentifier = keyid
[ext]
${extensions.join('\n')}
`,
  )
  return path
}

/** What a timestamp authority of openssl is asked for. */
export interface TimestampOrder {
  readonly query: Uint8Array
  /** Digest of the signed attributes. */
  readonly signatureDigest?: string
  /** Digest by which the token names the certificate: `sha1` gives the attribute of RFC 2634. */
  readonly certificateDigest?: string
  readonly chain?: readonly OpensslHolder[]
}

/** Answers a query with `openssl ts -reply`. @returns TimeStampResp, DER */
export async function opensslTimestamp(
  folder: string,
  authority: OpensslHolder,
  order: TimestampOrder,
): Promise<Uint8Array> {
  const { query, signatureDigest = 'sha256', certificateDigest = 'sha256', chain = [] } = order
  const path = (name: string): string => join(folder, name)
  writeFileSync(path('query.tsq'), query)
  writeFileSync(path('chain.pem'), chain.map(({ certificatePath }) => readFileSync(certificatePath, 'utf8')).join(''))
  writeFileSync(path('tsa-serial'), '1000\n')
  writeFileSync(
    path('tsa.cnf'),
    `[tsa]
default_tsa = authority
[authority]
serial = ${path('tsa-serial')}
crypto_device = builtin
signer_cert = ${authority.certificatePath}
signer_key = ${authority.keyPath}
${chain.length > 0 ? `certs = ${path('chain.pem')}` : ''}
signer_digest = ${signatureDigest}
default_policy = 1.2.3.4.1
digests = sha1, sha256, sha384, sha512
accuracy = secs:1, millisecs:500, microsecs:100
clock_precision_digits = 3
ordering = yes
tsa_name = yes
ess_cert_id_chain = ${chain.length > 0 ? 'yes' : 'no'}
ess_cert_id_alg = ${certificateDigest}
`,
  )
  await runOpenssl([
    'ts',
    '-reply',
    '-config',
    path('tsa.cnf'),
    '-queryfile',
    path('query.tsq'),
    '-out',
    path('reply.tsr'),
  ])
  return new Uint8Array(readFileSync(path('reply.tsr')))
}
