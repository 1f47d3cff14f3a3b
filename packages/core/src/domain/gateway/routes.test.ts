import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import type { JsonValue } from '../../formats/json/parse.ts'
import { decideRoute } from './decide-route.ts'
import { backoffOf, bandwidthAt, DEFAULT_DELIVERY, parseDestination } from './destinations.ts'
import type { RouteFacts } from './facts.ts'
import type { InstanceVerdict } from './instance.ts'
import { attributesAsked, defaultRoutes, parseRoutes, type Routes } from './routes.ts'

const verdict = (word: InstanceVerdict['verdict'], more: Partial<InstanceVerdict> = {}): InstanceVerdict => ({
  verdict: word,
  level: 'P0',
  content: 'unchanged',
  policy: 'acquisition',
  sentence: '',
  isSynthetic: false,
  failing: [],
  ...more,
})

const facts = (more: Partial<RouteFacts> = {}): RouteFacts => ({
  origin: { protocol: 'dimse', callingAet: 'CT_1', calledAet: 'GATEWAY', address: '10.1.2.3:5000', peer: null },
  attributes: { Modality: ['CT'], StudyDate: ['20260303'], SliceThickness: ['0.625'] },
  verdict: verdict('undetermined'),
  isSealed: false,
  standing: 'new',
  flags: [],
  troubles: [],
  ...more,
})

const DESTINATIONS = { pacs: 'PACS@10.0.0.5:11112', ai: 'https://ai.example/dicom-web' }
const route = (more: { readonly [name: string]: JsonValue } = {}): Routes =>
  parseRoutes({ destinations: DESTINATIONS, routes: [{ name: 'one', to: ['pacs'], ...more }] })
const takes = (when: JsonValue, given = facts()): boolean => decideRoute(route({ when }), given).route !== null

describe('routes of a site that says only where its PACS is', () => {
  const routes = parseRoutes({ destinations: { pacs: 'PACS@10.0.0.5:11112' } })

  it('seal what came unsigned, and forward everything', () => {
    const decision = decideRoute(routes, facts())
    assert.equal(decision.outcome, 'forward')
    assert.equal(decision.isToBeSealed, true)
    assert.deepEqual(decision.copies, [{ destination: 'pacs', deidentify: null, transcode: null }])
    assert.deepEqual(decision.failedOpen, ['undetermined'])
  })

  it('do not seal what came sealed', () => {
    const decision = decideRoute(routes, facts({ isSealed: true, verdict: verdict('authentic') }))
    assert.deepEqual([decision.outcome, decision.isToBeSealed, decision.failedOpen], ['forward', false, []])
  })

  it('hold back what is not authentic, and what comes under a used UID', () => {
    const forged = decideRoute(routes, facts({ verdict: verdict('not_authentic') }))
    assert.deepEqual([forged.outcome, forged.reasons, forged.isToBeSealed], ['quarantine', ['not_authentic'], false])
    const reused = decideRoute(routes, facts({ standing: 'uid_reused' }))
    assert.deepEqual([reused.outcome, reused.reasons], ['quarantine', ['uid_reused']])
    // Upon release, it goes where it would have gone.
    assert.equal(reused.copies.length, 1)
  })

  it('drop the same bytes again, and hold back what nobody can read', () => {
    const again = decideRoute(routes, facts({ standing: 'duplicate' }))
    assert.deepEqual([again.outcome, again.reasons, again.copies], ['drop', ['duplicate'], []])
    const unreadable = decideRoute(routes, facts({ verdict: null, troubles: ['unreadable'] }))
    assert.deepEqual([unreadable.outcome, unreadable.reasons], ['quarantine', ['unreadable']])
    const unexamined = decideRoute(routes, facts({ verdict: null, troubles: ['unexamined', 'unlogged'] }))
    assert.deepEqual([unexamined.outcome, unexamined.failedOpen], ['forward', ['unexamined', 'unlogged']])
  })

  it('are the same without a file', () => {
    const pacs = parseDestination('PACS@10.0.0.5:11112')
    assert.ok(pacs !== undefined)
    assert.deepEqual(defaultRoutes([pacs]), routes)
  })
})

