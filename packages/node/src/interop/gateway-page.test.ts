/**
 * The page of a running gateway in a real browser, by day and by night: what strangers call themselves does not act, and the page
 * keeps to its own policy.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { chromium, openPage } from '../testing/chromium.ts'
import { dcmtk, runDcmtk } from '../testing/dcmtk.ts'
import { FAST_RETRY, makeFiles, makeToken, startGateway, storeByWeb } from '../testing/gateway-peers.ts'
import { makeImage } from '../testing/gateway-site.ts'
import { temporaryFolder } from '../testing/peers.ts'

/** AE titles have 16 characters at most. */
const HOSTILE = ['<script>a()', '"><img src=x>', "';alert(1)//", '<b>&lt;&#39;', '{{7*7}}${7*7}']

/** A page that breaks its own policy. */
const BROKEN = `data:text/html,<meta http-equiv="Content-Security-Policy" content="script-src 'none'"><script>x()</script>`

describe('the page of a gateway', { skip: dcmtk.skip || chromium.skip }, () => {
  it('shows what strangers call themselves, by day and by night, without a word on the console', async (t) => {
    const home = temporaryFolder(t)
    const gateway = await startGateway(t, home, `pacs: PACS@127.0.0.1:1\n${FAST_RETRY}`)
    const files = makeFiles(
      home,
      HOSTILE.map((_, i) => `2.25.71${i}`),
    )
    for (const [i, aet] of HOSTILE.entries()) {
      const words = ['-aet', aet, '-aec', 'FIDUCIAL', '127.0.0.1', String(gateway.dicomPort), files[i] ?? '']
      assert.equal((await runDcmtk('storescu', words)).code, 0, aet)
    }
    const sender = await makeToken(gateway, '<script>alert(2)</script>', 'sender')
    await storeByWeb(gateway, sender, makeImage({ sop: '2.25.711', fill: 99 }))
    await gateway.until('all are judged', async () => {
      const { states } = (await gateway.status()).counts
      return states.received === 0 && states.quarantined === 1 ? true : undefined
    })
    assert.match((await openPage(BROKEN, { theme: 'light', waitMs: 100 }, t)).console.join(), /Content Security Policy/)
    for (const theme of ['light', 'dark'] as const) {
      const [invitation] = await gateway.command('gateway', 'invite')
      const { html, console } = await openPage(String(invitation?.url), { theme }, t)
      assert.deepEqual(console, [], theme)
      assert.match(html, /Held back/)
      assert.ok(html.includes('&lt;script&gt;a()'), html)
      // Its own, at the end; and none that a title made.
      assert.equal(html.match(/<script/g)?.length, 1)
      assert.equal(html.match(/<img|<b>/g), null)
      const { FIDUCIAL_SCREENSHOTS: pictures } = process.env
      if (pictures === undefined) continue
      const [again] = await gateway.command('gateway', 'invite')
      await openPage(String(again?.url), { theme, screenshotPath: join(pictures, `${theme}.png`) }, t)
    }
    const stranger = await openPage(gateway.reach().url, { theme: 'light', waitMs: 500 }, t)
    assert.match(stranger.html, /fiducial gateway invite/)
    assert.ok(!stranger.html.includes('Newest images'))
  })
})
