/** Toy series: images of a series that their technologist signs at once; see toy-seal.ts. */
import type { Seal, SeriesSeal } from '../domain/seal/seal.ts'
import { SeriesProver } from '../domain/seal/series.ts'
import { seriesEntry } from '../domain/seal/series-statement.ts'
import { type SeriesRequest, signSeries } from '../domain/seal/sign.ts'
import { text } from '../formats/dicom/values.ts'
import {
  device,
  hashes,
  operator,
  sealedAt,
  toyDescription,
  toyElements,
  toyFile,
  toySeal,
  toySeriesStatement,
  toyTimestamp,
} from './toy-seal.ts'

export const operatorOfSeries = { statement: operator.statement, postQuantum: operator.postQuantum }
export const seriesSignedAt = new Date(sealedAt.getTime() + 10 * 60_000)

/** The seal of one image, which waits for its series. */
export function toySealInSeries(number: number): Promise<Seal> {
  const uid = `2.25.${1000 + number}`
  const description = toyDescription(
    toyFile(toyElements([text(0x00080018, 'UI', uid), text(0x00200013, 'IS', String(number))])),
  )
  return toySeal({
    statement: toySeriesStatement(description),
    frames: description.frames,
    signers: { device, operator: operatorOfSeries },
  })
}

export async function toySeries(seals: readonly Seal[], overrides: Partial<SeriesRequest> = {}): Promise<SeriesSeal> {
  const [first] = seals
  return signSeries({
    statement: {
      isDemo: true,
      studyInstanceUid: '2.25.1',
      seriesInstanceUid: '2.25.2',
      operator: (first as Seal).statement.operator,
      signedAt: seriesSignedAt,
      checkpoint: null,
    },
    entries: seals.map(({ statement }) => seriesEntry(statement, hashes)),
    signers: operatorOfSeries,
    hashes,
    timestamp: toyTimestamp(new Date(seriesSignedAt.getTime() + 1000)),
    ...overrides,
  })
}

/** A signed series, the seals as their device made them, and with their proofs. */
export async function seriesOf(
  count: number,
): Promise<{ seals: readonly Seal[]; series: SeriesSeal; attached: readonly Seal[] }> {
  const seals = await Promise.all(Array.from({ length: count }, (_, i) => toySealInSeries(i)))
  const series = await toySeries(seals)
  const prover = new SeriesProver(series, hashes)
  return { seals, series, attached: seals.map((seal) => prover.attach(seal) as Seal) }
}