describe('decideRoute', () => {
  it('takes the first route that fits, and says what each rule came to', () => {
    const routes = parseRoutes({
      destinations: DESTINATIONS,
      routes: [
        { name: 'mr', when: { attribute: 'Modality', equals: 'MR' }, to: ['ai'] },
        { name: 'ct', from: { calling: 'CT*', address: '10.1.0.0/16' }, to: ['pacs', 'ai'] },
        { name: 'rest', to: ['pacs'] },
      ],
    })
    const { route: taken, trace } = decideRoute(routes, facts())
    assert.equal(taken?.name, 'ct')
    assert.deepEqual(
      trace.map(({ route: name, path, holds }) => `${name} ${path} ${holds}`),
      [
        'mr when false',
        'mr  false',
        'ct from.calling true',
        'ct from.address true',
        'ct  true',
        'ct quarantine[0] false',
        'ct quarantine[1] false',
      ],
    )
  })

  it('holds back what no route takes', () => {
    const decision = decideRoute(route({ from: { calling: 'MR*' } }), facts())
    assert.deepEqual([decision.route, decision.outcome, decision.reasons], [null, 'quarantine', ['no_route']])
  })

  it('asks senders by called AE title, protocol and certificate', () => {
    const peer = 'ab'.repeat(32)
    const origin = { ...facts().origin, peer }
    const taken = (from: JsonValue): boolean => decideRoute(route({ from }), facts({ origin })).route !== null
    assert.equal(taken({ called: 'GATE*', protocol: 'dimse', peer }), true)
    assert.equal(taken({ called: 'OTHER' }), false)
    assert.equal(taken({ protocol: ['dicomweb', 'file'] }), false)
    assert.equal(taken({ peer: 'cd*' }), false)
    assert.equal(decideRoute(route({ from: { peer: '*' } }), facts()).route, null)
  })

  it('fails closed where a route says so', () => {
    const closed = route({ onProblem: { undetermined: 'failClosed', unexamined: 'failClosed' } })
    assert.deepEqual(decideRoute(closed, facts()).reasons, ['undetermined'])
    assert.deepEqual(decideRoute(closed, facts({ verdict: null, troubles: ['unexamined'] })).reasons, ['unexamined'])
  })

  it('holds back by conditions of the site', () => {
    const held = route({
      quarantine: ['synthetic', { reason: 'odd_header', when: { flag: 'modality_*' } }],
    })
    assert.deepEqual(decideRoute(held, facts({ flags: ['modality_mismatch'] })).reasons, ['odd_header'])
    assert.deepEqual(decideRoute(held, facts({ verdict: verdict('authentic', { isSynthetic: true }) })).reasons, [
      'synthetic',
    ])
    assert.equal(decideRoute(held, facts({ verdict: verdict('not_authentic') })).outcome, 'forward')
  })

  it('makes a copy of its own for each destination', () => {
    const copies = route({
      to: [
        'pacs',
        { destination: 'ai', when: { attribute: 'Modality', equals: 'CT' }, deidentify: 'basic', transcode: 'rle' },
        { destination: 'ai', deidentify: 'basic' },
      ],
    })
    assert.deepEqual(decideRoute(copies, facts()).copies, [
      { destination: 'pacs', deidentify: null, transcode: null },
      { destination: 'ai', deidentify: 'basic', transcode: 'rle' },
    ])
    assert.deepEqual(decideRoute(copies, facts({ attributes: {} })).copies[1], {
      destination: 'ai',
      deidentify: 'basic',
      transcode: null,
    })
  })

  it('may seal always or never', () => {
    assert.equal(decideRoute(route({ seal: 'always' }), facts({ isSealed: true })).isToBeSealed, true)
    assert.equal(decideRoute(route({ seal: 'never' }), facts()).isToBeSealed, false)
  })
})

