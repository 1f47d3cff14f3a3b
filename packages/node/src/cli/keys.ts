/**
 * Keys: the commands that make a site's certificates and keys, list them, take them back and hand them out.
 *
 * Which key may do what is decided by the certificates themselves (domain/trust/roles.ts); where keys lie is left to
 * the adapters.
 */
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import type { Certificate } from '@fiducial/core/formats/x509/certificate.ts'
import { CRL_REASONS, type CrlReason } from '@fiducial/core/formats/x509/crl.ts'
import { encodePem } from '@fiducial/core/formats/x509/pem.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { describeFailure } from './failure.ts'
import { recordKeys } from './log/record-keys.ts'
import type { Holder, HolderRequest, Ring, Secrets } from './ring.ts'
import { askForNewPassphrase, readSecrets, type SecretOptions, withRing } from './secrets.ts'
import { layOut } from './table.ts'
import { canAsk } from './terminal.ts'
import { UsageError } from './usage-error.ts'
import { visible } from './visible.ts'

/** RFC 5280 appendix A.1 allows 64 characters; `DEMO ` and ` CA` are put around a site, `DEMO ` before a holder. */
const SITE_LIMIT = 56
const NAME_LIMIT = 59
const PART_LIMIT = 64
const DEMO_SITE = 'Example Hospital'

export interface InitOptions extends SecretOptions {
  readonly site?: string
  readonly demo?: boolean
}

export async function initKeys(options: InitOptions, context: Context): Promise<ExitCode> {
  const { adapters, home, output, terminal } = context
  const isDemo = options.demo === true
  const site = options.site ?? (isDemo ? DEMO_SITE : hostname().slice(0, SITE_LIMIT))
  checkText(site, 'the name of the site', SITE_LIMIT)
  const { passphrase = canAsk(terminal) && !isDemo ? await askForNewPassphrase(context) : undefined } =
    await readSecrets(options, context)
  const ring = await adapters.initRing(home, { site, isDemo, ...(passphrase !== undefined && { passphrase }) })
  const [ca] = ring.trust().roots as [Certificate]
  output.record({
    home,
    site: ring.site,
    isDemo: ring.isDemo,
    isEncrypted: passphrase !== undefined,
    ca: describeCertificate(ca),
  })
  output.line(`Keys of “${visible(ring.site)}” are in ${visible(home)}`)
  output.line(`  CA certificate  SHA-256 ${fingerprint(ca)}`)
  output.line(`                  until ${dayOf(ca.notAfter)}`)
  output.line(
    passphrase === undefined
      ? '  private keys    not encrypted: only your account can read them'
      : '  private keys    encrypted with the passphrase',
  )
  output.line()
  output.line('Next, enrol what makes images and who operates it:')
  output.line('  fiducial keys enrol device "Room 1" --manufacturer ACME --model DX-5 --serial 1234')
  output.line('  fiducial keys enrol person "J. Doe"')
  return EXIT.ok
}

export interface EnrolOptions extends SecretOptions {
  readonly validDays?: number
  readonly pkcs11?: string
  readonly slot?: number
}

export interface EnrolDeviceOptions extends EnrolOptions {
  readonly manufacturer?: string
  readonly model?: string
  readonly serial?: string
}

export async function enrolDevice(name: string, options: EnrolDeviceOptions, context: Context): Promise<ExitCode> {
  const { manufacturer, model, serial } = options
  const kind = [manufacturer, model].filter(Boolean).join(' ')
  if (kind !== '') checkText(kind, 'manufacturer and model together', PART_LIMIT)
  if (serial !== undefined) checkText(serial, 'the serial number', PART_LIMIT)
  const parts = {
    ...(manufacturer !== undefined && { manufacturer }),
    ...(model !== undefined && { model }),
    ...(serial !== undefined && { serial }),
  }
  return enrol(options, context, (ring) => ring.enrolDevice({ ...requestFor(name, options), ...parts }))
}

export interface EnrolPersonOptions extends EnrolOptions {
  readonly department?: string
  readonly staffId?: string
}

export async function enrolPerson(name: string, options: EnrolPersonOptions, context: Context): Promise<ExitCode> {
  const { department, staffId } = options
  if (department !== undefined) checkText(department, 'the department', PART_LIMIT)
  if (staffId !== undefined) checkText(staffId, 'the staff number', PART_LIMIT)
  const parts = { ...(department !== undefined && { department }), ...(staffId !== undefined && { staffId }) }
  return enrol(options, context, (ring) => ring.enrolPerson({ ...requestFor(name, options), ...parts }))
}

