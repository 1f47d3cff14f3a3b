/**
 * Network: ranges of addresses, and whether an address lies in one.
 *
 * Source: RFC 4632 (IPv4 prefixes), RFC 4291 section 2 (IPv6 text, and IPv4-mapped addresses, which are read as IPv4).
 */

/** A range: the bits that all of its addresses begin with. */
export interface Network {
  readonly isV6: boolean
  readonly prefix: bigint
  readonly bits: number
}

/** `10.1.0.0/16`, `2001:db8::/32`, or one address. Undefined for all else, and for bits behind the prefix. */
export function parseNetwork(text: string): Network | undefined {
  const [host = '', length, ...others] = text.split('/')
  const address = parseAddress(host)
  if (address === undefined || others.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length)))
    return undefined
  const width = widthOf(address)
  const bits = length === undefined ? width : Number(length)
  if (bits > width) return undefined
  const rest = BigInt(width - bits)
  if ((address.value & ((1n << rest) - 1n)) !== 0n) return undefined
  return { isV6: address.isV6, prefix: address.value >> rest, bits }
}

/** @param address  host and port as the gateway saw them, or the host alone */
export function isInNetwork(address: string, { isV6, prefix, bits }: Network): boolean {
  const parsed = parseAddress(hostOf(address))
  return parsed?.isV6 === isV6 && parsed.value >> BigInt(widthOf(parsed) - bits) === prefix
}

/** The host of `host:port` or `[host]:port`; an IPv6 address without brackets has no port. */
export function hostOf(address: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(address)?.[1]
  if (bracketed !== undefined) return bracketed
  const parts = address.split(':')
  return parts.length === 2 ? (parts[0] ?? '') : address
}

interface Address {
  readonly isV6: boolean
  readonly value: bigint
}

const widthOf = ({ isV6 }: Address): number => (isV6 ? 128 : 32)
const MAPPED = 0xffffn

function parseAddress(text: string): Address | undefined {
  const v4 = parseV4(text)
  if (v4 !== undefined) return { isV6: false, value: v4 }
  const v6 = parseV6(text.replace(/%.*$/, ''))
  if (v6 === undefined) return undefined
  return v6 >> 32n === MAPPED ? { isV6: false, value: v6 & 0xffffffffn } : { isV6: true, value: v6 }
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n)
}

function parseV6(text: string): bigint | undefined {
  if (text.length > 45 || !text.includes(':')) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map(groupsOf)
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => 0n), ...(tail ?? [])]
  return groups.reduce((value, group) => (value << 16n) | group, 0n)
}

/** Groups of 16 bits; the last two may be spelled as an IPv4 address. */
function groupsOf(text: string): bigint[] | undefined {
  if (text === '') return []
  const groups: bigint[] = []
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    const v4 = i === parts.length - 1 ? parseV4(part) : undefined
    if (v4 !== undefined) groups.push(v4 >> 16n, v4 & 0xffffn)
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`))
    else return undefined
  }
  return groups
}
