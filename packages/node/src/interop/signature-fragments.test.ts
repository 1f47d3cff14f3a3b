/** Fragments of real files: where pixel data can be cut in one way only, and where nobody can say. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { checkFragments } from '@fiducial/core/domain/signature/fragments.ts'
import type { Element } from '@fiducial/core/formats/dicom/element.ts'
import { sharedPath, sharedSkip } from '../testing/peers.ts'
import { parse, signatureSubjects } from './signature-subjects.ts'

/** One frame of the JPEG family in several fragments, and no offset table that would bound it. */
const UNDECIDABLE: readonly string[] = ['CT0012.fragmented_no_bot_jpeg_baseline.51.dcm', 'JPEG-LL.dcm']

describe('fragments of the shared data', { skip: sharedSkip }, () => {
  it('can be cut in one way only, save for two files', () => {
    const wrong: string[] = []
    const counts = { encapsulated: 0, native: 0 }
    for (const { name, file } of signatureSubjects()) {
      const isEncapsulated = file.dataSet.elements.some(hasFragments)
      counts[isEncapsulated ? 'encapsulated' : 'native']++
      const check = checkFragments(file)
      if (!UNDECIDABLE.includes(name)) {
        if (check.outcome !== 'holds') wrong.push(`${name}: ${check.outcome} ${check.reason}`)
        continue
      }
      const where = { path: '', fragment: 1, frame: 1 }
      assert.deepEqual(check, { outcome: 'unknown', reason: 'fragments_undecidable', where }, name)
    }
    assert.deepEqual(wrong, [])
    assert.deepEqual(counts, { encapsulated: 80, native: 149 })
  })

  for (const name of ['us_jpeg_multiframe_creator', 'ct_rle_creator', 'ct_creator']) {
    it(`can be cut in one way only in the vector ${name}`, () => {
      const bytes = readFileSync(sharedPath(`vectors/signatures/signed/${name}.dcm`))
      assert.deepEqual(checkFragments(parse(new Uint8Array(bytes))), { outcome: 'holds' })
    })
  }
})

const hasFragments = ({ fragments, items }: Element): boolean =>
  fragments !== undefined || (items?.some(({ elements }) => elements.some(hasFragments)) ?? false)
