/** Series work: signs a series as technologist, and writes its file and the proofs into the seals of its images. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseSeal } from '@fiducial/core/domain/seal/seal.ts'
import type { SealedImage, SignedSeries } from '../cli/work.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { sealSeries } from '../services/seal-series.ts'
import { SEAL_SUFFIX } from '../storage/find-inputs.ts'
import { writeFileAtomically } from '../storage/write-file.ts'
import { openAuthority, openKeys, openQuoting } from './seal-work.ts'
import type { SealSetup } from './setup.ts'
import { readAll } from './verify-work.ts'

/** @throws {FormatError} `seal_malformed` @throws {KeyError} @throws {StoreError} */
export async function signSeriesFiles(
  images: readonly SealedImage[],
  folder: string,
  setup: SealSetup,
): Promise<SignedSeries> {
  const paths = images.map(({ target }) => `${target}${SEAL_SUFFIX}`)
  const { seriesInstanceUid, series, seals } = await sealSeries(
    paths.map((path) => parseSeal(readAll(path))),
    {
      crypto: nativeCrypto,
      now: () => new Date(),
      operator: { id: setup.settings.operator, keys: await openKeys(setup.operator) },
      authority: await openAuthority(setup),
      ...(setup.settings.logFolder !== undefined && { checkpoint: await openQuoting(setup.settings.logFolder) }),
    },
  )
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${seriesInstanceUid}.series${SEAL_SUFFIX}`)
  // The list first: a proof without it would still hold, a list without proofs tells what is missing.
  writeFileAtomically(path, [series], { isOverwriting: true })
  for (const [i, seal] of seals.entries()) writeFileAtomically(paths[i] as string, [seal], { isOverwriting: true })
  return { seriesInstanceUid, images: images.length, path }
}
