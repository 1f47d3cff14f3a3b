/**
 * Path: whether a certificate leads to an anchor, and whether every step of the way held at a given moment.
 *
 * Source: RFC 5280 section 6.1, without policy mapping and name constraints: a certificate that demands one of those
 * by a critical extension is refused. Pure; the answer depends on the arguments alone and may be kept.
 * The attacker hands in the leaf and the candidates, so the search is bounded in length and in signatures checked.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { equalBytes } from '../../bytes/text.ts'
import { verifySigned } from '../../formats/x509/algorithm.ts'
import { type Certificate, isSelfIssued } from '../../formats/x509/certificate.ts'
import type { Crl, CrlEntry } from '../../formats/x509/crl.ts'
import type { TrustAnchors } from './anchors.ts'
import { findRevocation, type RevocationStatus } from './revocation.ts'
import { isWeakKey, isWeakSignature } from './strength.ts'

/** Certificates from leaf to anchor, both counted. */
const LENGTH_LIMIT = 8
/** Signatures checked in one search. */
const WORK_LIMIT = 48

export interface PathQuestion {
  readonly leaf: Certificate
  /** Certificates that came with the signature; nothing in them is believed. */
  readonly candidates: readonly Certificate[]
  readonly anchors: TrustAnchors
  /** Lists that came with the signature, beside those of the anchors. */
  readonly crls?: readonly Crl[]
  /** Moment at which everything must have held: of the signature, where that is proven, else now. */
  readonly at: Date
  readonly crypto: Crypto
}

export type PathReason =
  /** No certificate of the issuer is known. */
  | 'issuer_unknown'
  /** An anchor has the name of the issuer and another key: a forger's CA, or one that was made anew. */
  | 'issuer_other_key'
  /** The issuer's key did not sign this certificate. */
  | 'signature_wrong'
  | 'algorithm_unsupported'
  /** It signed certificates and is not a CA, or may not by its key usage. */
  | 'issuer_not_ca'
  /** More CAs below it than it allows. */
  | 'path_length_exceeded'
  /** The leaf's key usage does not allow signatures. */
  | 'usage_not_allowed'
  | 'critical_extension_unknown'
  /** The search was given up at its limits. */
  | 'path_too_long'
  | 'revoked'
  | 'weak_key'
  | 'weak_digest'
  | 'not_yet_valid'
  | 'expired'

export type PathOutcome = 'untrusted' | 'revoked' | 'weak' | 'not_yet_valid' | 'expired'

export type PathResult =
  | {
      readonly outcome: 'trusted'
      /** From the leaf to the anchor. */
      readonly path: readonly Certificate[]
      readonly revocation: 'good' | 'unknown'
    }
  | {
      readonly outcome: PathOutcome
      readonly reason: PathReason
      /** The certificate at fault. */
      readonly where: Certificate
      /** From the leaf as far as the search came. */
      readonly path: readonly Certificate[]
      readonly revocation: RevocationStatus
      /** Of a revoked certificate: since when and why. */
      readonly entry?: CrlEntry
    }

type Failure = Exclude<PathResult, { readonly outcome: 'trusted' }>
interface Flaw {
  readonly outcome: PathOutcome
  readonly reason: PathReason
  readonly where: Certificate
  readonly entry?: CrlEntry
}

/** The worst first: what a reader has to know of a path with several flaws. */
const OUTCOMES: readonly PathOutcome[] = ['untrusted', 'revoked', 'weak', 'not_yet_valid', 'expired']

/**
 * Looks for a path from the leaf to a root that held at the given moment.
 * Cost: one public-key operation for each step and for each revocation list on the way.
 *
 * @returns the first trusted path; else the flaw of the path that came closest
 */
export function verifyPath(question: PathQuestion): PathResult {
  const search = new PathSearch(question)
  return search.run([question.leaf]) ?? search.failure
}

class PathSearch {
  readonly #question: PathQuestion
  readonly #issuers: readonly Certificate[]
  #work = 0
  #closest: Failure | undefined

  constructor(question: PathQuestion) {
    const { roots, intermediates } = question.anchors
    this.#question = question
    this.#issuers = [...roots, ...intermediates, ...question.candidates]
  }

  get failure(): Failure {
    const { leaf } = this.#question
    return this.#closest ?? fail([leaf], { outcome: 'untrusted', reason: 'issuer_unknown', where: leaf })
  }

  /** Extends a path, whose signatures hold, up to an anchor. */
  run(path: readonly Certificate[]): PathResult | undefined {
    const top = path.at(-1) as Certificate
    if (this.#question.anchors.roots.some((root) => equalBytes(root.bytes, top.bytes))) return this.#judge(path)
    if (path.length >= LENGTH_LIMIT) return this.#note(path, 'path_too_long', top)

    const issuers = this.#issuers.filter(
      (issuer) => isNamedIssuer(issuer, top) && !path.some((step) => isSame(step, issuer)),
    )
    if (issuers.length === 0)
      return this.#note(path, this.#hasNamesake(top) ? 'issuer_other_key' : 'issuer_unknown', top)
    for (const [index, issuer] of issuers.entries()) {
      if (issuers.findIndex((other) => isSame(other, issuer)) < index) continue
      if (++this.#work > WORK_LIMIT) return this.#note(path, 'path_too_long', top)
      if (!this.#isSignedBy(top, issuer)) {
        this.#noteSignature(path, top, issuer)
        continue
      }
      const found = this.run([...path, issuer])
      if (found) return found
    }
    return undefined
  }

  /** Whether an anchor has the name of the issuer: by its key identifier it is another one. */
  #hasNamesake({ issuer }: Certificate): boolean {
    const { roots, intermediates } = this.#question.anchors
    return [...roots, ...intermediates].some(({ subject }) => equalBytes(subject.bytes, issuer.bytes))
  }

