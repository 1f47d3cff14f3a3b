/**
 * Key ring: a site's own CA with the devices, persons, logs and the timestamp authority that it has certified.
 *
 * Certificates and revocation lists are the only record: who is enrolled, in which role, until when, and who is
 * revoked is read from them each time, so that several processes may share a ring. Where they lie is left to
 * ring-folder.ts, how they are signed to issue.ts.
 */
import type { KeyObject } from 'node:crypto'
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Signer } from '@fiducial/core/bytes/crypto.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { ROLE_PURPOSES, type Role, roleOf } from '@fiducial/core/domain/trust/roles.ts'
import { KeyError } from '@fiducial/core/errors.ts'
import type { Certificate } from '@fiducial/core/formats/x509/certificate.ts'
import type { CrlEntry, CrlReason } from '@fiducial/core/formats/x509/crl.ts'
import type { NameParts } from '@fiducial/core/formats/x509/name.ts'
import { encodePem } from '@fiducial/core/formats/x509/pem.ts'
import { flushFolder, isTaken, PUBLIC_MODE, replaceFile, temporaryBeside } from './durable.ts'
import { createFileSigner, createKeySigner, spkiOf } from './file-signer.ts'
import { issueCertificate, issueCrl, issueRoot } from './issue.ts'
import { formatPrivateKey, readKeyFile } from './key-file.ts'
import { generateKey, type KeyKind } from './key-kind.ts'
import { makeMarkKey, readMarkKey } from './mark-key.ts'
import {
  DAY_MS,
  type DeviceOrder,
  type GatewayOrder,
  type HolderOrder,
  idOf,
  type LogOrder,
  markDemo,
  type PersonOrder,
  validityOf,
  wholeSeconds,
} from './order.ts'
import { generateTokenKey, type TokenOptions } from './pkcs11.ts'
import {
  addCrl,
  addHolder,
  asUnwritable,
  beginFolder,
  caKeyPath,
  formatCertificate,
  holderKeyPath,
  type KeyUse,
  type NewKey,
  type RingFacts,
  readCa,
  readFacts,
  readHolder,
  readHolders,
  readNewestCrl,
  readTokenKey,
  type StoredHolder,
} from './ring-folder.ts'
import { createSigner, type SignerMaterial } from './signer.ts'

const CA_DAYS = 20 * 365
const TIMESTAMP_DAYS = 10 * 365
const CRL_DAYS = 365
const TIMESTAMP_ID = 'timestamp'

export interface RingOptions {
  /** Opens the private keys; none if they are not encrypted. */
  readonly passphrase?: string
  /** PIN of the PKCS#11 tokens that hold keys of this ring. */
  readonly pin?: string
  readonly now?: () => Date
}

export interface InitOptions extends RingOptions {
  /** Name of the site, the organisation in every certificate; 1 to 56 characters. */
  readonly site: string
  /** Writes DEMO into every name, so that nobody takes the certificates for real ones. */
  readonly isDemo?: boolean
}

export type HolderStatus = 'active' | 'revoked' | 'expired' | 'not_yet_valid'

/** Somebody or something with certificates of this ring. */
export interface Holder extends StoredHolder {
  readonly role: Role | 'uncertified'
  /** Common name. */
  readonly name: string
  readonly status: HolderStatus
  /** Why and since when it is revoked. */
  readonly revocation?: CrlEntry
}

/** The three keys of a device, person or gateway, each with its certificate of the same subject. */
export interface HolderSigners {
  /** For PS3.15 signatures: RSA or ECDSA. */
  readonly dicom: Signer
  /** For the statement beside the file: Ed25519 or P-256. */
  readonly statement: Signer
  /** For the same statement: ML-DSA-44. */
  readonly postQuantum: Signer
}

/** {@link HolderSigners} before they are opened; can be posted to a worker thread. */
export type HolderMaterial = Readonly<Record<keyof HolderSigners, SignerMaterial>>

