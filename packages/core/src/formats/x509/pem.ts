/**
 * PEM: DER as lines of text between BEGIN and END.
 *
 * Source: RFC 7468. Text around the blocks is skipped, as its section 2 allows; inside them, lines of any length and
 * either line ending are read, and base64 has one spelling. Blocks with headers (encrypted keys of old) are refused.
 */
import { decodeBase64, encodeBase64 } from '../../bytes/base64.ts'
import { decodeLatin1 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { type Crl, parseCrl } from './crl.ts'

export interface PemBlock {
  /** As in `CERTIFICATE`, `X509 CRL`, `PRIVATE KEY`. */
  readonly label: string
  readonly bytes: Uint8Array
}

/**
 * Reads the blocks of a text, all or those of one label.
 * @throws {FormatError} `pem_malformed`
 */
export function decodePem(text: string, label?: string): PemBlock[] {
  const blocks: PemBlock[] = []
  let open: { readonly label: string; readonly lines: string[] } | undefined
  for (const line of text.split(/\r\n|\n|\r/)) {
    const boundary = /^-----(BEGIN|END) ([A-Z0-9 ]+)-----\s*$/.exec(line)
    if (!boundary) {
      open?.lines.push(line.trim())
      continue
    }
    const [, kind, name = ''] = boundary
    if (kind === 'BEGIN') {
      if (open) throw new FormatError('pem_malformed', 'a block begins inside another')
      open = { label: name, lines: [] }
    } else {
      if (open?.label !== name) throw new FormatError('pem_malformed', 'a block ends that did not begin')
      if (label === undefined || label === name) blocks.push({ label: name, bytes: decodeBody(open.lines.join('')) })
      open = undefined
    }
  }
  if (open) throw new FormatError('pem_malformed', 'a block does not end')
  return blocks
}

/** Writes one block with lines of 64 characters. */
export function encodePem({ label, bytes }: PemBlock): string {
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

/**
 * Reads the certificates of a file: one in DER, or any number in PEM.
 * @throws {FormatError} `certificate_malformed`, `pem_malformed`; the latter also for a file without a certificate
 */
export function parseCertificates(file: Uint8Array): Certificate[] {
  return blocksOf(file, 'CERTIFICATE').map(parseCertificate)
}

/**
 * Reads the revocation lists of a file: one in DER, or any number in PEM.
 * @throws {FormatError} `crl_malformed`, `pem_malformed`; the latter also for a file without a list
 */
export function parseCrls(file: Uint8Array): Crl[] {
  return blocksOf(file, 'X509 CRL').map(parseCrl)
}

function blocksOf(file: Uint8Array, label: string): Uint8Array[] {
  if (file[0] === 0x30) return [file]
  const blocks = decodePem(decodeLatin1(file), label)
  if (blocks.length === 0) throw new FormatError('pem_malformed', `no ${label} in the file`)
  return blocks.map(({ bytes }) => bytes)
}

function decodeBody(body: string): Uint8Array {
  try {
    return decodeBase64(body)
  } catch (cause) {
    throw new FormatError('pem_malformed', 'the body of a block is not base64', { cause })
  }
}
