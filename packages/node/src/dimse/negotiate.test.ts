/** Negotiation: contexts, syntaxes, roles and windows. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CT, EXPLICIT, IMPLICIT, request, VERIFICATION } from '../testing/raw-peer.ts'
import { isStorageClass, isUid, type NegotiationRules, negotiate } from './negotiate.ts'

const RULES: NegotiationRules = {
  services: [],
  prefer: [],
  refuse: new Set(),
  refusedSopClasses: new Set(),
  pduBytes: 131_072,
  operations: 4,
}
const J2K = '1.2.840.10008.1.2.4.90'
const FIND = '1.2.840.10008.5.1.4.1.2.2.1'

const one = (abstractSyntax: string, ...transferSyntaxes: readonly string[]) =>
  request([], { contexts: [{ id: 1, abstractSyntax, transferSyntaxes }] })

const chosen = (rules: Partial<NegotiationRules>, ...transferSyntaxes: readonly string[]) => {
  const [answer] = negotiate(one(CT, ...transferSyntaxes), { ...RULES, ...rules }).accept.contexts
  return answer?.result === 0 ? answer.transferSyntax : answer?.result
}

describe('negotiate', () => {
  it('takes the first transfer syntax that is proposed, whatever it is', () => {
    assert.equal(chosen({}, J2K, EXPLICIT), J2K)
    assert.equal(chosen({}, '1.3.46.670589.33.1.4.1', EXPLICIT), '1.3.46.670589.33.1.4.1')
  })

  it('takes a preferred one first, and never a refused one', () => {
    assert.equal(chosen({ prefer: [EXPLICIT, IMPLICIT] }, J2K, IMPLICIT, EXPLICIT), EXPLICIT)
    assert.equal(chosen({ prefer: ['1.2.3'] }, J2K, EXPLICIT), J2K)
    assert.equal(chosen({ refuse: new Set([J2K]) }, J2K, EXPLICIT), EXPLICIT)
    assert.equal(chosen({ refuse: new Set([J2K]), prefer: [J2K] }, J2K, EXPLICIT), EXPLICIT)
    assert.equal(chosen({ refuse: new Set([J2K]) }, J2K), 4)
    assert.equal(chosen({}, 'not-a-uid'), 4)
  })

  it('refuses SOP Classes that are not stored, and those it was told to', () => {
    const rules = { ...RULES, refusedSopClasses: new Set([CT]) }
    const { accept, contexts } = negotiate(request([CT, FIND, 'x', VERIFICATION]), rules)
    assert.deepEqual(
      accept.contexts.map(({ result }) => result),
      [3, 3, 3, 0],
    )
    assert.deepEqual(
      contexts.map(({ id }) => id),
      [7],
    )
  })

  it('asks the service that takes a context', () => {
    const takes = (uid: string) => uid === FIND
    const serve = async () => undefined
    const first = { name: 'first', takes, serve }
    const choosy = { ...first, chooseSyntax: (proposed: readonly string[]) => proposed.find((uid) => uid === IMPLICIT) }
    const result = (services: NegotiationRules['services'], ...syntaxes: readonly string[]) =>
      negotiate(one(FIND, ...syntaxes), { ...RULES, services }).accept.contexts[0]
    assert.equal(result([first], EXPLICIT, IMPLICIT)?.transferSyntax, EXPLICIT)
    assert.equal(result([choosy], EXPLICIT, IMPLICIT)?.transferSyntax, IMPLICIT)
    assert.equal(result([choosy], EXPLICIT)?.result, 4)
  })

  it('grants roles for what was agreed only', () => {
    const roles = [
      { sopClassUid: CT, isScu: true, isScp: true },
      { sopClassUid: FIND, isScu: false, isScp: true },
    ]
    const { accept, contexts } = negotiate(request([CT, FIND], { user: { roles } }), RULES)
    assert.deepEqual(accept.user.roles, roles.slice(0, 1))
    assert.deepEqual(
      contexts.map(({ isPeerScp }) => isPeerScp),
      [true],
    )
  })

  it('grants a window up to its limit, and says nothing where nothing was asked', () => {
    const windowFor = (invoked: number) =>
      negotiate(request([CT], { user: { operations: { invoked, performed: 9 } } }), RULES)
    assert.deepEqual(windowFor(0).accept.user.operations, { invoked: 4, performed: 1 })
    assert.deepEqual(windowFor(2).accept.user.operations, { invoked: 2, performed: 1 })
    assert.equal(windowFor(100).window, 4)
    const silent = negotiate(request([CT]), RULES)
    assert.equal(silent.accept.user.operations, null)
    assert.equal(silent.window, 1)
  })
})

describe('isStorageClass', () => {
  it('takes what is stored, private and unknown classes too', () => {
    const taken = [
      CT,
      '1.2.840.10008.5.1.4.1.1.1.1',
      '1.2.840.10008.5.1.4.1.1.481.3',
      '1.2.840.10008.5.1.4.1.1.9999.1',
      '1.2.840.10008.5.1.4.1.1.200.8',
      '1.2.840.10008.5.1.4.1.1.201.1',
      '1.2.840.10008.5.1.4.34.7',
      '1.2.840.10008.5.1.4.43.1',
      '1.3.12.2.1107.5.9.1',
      '2.25.1',
    ]
    for (const uid of taken) assert.ok(isStorageClass(uid), uid)
  })

  it('leaves queries, worklists, procedure steps, printing and nonsense out', () => {
    const left = [
      FIND,
      '1.2.840.10008.5.1.4.1.2.1.3',
      '1.2.840.10008.5.1.4.31',
      '1.2.840.10008.3.1.2.3.3',
      '1.2.840.10008.1.20.1',
      '1.2.840.10008.5.1.1.9',
      '1.2.840.10008.5.1.4.1.1.200.4',
      '1.2.840.10008.5.1.4.1.1.201.2',
      '1.2.840.10008.5.1.4.1.1.201.6',
      VERIFICATION,
      '',
      '1',
      '../1.2',
    ]
    for (const uid of left) assert.ok(!isStorageClass(uid), uid)
  })
})

describe('isUid', () => {
  it('takes digits between dots, leading zeros too', () => {
    for (const uid of ['1.2', '2.25.0', '1.02.3', `${'1.'.repeat(31)}12`]) assert.ok(isUid(uid), uid)
  })

  it('refuses everything else', () => {
    for (const uid of ['', '1', '1.', '.1', '1..2', '1.2/3', '1.2\n', '1.a', `${'1.'.repeat(32)}1`]) {
      assert.ok(!isUid(uid), uid)
    }
  })
})
