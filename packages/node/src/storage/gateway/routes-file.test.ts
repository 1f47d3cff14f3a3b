import assert from 'node:assert/strict'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { FormatError } from '@fiducial/core/errors.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { parseRoutesFile, watchFile } from './routes-file.ts'

const TEXT = 'destinations:\n  pacs: ORTHANC@10.0.0.5:4242\n'

describe('the routes file', () => {
  it('is two lines for a site with a PACS', () => {
    const { routes } = parseRoutesFile(new TextEncoder().encode(TEXT))
    assert.deepEqual(
      routes.map(({ name, seal }) => [name, seal]),
      [['default', 'ifUnsigned']],
    )
  })

  it('is refused if it is not UTF-8', () => {
    assert.throws(
      () => parseRoutesFile(Uint8Array.of(0x61, 0xff)),
      (error) => error instanceof FormatError && error.code === 'routes_malformed',
    )
  })

  it('is read again when it was replaced, and when it is asked for', async () => {
    const path = join(temporaryFolder(), 'routes.yaml')
    writeFileSync(path, TEXT)
    const { promise, resolve } = Promise.withResolvers<string>()
    const told: string[] = []
    const watched = watchFile(path, {
      onContent(bytes) {
        const content = new TextDecoder().decode(bytes)
        told.push(content)
        if (content === 'new') resolve(content)
      },
      onProblem: (code) => told.push(code),
    })
    try {
      watched.reload()
      assert.deepEqual(told, [TEXT])
      writeFileSync(`${path}.tmp`, 'new')
      renameSync(`${path}.tmp`, path)
      assert.equal(await promise, 'new')
      rmSync(path)
      watched.reload()
      assert.equal(told.at(-1), 'input_missing')
    } finally {
      watched.close()
    }
  })
})
