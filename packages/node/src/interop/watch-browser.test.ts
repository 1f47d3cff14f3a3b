/** The watchdog in Chromium: the same numbers to eleven digits, and the same scores, p-values and words to the letter, as in Node. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { openPng } from '../storage/mark/png-file.ts'
import { chromium, openPage } from '../testing/chromium.ts'
import { sharedPath, temporaryFolder } from '../testing/peers.ts'
import { type RawPicture, reportOfPicture } from './watch-browser-page.ts'

const CHEST = 'data/cxr/real/nih-chestxray14/no_finding/00001280_004.png'

describe('the watchdog in Chromium', chromium, () => {
  it('measures and reports as in Node', { timeout: 120_000 }, async (test) => {
    const { picture } = openPng(readFileSync(sharedPath(CHEST)))
    const raw: RawPicture = {
      width: picture.width,
      height: picture.height,
      bytes: Buffer.from(picture.bytes).toString('base64'),
    }
    const folder = temporaryFolder(test)
    const bundled = await build({
      entryPoints: [join(import.meta.dirname, 'watch-browser-page.ts')],
      bundle: true,
      write: false,
      format: 'iife',
      globalName: 'page',
      platform: 'browser',
      logLevel: 'error',
    })
    const script = bundled.outputFiles[0]?.text ?? ''
    const page = join(folder, 'page.html')
    const run = `document.body.textContent = page.reportOfPicture(${JSON.stringify(raw)})`
    writeFileSync(page, `<!doctype html><meta charset="utf-8"><body><script>${script};${run}</script></body>`)
    const { html, console } = await openPage(pathToFileURL(page).href, { theme: 'light', waitMs: 20_000 }, test)
    assert.deepEqual(console, [])
    const body = /<body>([\s\S]*)<\/body>/.exec(html)?.[1]?.trim() ?? ''
    const told = JSON.parse(body.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'))
    assert.deepEqual(told, JSON.parse(reportOfPicture(raw)))
    assert.equal(told.score.count, 205)
  })
})
