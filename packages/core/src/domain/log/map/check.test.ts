import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '../../../errors.ts'
import { checkMap, type MapProblem, type MapReport, studyName } from './check.ts'
import { blindingKeyOf, studyKeyOf, studySaltOf } from './keys.ts'
import { decodePage, encodePage } from './page.ts'
import { encodeRecords } from './record.ts'
import { hashes, sha256 } from './testing/plain-map.ts'
import { acquired, archiveOf, secret } from './testing/toy-archive.ts'

const STUDIES = 60
const events = Array.from({ length: STUDIES }, (_, i) => acquired(`1.${i}`, 1 + (i % 3))).flat()
const withdrawn = { type: 'drill-withdrawn', studyInstanceUid: '1.1', sopInstanceUid: '1.1.0' }

/** A sound map in storage, and what a check makes of it. */
async function stored() {
  const archive = await archiveOf([...events, withdrawn])
  const { nodes } = archive.map
  const keyOf = (uid: string): Uint8Array => studyKeyOf(hashes, blindingKeyOf(hashes, secret), uid)
  for (let i = 0; i < STUDIES; i++) {
    nodes.set(studyName(keyOf(`1.${i}`)), encodeRecords(archive.recordsOf(`1.${i}`)))
  }
  const check = (change: Partial<Parameters<typeof checkMap>[1]> = {}): Promise<MapReport> =>
    checkMap(hashes, {
      read: archive.map.read,
      root: archive.mapRoot.root,
      size: archive.mapRoot.size,
      totals: archive.mapRoot,
      stored: BigInt(nodes.size),
      saltOf: (key) => studySaltOf(hashes, secret, key),
      ...change,
    })
  return { nodes, check, archive, keyOf }
}

const problems = (report: MapReport): readonly MapProblem[] => report.findings.map(({ problem }) => problem)

describe('checkMap', () => {
  it('finds nothing in a sound map, and counts it', async () => {
    const { nodes, check } = await stored()
    const report = await check()
    assert.deepEqual(report.findings, [])
    assert.deepEqual([report.studies, report.instances], [60n, BigInt(events.length - 1)])
    assert.equal(report.pages + report.studies, BigInt(nodes.size))
    assert.deepEqual((await check({ stored: undefined })).findings, [])
  })

  it('finds nothing in an empty map', async () => {
    const { mapRoot, map } = await archiveOf([])
    const check = { ...mapRoot, totals: mapRoot, read: map.read, stored: 0n, saltOf: () => sha256() }
    assert.deepEqual(await checkMap(hashes, check), { pages: 0n, studies: 0n, instances: 0n, findings: [] })
    assert.deepEqual(problems(await checkMap(hashes, { ...check, stored: 1n })), ['orphans'])
  })

  it('finds every page and study that is missing, by its name', async () => {
    const { nodes, check } = await stored()
    for (const [name, bytes] of [...nodes]) {
      nodes.delete(name)
      const problem = name.startsWith('p') ? 'page_damaged' : 'study_damaged'
      assert.deepEqual((await check()).findings, [{ problem, name }])
      nodes.set(name, bytes)
    }
  })

  it('finds every page and study of which a byte was changed', async () => {
    const { nodes, check } = await stored()
    for (const [i, [name, bytes]] of [...nodes].entries()) {
      const at = (i * 13) % bytes.length
      nodes.set(name, bytes.with(at, (bytes[at] as number) ^ 0x20))
      const problem = name.startsWith('p') ? 'page_damaged' : 'study_damaged'
      assert.deepEqual((await check()).findings, [{ problem, name }])
      nodes.set(name, bytes)
    }
  })

  it('finds what nothing leads to', async () => {
    const { nodes, check } = await stored()
    for (const name of ['pffffffff', studyName(sha256())]) {
      nodes.set(name, nodes.get('p') as Uint8Array)
      assert.deepEqual(problems(await check()), ['orphans'])
      assert.deepEqual(problems(await check({ stored: undefined })), [])
      nodes.delete(name)
    }
  })

  it('finds a root and totals that are not those of the map', async () => {
    const { archive, check } = await stored()
    assert.deepEqual(problems(await check({ root: sha256() })), ['page_damaged'])
    const { studies, instances } = archive.mapRoot
    assert.deepEqual(problems(await check({ totals: { studies, instances: instances + 1n } })), ['totals_wrong'])
    assert.deepEqual(problems(await check({ totals: { studies: studies - 1n, instances } })), ['totals_wrong'])
  })

  it('finds records of entries that are not worked in', async () => {
    const { archive, check } = await stored()
    const report = await check({ size: archive.mapRoot.size - 1n })
    assert.deepEqual(
      report.findings.map(({ problem }) => problem),
      ['study_damaged'],
    )
  })

  it('finds a page that holds one key, and digests as the key alone would', async () => {
    const { nodes, check } = await stored()
    const [name, page] = [...nodes]
      .filter(([key]) => key.startsWith('p'))
      .map(([key, bytes]) => [key.slice(1), decodePage(bytes, key.slice(1))] as const)
      .find(([, slots]) => slots.some((slot) => slot?.kind === 'leaf')) as [string, ReturnType<typeof decodePage>]
    const digit = page.findIndex((slot) => slot?.kind === 'leaf')
    const leaf = page[digit] as Extract<(typeof page)[number], { kind: 'leaf' }>
    const path = name + digit.toString(16)
    const below = new Array(16).fill(undefined)
    below[
      Number.parseInt(
        [...leaf.key].map((byte) => byte.toString(16).padStart(2, '0')).join('')[path.length] as string,
        16,
      )
    ] = leaf
    const hash = sha256(new TextEncoder().encode('fiducial map leaf v1\n'), leaf.key, leaf.value)
    nodes.set(`p${path}`, encodePage(below))
    nodes.set(`p${name}`, encodePage(page.with(digit, { kind: 'page', hash })))
    assert.deepEqual((await check()).findings, [{ problem: 'page_idle', name: `p${path}` }])
  })

  it('names no more than a hundred findings', async () => {
    const many = await archiveOf(Array.from({ length: 130 }, (_, i) => acquired(`1.${i}`, 1)).flat())
    const report = await checkMap(hashes, {
      read: many.map.read,
      ...many.mapRoot,
      totals: many.mapRoot,
      stored: undefined,
      saltOf: () => sha256(),
    })
    assert.equal(report.studies, 130n)
    assert.equal(report.findings.length, 100)
  })

  it('throws trouble of the storage itself on', async () => {
    const { check } = await stored()
    const trouble = new StoreError('log_unwritable', 'the disk is gone')
    await assert.rejects(check({ read: () => Promise.reject(trouble) }), trouble)
  })
})
