/** Rules that compare headers with pixels, on other people’s files: true images are called odd seldom, and those that are, are counted. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { checkConsistency, type RuleFinding } from '@fiducial/core/domain/watch/header-rules.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { openPixels } from '../services/open-pixels.ts'
import { loadWasm } from '../storage/wasm.ts'
import { sharedSkip } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

/** Baseline, extended and spectral selection of JPEG, JPEG-LS, JPEG 2000 and HTJ2K that may lose. */
const LOSSY_SYNTAX = /^1\.2\.840\.10008\.1\.2\.4\.(?:50|51|53|55|81|91|203)$/
/** Most files that each rule may call odd: those of today. */
const ODD = {
  'bit-depth': 3,
  'lossy-flag': 5,
  spacing: 0,
  'exposure-noise': 0,
  'uid-root': 0,
  photometric: 0,
  matrix: 0,
} as const

describe('header rules on other people’s files', { skip: sharedSkip }, () => {
  const found: { readonly name: string; readonly findings: readonly RuleFinding[] }[] = []

  before(async () => {
    const means = { codecs: createCodecs(loadWasm), encoders: createEncoders(loadWasm) }
    for (const { path, name } of sharedFiles('data/dicom')) {
      try {
        const file = parseDicom(memorySource(readFileSync(path)))
        const pixels = await openPixels(file, means)
        const [plane] = pixels.read(0)
        if (plane === undefined) continue
        const { width, height, bits, isInverted, components: planes } = pixels
        const isLossySyntax = LOSSY_SYNTAX.test(file.transferSyntaxUid) && pixels.isLossy
        const samples = Uint16Array.from(plane.samples)
        found.push({
          name,
          findings: checkConsistency(file.dataSet, { width, height, samples, bits, planes, isInverted, isLossySyntax }),
        })
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
      }
    }
  })

  it('look at most of them', () => assert.ok(found.length > 100, `${found.length}`))

  for (const [rule, most] of Object.entries(ODD)) {
    it(`call at most ${most} odd by ${rule}`, () => {
      const odd = found.filter(({ findings }) =>
        findings.some((finding) => finding.rule === rule && finding.outcome === 'odd'),
      )
      assert.ok(odd.length <= most, odd.map(({ name }) => name).join(', '))
    })
  }
})
