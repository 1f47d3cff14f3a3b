import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import { cosign } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { parseWitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { ToyLog, toySigner } from '@fiducial/core/testing/toy-log.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { formatLogPage, type LogPageFacts, logPage } from './log-page.ts'
import type { PublishedLog } from './published-log.ts'
import { startServer } from './server.ts'

const log = new ToyLog(300, { isHybrid: true })
const witnesses = ['cosignature-ed25519', 'cosignature-ml-dsa-44'].map((type) =>
  toySigner('court.example/w', type as 'cosignature-ed25519'),
)

function policyOf(quorum: string, keys = log.keys) {
  const text = [
    ...keys.map((key) => `log ${formatVerifierKey(key)}`),
    ...witnesses.map(({ key }, i) => `witness w${i} ${formatVerifierKey(key)}`),
    'group all all w0 w1',
    `quorum ${quorum}`,
    '',
  ].join('\n')
  return { parsed: parseWitnessPolicy(text, nativeCrypto.hash), bytes: new TextEncoder().encode(text) }
}

/** A page over notes that a test changes. */
async function serve(
  t: TestContext,
  shown: { note: string | undefined },
  policy?: ReturnType<typeof policyOf>,
  prefix = '',
) {
  const source: PublishedLog = {
    objects: { get: async () => undefined },
    head: { read: async () => shown.note },
  }
  const server = await startServer([logPage(source, { crypto: nativeCrypto, prefix, ...(policy && { policy }) })])
  t.after(() => server.close())
  return {
    url: `${server.url}${prefix}`,
    page: async () => (await fetch(`${server.url}${prefix}/`)).text(),
  }
}

const stateIn = (page: string): string => /<p class="state (\w+)">/.exec(page)?.[1] ?? ''
const cosigned = async (size: number): Promise<string> => {
  const note = await log.checkpoint(size)
  return note + (await cosign(note, witnesses, 1_800_000_000n))
}

describe('The page of a log', () => {
  it('says who has signed, how many entries there are, and where to read', async (t) => {
    const { page } = await serve(t, { note: await cosigned(300) }, policyOf('all'))
    const html = await page()
    assert.equal(stateIn(html), 'good')
    for (const part of [
      '<h1>hospital.example/log</h1>',
      '<dd>300</dd>',
      'court.example/w (Ed25519, ML-DSA-44)',
      'href="checkpoint"',
      'href="policy"',
      'href="tile/0/000"',
      'href="tile/entries/000"',
      ...log.keys.map(formatVerifierKey),
    ]) {
      assert.ok(html.includes(part), part)
    }
  })

  it('says since when, as the log and nobody else has signed it', async (t) => {
    const { page } = await serve(t, { note: await cosigned(5) }, policyOf('all'))
    assert.match(await page(), /datetime="2027-01-15T08:00:05\.000Z"/)
  })

  it('leads to partial tiles of a small log', async (t) => {
    const { page } = await serve(t, { note: await log.checkpoint(7) }, policyOf('none'))
    const html = await page()
    assert.ok(html.includes('href="tile/0/000.p/7"') && html.includes('href="tile/entries/000.p/7"'))
  })

  it('asks for no witness where the policy does not', async (t) => {
    const { page } = await serve(t, { note: await log.checkpoint(7) }, policyOf('none'))
    const html = await page()
    assert.equal(stateIn(html), 'good')
    assert.ok(!html.includes('Witnesses'))
  })

  it('warns where witnesses are missing', async (t) => {
    const note = await log.checkpoint(7)
    const one = note + (await cosign(note, witnesses.slice(0, 1), 1_800_000_000n))
    for (const shown of [note, one]) {
      const { page } = await serve(t, { note: shown }, policyOf('all'))
      assert.equal(stateIn(await page()), 'bad')
    }
  })

  it('warns of a checkpoint that the log has not signed', async (t) => {
    const stranger = new ToyLog(7, { origin: 'stranger.example/log' })
    const notes = [
      (await log.checkpoint(7)).replace('\n7\n', '\n8\n'),
      await stranger.checkpoint(),
      'no checkpoint at all',
      '',
    ]
    for (const note of notes) {
      const { page } = await serve(t, { note }, policyOf('none'))
      assert.equal(stateIn(await page()), 'bad')
    }
  })

  it('claims nothing of a copy without a policy', async (t) => {
    const { page, url } = await serve(t, { note: await log.checkpoint(7) })
    const html = await page()
    assert.equal(stateIn(html), 'open')
    assert.ok(html.includes('<dd>7</dd>') && !html.includes('href="policy"') && !html.includes('Keys'))
    assert.equal((await fetch(`${url}/policy`)).status, 404)
  })

  it('says that nothing is published before the first checkpoint', async (t) => {
    const { page } = await serve(t, { note: undefined }, policyOf('all'))
    const html = await page()
    assert.equal(stateIn(html), 'open')
    assert.ok(html.includes('hospital.example/log') && !html.includes('href="checkpoint"'))
  })

  it('follows the log as it grows', async (t) => {
    const shown = { note: (await log.checkpoint(7)) as string | undefined }
    const { page } = await serve(t, shown, policyOf('none'))
    assert.ok((await page()).includes('<dd>7</dd>'))
    shown.note = await log.checkpoint(8)
    assert.ok((await page()).includes('<dd>8</dd>'))
    shown.note = undefined
    assert.equal(stateIn(await page()), 'open')
  })

  it('checks a checkpoint once, however often it is asked for', async (t) => {
    let checks = 0
    const crypto = {
      ...nativeCrypto,
      verifyMessage: (...given: Parameters<typeof nativeCrypto.verifyMessage>) => {
        checks++
        return nativeCrypto.verifyMessage(...given)
      },
    }
    const note = await log.checkpoint(7)
    const source = { objects: { get: async () => undefined }, head: { read: async () => note } }
    const server = await startServer([logPage(source, { crypto, policy: policyOf('none') })])
    t.after(() => server.close())
    for (let i = 0; i < 5; i++) assert.equal((await fetch(`${server.url}/`)).status, 200)
    assert.equal(checks, 2, 'the log has two keys')
  })

  it('has a policy of contents that lets in its own style and nothing else', async (t) => {
    const { url } = await serve(t, { note: await log.checkpoint(7) }, policyOf('none'))
    const response = await fetch(`${url}/`)
    const html = await response.text()
    const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    assert.equal(
      response.headers.get('content-security-policy'),
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
    assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.doesNotMatch(html, /<script|<img|<link|\sstyle=|\son\w+=|javascript:/i)
    assert.match(style, /prefers-color-scheme: dark/)
  })

  it('is not sent again to who has it, and has a head', async (t) => {
    const { url } = await serve(t, { note: await log.checkpoint(7) }, policyOf('none'))
    const etag = (await fetch(`${url}/`)).headers.get('etag') ?? ''
    assert.equal((await fetch(`${url}/`, { headers: { 'if-none-match': etag } })).status, 304)
    assert.equal((await fetch(`${url}/`, { method: 'HEAD' })).status, 200)
    assert.equal((await fetch(`${url}/`, { method: 'POST' })).status, 404)
  })

  it('stands under a prefix with links that work there', async (t) => {
    const { url, page } = await serve(t, { note: await log.checkpoint(7) }, policyOf('none'), '/log')
    assert.equal(stateIn(await page()), 'good')
    assert.equal((await fetch(new URL('policy', `${url}/`))).status, 200)
    assert.equal((await fetch(url.slice(0, -4))).status, 404)
  })

  it('hands out the policy byte for byte', async (t) => {
    const policy = policyOf('all')
    const { url } = await serve(t, { note: await log.checkpoint(7) }, policy)
    const response = await fetch(`${url}/policy`)
    assert.deepEqual(new Uint8Array(await response.arrayBuffer()), policy.bytes)
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.equal(response.headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'")
  })

  it('is 503 or 500 where the storage fails, and says no more', async (t) => {
    for (const [code, status] of [
      ['log_unwritable', 503],
      ['log_corrupted', 500],
    ] as const) {
      const source: PublishedLog = {
        objects: { get: async () => undefined },
        head: { read: () => Promise.reject(new StoreError(code, 'secret detail')) },
      }
      const server = await startServer([logPage(source, { crypto: nativeCrypto })])
      t.after(() => server.close())
      const response = await fetch(`${server.url}/`)
      assert.equal(response.status, status)
      assert.doesNotMatch(await response.text(), /secret/)
    }
  })
})

describe('The text of the page', () => {
  const facts: LogPageFacts = {
    checkpoint: { origin: `<b>"a"&'b'</b>`, size: 12_345_678_901_234_567n, root: new Uint8Array(32), extensions: [] },
    check: 'valid',
    keys: [],
    witnesses: ['<script>alert(1)</script>'],
    asksWitnesses: true,
    isQuorum: true,
    hasPolicy: true,
  }

  it('holds what logs and witnesses call themselves as text', () => {
    const html = formatLogPage(facts)
    assert.ok(html.includes('<h1>&lt;b&gt;&quot;a&quot;&amp;&#39;b&#39;&lt;/b&gt;</h1>'))
    assert.ok(html.includes('<title>&lt;b&gt;'))
    assert.ok(!html.includes('<script') && !html.includes('<b>'))
  })

  it('holds sizes that no number holds', () => {
    assert.ok(formatLogPage(facts).includes('<dd>12,345,678,901,234,567</dd>'))
  })

  it('says none where no witness has signed', () => {
    assert.match(formatLogPage({ ...facts, witnesses: [], isQuorum: false }), /<dt>Witnesses<\/dt><dd>none<\/dd>/)
  })
})