describe('rules', () => {
  const attribute = (test: { readonly [name: string]: JsonValue }, values?: readonly string[]): boolean => {
    const attributes = values === undefined ? {} : { StudyDescription: values }
    return takes({ attribute: 'StudyDescription', ...test }, facts({ attributes }))
  }
  const cases: readonly (readonly [{ readonly [name: string]: JsonValue }, readonly string[] | undefined, boolean])[] =
    [
      [{ equals: 'x' }, ['y', 'x'], true],
      [{ equals: 'x' }, ['X'], false],
      [{ equals: 'x', ignoreCase: true }, ['X'], true],
      [{ equals: 5 }, ['5'], true],
      [{ equals: '' }, [], true],
      [{ equals: '' }, undefined, false],
      [{ oneOf: ['a', 'b'] }, ['b'], true],
      [{ oneOf: ['a', 'b'] }, ['c'], false],
      [{ matches: 'CHEST*' }, ['CHEST PA'], true],
      [{ matches: ['*KNEE*', '*HAND*'] }, ['LEFT HAND'], true],
      [{ matches: 'chest*' }, ['CHEST'], false],
      [{ exists: true }, [], true],
      [{ exists: true }, undefined, false],
      [{ exists: false }, undefined, true],
      [{ exists: false }, ['x'], false],
      [{ greater: 1, less: 2 }, ['1.5'], true],
      [{ greater: 1, less: 2 }, ['0.5', '2.5'], false],
      [{ greater: 0 }, ['0x10'], false],
      [{ less: 5 }, [''], false],
      [{ after: '2026-01-01' }, ['20260303'], true],
      [{ after: '2026-03-03' }, ['20260303'], false],
      [{ before: '2026-03-03' }, ['20260302235959.123'], true],
      [{ before: '10:00' }, ['095959'], true],
      [{ before: '10:00' }, ['20260303'], false],
      [{ before: '2030-01-01' }, ['nonsense'], false],
    ]
  for (const [test, values, expected] of cases) {
    it(`answers ${expected ? 'yes' : 'no'} to ${JSON.stringify(test)} of ${JSON.stringify(values) ?? 'nothing'}`, () =>
      assert.equal(attribute(test, values), expected))
  }

  it('join and turn others', () => {
    const ct = { attribute: 'Modality', equals: 'CT' }
    const mr = { attribute: 'Modality', equals: 'MR' }
    assert.equal(takes({ any: [ct, mr] }), true)
    assert.equal(takes({ all: [ct, mr] }), false)
    assert.equal(takes({ not: mr }), true)
    assert.equal(takes([ct, { not: { any: [mr, { isSynthetic: true }] } }]), true)
  })

  it('look at the verdict and what else is known', () => {
    const known = facts({
      verdict: verdict('not_authentic', {
        level: 'P2',
        content: 'altered',
        failing: [{ subject: 'content', reason: 'pixels_changed' }],
      }),
      isSealed: true,
    })
    assert.equal(takes({ verdict: ['not_authentic', 'undetermined'] }, known), true)
    assert.equal(takes({ level: { atLeast: 'P2' } }, known), true)
    assert.equal(takes({ level: { atLeast: 'P3' } }, known), false)
    assert.equal(takes({ content: 'altered' }, known), true)
    assert.equal(takes({ failing: 'pixels_*' }, known), true)
    assert.equal(takes({ failing: 'content:pixels_changed' }, known), true)
    assert.equal(takes({ failing: 'seal' }, known), false)
    assert.equal(takes({ isSealed: true }, known), true)
    assert.equal(takes({ standing: ['new', 'duplicate'] }, known), true)
    assert.equal(takes({ verdict: 'authentic' }, facts({ verdict: null })), false)
    assert.equal(takes({ isSynthetic: false }, facts({ verdict: null })), false)
  })

  it('name the attributes that they ask about, each once', () => {
    const routes = route({
      when: [
        { attribute: 'Modality', equals: 'CT' },
        { not: { attribute: '(0008,0060)', equals: 'MR' } },
        { attribute: 'RequestAttributesSequence/ScheduledProcedureStepID', exists: true },
        { attribute: '(0019,ACME 1/1,0C)', exists: true },
      ],
    })
    assert.deepEqual(
      attributesAsked(routes).map(({ name }) => name),
      ['Modality', 'RequestAttributesSequence/ScheduledProcedureStepID', '(0019,ACME 1/1,0c)'],
    )
  })
})

