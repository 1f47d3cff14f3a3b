/**
 * Token: what a caller shows to be known: a name to look it up by, and a secret that only the caller has.
 *
 * `fiducial_` id `_` secret, 8 and 32 bytes in hexadecimal. The record keeps the SHA-256 of the secret: 256 random bits
 * need no slower hash. Who shows a secret that is none, or one that is over, learns nothing about why.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { digestOf } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { encodeUtf8, equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { JsonFields } from '../../formats/json/fields.ts'
import type { JsonObject, JsonValue } from '../../formats/json/parse.ts'
import { type AccessRole, isAccessRole } from './roles.ts'

/** A token as it is kept: nothing of it gives access. */
export interface TokenRecord {
  /** 16 hexadecimal digits. */
  readonly id: string
  /** Whom it stands for, as the site calls them: 1 to 128 characters. Two releases by one person are one. */
  readonly person: string
  /** For people: 1 to 256 characters. */
  readonly name: string
  readonly role: AccessRole
  readonly createdAt: Date
  readonly expiresAt: Date | null
  /** SHA-256 of the secret, 32 bytes. */
  readonly secretSha256: Uint8Array
}

/** Who calls. */
export interface Caller {
  readonly id: string
  readonly person: string
  readonly name: string
  readonly role: AccessRole
}

export interface TokenOrder extends Pick<TokenRecord, 'person' | 'name' | 'role' | 'createdAt' | 'expiresAt'> {
  /** 40 bytes that nobody can foresee. */
  readonly random: Uint8Array
}

const ID_BYTES = 8
const SECRET_BYTES = 32
export const TOKEN_RANDOM_BYTES = ID_BYTES + SECRET_BYTES
const TEXT = /^fiducial_([0-9a-f]{16})_([0-9a-f]{64})$/
const ID = /^[0-9a-f]{16}$/
const NAME = /^[^\p{Cc}\p{Zl}\p{Zp}]{1,256}$/u
const PERSON = /^[^\p{Cc}\p{Zl}\p{Zp}]{1,128}$/u

/**
 * Makes a token. The text is shown once, and never kept.
 * @throws {RangeError} for a name of a wrong length, or too few random bytes
 */
export function makeToken(
  order: TokenOrder,
  { hash }: Crypto,
): { readonly record: TokenRecord; readonly text: string } {
  const { random, person, name, role, createdAt, expiresAt } = order
  if (random.length !== TOKEN_RANDOM_BYTES) throw new RangeError(`a token takes ${TOKEN_RANDOM_BYTES} random bytes`)
  if (!NAME.test(name) || !PERSON.test(person)) throw new RangeError('a name is 1 to 256 characters, a person 1 to 128')
  const id = encodeHex(random.subarray(0, ID_BYTES))
  const secret = encodeHex(random.subarray(ID_BYTES))
  const secretSha256 = digestOf(hash, 'sha256', encodeUtf8(secret))
  return { record: { id, person, name, role, createdAt, expiresAt, secretSha256 }, text: `fiducial_${id}_${secret}` }
}

/** The caller that shows a token; undefined for anything that gives no access now. */
export function findCaller(
  text: string,
  records: readonly TokenRecord[],
  { now, crypto }: { readonly now: Date; readonly crypto: Crypto },
): Caller | undefined {
  const [, id = '', secret = ''] = TEXT.exec(text) ?? []
  const record = records.find((candidate) => candidate.id === id)
  // Of whatever length the texts are, what is compared are digests.
  const isRight =
    record !== undefined && equalBytes(digestOf(crypto.hash, 'sha256', encodeUtf8(secret)), record.secretSha256)
  if (!isRight || (record.expiresAt !== null && record.expiresAt <= now)) return undefined
  const { person, name, role } = record
  return { id: record.id, person, name, role }
}

/** Reads a record. @throws {FormatError} `settings_malformed` */
export function parseTokenRecord(value: JsonValue): TokenRecord {
  const fields = new JsonFields(value, 'settings_malformed')
  fields.integer('version', 1, 1)
  const record = readRecord(fields)
  fields.finish()
  return record
}

/** The inverse of {@link parseTokenRecord}. */
export function formatTokenRecord({ createdAt, expiresAt, secretSha256, ...token }: TokenRecord): JsonObject {
  return {
    version: 1,
    ...token,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    secretSha256: encodeHex(secretSha256),
  }
}

function readRecord(fields: JsonFields): TokenRecord {
  const role = fields.string('role', /^[a-z]{1,32}$/)
  if (!isAccessRole(role)) throw new FormatError('settings_malformed', 'a token has a role that there is not')
  return {
    id: fields.string('id', ID),
    person: fields.string('person', PERSON),
    name: fields.string('name', NAME),
    role,
    createdAt: fields.time('createdAt'),
    expiresAt: fields.isNull('expiresAt') ? fields.null('expiresAt') : fields.time('expiresAt'),
    secretSha256: fields.hex('secretSha256', 32),
  }
}
