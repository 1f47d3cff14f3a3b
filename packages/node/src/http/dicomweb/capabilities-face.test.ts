import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startServer } from '../server.ts'
import { capabilitiesFace, formatWadl } from './capabilities-face.ts'
import { TRANSACTIONS } from './transactions.ts'

describe('capabilities, PS3.18 section 8.9', () => {
  it('tells what is served, as JSON and as WADL', async (t) => {
    const server = await startServer([capabilitiesFace({ services: ['STOW-RS', 'QIDO-RS'] })])
    t.after(() => server.close())
    const ask = (path: string, method: string, accept: string) =>
      fetch(`${server.url}${path}`, { method, headers: { accept } })
    for (const [path, method] of [
      ['/dicom-web/', 'OPTIONS'],
      ['/dicom-web', 'GET'],
    ] as const) {
      const { transactions } = (await (await ask(path, method, '*/*')).json()) as {
        transactions: { service: string }[]
      }
      assert.deepEqual([...new Set(transactions.map(({ service }) => service))], ['STOW-RS', 'QIDO-RS'])
    }
    const wadl = await ask('/dicom-web/', 'OPTIONS', 'application/vnd.sun.wadl+xml')
    assert.equal(wadl.headers.get('content-type'), 'application/vnd.sun.wadl+xml')
    const text = await wadl.text()
    assert.ok(text.includes(`<resources base="${server.url}/dicom-web/">`))
    assert.ok(text.includes('<resource path="studies/{study}">'))
    assert.ok(text.includes('mediaType="multipart/related; type=&quot;application/dicom&quot;"'))
    assert.equal((await ask('/dicom-web/', 'GET', 'image/png')).status, 406)
    assert.equal((await ask('/dicom-web/', 'GET', 'x')).status, 400)
  })

  it('names each resource once, and escapes what it is told', () => {
    const text = formatWadl(TRANSACTIONS, 'http://x/"<&')
    assert.ok(text.includes('base="http://x/&quot;&lt;&amp;/"'))
    const paths = [...text.matchAll(/<resource path="([^"]*)"/g)].map(([, path]) => path)
    assert.equal(new Set(paths).size, paths.length)
    assert.equal(text.match(/<method /g)?.length, TRANSACTIONS.length)
  })
})