describe('parseRoutes', () => {
  const one = (more: { readonly [name: string]: JsonValue }): JsonValue => ({
    destinations: DESTINATIONS,
    routes: [{ name: 'one', to: ['pacs'], ...more }],
  })
  const refusals: readonly (readonly [string, JsonValue, RegExp])[] = [
    ['nothing', null, /object/],
    ['no destinations', {}, /destinations/],
    ['an empty list of destinations', { destinations: {} }, /names none/],
    ['another version', { version: 2, destinations: DESTINATIONS }, /^version/],
    ['an unknown member', { destinations: DESTINATIONS, route: [] }, /did you mean routes\?/],
    ['a destination that is neither', { destinations: { pacs: 'PACS' } }, /^destinations\.pacs /],
    ['a port that is none', { destinations: { pacs: 'PACS@host:0' } }, /^destinations\.pacs /],
    ['an AE title of 17', { destinations: { pacs: { aet: 'A'.repeat(17), host: 'x' } } }, /^destinations\.pacs\.aet /],
    ['a secret in a URL', { destinations: { a: 'https://user:pass@example.org/' } }, /^destinations\.a /],
    ['a secret in a query', { destinations: { a: 'https://example.org/?token=x' } }, /^destinations\.a /],
    [
      'an inline token',
      { destinations: { a: { url: 'https://example.org', authorization: { bearer: 'abc' } } } },
      /^destinations\.a\.authorization\.bearer /,
    ],
    [
      'a certificate without its key',
      { destinations: { a: { url: 'https://example.org', tls: { certificate: 'x.pem' } } } },
      /only one of/,
    ],
    ['a destination that nobody knows', one({ to: ['pasc'] }), /^routes\[0\]\.to\[0\] .*did you mean pacs\?/],
    ['a destination twice', one({ to: ['pacs', 'pacs'] }), /twice/],
    ['a profile that nobody knows', one({ to: [{ destination: 'ai', deidentify: 'basis' }] }), /did you mean basic\?/],
    ['a lossy target', one({ to: [{ destination: 'ai', transcode: 'jpeg' }] }), /transcode/],
    [
      'a name twice',
      {
        destinations: DESTINATIONS,
        routes: [
          { name: 'a', to: [] },
          { name: 'a', to: [] },
        ],
      },
      /^routes\[1\] /,
    ],
    ['no routes at all', { destinations: DESTINATIONS, routes: [] }, /^routes /],
    ['a rule of nothing', one({ when: {} }), /^routes\[0\]\.when /],
    ['a rule of two kinds', one({ when: { verdict: 'authentic', content: 'altered' } }), /content/],
    ['an unknown keyword', one({ when: { attribute: 'Modalty', equals: 'CT' } }), /^routes\[0\]\.when\.attribute /],
    ['an attribute of which nothing is asked', one({ when: { attribute: 'Modality' } }), /asks nothing/],
    ['both equals and oneOf', one({ when: { attribute: 'Modality', equals: 'a', oneOf: ['b'] } }), /both/],
    ['values of what must not exist', one({ when: { attribute: 'Modality', exists: false, equals: 'a' } }), /must not/],
    ['a moment that is none', one({ when: { attribute: 'StudyDate', after: 'yesterday' } }), /after .*date/],
    ['a range with bits behind it', one({ from: { address: '10.0.0.1/8' } }), /^routes\[0\]\.from\.address /],
    ['another word for a trouble', one({ onProblem: { undetermined: 'open' } }), /failOpen/],
    ['an unknown quarantine word', one({ quarantine: ['not-authentic'] }), /did you mean not_authentic\?/],
    ['a profile called basic', { destinations: DESTINATIONS, profiles: { basic: {} } }, /Basic Profile/],
    [
      'a profile that retains dates in two ways',
      { destinations: DESTINATIONS, profiles: { a: { retain: ['full_dates', 'modified_dates'] } } },
      /both/,
    ],
  ]
  for (const [name, value, says] of refusals) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => parseRoutes(value),
        (error) => error instanceof FormatError && error.code === 'routes_malformed' && says.test(error.message),
      )
    })
  }

  it('refuses rules that are nested too deep', () => {
    let when: JsonValue = { isSealed: true }
    for (let i = 0; i < 60; i++) when = { not: when }
    assert.throws(() => parseRoutes(one({ when })), FormatError)
  })

  it('reads destinations in full', () => {
    const { destinations } = parseRoutes({
      destinations: {
        pacs: { aet: 'PACS', host: '10.0.0.5', tls: true, commitment: true, associations: 4 },
        web: {
          url: 'https://archive.example/dicom-web/',
          authorization: { bearer: { env: 'ARCHIVE_TOKEN' } },
          bandwidth: [{ days: ['monday'], from: '22:00', until: '06:00', kilobytesPerSecond: 0 }],
        },
      },
    })
    const pacs = destinations.get('pacs')
    assert.ok(pacs?.protocol === 'dimse' && pacs.port === 104 && pacs.commitment && pacs.tls !== null)
    const web = destinations.get('web')
    assert.ok(web?.protocol === 'dicomweb' && web.url === 'https://archive.example/dicom-web')
    assert.deepEqual(web.authorization, { kind: 'bearer', token: { env: 'ARCHIVE_TOKEN' } })
    const at = (day: 'monday' | 'tuesday' | 'sunday', minute: number) => bandwidthAt(web.delivery, { day, minute })
    assert.deepEqual(
      [
        at('monday', 1319),
        at('monday', 1320),
        at('tuesday', 359),
        at('tuesday', 360),
        at('monday', 5),
        at('sunday', 1400),
      ],
      [undefined, 0, 0, undefined, undefined, undefined],
    )
  })

  it('makes waits of what a destination says', () => {
    assert.deepEqual(backoffOf({ ...DEFAULT_DELIVERY, maxAttempts: 3, maxAgeHours: 2 }), {
      firstMs: 5000,
      longestMs: 600_000,
      jitter: 0.5,
      attemptsLimit: 3,
      giveUpAfterMs: 7_200_000,
    })
  })
})
