/**
 * Seal series: one signature of the technologist over all images of a series, which their devices have sealed already.
 *
 * A person confirms once, and each image still carries a proof of its own. Nothing is written here.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { formatSeal, formatSeriesSeal, type Seal } from '@fiducial/core/domain/seal/seal.ts'
import { SeriesProver } from '@fiducial/core/domain/seal/series.ts'
import { seriesEntry } from '@fiducial/core/domain/seal/series-statement.ts'
import { signSeries } from '@fiducial/core/domain/seal/sign.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { QuoteCheckpoint, Sealer, TimestampAuthority } from './ports.ts'

export interface SeriesDependencies {
  readonly crypto: Crypto
  readonly now: () => Date
  readonly operator: Sealer
  /** Absent for a signature whose time stays a claim. */
  readonly authority?: TimestampAuthority
  /** The newest witnessed checkpoint of the custody log, to be quoted; absent where there is no log. */
  readonly checkpoint?: QuoteCheckpoint
}

export interface SealedSeries {
  readonly seriesInstanceUid: string
  /** The bytes of the file beside the series. */
  readonly series: Uint8Array
  /** The bytes of each image's seal, with its proof, in the order of the images. */
  readonly seals: readonly Uint8Array[]
}

/**
 * Signs a series.
 *
 * @param images  the seals of its images, made for a signature over the series and of one technologist
 * @throws {FormatError} `seal_malformed` for images of several series, or without one; `statement_malformed`
 * @throws {KeyError} from the signer; {StoreError} from the timestamp authority and the custody log
 */
export async function sealSeries(images: readonly Seal[], dependencies: SeriesDependencies): Promise<SealedSeries> {
  const { crypto, now, operator, authority } = dependencies
  const first = images[0]?.statement
  const seriesInstanceUid = first?.instance.seriesInstanceUid
  if (first === undefined || typeof seriesInstanceUid !== 'string') throw malformed('the images belong to no series')
  for (const { statement } of images) {
    if (statement.instance.seriesInstanceUid !== seriesInstanceUid)
      throw malformed('the images belong to several series')
    if (statement.signatures.operator !== null)
      throw malformed('the technologist signed an image of the series already')
  }
  const { statement, postQuantum } = operator.keys
  // Before the clock is read, or the signature would quote what it claims to be older than.
  const checkpoint = (await dependencies.checkpoint?.()) ?? null
  const signed = await signSeries({
    statement: {
      isDemo: images.some(({ statement: { isDemo } }) => isDemo),
      studyInstanceUid: first.instance.studyInstanceUid,
      seriesInstanceUid,
      operator: first.operator,
      signedAt: now(),
      checkpoint,
    },
    entries: images.map((image) => seriesEntry(image.statement, crypto.hash)),
    signers: { statement, postQuantum },
    hashes: crypto.hash,
    ...(authority !== undefined && { timestamp: (name, digest) => authority.timestamp(name, digest) }),
  })
  const prover = new SeriesProver(signed, crypto.hash)
  const seals = images.map((image) => {
    const attached = prover.attach(image)
    if (attached === undefined) throw new TypeError('the tree lacks an image that it was made of')
    return formatSeal(attached)
  })
  return { seriesInstanceUid, series: formatSeriesSeal(signed), seals }
}

const malformed = (message: string): FormatError => new FormatError('seal_malformed', message)