export async function enrolGateway(name: string, options: EnrolOptions, context: Context): Promise<ExitCode> {
  return enrol(options, context, (ring) => ring.enrolGateway(requestFor(name, options)))
}

function requestFor(name: string, { validDays, pkcs11, slot }: EnrolOptions): HolderRequest {
  checkText(name, 'the name', NAME_LIMIT)
  if (slot !== undefined && pkcs11 === undefined) throw new UsageError('--slot belongs to --pkcs11 MODULE')
  return {
    name,
    ...(validDays !== undefined && { validityDays: validDays }),
    ...(pkcs11 !== undefined && { pkcs11: { module: pkcs11, ...(slot !== undefined && { slot }) } }),
  }
}

async function enrol(
  options: SecretOptions,
  context: Context,
  make: (ring: Ring) => Promise<Holder>,
): Promise<ExitCode> {
  const { output } = context
  const holder = await withRing(options, context, async (ring, secrets) => {
    const made = await make(ring)
    await recordHolder(made, secrets, context)
    return made
  })
  output.record(describeHolder(holder))
  output.line(
    `${visible(holder.name)} is enrolled as ${holder.role} ${output.style.bold(holder.id)}, until ${dayOf(validityOf(holder).notAfter)}`,
  )
  for (const [use, certificate] of usesOf(holder))
    output.line(`  ${use.padEnd(12)}  ${keyNameOf(certificate).padEnd(9)}  SHA-256 ${fingerprint(certificate)}`)
  return EXIT.ok
}

export async function listKeys(options: SecretOptions, context: Context): Promise<ExitCode> {
  const { output, home } = context
  const { style } = output
  return withRing(options, context, async (ring) => {
    const holders = ring.list()
    for (const holder of holders) output.record(describeHolder(holder))
    output.line(`${visible(ring.site)}${ring.isDemo ? ' (DEMO)' : ''}, in ${visible(home)}`)
    output.line()
    const rows = holders.map((holder) => [
      holder.id,
      holder.role,
      visible(holder.name),
      statusText(holder),
      dayOf(validityOf(holder).notAfter),
      usesOf(holder)
        .map(([use, certificate]) => `${use} ${keyNameOf(certificate)}`)
        .join(', '),
    ])
    const lines = layOut([['ID', 'ROLE', 'NAME', 'STATUS', 'UNTIL', 'KEYS'], ...rows], (text, column, row) => {
      if (row === 0) return style.dim(text)
      if (column !== 3) return text
      return holders[row - 1]?.status === 'active' ? style.green(text) : style.red(text)
    })
    for (const line of lines) output.line(line)
    if (!holders.some(({ role }) => role === 'device')) {
      output.line()
      output.line('No device is enrolled yet: fiducial keys enrol device NAME')
    }
    return EXIT.ok
  })
}

export interface RevokeOptions extends SecretOptions {
  readonly reason: string
  readonly since?: string
}

/** The reasons for which a holder can be revoked, as typed. */
export const REVOCATION_REASONS: readonly string[] = CRL_REASONS.flatMap((reason) =>
  reason === undefined || reason === 'removeFromCRL' ? [] : [kebab(reason)],
)

export async function revokeKeys(id: string, options: RevokeOptions, context: Context): Promise<ExitCode> {
  const { output } = context
  const reason = CRL_REASONS.find((known): known is CrlReason => known !== undefined && kebab(known) === options.reason)
  if (reason === undefined)
    throw new UsageError(`there is no reason ${visible(options.reason)}`, `reasons: ${REVOCATION_REASONS.join(', ')}`)
  const invalidSince = options.since === undefined ? undefined : new Date(options.since)
  if (invalidSince !== undefined && Number.isNaN(invalidSince.getTime())) {
    throw new UsageError(
      `--since ${visible(options.since ?? '')} is no date`,
      'such as 2026-03-01 or 2026-03-01T12:00:00Z',
    )
  }
  const holder = await withRing(options, context, async (ring, secrets) => {
    const revoked = await ring.revoke(id, reason, invalidSince === undefined ? {} : { invalidSince })
    await recordHolder(revoked, secrets, context)
    return revoked
  })
  output.record(describeHolder(holder))
  output.line(`${holder.id} is revoked (${kebab(reason)})`)
  output.line('  Whoever verifies elsewhere needs the new revocation list: fiducial keys export')
  return EXIT.ok
}

