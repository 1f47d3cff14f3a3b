import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryFolder } from '../testing/peers.ts'
import type { Input, Inputs } from './adapters.ts'
import { Images, isPassedOver, isSeriesFile } from './images.ts'

const input = (path: string): Input => ({ path, root: '.', label: path })

function inputsOf(paths: Iterable<string>, failure?: Error): Inputs {
  return {
    async *[Symbol.asyncIterator]() {
      for (const path of paths) yield input(path)
      if (failure !== undefined) throw failure
    },
    [Symbol.dispose]: () => undefined,
  }
}

describe('Images', () => {
  it('gives all files in order, and knows how many there are before the last is done', async () => {
    const paths = Array.from({ length: 500 }, (_, i) => String(i))
    const images = new Images(inputsOf(paths))
    const seen: string[] = []
    for await (const { path } of images) {
      seen.push(path)
      if (seen.length === 3) await new Promise((resolve) => setTimeout(resolve, 20))
      if (seen.length === 4) assert.deepEqual([images.found, images.isComplete], [500, true])
    }
    assert.deepEqual(seen, paths)
  })

  it('leaves out what is not accepted', async () => {
    const images = new Images(inputsOf(['a', 'b', 'c']), ({ path }) => path !== 'b')
    assert.deepEqual(
      (await Array.fromAsync(images)).map(({ path }) => path),
      ['a', 'c'],
    )
    assert.equal(images.found, 2)
  })

  it('passes on an error of the search, after what was found before', async () => {
    const seen: string[] = []
    await assert.rejects(async () => {
      for await (const { path } of new Images(inputsOf(['a'], new RangeError('gone')))) seen.push(path)
    }, RangeError)
    assert.deepEqual(seen, ['a'])
  })

  it('stops the search when nobody listens any more', async () => {
    let asked = 0
    function* many(): Generator<string> {
      for (; asked < 1_000_000; asked++) yield String(asked)
    }
    for await (const { path } of new Images(inputsOf(many()))) if (path === '10') break
    assert.ok(asked < 2000, String(asked))
  })
})

describe('isPassedOver', () => {
  const notDicom = { code: 'dicom_not_dicom', message: '' } as const
  const passes = (
    path: string,
    words: readonly string[] = ['folder'],
    failure: Parameters<typeof isPassedOver>[1] = notDicom,
  ): boolean => isPassedOver(input(path), failure, words)

  it('lets texts and programs lie in folders of images', () => {
    for (const name of ['readme.txt', 'index.html', 'viewer.exe', 'thumb.png', 'list.json'])
      assert.ok(passes(`folder/${name}`), name)
    assert.ok(passes('folder/readme.txt', ['folder'], { code: 'input_empty', message: '' }))
  })

  it('never passes over what could be an image', (t) => {
    for (const name of ['IM0001', 'chest.dcm', 'chest.DCM', '1.2.840.113619.2', 'x.ima'])
      assert.ok(!passes(`folder/${name}`), name)
    assert.ok(!passes('readme.txt', ['readme.txt']), 'it was named')
    assert.ok(!passes('folder/readme.txt', ['folder'], { code: 'dicom_truncated', message: '' }))
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'chest.txt.fiducial.json'), '{}')
    assert.ok(!passes(join(folder, 'chest.txt')), 'it has a seal')
  })

  it('knows the list of a series', () => {
    assert.ok(isSeriesFile(input('out/1.2.3.series.fiducial.json')))
    assert.ok(!isSeriesFile(input('out/1.2.3.dcm.fiducial.json')))
  })
})
