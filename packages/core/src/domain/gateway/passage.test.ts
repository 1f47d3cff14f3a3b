import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { InstanceState } from './instance.ts'
import { type EarlierPassage, standingOf } from './passage.ts'

const digest = (fill: number): Uint8Array => new Uint8Array(32).fill(fill)
const known = (file: number, dataset: number | null, state: InstanceState = 'done'): EarlierPassage => ({
  sha256: digest(file),
  state,
  description:
    dataset === null
      ? null
      : {
          instance: {
            sopClassUid: null,
            sopInstanceUid: '2.25.1',
            seriesInstanceUid: null,
            studyInstanceUid: null,
            transferSyntaxUid: null,
          },
          digests: { file: digest(file), dataset: digest(dataset), pixels: null, frames: null },
        },
})

const cases: readonly (readonly [
  name: string,
  earlier: readonly EarlierPassage[],
  standing: string,
  rejected?: true,
])[] = [
  ['nothing', [], 'new'],
  ['the same bytes', [known(1, 11)], 'duplicate'],
  ['the same bytes, unread', [known(1, null)], 'duplicate'],
  ['the same content in another file', [known(2, 11)], 'duplicate'],
  ['other content', [known(2, 12)], 'uid_reused'],
  ['other bytes, unread', [known(2, null)], 'uid_reused'],
  ['other content, and the same before it', [known(1, 11), known(2, 12, 'quarantined')], 'duplicate'],
  ['the same bytes, held back', [known(1, 11, 'quarantined')], 'duplicate'],
  ['the same bytes, not judged yet', [known(1, null, 'received')], 'unknown'],
  ['other bytes, not judged yet', [known(2, null, 'received')], 'unknown'],
  ['the same bytes, rejected', [known(1, 11, 'rejected')], 'new', true],
  ['other content, rejected', [known(2, 12, 'rejected')], 'new'],
  ['the same bytes, rejected and sent again', [known(1, 11, 'rejected'), known(1, 11, 'quarantined')], 'duplicate'],
]

describe('the standing of an instance', () => {
  for (const [name, earlier, standing, isRejectedBefore = false] of cases) {
    it(`is ${standing} after ${name}`, () => {
      const passed = standingOf(known(1, 11), earlier)
      assert.deepEqual([passed.standing, passed.isRejectedBefore], [standing, isRejectedBefore])
    })
  }
})
