/**
 * Signing site: people and devices with keys and certificates that OpenSSL made, who sign through our Signer port.
 *
 * The programs of others are handed the paths of the same keys, so that both sides sign as one holder.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Signer } from '@fiducial/core/bytes/crypto.ts'
import { anchorsFrom, type TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { ROLE_PURPOSES } from '@fiducial/core/domain/trust/roles.ts'
import { signerFromPem } from '../keys/file-signer.ts'
import {
  LEAF_EXTENSIONS,
  type OpensslHolder,
  type Order,
  opensslRoot,
  opensslTimestamp,
  runOpenssl,
  TSA_EXTENSIONS,
} from './openssl-ca.ts'

/** `none`: a certificate from elsewhere, which grants no role of ours. */
export type HolderRole = 'device' | 'person' | 'timestamp' | 'none'

/** A holder who can sign. */
export interface Identity extends OpensslHolder {
  readonly name: string
  readonly signer: Signer
}

export interface SigningSite {
  readonly root: OpensslHolder
  /** The root alone. */
  readonly anchors: TrustAnchors
  /** Default: an RSA-3072 key, which the profiles of PS3.15 take, and no role. */
  enrol(order: Omit<Order, 'extensions'> & { readonly role?: HolderRole }): Promise<Identity>
}

/** A site with an RSA-3072 root, in a temporary folder. */
export async function createSite(folder: string): Promise<SigningSite> {
  const root = await opensslRoot(folder, { name: 'root', key: 'rsa-3072' })
  // An authority of openssl keeps a list of what it has issued in a file: one certificate at a time.
  let last: Promise<unknown> = Promise.resolve()
  return {
    root,
    anchors: anchorsFrom([root.certificate]),
    async enrol({ role = 'none', ...order }) {
      const issuing = last.then(() => root.issue({ key: 'rsa-3072', ...order, extensions: extensionsFor(role) }))
      last = issuing.catch(() => undefined)
      const holder = await issuing
      const [key, certificate] = [readFileSync(holder.keyPath, 'utf8'), readFileSync(holder.certificatePath, 'utf8')]
      return { ...holder, name: order.name, signer: signerFromPem({ key, certificate }) }
    },
  }
}

function extensionsFor(role: HolderRole): readonly string[] {
  if (role === 'timestamp') return TSA_EXTENSIONS
  return role === 'none' ? LEAF_EXTENSIONS : [...LEAF_EXTENSIONS, `extendedKeyUsage=${ROLE_PURPOSES[role]}`]
}

/** Answers an RFC 3161 query; each answer in a folder of its own, so that several may be made at once. */
export const replyTo = (folder: string, authority: OpensslHolder, query: Uint8Array): Promise<Uint8Array> =>
  opensslTimestamp(mkdtempSync(join(folder, 'reply-')), authority, { query })

/** A bare TimeStampToken over a digest, by `openssl ts`. */
export async function stamp(
  folder: string,
  authority: OpensslHolder,
  hash: string,
  digest: Uint8Array,
): Promise<Uint8Array> {
  const own = mkdtempSync(join(folder, 'stamp-'))
  const path = (name: string): string => join(own, name)
  const hex = Buffer.from(digest).toString('hex')
  await runOpenssl(['ts', '-query', '-digest', hex, `-${hash}`, '-cert', '-out', path('query.tsq')])
  writeFileSync(path('reply.tsr'), await replyTo(own, authority, readFileSync(path('query.tsq'))))
  await runOpenssl(['ts', '-reply', '-in', path('reply.tsr'), '-token_out', '-out', path('token.der')])
  return new Uint8Array(readFileSync(path('token.der')))
}
