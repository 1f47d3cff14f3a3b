/** A scan for UIDs finds what an index of the whole finds, in every shared file, whole and cut off. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { type InstanceUids, readInstanceUids } from '@fiducial/core/formats/dicom/instance-uids.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { scanInstanceUids } from '@fiducial/core/formats/dicom/scan.ts'
import { sharedSkip } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

function outcome(read: () => InstanceUids): InstanceUids | string {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormatError) return error.code
    throw error
  }
}

it('finds in every shared file what an index of the whole finds', { skip: sharedSkip }, (test) => {
  let files = 0
  for (const { path, name } of sharedFiles('data/dicom')) {
    const bytes = new Uint8Array(readFileSync(path))
    for (const length of [bytes.length, 32 * 1024, 2_000, 700, 300]) {
      const source = memorySource(bytes.subarray(0, length))
      const expected = outcome(() => readInstanceUids(parseDicom(source)))
      assert.deepEqual(
        outcome(() => scanInstanceUids(source)),
        expected,
        `${name}, ${length} bytes`,
      )
    }
    files++
  }
  test.diagnostic(`${files} files`)
})
