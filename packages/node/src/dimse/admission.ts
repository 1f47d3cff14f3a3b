/**
 * Admission: who may associate.
 *
 * A title is a claim, so a caller may be bound to addresses and certificates as well (PS3.15 annex B is silent on how).
 * Names of hosts are looked up each time they are needed: whoever controls the name service can let others in.
 */
import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import type { RejectionReason } from './acceptor-events.ts'
import type { Caller } from './acceptor-settings.ts'

/** What is known of somebody who asks for an association. */
export interface Visitor {
  readonly callingAet: string
  readonly calledAet: string
  /** IP address. */
  readonly host: string
  /** SHA-256 in lower-case hexadecimal, and subject; null where no certificate was shown. */
  readonly certificate: { readonly sha256: string; readonly subject: string } | null
}

export type Resolve = (name: string) => Promise<readonly string[]>

/** Addresses of a host's name; none where nobody knows it. */
export const resolveHost: Resolve = async (name) => {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address)
  } catch {
    return []
  }
}

export interface AdmissionRules {
  readonly calledTitles: 'any' | readonly string[]
  readonly callers: 'any' | readonly Caller[]
}

/** Undefined where the visitor is welcome, else what is wrong: the last thing in the order title, address, certificate. */
export type Admission = (visitor: Visitor) => Promise<RejectionReason | undefined>

/** Prepares the rules. @throws {RangeError} for a network that is none */
export function admissionBy(rules: AdmissionRules, resolve: Resolve = resolveHost): Admission {
  const callers = rules.callers === 'any' ? 'any' : rules.callers.map(prepareCaller)
  return async (visitor) => {
    if (visitor.calledAet === '' || !isCalled(rules, visitor)) return 'called_title'
    // A backslash would make two titles of one in a file (PS3.5 section 6.2).
    if (visitor.callingAet === '' || visitor.callingAet.includes('\\')) return 'calling_title'
    if (callers === 'any') return undefined
    const byTitle = callers.filter(({ aet }) => aet === null || aet === visitor.callingAet)
    if (byTitle.length === 0) return 'calling_title'
    const fits = await Promise.all(byTitle.map((caller) => hasAddress(caller, visitor.host, resolve)))
    const byAddress = byTitle.filter((_, i) => fits[i])
    if (byAddress.length === 0) return 'address'
    return byAddress.some((caller) => hasCertificate(caller, visitor)) ? undefined : 'certificate'
  }
}

/** An IPv4 address that came in by IPv6 is itself again. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')

interface PreparedCaller extends Caller {
  readonly networks: BlockList
  readonly names: readonly string[]
}

const isCalled = ({ calledTitles }: AdmissionRules, { calledAet }: Visitor): boolean =>
  calledTitles === 'any' || calledTitles.includes(calledAet)

function prepareCaller(caller: Caller): PreparedCaller {
  const networks = new BlockList()
  const names: string[] = []
  for (const rule of caller.addresses) {
    const [network = '', prefix] = rule.split('/')
    const version = isIP(network)
    if (version === 0 && prefix === undefined) {
      names.push(rule)
      continue
    }
    const bits = version === 6 ? 128 : 32
    const length = prefix === undefined ? bits : Number(prefix)
    if (version === 0 || prefix === '' || !Number.isInteger(length) || length < 0 || length > bits) {
      throw new RangeError('an address is no network, such as 10.1.0.0/16')
    }
    networks.addSubnet(network, length, version === 6 ? 'ipv6' : 'ipv4')
  }
  return { ...caller, networks, names }
}

async function hasAddress({ addresses, networks, names }: PreparedCaller, host: string, resolve: Resolve) {
  if (addresses.length === 0 || networks.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')) return true
  for (const name of names) if ((await resolve(name)).map(plainAddress).includes(host)) return true
  return false
}

function hasCertificate({ certificates: rules }: Caller, { certificate }: Visitor): boolean {
  if (rules.length === 0) return true
  if (certificate === null) return false
  return rules.some(
    (rule) => rule === certificate.subject || rule.replaceAll(':', '').toLowerCase() === certificate.sha256,
  )
}