/** How strictly to look at a holder before its keys are used. */
export interface UseOptions {
  /** Hands out keys of revoked and expired holders, too: for demonstrations and tests of what verifiers say. */
  readonly isStatusIgnored?: boolean
}

/**
 * Makes a new ring: the CA (RSA-3072, 20 years), a timestamp authority (RSA-3072, 10 years), an empty list.
 *
 * @param home  folder of all state; made if it is missing
 * @throws {KeyError} `key_exists` if there is a ring already
 * @throws {StoreError} `output_unwritable`
 * @throws {RangeError} for a site name that is empty or too long
 */
export async function initKeyRing(home: string, options: InitOptions): Promise<KeyRing> {
  const folder = join(home, 'keys')
  const building = temporaryBeside(folder)
  const { site, isDemo = false, passphrase, now = () => new Date() } = options
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 })
    const key = await generateKey('rsa-3072')
    const spki = spkiOf(key)
    const certificate = await issueRoot(createKeySigner(key), {
      subject: { organisation: markDemo(site, isDemo), commonName: markDemo(`${site} CA`, isDemo) },
      spki,
      ...validityOf({ validityDays: CA_DAYS }, now()),
      extensions: { basicConstraints: { isCa: true, pathLength: 0 }, keyUsage: ['keyCertSign', 'crlSign'] },
    })
    beginFolder(building, { site, isDemo }, { certificate, keyPem: formatPrivateKey(key, passphrase) })
    const ring = new KeyRing(building, { site, isDemo }, options)
    await ring.renewCrl()
    await ring.enrolTimestampAuthority()
    renameSync(building, folder)
    flushFolder(home)
  } catch (cause) {
    rmSync(building, { recursive: true, force: true })
    if (isTaken(cause)) throw new KeyError('key_exists', 'there is a key ring already', { cause })
    throw asUnwritable(cause)
  }
  return openKeyRing(home, options)
}

/**
 * Opens the ring of a home folder. Private keys are read when they are first used.
 * @throws {KeyError} `key_missing` if there is no ring, `key_unreadable` if it is damaged
 */
export async function openKeyRing(home: string, options: RingOptions = {}): Promise<KeyRing> {
  const folder = join(home, 'keys')
  return new KeyRing(folder, readFacts(folder), options)
}

/** An open ring; made by {@link initKeyRing} and {@link openKeyRing}. */
export class KeyRing {
  readonly site: string
  readonly isDemo: boolean
  readonly #folder: string
  readonly #options: RingOptions
  #ca: Signer | undefined
  readonly #signers = new Map<string, Promise<Signer>>()

  constructor(folder: string, { site, isDemo }: RingFacts, options: RingOptions) {
    this.site = site
    this.isDemo = isDemo
    this.#folder = folder
    this.#options = options
  }

  /**
   * Certifies a device with three new keys.
   * @throws {KeyError} `key_exists` for the name of a holder that is active; `key_passphrase_missing` and siblings
   * @throws {RangeError} for a part of the name over 64 characters, or a validity of no days
   */
  async enrolDevice(order: DeviceOrder): Promise<Holder> {
    const kind = [order.manufacturer, order.model].filter(Boolean).join(' ')
    return this.#enrolHolder('device', order, { organisationalUnit: kind || undefined, serialNumber: order.serial })
  }

  /** Certifies a person with three new keys. @throws as {@link enrolDevice} */
  async enrolPerson(order: PersonOrder): Promise<Holder> {
    return this.#enrolHolder('person', order, { organisationalUnit: order.department, serialNumber: order.staffId })
  }

  /**
   * Certifies a gateway with three new keys. Its DICOM key is RSA-2048 unless said otherwise: it signs every image that
   * passes, and whoever sends images may time it (docs/reference/gateway-seal.md).
   * @throws as {@link enrolDevice}
   */
  async enrolGateway(order: GatewayOrder): Promise<Holder> {
    return this.#enrolHolder('gateway', { dicomKey: 'rsa-2048', ...order }, {})
  }

