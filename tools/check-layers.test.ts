import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkLayers, findCircles, findIdlePackages } from './check-layers.ts'
import { readSource, type SourceTree } from './source.ts'

/** A tree from texts by path; every path below packages/. */
function tree(texts: Readonly<Record<string, string>>): SourceTree {
  return new Map(
    Object.entries(texts).map(([path, text]) => [`packages/${path}`, readSource(`packages/${path}`, text)] as const),
  )
}

const EVERYWHERE = {
  'core/src/errors.ts': '',
  'core/src/bytes/hex.ts': '',
  'core/src/formats/der/read.ts': '',
  'core/src/formats/x509/certificate.ts': '',
  'core/src/formats/dicom/parse.ts': '',
  'core/src/domain/trust/chain.ts': '',
  'core/src/domain/signature/digest.ts': '',
  'core/src/domain/seal/statement.ts': '',
  'core/src/domain/verdict/verdict.ts': '',
  'core/src/domain/room/phantom.ts': '',
  'node/src/services/ports.ts': '',
  'node/src/services/verify.ts': '',
  'node/src/storage/files.ts': '',
  'node/src/keys/file-keys.ts': '',
  'node/src/cli/verify.ts': '',
  'node/src/workers/worker.ts': '',
  'node/src/testing/peers.ts': '',
  'node/src/main.ts': '',
}

const packages = (): ReadonlySet<string> => new Set(['pako', '@fiducial/core', '@noble/hashes'])

function findingsOf(path: string, text: string): string[] {
  return checkLayers(tree({ ...EVERYWHERE, [path]: text }), packages)
}

const core = '@fiducial/core'

describe('the table of layers', () => {
  const allowed: readonly (readonly [string, string])[] = [
    ['core/src/bytes/hex.ts', `import '../errors.ts'`],
    ['core/src/formats/x509/certificate.ts', `import '../der/read.ts'`],
    ['core/src/formats/cms/signed-data.ts', `import '../x509/certificate.ts'; import '../der/read.ts'`],
    ['core/src/formats/dicom/parse.ts', `import 'pako'; import '../../bytes/hex.ts'`],
    ['core/src/domain/signature/digest.ts', `import '../trust/chain.ts'`],
    ['core/src/domain/seal/statement.ts', `import '../trust/chain.ts'; import '../signature/digest.ts'`],
    ['core/src/domain/verdict/verdict.ts', `import '../seal/statement.ts'; import '../trust/chain.ts'`],
    ['core/src/domain/room/phantom.ts', `import '../../formats/dicom/parse.ts'`],
    ['core/src/domain/trust/chain.test.ts', `import 'node:test'; import '../room/phantom.ts'`],
    ['node/src/services/verify.ts', `import './ports.ts'; import '${core}/bytes/hex.ts'`],
    ['node/src/storage/files.ts', `import 'node:fs'; import '../services/ports.ts'`],
    ['node/src/cli/verify.ts', `import 'node:process'; import '../services/verify.ts'`],
    ['node/src/main.ts', `import './cli/verify.ts'; import './storage/files.ts'; import './keys/file-keys.ts'`],
    ['node/src/workers/worker.ts', `import '../storage/files.ts'; import '../cli/verify.ts'; import 'node:fs'`],
    ['node/src/interop/dcmsign.test.ts', `import '../testing/peers.ts'; import '../keys/file-keys.ts'`],
  ]
  for (const [path, text] of allowed) {
    it(`lets ${path} say ${text}`, () => assert.deepEqual(findingsOf(path, text), []))
  }

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['core/src/errors.ts', `import './bytes/hex.ts'`, /errors may not import/],
    ['core/src/bytes/hex.ts', `import type { A } from '../formats/der/read.ts'`, /bytes may not import/],
    ['core/src/formats/der/read.ts', `import '../x509/certificate.ts'`, /formats\/\* may not import/],
    ['core/src/formats/codec/decode.ts', `import '../dicom/parse.ts'`, /may not import/],
    ['core/src/formats/dicom/parse.ts', `import '../../domain/trust/chain.ts'`, /formats\/\* may not import/],
    ['core/src/domain/trust/chain.ts', `import '../signature/digest.ts'`, /domain\/trust may not import/],
    ['core/src/domain/signature/digest.ts', `import '../seal/statement.ts'`, /domain\/signature may not import/],
    ['core/src/domain/room/phantom.ts', `import '../trust/chain.ts'`, /may not import/],
    ['core/src/domain/room/phantom.ts', `import '../watermark/embed.ts'`, /may not import/],
    ['core/src/bytes/hex.ts', `import 'node:fs'`, /may not import node:fs/],
    ['core/src/bytes/hex.ts', `import 'left-pad'`, /does not list/],
    ['core/src/bytes/hex.ts', `import './missing.ts'`, /does not exist/],
    ['core/src/bytes/hex.ts', `import '../../../node/src/main.ts'`, /another package/],
    ['core/src/bytes/hex.test.ts', `import '../../../node/src/testing/peers.ts'`, /from outside core/],
    ['core/src/stray.ts', '', /no folder that the table of layers names/],
    ['node/src/services/verify.ts', `import 'node:fs'`, /services may not import node:fs/],
    ['node/src/services/verify.ts', `import '../storage/files.ts'`, /services may not import/],
    ['node/src/services/verify.ts', `import 'pako'`, /may not import the package pako/],
    ['node/src/storage/files.ts', `import '../services/verify.ts'`, /storage may not import/],
    ['node/src/storage/files.ts', `import '../keys/file-keys.ts'`, /storage may not import/],
    ['node/src/cli/verify.ts', `import '../storage/files.ts'`, /cli may not import/],
    ['node/src/cli/verify.ts', `import type { Keys } from '../keys/file-keys.ts'`, /cli may not import/],
    ['node/src/cli/verify.ts', `import '../workers/worker.ts'`, /cli may not import/],
    ['node/src/main.ts', `import './testing/peers.ts'`, /for tests only/],
    ['node/src/main.ts', `import '../../core/src/bytes/hex.ts'`, /another package/],
  ]
  for (const [path, text, expected] of refused) {
    it(`refuses ${path} saying ${text || 'anything'}`, () => {
      assert.match(findingsOf(path, text).join('\n'), expected)
    })
  }
})