  #isSignedBy({ signatureAlgorithm, tbs, signature }: Certificate, { spki }: Certificate): boolean {
    return verifySigned(this.#question.crypto, spki, signatureAlgorithm, { message: tbs, signature })
  }

  /** Says why a signature does not hold as precisely as the keys allow. */
  #noteSignature(path: readonly Certificate[], top: Certificate, issuer: Certificate): void {
    if (isWeakKey(issuer.key)) this.#keep(fail(path, { outcome: 'weak', reason: 'weak_key', where: issuer }))
    else if (!issuer.key.isSupported || top.signatureAlgorithm.kind === 'other') {
      this.#note(path, 'algorithm_unsupported', top)
    } else this.#note(path, 'signature_wrong', top)
  }

  #judge(path: readonly Certificate[]): PathResult | undefined {
    const { at, crypto, anchors, crls = [] } = this.#question
    const flaws: Flaw[] = [...findFlaws(path, at)]
    const statuses = path.slice(0, -1).map((where, index) => {
      const issuer = path[index + 1] as Certificate
      const { status, entry } = findRevocation(where, issuer, [...anchors.crls, ...crls], { at, crypto })
      if (entry) flaws.push({ outcome: 'revoked', reason: 'revoked', where, entry })
      return status
    })
    const isCleared = statuses.every((status) => status === 'good')
    const [worst] = flaws.sort((a, b) => OUTCOMES.indexOf(a.outcome) - OUTCOMES.indexOf(b.outcome))
    if (!worst) return { outcome: 'trusted', path, revocation: isCleared ? 'good' : 'unknown' }
    const revocation = statuses.includes('revoked') ? 'revoked' : isCleared ? 'good' : 'unknown'
    this.#keep({ ...fail(path, worst), revocation })
    return undefined
  }

  #note(path: readonly Certificate[], reason: PathReason, where: Certificate): undefined {
    this.#keep(fail(path, { outcome: 'untrusted', reason, where }))
  }

  /** Keeps the failure that says most: on a path to an anchor before any other, then on the longer path. */
  #keep(failure: Failure): void {
    const reach = (of: Failure): number => {
      const top = of.path.at(-1) as Certificate
      const isAnchored = this.#question.anchors.roots.some((root) => equalBytes(root.bytes, top.bytes))
      return isAnchored ? LENGTH_LIMIT + 1 + OUTCOMES.indexOf(of.outcome) : of.path.length
    }
    if (!this.#closest || reach(failure) > reach(this.#closest)) this.#closest = failure
  }
}

/** Everything that a path can be blamed for without its revocation lists. */
function* findFlaws(path: readonly Certificate[], at: Date): Generator<Flaw> {
  const last = path.length - 1
  /** CA certificates between the one looked at and the leaf; those issued to itself do not count. */
  let casBelow = 0
  for (const [index, where] of path.entries()) {
    const isLeaf = index === 0
    if (where.unknownCritical.length > 0) yield { outcome: 'untrusted', reason: 'critical_extension_unknown', where }
    if (isLeaf && !maySign(where)) yield { outcome: 'untrusted', reason: 'usage_not_allowed', where }
    if (isLeaf && !where.key.isSupported && !isWeakKey(where.key)) {
      yield { outcome: 'untrusted', reason: 'algorithm_unsupported', where }
    }
    if (!isLeaf && !mayIssue(where, index === last)) yield { outcome: 'untrusted', reason: 'issuer_not_ca', where }
    const { pathLength } = where.basicConstraints ?? {}
    if (!isLeaf && pathLength !== undefined && casBelow > pathLength) {
      yield { outcome: 'untrusted', reason: 'path_length_exceeded', where }
    }
    if (isWeakKey(where.key)) yield { outcome: 'weak', reason: 'weak_key', where }
    if (index !== last && isWeakSignature(where.signatureAlgorithm))
      yield { outcome: 'weak', reason: 'weak_digest', where }
    if (at < where.notBefore) yield { outcome: 'not_yet_valid', reason: 'not_yet_valid', where }
    if (at > where.notAfter) yield { outcome: 'expired', reason: 'expired', where }
    if (!isLeaf && !isSelfIssued(where)) casBelow++
  }
}

function maySign({ keyUsage }: Certificate): boolean {
  return keyUsage === undefined || keyUsage.includes('digitalSignature') || keyUsage.includes('nonRepudiation')
}

/** An anchor of version 1 cannot say that it is a CA; that it was made an anchor says so. */
function mayIssue({ basicConstraints, keyUsage, version }: Certificate, isAnchor: boolean): boolean {
  if (keyUsage && !keyUsage.includes('keyCertSign')) return false
  return basicConstraints?.isCa === true || (isAnchor && version === 1)
}

function isNamedIssuer(issuer: Certificate, { issuer: name, authorityKeyIdentifier: wanted }: Certificate): boolean {
  if (!equalBytes(issuer.subject.bytes, name.bytes)) return false
  return !wanted || !issuer.subjectKeyIdentifier || equalBytes(wanted, issuer.subjectKeyIdentifier)
}

const isSame = (a: Certificate, b: Certificate): boolean => a === b || equalBytes(a.bytes, b.bytes)

function fail(path: readonly Certificate[], flaw: Flaw): Failure {
  return { ...flaw, path, revocation: flaw.outcome === 'revoked' ? 'revoked' : 'unknown' }
}