  /** Certifies a custody log with a statement and a post-quantum key. @throws as {@link enrolDevice} */
  async enrolLog(order: LogOrder): Promise<Holder> {
    return this.#enrol('log', order, {}, [
      { use: 'statement', kind: order.statementKey ?? 'ed25519' },
      { use: 'post-quantum', kind: 'ml-dsa-44' },
    ])
  }

  /** Certifies the ring's own timestamp authority; a new ring has one. @throws as {@link enrolDevice} */
  async enrolTimestampAuthority(order: Pick<HolderOrder, 'validityDays' | 'notBefore'> = {}): Promise<Holder> {
    const keys = [{ use: 'timestamp', kind: 'rsa-3072' }] as const
    return this.#enrol('timestamp', { name: 'Timestamp', validityDays: TIMESTAMP_DAYS, ...order }, {}, keys)
  }

  /** All holders by id, those revoked and expired included. @throws {KeyError} `key_unreadable` */
  list(): Holder[] {
    const revoked = this.#revoked()
    return readHolders(this.#folder).map((holder) => this.#describe(holder, revoked))
  }

  /** One holder. @throws {KeyError} `key_missing`, `key_unreadable` */
  find(id: string): Holder {
    return this.#describe(readHolder(this.#folder, id), this.#revoked())
  }

  /**
   * Takes a holder's certificates back, in a new revocation list. Revoking again can only make the reason worse.
   *
   * @param invalidSince  since when the key may have been in wrong hands, where that is known
   * @throws {KeyError} `key_missing`; `key_passphrase_missing` and siblings
   */
  async revoke(
    id: string,
    reason: CrlReason,
    { invalidSince }: { readonly invalidSince?: Date } = {},
  ): Promise<Holder> {
    const { certificates } = readHolder(this.#folder, id)
    const revokedAt = wholeSeconds(this.#now())
    await this.#writeCrl((entries) => {
      for (const { serial } of Object.values(certificates)) {
        const since = entries.get(serial)?.revokedAt ?? revokedAt
        entries.set(serial, { serial, revokedAt: since, reason, ...(invalidSince && { invalidSince }) })
      }
    })
    return this.find(id)
  }

  /** Writes a new revocation list with the same entries, good for another year. */
  async renewCrl(): Promise<void> {
    await this.#writeCrl(() => undefined)
  }

  /** What a verifier needs to believe this ring: its CA and its newest revocation list. */
  trust(): TrustAnchors {
    const { crl } = readNewestCrl(this.#folder)
    return { roots: [readCa(this.#folder)], intermediates: [], crls: crl ? [crl] : [] }
  }

  /**
   * What the signers of a device or person are made of, for a worker thread.
   * @throws {KeyError} `key_missing`; `key_role_mismatch` for other roles; `key_revoked`; `key_outside_validity`;
   *   `key_unreadable`, `key_passphrase_missing`, `key_passphrase_wrong`
   */
  async material(id: string, options: UseOptions = {}): Promise<HolderMaterial> {
    return this.#materials(this.#usable(id, ['device', 'person'], options))
  }

  /** The signers of a device or person; kept open. @throws as {@link material}, and for tokens `token_unavailable` */
  async signers(id: string, options: UseOptions = {}): Promise<HolderSigners> {
    return this.#openSigners(this.#usable(id, ['device', 'person'], options))
  }

  /** What the signers of a gateway are made of, for a worker thread. @throws as {@link material} */
  async gatewayMaterial(id: string, options: UseOptions = {}): Promise<HolderMaterial> {
    return this.#materials(this.#usable(id, ['gateway'], options))
  }

  /** The signers of a gateway; kept open. @throws as {@link signers} */
  async gatewaySigners(id: string, options: UseOptions = {}): Promise<HolderSigners> {
    return this.#openSigners(this.#usable(id, ['gateway'], options))
  }

  /** The signers of a log. @throws as {@link material} */
  async logSigners(id: string, options: UseOptions = {}): Promise<Pick<HolderSigners, 'statement' | 'postQuantum'>> {
    const holder = this.#usable(id, ['log'], options)
    const [statement, postQuantum] = await Promise.all([
      this.#signer(holder, 'statement'),
      this.#signer(holder, 'post-quantum'),
    ])
    return { statement, postQuantum }
  }

  /** What the signers of a log are made of. @throws as {@link material} */
  async logMaterial(id: string): Promise<Readonly<Record<'statement' | 'postQuantum', SignerMaterial>>> {
    const holder = this.#usable(id, ['log'], {})
    return {
      statement: this.#materialOf(holder, 'statement'),
      postQuantum: this.#materialOf(holder, 'post-quantum'),
    }
  }

  /** The signer of the newest timestamp authority that can be used. @throws as {@link material} */
  async timestampSigner(): Promise<Signer> {
    return this.#signer(this.#timestampHolder(), 'timestamp')
  }

  /** What {@link timestampSigner} is made of, for a worker thread. @throws as {@link material} */
  async timestampMaterial(): Promise<SignerMaterial> {
    return this.#materialOf(this.#timestampHolder(), 'timestamp')
  }

  /**
   * The key with which a device marks; made when it is first asked for, under the passphrase of its other keys.
   * @throws as {@link material}, and {StoreError} `output_unwritable`
   */
  markKey(id: string, options: UseOptions = {}): Uint8Array {
    const holder = this.#usable(id, ['device'], options)
    const known = this.#knownMarkKey(holder)
    if (known !== undefined) return known
    // This one lies in a file for every holder: what opens it opens the new key.
    readKeyFile(holderKeyPath(this.#folder, id, 'post-quantum'), `${id} post-quantum`, this.#options.passphrase)
    makeMarkKey(this.#markPlace(holder))
    return readMarkKey(this.#markPlace(holder))
  }

  /** The mark keys of all devices that have marked, those revoked and expired included. @throws as {@link material} */
  markKeys(): readonly { readonly id: string; readonly markKey: Uint8Array }[] {
    return this.list().flatMap((holder) => {
      const markKey = this.#knownMarkKey(holder)
      return markKey === undefined ? [] : [{ id: holder.id, markKey }]
    })
  }

  /**
   * Writes all that is public: `ca.pem`, `crl.pem`, and `ID.USE.pem` for each certificate, `timestamp.pem` for
   * the timestamp authority's.
   *
   * @returns the names of the files
   * @throws {StoreError} `output_unwritable`
   */
  exportPublic(folder: string): string[] {
    const { roots, crls } = this.trust()
    const files = [
      ...roots.map(({ bytes }) => ['ca.pem', formatCertificate(bytes)] as const),
      ...crls.map(({ bytes }) => ['crl.pem', encodePem({ label: 'X509 CRL', bytes })] as const),
      ...readHolders(this.#folder).flatMap(({ id, certificates }) =>
        Object.entries(certificates).map(
          ([use, { bytes }]) => [use === id ? `${id}.pem` : `${id}.${use}.pem`, formatCertificate(bytes)] as const,
        ),
      ),
    ]
    try {
      mkdirSync(folder, { recursive: true })
      for (const [name, text] of files) replaceFile(join(folder, name), text, PUBLIC_MODE)
    } catch (cause) {
      throw asUnwritable(cause)
    }
    return files.map(([name]) => name)
  }

  async #enrolHolder(role: 'device' | 'person' | 'gateway', order: HolderOrder, parts: HolderParts): Promise<Holder> {
    const { dicomKey = 'rsa-3072', statementKey = order.pkcs11 ? 'p-256' : 'ed25519', pkcs11 } = order
    return this.#enrol(role, order, parts, [
      { use: 'dicom', kind: dicomKey, pkcs11 },
      { use: 'statement', kind: statementKey, pkcs11 },
      { use: 'post-quantum', kind: 'ml-dsa-44' },
    ])
  }

  async #enrol(
    role: Role,
    order: Pick<HolderOrder, 'name' | 'validityDays' | 'notBefore'>,
    parts: HolderParts,
    plans: readonly KeyPlan[],
  ): Promise<Holder> {
    const validity = validityOf(order, this.#now())
    const subject: NameParts = {
      organisation: markDemo(this.site, this.isDemo),
      commonName: markDemo(order.name, this.isDemo),
      ...(parts.organisationalUnit !== undefined && { organisationalUnit: parts.organisationalUnit }),
      ...(parts.serialNumber !== undefined && { serialNumber: parts.serialNumber }),
    }
    const id = this.#freeId(role === 'timestamp' ? TIMESTAMP_ID : idOf(role, order.name))
    const ca = this.#openCa()
    const keys: NewKey[] = []
    for (const { use, kind, pkcs11 } of plans) {
      const { spki, key } = await this.#makeKey(kind, `${id} ${use}`, pkcs11)
      const certificate = await issueCertificate(ca, {
        subject,
        spki,
        ...validity,
        extensions: {
          basicConstraints: { isCa: false },
          keyUsage: ['digitalSignature', 'nonRepudiation'],
          extendedKeyUsage: { purposes: [ROLE_PURPOSES[role]], isCritical: role === 'timestamp' },
        },
      })
      keys.push({ use, certificate, key })
    }
    addHolder(this.#folder, id, keys)
    return this.find(id)
  }

  async #makeKey(
    kind: KeyKind,
    label: string,
    pkcs11: TokenOptions | undefined,
  ): Promise<{ spki: Uint8Array; key: NewKey['key'] }> {
    const { passphrase, pin } = this.#options
    if (pkcs11) {
      const { spki, token } = await generateTokenKey({ ...(pin !== undefined && { pin }), ...pkcs11 }, kind, label)
      return { spki, key: { token } }
    }
    const key = await generateKey(kind)
    return { spki: spkiOf(key), key: { pem: formatPrivateKey(key, passphrase) } }
  }

  /** The id, or the next one with a number behind it if those before it are of no more use. */
  #freeId(id: string): string {
    const taken = new Map(this.list().map((holder) => [holder.id, holder.status]))
    for (let number = 1; ; number++) {
      const candidate = number === 1 ? id : `${id}-${number}`
      const status = taken.get(candidate)
      if (status === undefined) return candidate
      if (status === 'active' || status === 'not_yet_valid')
        throw new KeyError('key_exists', `${candidate} is enrolled already`)
    }
  }

  #timestampHolder(): Holder {
    const authorities = this.list().filter(({ role }) => role === 'timestamp')
    const { id = TIMESTAMP_ID } = authorities.findLast(({ status }) => status === 'active') ?? authorities.at(-1) ?? {}
    return this.#usable(id, ['timestamp'], {})
  }

  #usable(id: string, roles: readonly Role[], { isStatusIgnored = false }: UseOptions): Holder {
    const holder = this.find(id)
    if (!roles.some((role) => role === holder.role)) {
      throw new KeyError('key_role_mismatch', `${id} has the role ${holder.role}, not ${roles.join(' or ')}`)
    }
    if (isStatusIgnored || holder.status === 'active') return holder
    if (holder.status === 'revoked') throw new KeyError('key_revoked', `${id} is revoked`)
    throw new KeyError('key_outside_validity', `${id} is ${holder.status === 'expired' ? 'expired' : 'not valid yet'}`)
  }

  #materials(holder: Holder): HolderMaterial {
    return {
      dicom: this.#materialOf(holder, 'dicom'),
      statement: this.#materialOf(holder, 'statement'),
      postQuantum: this.#materialOf(holder, 'post-quantum'),
    }
  }

  async #openSigners(holder: Holder): Promise<HolderSigners> {
    const [dicom, statement, postQuantum] = await Promise.all([
      this.#signer(holder, 'dicom'),
      this.#signer(holder, 'statement'),
      this.#signer(holder, 'post-quantum'),
    ])
    return { dicom, statement, postQuantum }
  }

  #signer(holder: Holder, use: KeyUse): Promise<Signer> {
    const name = `${holder.id}/${use}`
    let signer = this.#signers.get(name)
    if (!signer) {
      signer = createSigner(this.#materialOf(holder, use))
      // A failure is not kept: the passphrase may be right or the token there the next time.
      signer.catch(() => this.#signers.delete(name))
      this.#signers.set(name, signer)
    }
    return signer
  }

  #materialOf({ id, certificates }: Holder, use: KeyUse): SignerMaterial {
    const certificate = certificates[use]?.bytes
    if (!certificate) throw new KeyError('key_missing', `${id} has no ${use} key`)
    const chain = [readCa(this.#folder).bytes]
    const token = readTokenKey(this.#folder, id, use)
    const { pin, passphrase } = this.#options
    if (token) return { kind: 'token', token, certificate, chain, ...(pin !== undefined && { pin }) }
    const key = readKeyFile(holderKeyPath(this.#folder, id, use), `${id} ${use}`, passphrase)
    return { kind: 'file', key, certificate, chain }
  }

  #knownMarkKey(holder: Holder): Uint8Array | undefined {
    try {
      return readMarkKey(this.#markPlace(holder))
    } catch (error) {
      if (error instanceof KeyError && error.code === 'key_missing') return undefined
      throw error
    }
  }

  #markPlace({ id }: Holder) {
    return { folder: this.#folder, id, passphrase: this.#options.passphrase }
  }

  #openCa(): Signer {
    if (this.#ca) return this.#ca
    const key: KeyObject = readKeyFile(caKeyPath(this.#folder), 'CA', this.#options.passphrase)
    this.#ca = createFileSigner({ key, certificate: readCa(this.#folder).bytes, chain: [] })
    return this.#ca
  }

  async #writeCrl(change: (entries: Map<string, CrlEntry>) => void): Promise<void> {
    const ca = this.#openCa()
    for (;;) {
      const { number, crl } = readNewestCrl(this.#folder)
      const entries = new Map(crl?.entries)
      change(entries)
      const thisUpdate = wholeSeconds(this.#now())
      const nextUpdate = new Date(thisUpdate.getTime() + CRL_DAYS * DAY_MS)
      const list = await issueCrl(ca, { number: number + 1, thisUpdate, nextUpdate, entries: [...entries.values()] })
      try {
        // Somebody else may have written this number since: then their entries are read and ours added again.
        if (addCrl(this.#folder, number + 1, list)) return
      } catch (cause) {
        throw asUnwritable(cause)
      }
    }
  }

  #revoked(): ReadonlyMap<string, CrlEntry> {
    return readNewestCrl(this.#folder).crl?.entries ?? new Map()
  }

  #describe(holder: StoredHolder, revoked: ReadonlyMap<string, CrlEntry>): Holder {
    const certificates = Object.values(holder.certificates)
    const [first] = certificates as [Certificate]
    const entry = certificates.map(({ serial }) => revoked.get(serial)).find((found) => found !== undefined)
    const status = entry ? 'revoked' : statusAt(first, this.#now())
    return {
      ...holder,
      role: roleOf(first),
      name: first.subject.commonName ?? '',
      status,
      ...(entry && { revocation: entry }),
    }
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date()
  }
}

interface KeyPlan {
  readonly use: KeyUse
  readonly kind: KeyKind
  readonly pkcs11?: TokenOptions | undefined
}

interface HolderParts {
  readonly organisationalUnit?: string | undefined
  readonly serialNumber?: string | undefined
}

function statusAt({ notBefore, notAfter }: Certificate, now: Date): HolderStatus {
  if (now < notBefore) return 'not_yet_valid'
  return now > notAfter ? 'expired' : 'active'
}
