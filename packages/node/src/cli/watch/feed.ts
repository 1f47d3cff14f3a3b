/**
 * Feed: the evidence that images as they come pile up, beside what each of them says alone: whether there are more small p-values than true images
 * have, and whether scores drift away from those that calibrated.
 *
 * The state is a file: plain numbers, no image and no patient. A file that is no state is refused, not begun anew.
 */
import { formatP } from '@fiducial/core/domain/watch/examine.ts'
import { type FeedState, startFeed, watchFeed } from '@fiducial/core/domain/watch/model/e-values.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { parseJson } from '@fiducial/core/formats/json/parse.ts'
import type { Context } from '../context.ts'

export interface FeedNews {
  /** Evidence in units of the start, at the image that was taken in. */
  readonly forgeries: number
  readonly drift: number
  /** In words; none where nothing is alarming. */
  readonly alarms: readonly string[]
}

/** Chance of a false alarm over all images of a feed, for each of the two. */
const ALPHA = 0.01
const KINDS = ['forgeries', 'drift'] as const
type Kind = (typeof KINDS)[number]
type Feed = Readonly<Record<Kind, FeedState>>

const WORDS: Readonly<Record<Kind, string>> = {
  forgeries: 'more images are unusual than true ones would be',
  drift: 'scores have moved away from those that calibrated: calibrate again, or look at what has changed',
}

/** Takes one p-value in. @throws {FormatError} `watch_feed_malformed` */
export async function followFeed(path: string, p: number, { adapters }: Context): Promise<FeedNews> {
  const bytes = await adapters.readFile(path)
  const feed = bytes === undefined ? newFeed() : readFeed(bytes)
  const steps = KINDS.map((against) => ({ against, ...watchFeed(feed[against], p, { alpha: ALPHA, against }) }))
  const next = Object.fromEntries(steps.map(({ against, state }) => [against, state]))
  await adapters.writeFile(path, new TextEncoder().encode(`${JSON.stringify(next)}\n`))
  const [forgeries, drift] = steps.map(({ evidence }) => evidence)
  const alarms = steps.filter(({ isAlarm }) => isAlarm).map(({ against, evidence }) => wordOf(against, evidence))
  return { forgeries: forgeries ?? 1, drift: drift ?? 1, alarms }
}

const wordOf = (against: Kind, evidence: number): string =>
  `${WORDS[against]} (a feed of true images comes this far with a chance of ${formatP(1 / evidence)} at most)`

const newFeed = (): Feed => ({ forgeries: startFeed({ against: 'forgeries' }), drift: startFeed({ against: 'drift' }) })

function readFeed(bytes: Uint8Array): Feed {
  try {
    const value = parseJson(new TextDecoder().decode(bytes)) as unknown as Feed
    for (const against of KINDS) {
      const { logs, images, alarms } = value[against]
      const isWhole = logs.length === startFeed({ against }).logs.length && logs.every(Number.isFinite)
      if (!isWhole || !Number.isInteger(images) || !Number.isInteger(alarms)) throw new RangeError(against)
    }
    return value
  } catch (cause) {
    throw new FormatError('watch_feed_malformed', 'the file holds no state of a feed', { cause })
  }
}