describe('the surroundings of core', () => {
  const refused = [
    'const now = Date.now()',
    'const now = new Date()',
    'const now = new Date',
    'const now = Date()',
    'const now = performance.now()',
    'const n = Math.random()',
    'crypto.getRandomValues(bytes)',
    'const key = ed25519.utils.randomSecretKey()',
    `await fetch(url)`,
    'const get = globalThis.fetch',
    'setTimeout(f, 10)',
    'process.exit(1)',
    'Buffer.from(text)',
    'document.createElement(name)',
  ]
  for (const text of refused) {
    it(`refuses ${text}`, () => assert.match(findingsOf('core/src/bytes/hex.ts', text).join('\n'), /core takes/))
    it(`lets a test say ${text}`, () => assert.deepEqual(findingsOf('core/src/bytes/hex.test.ts', text), []))
  }
  const allowed = [
    'const at = new Date(ms)',
    'function f(at: Date): Date { return at }',
    '// Date.now() is the caller’s business',
    `const name = 'Math.random()'`,
    'const date: Date = parse(text)',
    'window.center = 1',
    'if (at instanceof Date) return',
    'const box = processed.get(key)',
  ]
  for (const text of allowed) {
    it(`allows ${text}`, () => assert.deepEqual(findingsOf('core/src/bytes/hex.ts', text), []))
  }
})

describe('packages that a workspace lists', () => {
  it('are imported by its sources, not only by its tests', () => {
    const sources = tree({
      'core/src/bytes/a.ts': `import '@noble/hashes/sha2.js'`,
      'core/src/bytes/a.test.ts': `import 'pako'`,
    })
    const idle = findIdlePackages(sources, { 'packages/core': ['@noble/hashes', 'pako'] })
    assert.deepEqual(idle, ['packages/core/package.json:1  lists pako, which nothing imports'])
  })
})

describe('circles', () => {
  it('shows a circle of type-only imports once', () => {
    const circles = findCircles(
      tree({
        'core/src/bytes/a.ts': `import type { B } from './b.ts'`,
        'core/src/bytes/b.ts': `import './c.ts'`,
        'core/src/bytes/c.ts': `import './a.ts'`,
        'core/src/bytes/d.ts': `import './c.ts'`,
      }),
    )
    assert.equal(circles.length, 1)
    assert.match(circles[0] ?? '', /a\.ts -> .*b\.ts -> .*c\.ts -> .*a\.ts/)
  })

  it('is quiet about a file that two others share', () => {
    const shared = tree({
      'core/src/bytes/a.ts': `import './b.ts'; import './c.ts'`,
      'core/src/bytes/b.ts': `import './c.ts'`,
      'core/src/bytes/c.ts': '',
    })
    assert.deepEqual(findCircles(shared), [])
  })
})
