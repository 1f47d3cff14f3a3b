import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '@fiducial/core/errors.ts'
import { groupOf, parseGroups, sourceOf } from './groups.ts'

describe('parseGroups', () => {
  it('reads patients by path, from quoted fields too, and whatever the folder is called', () => {
    const groups = parseGroups('path,note,patient\ndata/a/1.png,"x, ""y""",p1\ndata/b/1.png,,p2\n')
    assert.equal(groupOf('/elsewhere/data/a/1.png', null, groups), 'p1')
    assert.equal(groupOf('/elsewhere/data/b/1.png', null, groups), 'p2')
  })

  it('refuses a table without the columns', () => {
    for (const text of ['', 'path,other\na,b\n', 'patient\na\n']) {
      assert.throws(
        () => parseGroups(text),
        (error) => error instanceof FormatError && error.code === 'watch_groups_malformed',
      )
    }
  })
})

describe('groupOf', () => {
  it('goes by table, header, the beginning of the name, and the name, in that order', () => {
    assert.equal(groupOf('a/00012_003.png', 'digest'), 'digest')
    assert.equal(groupOf('a/00012_003.png', null), '00012')
    assert.equal(groupOf('a/chest.png', null), 'chest.png')
    assert.equal(sourceOf('a/ward/chest.png'), 'ward')
  })
})
