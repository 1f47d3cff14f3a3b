/** The index of every file of the shared data, against what DCMTK's dcmdump reads: nesting, tags, VRs, lengths. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { type Element, formatTag } from '@fiducial/core/formats/dicom/element.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { uint16At } from '@fiducial/core/formats/dicom/values.ts'
import { peer, run, sharedSkip } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

const dcmdump = peer('dcmdump')

/** Where both read a file and see different elements, or where only one of the two reads it: reviewed one by one. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  // Cut off on purpose: we list what is there, and a finding says that it is not all.
  'pydicom-data/emri_small_jpeg_2k_lossless_too_short.dcm': 'only ours',
  'pydicom/test_files/MR_truncated.dcm': 'only ours',
  'pydicom/test_files/rtplan_truncated.dcm': 'only ours',
  // Implicit VR under a JPEG syntax: read as it is written, with a finding.
  'pydicom/test_files/SC_rgb_jpeg.dcm': 'only ours',
  // The last item ends where the file does: we say what is there, DCMTK what is claimed.
  'pydicom/test_files/dicomdirtests/DICOMDIR-nooffset':
    '534: ours 1 (fffe,e000) -- 224, theirs 1 (fffe,e000) -- 248; 543 and 543 lines',
  // SOP Instance UID twice: DCMTK keeps the first one, we list both, with a finding.
  'pydicom/palettes/winter.dcm': '14: ours 0 (0008,0018) UI 20, theirs 0 (0020,0013) IS 2; 42 and 41 lines',
}

/** DCMTK's names for items, fragments, unknown elements, offsets in a DICOMDIR, and numbers of unsigned pixels. */
const VR_OF_DCMTK: Readonly<Record<string, string>> = { na: '--', pi: '--', '??': 'UN', up: 'UL', xs: 'US' }

/** `depth tag vr length`, one for each element, item and fragment. */
type Line = string

async function linesOfDcmtk(path: string): Promise<Line[] | undefined> {
  // Nothing corrected, no names for UIDs, long values cut, control characters spelled out: one line an element.
  const { code, output } = await run(dcmdump.path, ['-q', '-dc', '-Un', '+Qo', '-L', path])
  if (code !== 0) return undefined
  const lines: Line[] = []
  for (const line of Buffer.from(output).toString('latin1').split('\n')) {
    const match = /^( *)(\([0-9a-f]{4},[0-9a-f]{4}\)) (\S\S) .*# +(u\/l|\d+), *\d+ \S/.exec(line)
    if (match === null) continue
    const [, indent = '', tag = '', vr = '', length = ''] = match
    if (tag === '(fffe,e00d)' || tag === '(fffe,e0dd)') continue
    lines.push(`${indent.length / 2} ${tag} ${VR_OF_DCMTK[vr] ?? vr} ${length}`)
  }
  return lines
}

function ourLines({ meta, dataSet }: DicomFile): Line[] {
  const lines: Line[] = []
  const pixelVr = uint16At(dataSet, 0x00280103) === 1 ? 'SS' : 'US'
  /** DCMTK calls sequences and encapsulated data by what they are, we by what the file says. */
  const vrOf = ({ vr, items, fragments }: Element): string =>
    items !== undefined ? 'SQ' : fragments !== undefined ? 'OB' : vr === 'xs' ? pixelVr : vr
  const walk = (elements: readonly Element[], depth: number): void => {
    for (const element of elements) {
      const { tag, valueStart, valueEnd, items, fragments, hasUndefinedLength } = element
      lines.push(`${depth} ${formatTag(tag)} ${vrOf(element)} ${hasUndefinedLength ? 'u/l' : valueEnd - valueStart}`)
      for (const item of items ?? []) {
        const length = item.hasUndefinedLength ? 'u/l' : item.valueEnd - item.valueStart
        lines.push(`${depth + 1} (fffe,e000) -- ${length}`)
        walk(item.elements, depth + 2)
      }
      for (const fragment of fragments ?? [])
        lines.push(`${depth + 1} (fffe,e000) -- ${fragment.end - fragment.valueStart}`)
    }
  }
  walk(meta, 0)
  walk(dataSet.elements, 0)
  return lines
}

describe('elements of every file as dcmdump lists them', { skip: sharedSkip || dcmdump.skip }, () => {
  for (const { path, name } of sharedSkip || dcmdump.skip ? [] : sharedFiles('data/dicom')) {
    it(name, async () => {
      let ours: Line[] | undefined
      try {
        ours = ourLines(parseDicom(memorySource(readFileSync(path))))
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
      }
      const theirs = await linesOfDcmtk(path)
      let difference = 'none'
      if (ours === undefined || theirs === undefined) {
        if (ours !== undefined) difference = 'only ours'
        if (theirs !== undefined) difference = 'only theirs'
      } else {
        const at = ours.findIndex((line, i) => line !== theirs[i])
        if (at >= 0 || ours.length !== theirs.length)
          difference = `${at}: ours ${ours[at]}, theirs ${theirs[at]}; ${ours.length} and ${theirs.length} lines`
      }
      assert.equal(difference, DIFFERENCES[name] ?? 'none')
    })
  }
})
