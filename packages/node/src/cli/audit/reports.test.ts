/** The reports of a sweep, over a store in memory: what they say, and what they must not. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { FINDINGS, finding } from '@fiducial/core/domain/audit/finding.ts'
import type { SweepStore } from '../../services/audit/ports.ts'
import { type ReportFacts, reportEntries, summarize } from '../../services/audit/report.ts'
import { openSweepStore } from '../../storage/audit/sqlite-sweep-store.ts'
import { readSchema } from '../../testing/json-schema.ts'
import { MemoryArchive } from '../../testing/memory-archive.ts'
import { repositoryRoot } from '../../testing/peers.ts'
import { collectListed, formatHtmlReport, LISTED } from './html-report.ts'
import { formatJsonReport } from './json-report.ts'

const AT = new Date('2026-05-01T02:00:00Z')
const EVIL = 'DOE^JANE/"><script>alert(1)</script>\u202egnp.dcm'

/** A store after two sweeps. */
async function sweptStore(): Promise<{ store: SweepStore; archive: MemoryArchive }> {
  const store = openSweepStore(':memory:')
  const archive = new MemoryArchive()
  archive.images.set('old.dcm', { standing: 'undetermined', findings: [finding('unknown')] })
  archive.images.set(EVIL, {
    standing: 'not_authentic',
    sop: '1.9',
    findings: [finding('altered', ['pixels_changed'], ['<b>'])],
  })
  for (let i = 0; i < LISTED + 5; i++)
    archive.images.set(`many/${i}`, { findings: [finding('synthetic', ['synthetic_data'])] })
  const see = async (keys: readonly string[]): Promise<void> => {
    const sightings = keys.map((key) => {
      const examined = archive.examine(key)
      const listed = { key, version: 'v', sopInstanceUid: null, seriesInstanceUid: null, studyInstanceUid: null }
      return { kind: 'read', listed, examined, findings: examined.findings } as const
    })
    await store.saw(sightings, 100, AT)
  }
  await store.begin({ at: AT, isFull: false, cursor: null })
  await see(['old.dcm'])
  await store.end(AT, null)
  await store.begin({ at: AT, isFull: false, cursor: null })
  await see([...archive.images.keys()].filter((key) => key !== 'old.dcm'))
  await store.setSweepFindings([
    { finding: finding('missing', ['was_sent'], ['entry 4']), key: null, sopInstanceUid: '7.7', studyInstanceUid: '7' },
    {
      finding: finding('copied', ['same_content'], [EVIL]),
      key: 'old.dcm',
      sopInstanceUid: '1.old.dcm',
      studyInstanceUid: '1.5',
    },
  ])
  return { store, archive }
}

describe('reports', () => {
  let facts: ReportFacts
  const textOf = async (showsKeys = false): Promise<string> => {
    const own = { ...facts, showsKeys }
    return formatHtmlReport(await summarize(own), await collectListed(reportEntries(own)))
  }
  const jsonOf = async (showsKeys = false): Promise<string> => {
    const own = { ...facts, showsKeys }
    return (await Array.fromAsync(formatJsonReport(await summarize(own), reportEntries(own)))).join('')
  }

  before(async () => {
    const { store, archive } = await sweptStore()
    const sweep = await store.end(AT, null)
    facts = { store, archive, policy: 'acquisition', log: null, sweep, isFinished: true, showsKeys: false }
  })

  it('count what was found, and what is new', async () => {
    const { counts, severities, previous } = await summarize(facts)
    assert.deepEqual(
      counts.map(({ code, count, fresh }) => [code, count, fresh]),
      [
        ['altered', 1, 1],
        ['missing', 1, 1],
        ['unknown', 1, 0],
        ['copied', 1, 1],
        ['synthetic', LISTED + 5, LISTED + 5],
      ],
    )
    assert.deepEqual(severities, { alarm: 2, warning: 1, notice: LISTED + 5 })
    assert.equal(previous?.number, 1)
  })

  it('name no path where there is an identifier, unless it is asked for', async () => {
    for (const text of [await textOf(), await jsonOf()]) assert.ok(!/DOE|JANE/.test(text))
    assert.ok((await jsonOf(true)).includes('DOE^JANE'))
    assert.ok((await textOf(true)).includes('DOE^JANE'))
  })

  it('hold what comes from the archive as text, and show what does not show itself', async () => {
    const text = await textOf(true)
    assert.ok(!text.includes('<script>alert'))
    assert.ok(text.includes('&lt;script&gt;alert'))
    assert.ok(text.includes('\\u{202e}'))
    assert.ok(text.includes('<code>&lt;b&gt;</code>'))
  })

  it('need nothing from elsewhere, and let nothing run but their own script', async () => {
    const text = await textOf()
    const policy = /Content-Security-Policy" content="([^"]+)"/.exec(text)?.[1] ?? ''
    for (const tag of ['style', 'script']) {
      const content = text.slice(text.indexOf(`<${tag}>`) + tag.length + 2, text.indexOf(`</${tag}>`))
      const hash = createHash('sha256').update(content).digest('base64')
      assert.ok(policy.includes(`${tag}-src 'sha256-${hash}'`))
    }
    assert.match(policy, /^default-src 'none';/)
    assert.ok(!/(?:src|href)="(?!#)/.test(text))
  })

  it('list so many of one kind, and say how many more there are', async () => {
    const text = await textOf()
    assert.ok(text.includes('And 5 more, in the CSV and JSON reports.'))
    const rows = /<section id="synthetic-notice">[\s\S]*?<\/section>/.exec(text)?.[0].match(/<tr><td><code>/g)
    assert.equal(rows?.length, LISTED)
  })

  it('fit their schema, and no damaged one does', async () => {
    const schema = readSchema(join(repositoryRoot, 'docs/reference/audit-report.schema.json'))
    const report = JSON.parse(await jsonOf())
    assert.ok(schema.isValid(report))
    const small = { ...report, entries: report.entries.slice(0, 2) }
    assert.ok(schema.isValid(small))
    for (const name of Object.keys(small)) {
      const { [name]: _, ...rest } = small
      assert.ok(!schema.isValid(rest), name)
      assert.ok(!schema.isValid({ ...small, [name]: true }), name)
    }
    assert.ok(!schema.isValid({ ...small, more: 1 }))
  })
})

describe('the page about audits', () => {
  it('has a row for each finding, with its severity', () => {
    const page = readFileSync(join(repositoryRoot, 'docs/reference/audit.md'), 'utf8')
    const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (alarm|warning|notice) \| (.+) \|$/gm)].map(
      ([, code, severity, explanation]) => ({ code, severity, explanation }),
    )
    assert.deepEqual(
      rows,
      Object.entries(FINDINGS).map(([code, { severity, explanation }]) => ({ code, severity, explanation })),
    )
  })
})
