/**
 * Watch CNN, its images: true pictures and what each global technique makes of them, as normal planes and as measures, for bench/watch-cnn.py.
 *
 *   node bench/watch-cnn-images.ts MANIFEST.csv OUT PATIENTS [PART PARTS]
 *
 * One picture of each patient who is not in the part of the networks, in the order of the patients' digests. Written are one byte a sample of the
 * middle 384 × 384 of each plane, and the measures as JSON lines.
 */
import { createHash } from 'node:crypto'
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { forgeView } from '@fiducial/core/domain/forge/forge-view.ts'
import { isNetworkPatient } from '@fiducial/core/domain/forge/networks/network-patients.ts'
import type { Host } from '@fiducial/core/domain/forge/technique.ts'
import { TECHNIQUES } from '@fiducial/core/domain/forge/techniques/all.ts'
import { measureView } from '@fiducial/core/domain/watch/measure-view.ts'
import type { NormalPlane } from '@fiducial/core/domain/watch/normal-plane.ts'
import { decode } from 'fast-png'

const SIDE = 384
const [manifest = '', out = '', count = '80', part = '0', parts = '1'] = process.argv.slice(2)

const digestOf = (patient: string): string => createHash('sha256').update(patient).digest('hex')

/** Path by patient, the first picture of each. */
function listPictures(): readonly (readonly [patient: string, path: string])[] {
  const byPatient = new Map<string, string>()
  for (const line of readFileSync(manifest, 'utf8').split('\n')) {
    const path = line.split(',')[0] ?? ''
    const patient = /,(nih-\d+),/.exec(line)?.[1]
    if (!path.includes('/nih-chestxray14-512/') || patient === undefined || isNetworkPatient(patient)) continue
    if (!byPatient.has(patient)) byPatient.set(patient, path)
  }
  return [...byPatient].sort(([a], [b]) => (digestOf(a) < digestOf(b) ? -1 : 1)).slice(0, Number(count))
}

function cutMiddle({ width, height, samples }: NormalPlane): Uint8Array {
  const [left, top] = [(width - SIDE) >> 1, (height - SIDE) >> 1]
  return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
    return Math.round(samples[(top + Math.floor(i / SIDE)) * width + left + (i % SIDE)] as number)
  })
}

mkdirSync(out, { recursive: true })
for (const [number, [patient, path]] of listPictures().entries()) {
  if (number % Number(parts) !== Number(part)) continue
  const { width, height, data } = decode(readFileSync(join(dirname(manifest), path)))
  const view = { width, height, samples: Float32Array.from(data), white: 255, window: null }
  const host: Host = { ...view, kind: 'chest', spacingMm: null }
  const versions: [string, typeof view][] = [['true', view]]
  for (const technique of TECHNIQUES.filter(({ reach }) => reach === 'global')) {
    try {
      versions.push([technique.id, { ...view, samples: Float32Array.from(forgeView(technique, host, number).samples) }])
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
  }
  for (const [id, version] of versions) {
    const measured = measureView(version, 'chest')
    if (typeof measured === 'string' || Math.min(measured.plane.width, measured.plane.height) < SIDE) continue
    appendFileSync(join(out, `planes-${part}.bin`), cutMiddle(measured.plane))
    const values = [...measured.values].map((value) => (Number.isFinite(value) ? value : null))
    appendFileSync(
      join(out, `measures-${part}.jsonl`),
      `${JSON.stringify({ patient: digestOf(patient), id, values })}\n`,
    )
  }
}
