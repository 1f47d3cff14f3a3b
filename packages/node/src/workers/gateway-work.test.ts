import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Examination } from '@fiducial/core/domain/gateway/passage.ts'
import { NO_ANCHORS } from '@fiducial/core/domain/trust/anchors.ts'
import { ACQUISITION_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { encodeElements } from '@fiducial/core/formats/dicom/encode.ts'
import { formatFileMeta } from '@fiducial/core/formats/dicom/file-meta.ts'
import { EXPLICIT_LITTLE } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { ob, text, us } from '@fiducial/core/formats/dicom/values.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { openGatewayWork } from './gateway-work.ts'

describe('gateway work', () => {
  const folder = temporaryFolder()

  it('examines what is read whole, and what is too large for that', async () => {
    const place = (name: string) => ({ kind: 'files', folder: join(folder, name) }) as const
    const work = await openGatewayWork({
      kind: 'gateway',
      settings: { anchors: NO_ANCHORS, policy: ACQUISITION_POLICY },
      places: { spool: place('spool'), seals: place('seals'), reserveBytes: 0 },
      sealing: null,
      deidentifyKey: null,
      watchModel: null,
    })
    for (const rows of [64, 8_400]) {
      const sopInstanceUid = `2.25.${rows}`
      const bytes = imageOf(sopInstanceUid, rows)
      const path = join(folder, String(rows))
      writeFileSync(path, bytes)
      const sha256 = new Uint8Array(createHash('sha256').update(bytes).digest())
      const stated = { sopClassUid: CLASS, sopInstanceUid, transferSyntaxUid: SYNTAX }
      const attempted = await work({
        kind: 'examine',
        path,
        sha256,
        stated,
        attributes: [],
        sealPath: null,
        isToBeChecked: true,
      })
      assert.equal(attempted.outcome, 'done')
      const examination = attempted.value as Examination
      assert.equal(examination.state, 'examined')
      assert.equal(examination.description.instance.sopInstanceUid, sopInstanceUid)
      assert.notEqual(examination.description.digests.frames, null)
    }
  })
})

const CLASS = '1.2.840.10008.5.1.4.1.1.7'
const SYNTAX = '1.2.840.10008.1.2.1'

/** A black square of 8 bits. */
function imageOf(sopInstanceUid: string, rows: number): Uint8Array {
  const meta = formatFileMeta({ sopClassUid: CLASS, sopInstanceUid, transferSyntaxUid: SYNTAX, sourceAet: null })
  const elements = [
    text(0x00080016, 'UI', CLASS),
    text(0x00080018, 'UI', sopInstanceUid),
    us(0x00280002, 1),
    text(0x00280004, 'CS', 'MONOCHROME2'),
    us(0x00280010, rows),
    us(0x00280011, rows),
    us(0x00280100, 8),
    us(0x00280101, 8),
    us(0x00280102, 7),
    us(0x00280103, 0),
    ob(0x7fe00010, new Uint8Array(rows * rows)),
  ]
  return Buffer.concat([meta, encodeElements(elements, EXPLICIT_LITTLE)])
}
