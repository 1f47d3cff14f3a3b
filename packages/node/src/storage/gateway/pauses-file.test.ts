import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryFolder } from '../../testing/peers.ts'
import { openPauses } from './pauses-file.ts'

describe('the file of destinations that are held back', () => {
  it('is empty before anybody holds one back', (test) => {
    assert.deepEqual([...openPauses(join(temporaryFolder(test), 'paused.json')).names], [])
  })

  it('is there for whoever opens it next', (test) => {
    const path = join(temporaryFolder(test), 'paused.json')
    openPauses(path).keep(new Set(['research', 'pacs']))
    assert.deepEqual([...openPauses(path).names], ['pacs', 'research'])
    openPauses(path).keep(new Set())
    assert.deepEqual([...openPauses(path).names], [])
  })

  it('is refused where somebody else has written it', (test) => {
    const path = join(temporaryFolder(test), 'paused.json')
    for (const text of ['', '{}', '[1]', '["pacs"']) {
      writeFileSync(path, text)
      assert.throws(() => openPauses(path), { code: 'input_unreadable' }, text)
    }
  })
})
