/** Filters: the options that say which entries of a log are meant. */
import { EVENT_TYPES, type EventType } from '@fiducial/core/domain/log/event.ts'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { Term } from '../../services/log/ports.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'

export interface FilterOptions {
  readonly instance?: string
  readonly series?: string
  readonly study?: string
  readonly device?: string
  readonly person?: string
  readonly key?: string
  readonly type?: string
  readonly digest?: string
  readonly from?: bigint
  readonly to?: bigint
}

const KINDS = ['instance', 'series', 'study', 'device', 'person', 'key', 'type', 'digest'] as const
const TERM_LIMIT = 256

/** Gives a command the filters. */
export function addFilters(command: Command): Command {
  return command
    .option('--instance <uid>', 'about the image with this SOP Instance UID')
    .option('--series <uid>', 'about images of this series')
    .option('--study <uid>', 'about images of this study')
    .option('--device <id>', 'by or about this device or system')
    .option('--person <id>', 'by or about this person')
    .option('--key <sha256>', 'by or about the certificate with this SHA-256')
    .option('--type <event>', 'of this kind, such as acquired or forwarded')
    .option('--digest <sha256>', 'about an image, statement or map with this SHA-256')
    .option('--from <n>', 'from this index on', entryNumber)
    .option('--to <n>', 'up to this index, without it', entryNumber)
}

/** An index or size of a log. */
export function entryNumber(text: string): bigint {
  if (!/^\d{1,18}$/.test(text)) throw new InvalidArgumentError('Not a whole number.')
  return BigInt(text)
}

/** What was asked for, as terms. @throws {UsageError} for words that no entry can have */
export function termsOf(options: FilterOptions): readonly Term[] {
  if (options.type !== undefined && !EVENT_TYPES.includes(options.type as EventType))
    throw new UsageError(`there is no event ${visible(options.type)}`, `events: ${EVENT_TYPES.join(', ')}`)
  return KINDS.flatMap((kind) => {
    const value = options[kind]
    if (value === undefined) return []
    if (value === '' || value.length > TERM_LIMIT) throw new UsageError(`--${kind} has no or too many characters`)
    const isHex = kind === 'key' || kind === 'digest'
    if (isHex && !/^[0-9a-f]{64}$/i.test(value)) throw new UsageError(`--${kind} is no SHA-256 in hexadecimal`)
    return [{ kind, value: isHex ? value.toLowerCase() : value }]
  })
}

/** The part of a log that was asked for. @throws {UsageError} for none */
export function rangeOf(
  { from = 0n, to }: FilterOptions,
  size: bigint,
): { readonly from: bigint; readonly to: bigint } {
  const end = to === undefined || to > size ? size : to
  if (to !== undefined && to < from) throw new UsageError(`--from ${from} and --to ${to} are no range`)
  return { from, to: end }
}
