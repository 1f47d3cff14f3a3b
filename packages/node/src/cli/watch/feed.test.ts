import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '@fiducial/core/errors.ts'
import type { Context } from '../context.ts'
import { followFeed } from './feed.ts'

/** A context whose files are in memory. */
function inMemory(files: Map<string, Uint8Array>): Context {
  const adapters = {
    readFile: async (path: string) => files.get(path),
    writeFile: async (path: string, bytes: Uint8Array) => void files.set(path, bytes),
  }
  return { adapters } as unknown as Context
}

describe('followFeed', () => {
  it('raises an alarm once small p-values have piled up, and goes on from the file', async () => {
    const files = new Map<string, Uint8Array>()
    let images = 0
    for (; images < 100; images++) {
      // A new context each time: nothing is remembered but the file.
      const { alarms } = await followFeed('feed', 0.01, inMemory(files))
      if (alarms.length > 0) break
    }
    assert.ok(images > 1 && images < 20, `${images}`)
  })

  it('stays quiet over p-values that are spread evenly', async () => {
    const files = new Map<string, Uint8Array>()
    for (let i = 0; i < 300; i++) {
      const { alarms } = await followFeed('feed', ((i * 89) % 300) / 300 + 1 / 600, inMemory(files))
      assert.deepEqual(alarms, [])
    }
  })

  it('refuses a file that holds something else', async () => {
    for (const text of ['', '{}', '[]', '{"forgeries":{"logs":[0],"images":0,"alarms":0},"drift":null}']) {
      const files = new Map([['feed', new TextEncoder().encode(text)]])
      await assert.rejects(
        followFeed('feed', 0.5, inMemory(files)),
        (error) => error instanceof FormatError && error.code === 'watch_feed_malformed',
      )
    }
  })
})
