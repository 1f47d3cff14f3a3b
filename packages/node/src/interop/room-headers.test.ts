/** Data sets of the simulated room as dicom3tools and DCMTK judge them: storage classes of PS3.3 sections A.2 to A.4 and A.26. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { ExposureKind } from '@fiducial/core/domain/room/plan.ts'
import { runRoom } from '@fiducial/core/domain/room/room.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { peer, run, temporaryFolder } from '../testing/peers.ts'

const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1'
/** Added to the standard in 2023, after the release of dicom3tools that Debian carries. */
const SYNTHETIC_DATA = '(0008,001c)'

const folder = temporaryFolder()
const dcmdump = peer('dcmdump')
const dciodvfy = peer('dciodvfy')
const dcentvfy = peer('dcentvfy')

const SIZES = {
  chest: { columns: 256, rows: 320 },
  hand: { columns: 240, rows: 300 },
  ct: { columns: 64, rows: 64 },
  mr: { columns: 64, rows: 64 },
} as const
const OBJECTS = {
  chest: 'DXImageForPresentation',
  hand: 'CRImage',
  ct: 'CTImage',
  mr: 'MRImage',
} as const satisfies Record<ExposureKind, string>

/** Three worklists of one kind each: seeds differ in sign, polarity, side, depth and sex. */
function writeImages(kind: ExposureKind): string[] {
  const paths: string[] = []
  for (const { elements } of runRoom(`interop ${kind}`, 3, {
    at: '2026-03-04T10:11:12.345+01:00',
    kinds: [kind],
    size: SIZES[kind],
    sliceCount: 2,
  })) {
    const path = join(folder, `${kind}-${paths.length}.dcm`)
    writeFileSync(path, Buffer.concat(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements })))
    paths.push(path)
  }
  return paths
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '')

for (const kind of ['chest', 'hand', 'ct', 'mr'] as const) {
  describe(`room headers: ${kind}`, () => {
    const paths = writeImages(kind)

    it('are read by dcmdump without a word of warning', { skip: dcmdump.skip }, async () => {
      for (const path of paths) {
        const { code, stdout, stderr } = await run(dcmdump.path, ['+L', '-v', path])
        assert.equal(code, 0)
        assert.deepEqual(
          linesOf(stderr).filter((line) => /^[WEF]:/.test(line)),
          [],
        )
        assert.match(stdout, /\(0008,001c\) CS \[YES\]/)
      }
    })

    it('fulfil the definition of their object by dciodvfy', { skip: dciodvfy.skip }, async () => {
      for (const path of paths) {
        const { stderr } = await run(dciodvfy.path, ['-new', path])
        const lines = linesOf(stderr)
        assert.ok(lines.includes(OBJECTS[kind]), stderr)
        const complaints = lines.filter((line) => /^(Error|Warning)/.test(line) && !line.includes(SYNTHETIC_DATA))
        // The coding scheme of the demo's own technologists is private by its name.
        assert.deepEqual(
          complaints.filter((line) => !/CodingSchemeDesignator.*<99DEMO>/.test(line)),
          [],
        )
      }
    })

    it('agree with each other about patient, study and series by dcentvfy', { skip: dcentvfy.skip }, async () => {
      const { stderr } = await run(dcentvfy.path, paths)
      assert.deepEqual(linesOf(stderr), [])
    })
  })
}
