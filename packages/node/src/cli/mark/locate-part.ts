/** Locate part: says of pictures that were cut out of a marked image, turned or mirrored, where they lie in it and what of them holds. */
import { decodeHex, encodeHex } from '@fiducial/core/bytes/hex.ts'
import { deriveImageKey } from '@fiducial/core/domain/mark/keys.ts'
import type { MarkRecord } from '@fiducial/core/domain/mark/record.ts'
import type { Pose } from '@fiducial/core/domain/mark/tiles/placement.ts'
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import { readRecord } from '../../services/mark/find-mark.ts'
import { type LocatedPart, locatePart } from '../../services/mark/locate-part.ts'
import type { MarkDevice, MarkMeans } from '../../services/mark/ports.ts'
import type { Input } from '../adapters.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { withHint } from '../failure.ts'
import { counted } from '../table.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import type { RawOption } from './open-image.ts'
import { runOverImages } from './run.ts'

/** A record, and the key of its image. */
export interface KnownRecord {
  readonly record: MarkRecord
  readonly device: MarkDevice
  readonly imageKey: Uint8Array
}

/**
 * Finds a record by the id that was typed, and the keys of its device.
 * @throws {UsageError}; {StoreError} `input_missing`; {KeyError} `key_missing`
 */
export async function openRecord(id: string, devices: readonly MarkDevice[], means: MarkMeans): Promise<KnownRecord> {
  const recordId = parseId(id)
  const record = await readRecord(recordId, means)
  if (record === undefined) {
    const hint = 'fiducial mark read IMAGE tells the record of an image'
    throw withHint(new StoreError('input_missing', `there is no record ${encodeHex(recordId)}`), hint)
  }
  const device = devices.find((known) => known.id === record.device)
  if (device === undefined) throw new KeyError('key_missing', `there is no mark key of ${record.device}`)
  return { record, device, imageKey: deriveImageKey(means.hash, device.markKey, recordId) }
}

function parseId(text: string): Uint8Array {
  try {
    const id = decodeHex(text)
    if (id.length === 8) return id
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  throw new UsageError(
    'a record id has 16 hexadecimal digits',
    'such as e2837ab9ab767eda, as mark embed and mark read show it',
  )
}

export async function locateParts(
  words: readonly string[],
  known: KnownRecord,
  options: RawOption,
  means: MarkMeans,
  context: Context,
): Promise<ExitCode> {
  const { raw } = options
  const order = { words, verb: 'looking for', failed: 'not looked for', ...(raw !== undefined && { raw }) }
  const { exit } = await runOverImages(order, means, context, async ({ pixels }, input) => {
    const part = locatePart(pixels, known, means)
    report(input, part, known, context)
    if (part === undefined) return EXIT.undetermined
    return part.altered.length === 0 ? EXIT.ok : EXIT.notAuthentic
  })
  return exit
}

function report({ label }: Input, part: LocatedPart | undefined, { record }: KnownRecord, { output }: Context): void {
  const recordId = encodeHex(record.recordId)
  const outcome = part === undefined ? 'absent' : part.altered.length === 0 ? 'holds' : 'altered'
  const sentence = part === undefined ? `no tile of record ${recordId} is in it` : describe(part, recordId)
  const { pose, altered = [], ...place } = part ?? {}
  output.record({
    path: label,
    outcome,
    recordId,
    sentence,
    part: part === undefined ? null : { ...place, ...pose },
    altered: altered.map(({ x, y, width, height }) => ({ left: x, top: y, right: x + width, bottom: y + height })),
  })
  const { green, red, yellow } = output.style
  const head = { holds: green('✔ a part'), altered: red('✘ altered'), absent: yellow('? no part') }[outcome]
  output.line(`${head}  ${visible(label)}: ${sentence}`)
}

function describe({ pose, x, y, width, height, tiles, altered }: LocatedPart, recordId: string): string {
  const place = `columns ${x} to ${x + width - 1}, rows ${y} to ${y + height - 1} of record ${recordId}`
  const lost =
    altered.length === 0
      ? `all ${counted(tiles, 'tile')} in it hold`
      : `${altered.length} of ${counted(tiles, 'tile')} in it do not hold`
  return `${[place, ...poseInWords(pose)].join(', ')}: ${lost}`
}

const poseInWords = ({ isInverted, turns, isMirrored }: Pose): readonly string[] => [
  ...(turns === 0 ? [] : [`turned by ${90 * turns}°`]),
  ...(isMirrored ? ['mirrored'] : []),
  ...(isInverted ? ['inverted'] : []),
]
