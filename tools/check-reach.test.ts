import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkReach } from './check-reach.ts'
import { readSource } from './source.ts'

const VERDICT = 'packages/core/src/domain/verdict/verdict.ts'
const READ = 'packages/core/src/domain/signature/read.ts'

/** What the check shows for a verdict that imports `read.ts`, and further files. */
function findingsOf(texts: Readonly<Record<string, string>>): string[] {
  const all = { [VERDICT]: `import { read } from '../signature/read.ts'`, [READ]: '', ...texts }
  return checkReach(new Map(Object.entries(all).map(([path, text]) => [path, readSource(path, text)] as const)))
}

describe('the reach of verification', () => {
  it('is quiet where nothing forbidden is reached', () => assert.deepEqual(findingsOf({}), []))

  it('shows the path to a file that signs, by its name', () => {
    const found = findingsOf({
      [READ]: `export { sign } from './sign-with-key.ts'`,
      'packages/core/src/domain/signature/sign-with-key.ts': '',
    })
    assert.equal(found.length, 1)
    assert.match(found[0] ?? '', /verdict\.ts -> .*read\.ts -> .*sign-with-key\.ts/)
  })

  const forbidden = [
    'export async function signDigest() {}',
    'export function issueCertificate() {}',
    'export function generateKeys() {}',
    'const pair = generateKeyPairSync(kind)',
    'await crypto.subtle.sign(name, key, bytes)',
    'const signature = ed25519.sign(bytes, key)',
    'const keys = ml_dsa44.keygen(seed)',
  ]
  for (const text of forbidden) {
    it(`shows a file that says ${text}`, () => assert.equal(findingsOf({ [READ]: text }).length, 1))
  }

  const allowed = [
    'export function signedTags() {}',
    'export function signatureOf() {}',
    '// never signs: crypto.subtle.sign(key)',
    `import type { Signer } from './sign.ts'`,
    'await crypto.subtle.verify(name, key, signature, bytes)',
  ]
  for (const text of allowed) {
    it(`is quiet about ${text}`, () => assert.deepEqual(findingsOf({ [READ]: text }), []))
  }

  it('does not follow tests', () => {
    const path = 'packages/core/src/domain/verdict/verdict.test.ts'
    assert.deepEqual(findingsOf({ [path]: `import '../room/phantom.ts'` }), [])
  })

  it('starts from the verify service too', () => {
    const found = findingsOf({ 'packages/node/src/services/verify-instance.ts': `import '../keys/files.ts'` })
    assert.match(found.join(), /services\/verify-instance\.ts -> .*keys\/files\.ts/)
  })
})