export async function exportKeys(
  folder: string | undefined,
  options: SecretOptions,
  context: Context,
): Promise<ExitCode> {
  const { output } = context
  return withRing(options, context, async (ring) => {
    if (folder !== undefined) {
      const names = ring.exportPublic(folder)
      output.record({ folder, files: names })
      output.line(`${names.length} files in ${visible(folder)}; nothing in them is secret`)
      for (const name of names) output.line(`  ${name}`)
      return EXIT.ok
    }
    const { roots, crls } = ring.trust()
    const certificates = roots.map(({ bytes }) => encodePem({ label: 'CERTIFICATE', bytes })).join('')
    const lists = crls.map(({ bytes }) => encodePem({ label: 'X509 CRL', bytes })).join('')
    if (output.isJson) output.record({ certificates, crls: lists })
    else output.raw(certificates + lists)
    return EXIT.ok
  })
}

/** Tells the site's log of a holder, where there is a log. One that cannot be told keeps nobody from being revoked. */
async function recordHolder(
  holder: Holder,
  secrets: Secrets,
  { adapters, home, output, terminal }: Context,
): Promise<void> {
  try {
    if ((await adapters.log.find(home)) === undefined) return
    await using log = await adapters.log.open(home, secrets, terminal.interruption)
    await recordKeys(log.site, [holder])
    await log.site.settle()
  } catch (error) {
    const { message, code } = describeFailure(error)
    output.note(`not recorded in the custody log: ${message} (${code})`)
  }
}

/** Letters that show themselves, within the length that a certificate's name allows. */
function checkText(text: string, what: string, limit: number): void {
  if (text.trim() === '') throw new UsageError(`${what} is empty`)
  if (text.length > limit) throw new UsageError(`${what} is longer than ${limit} characters`)
  if (visible(text) !== text) throw new UsageError(`${what} holds characters that do not show`)
}

interface HolderRecord {
  readonly id: string
  readonly role: string
  readonly name: string
  readonly status: string
  readonly notBefore: string
  readonly notAfter: string
  readonly certificates: readonly CertificateRecord[]
  readonly revokedAt?: string
  readonly reason?: string
}

interface CertificateRecord {
  readonly subject: string
  readonly key: string
  readonly sha256: string
  readonly notAfter: string
}

function describeHolder(holder: Holder): HolderRecord {
  const { id, role, name, status, revocation } = holder
  const { notBefore, notAfter } = validityOf(holder)
  return {
    id,
    role,
    name,
    status,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    certificates: usesOf(holder).map(([use, certificate]) => ({ use, ...describeCertificate(certificate) })),
    ...(revocation && { revokedAt: revocation.revokedAt.toISOString(), reason: kebab(revocation.reason) }),
  }
}

const describeCertificate = (certificate: Certificate): CertificateRecord => ({
  subject: certificate.subject.text,
  key: keyNameOf(certificate),
  sha256: createHash('sha256').update(certificate.bytes).digest('hex'),
  notAfter: certificate.notAfter.toISOString(),
})

function usesOf({ certificates }: Holder): (readonly [string, Certificate])[] {
  return Object.entries(certificates).filter((entry): entry is [string, Certificate] => entry[1] !== undefined)
}

/** All certificates of a holder are of one order, so the first one tells. */
function validityOf(holder: Holder): { readonly notBefore: Date; readonly notAfter: Date } {
  const [, certificate] = usesOf(holder)[0] ?? []
  return certificate ?? { notBefore: new Date(0), notAfter: new Date(0) }
}

function statusText({ status, revocation }: Holder): string {
  if (revocation) return `revoked ${dayOf(revocation.revokedAt)} (${kebab(revocation.reason)})`
  return status.replaceAll('_', ' ')
}

const KEY_NAMES: Readonly<Record<string, string>> = {
  'ecdsa-p256': 'P-256',
  'ecdsa-p384': 'P-384',
  ed25519: 'Ed25519',
  'ml-dsa-44': 'ML-DSA-44',
}

function keyNameOf({ key }: Certificate): string {
  return key.algorithm === 'rsa' ? `RSA-${key.bits ?? ''}` : (KEY_NAMES[key.algorithm] ?? key.oid)
}

/** SHA-256 of the certificate in groups of four, as people compare it by phone. */
function fingerprint({ bytes }: Certificate): string {
  const digits = createHash('sha256').update(bytes).digest('hex')
  return `${(digits.slice(0, 32).match(/.{4}/g) ?? []).join(' ')} …`
}

const dayOf = (time: Date): string => time.toISOString().slice(0, 10)

/** `key-compromise` for `keyCompromise`, `ca-compromise` for `cACompromise`. */
function kebab(reason: string): string {
  return reason.replace(/^([ca])A/, '$1a').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
