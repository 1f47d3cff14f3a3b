import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { type Check, fails, holds, type Subject, unknown } from './check.ts'
import {
  ACQUISITION_POLICY,
  decide,
  isAsked,
  POLICIES,
  type Policy,
  parsePolicy,
  RECORDED_POLICY,
  SIGNATURES_POLICY,
} from './policy.ts'

const good = ({ requires }: Policy, ...instead: readonly Check[]): readonly Check[] => [
  ...requires.filter((subject) => !instead.some((check) => check.subject === subject)).map((subject) => holds(subject)),
  ...instead,
]

describe('decide', () => {
  for (const policy of Object.values(POLICIES)) {
    it(`finds an image authentic of which all holds that ${policy.name} asks for`, () => {
      assert.equal(decide(good(policy), policy), 'authentic')
    })

    it(`needs every subject of ${policy.name}`, () => {
      for (const subject of policy.requires) {
        const without = good(policy).filter((check) => check.subject !== subject)
        assert.equal(decide(without, policy), 'undetermined', subject)
        assert.equal(decide(good(policy, fails(subject, 'tampered')), policy), 'not_authentic', subject)
        assert.equal(decide(good(policy, unknown(subject, 'time_unproven')), policy), 'undetermined', subject)
      }
    })

    it(`lets no image pass under ${policy.name} that a log contradicts`, () => {
      assert.equal(decide(good(policy, fails('log', 'stripped')), policy), 'not_authentic')
      assert.equal(decide([fails('log', 'stripped')], policy), 'not_authentic')
    })
  }

  it('lets a failure weigh more than what holds of the same subject', () => {
    const checks = [...good(ACQUISITION_POLICY), fails('time', 'back_dated')]
    assert.equal(decide(checks, ACQUISITION_POLICY), 'not_authentic')
  })

  it('counts a log that was asked for acquisitions, and needs none', () => {
    assert.equal(decide(good(ACQUISITION_POLICY, holds('log')), ACQUISITION_POLICY), 'authentic')
    for (const reason of ['unrecorded', 'log_unavailable', 'unwitnessed'] as const)
      assert.equal(decide(good(ACQUISITION_POLICY, unknown('log', reason)), ACQUISITION_POLICY), 'undetermined', reason)
  })

  it('does not ask whether images of others are recorded', () => {
    assert.equal(decide(good(SIGNATURES_POLICY, unknown('log', 'unrecorded')), SIGNATURES_POLICY), 'authentic')
  })

  it('asks for a record where a site keeps a log', () => {
    assert.equal(decide(good(ACQUISITION_POLICY), RECORDED_POLICY), 'undetermined')
    assert.equal(decide(good(ACQUISITION_POLICY, holds('log')), RECORDED_POLICY), 'authentic')
    assert.equal(decide(good(RECORDED_POLICY, unknown('log', 'log_not_consulted')), RECORDED_POLICY), 'undetermined')
  })

  it('takes nothing for authentic where nothing is asked for', () => {
    assert.equal(decide([holds('seal')], { ...SIGNATURES_POLICY, requires: [] }), 'undetermined')
  })
})

describe('isAsked', () => {
  it('tells the checks that the verdict rests on', () => {
    const asked = (subject: Subject, policy: Policy): readonly boolean[] =>
      [holds(subject), unknown(subject, 'unrecorded'), fails(subject, 'stripped')].map((check) =>
        isAsked(check, policy, [check]),
      )
    assert.deepEqual(asked('log', ACQUISITION_POLICY), [true, true, true])
    assert.deepEqual(asked('log', RECORDED_POLICY), [true, true, true])
    assert.deepEqual(asked('log', SIGNATURES_POLICY), [false, false, true])
    assert.deepEqual(asked('revocation', ACQUISITION_POLICY), [false, false, false])
    assert.deepEqual(asked('time', ACQUISITION_POLICY), [true, true, true])
  })
})

describe('parsePolicy', () => {
  it('reads a policy with all its fields, and without the last two', () => {
    const text = '{"name":"ours","requires":["log","seal"],"acceptsUncertifiedRoles":true,"countsConsultedLog":true}'
    assert.deepEqual(parsePolicy(text), {
      name: 'ours',
      requires: ['log', 'seal'],
      acceptsUncertifiedRoles: true,
      countsConsultedLog: true,
    })
    assert.deepEqual(parsePolicy('{"requires":["content"],"name":"x y"}'), {
      name: 'x y',
      requires: ['content'],
      acceptsUncertifiedRoles: false,
      countsConsultedLog: false,
    })
  })

  it('knows every subject that our own policies ask for', () => {
    for (const policy of Object.values(POLICIES)) assert.deepEqual(parsePolicy(JSON.stringify(policy)), policy)
  })

  for (const text of [
    '',
    '[]',
    'null',
    '{"name":"x"}',
    '{"requires":["log"]}',
    '{"name":"x","requires":[]}',
    '{"name":"x","requires":["log","log"]}',
    '{"name":"x","requires":["Log"]}',
    '{"name":"x","requires":["custody"]}',
    '{"name":"x","requires":"log"}',
    '{"name":"x","requires":["log"],"countsConsultedLog":1}',
    '{"name":"x","requires":["log"],"countsConsultedLog":null}',
    '{"name":"x","requires":["log"],"acceptsUncertifiedRoles":"yes"}',
    '{"name":"x","requires":["log"],"level":"P3"}',
    '{"name":"x","name":"y","requires":["log"]}',
    '{"name":"","requires":["log"]}',
    '{"name":"a\\u202eb\\n","requires":["log"]}',
  ]) {
    it(`refuses ${text || 'nothing'}`, () => {
      assert.throws(
        () => parsePolicy(text),
        (error) => error instanceof FormatError && error.code === 'policy_malformed',
      )
    })
  }
})
