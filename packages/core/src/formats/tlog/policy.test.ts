import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { concatBytes, decodeUtf8, encodeLatin1, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import * as foreign from '../../testing/foreign-notes.ts'
import { seeded } from '../../testing/seeded.ts'
import { toyNoteKey } from '../../testing/toy-notes.ts'
import { formatVerifierKey, makeVerifierKey, type VerifierKeyType } from '../note/verifier-key.ts'
import {
  formatWitnessPolicy,
  isQuorum,
  octetsOfText,
  POLICY_ITEMS_LIMIT,
  POLICY_LIMIT,
  parseWitnessPolicy,
  textOfOctets,
  type WitnessPolicy,
} from './policy.ts'

const hashes = portableCrypto.hash
const parse = (policy: string | Uint8Array): WitnessPolicy => parseWitnessPolicy(policy, hashes)
const format = (policy: WitnessPolicy): string => decodeUtf8(formatWitnessPolicy(policy, hashes))
const isMalformed = (error: unknown): boolean =>
  error instanceof FormatError && error.code === 'witness_policy_malformed'

const vkey = (name: string, type: VerifierKeyType = 'cosignature-ed25519'): string =>
  formatVerifierKey(toyNoteKey(name, type))
const log = vkey('log.example', 'ed25519')
const [x1, x2, x3, y1, y2, y3] = ['x1', 'x2', 'x3', 'y1', 'y2', 'y3'].map((name) => vkey(name))

/** Source: the example of C2SP tlog-policy, with keys. */
const EXAMPLE = `log ${log}

witness X1 ${x1}
witness X2 ${x2}
witness X3 ${x3}
group X-witnesses 2 X1 X2 X3

witness Y1 ${y1}
witness Y2 ${y2}
witness Y3 ${y3}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`

describe('parseWitnessPolicy', () => {
  it('reads the example of the standard', () => {
    const policy = parse(EXAMPLE)
    assert.deepEqual(
      policy.logs.map(({ key }) => key.name),
      ['log.example'],
    )
    assert.deepEqual(
      policy.witnesses.map(({ name, key }) => [name, key.name]),
      ['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'].map((name) => [name, name.toLowerCase()]),
    )
    assert.deepEqual(policy.groups, [
      { name: 'X-witnesses', threshold: 2, members: ['X1', 'X2', 'X3'] },
      { name: 'Y-witnesses', threshold: 1, members: ['Y1', 'Y2', 'Y3'] },
      { name: 'X-and-Y', threshold: 2, members: ['X-witnesses', 'Y-witnesses'] },
    ])
    assert.equal(policy.quorum, 'X-and-Y')
  })

  it('takes white space, comments and empty lines as the standard does, and URLs', () => {
    const text = `\t# a comment\n \t\n  log\t \t${log} https://log.example/ \nwitness #1 ${x1} https://x1.example/\nquorum\t#1\t\n`
    const policy = parse(text)
    assert.equal(policy.logs[0]?.url, 'https://log.example/')
    assert.deepEqual([policy.witnesses[0]?.name, policy.witnesses[0]?.url], ['#1', 'https://x1.example/'])
    assert.equal(policy.quorum, '#1')
  })

  it('takes the least that a policy can be', () => {
    assert.deepEqual(parse('quorum none\n'), { logs: [], witnesses: [], groups: [], quorum: 'none' })
  })

  it('takes logs and witnesses with keys for ML-DSA-44, and logs behind the quorum', () => {
    const policy = parse(
      `witness w ${vkey('w', 'cosignature-ml-dsa-44')}\nquorum w\nlog ${foreign.LATTICE_KEY}\nlog ${log}\n`,
    )
    assert.deepEqual(
      [...policy.logs, ...policy.witnesses].map(({ key }) => key.type),
      ['cosignature-ml-dsa-44', 'ed25519', 'cosignature-ml-dsa-44'],
    )
  })

  it('takes keys that other implementations wrote', () => {
    const policy = parse(
      `log ${foreign.ARCHE_KEY}\nwitness remora ${foreign.REMORA_KEY}\nwitness mole ${foreign.STAGEMOLE_KEY}\n` +
        'group both all remora mole\nquorum both\n',
    )
    assert.equal(policy.logs[0]?.key.name, 'arche2025h1.staging.ct.transparency.dev')
  })

  it('handles names as octets', () => {
    // The Kelvin sign is another name than K, whatever Unicode says; and a name need not be UTF-8 at all.
    const policy = parse(`witness K ${x1}\nwitness \u212a ${x2}\ngroup g all K \u212a\nquorum g\n`)
    assert.deepEqual(policy.groups[0]?.members, ['K', '\u00e2\u0084\u00aa'])
    const octets = concatBytes(
      encodeUtf8('witness '),
      Uint8Array.of(0xff, 0xfe),
      encodeUtf8(` ${x1}\nquorum `),
      Uint8Array.of(0xff, 0xfe, 0x0a),
    )
    const odd = parse(octets)
    assert.equal(odd.quorum, '\u00ff\u00fe')
    assert.deepEqual(parse(formatWitnessPolicy(odd, hashes)), odd)
  })

  it('reads the names of keys as the UTF-8 that notes have them in', () => {
    const key = vkey('süd.example')
    assert.equal(parse(`witness w ${key}\nquorum w\n`).witnesses[0]?.key.name, 'süd.example')
    assert.throws(() => parse(encodeLatin1(`witness w ${key}\nquorum w\n`)), isMalformed)
  })

  it('takes as many items as the limit, and not one more', () => {
    const lines = (count: number): string =>
      Array.from({ length: count }, (_, i) => `witness w${i} ${vkey(`w${i}`)}\n`).join('')
    assert.equal(parse(`${lines(POLICY_ITEMS_LIMIT)}quorum none\n`).witnesses.length, POLICY_ITEMS_LIMIT)
    assert.throws(() => parse(`${lines(POLICY_ITEMS_LIMIT + 1)}quorum none\n`), isMalformed)
    const groups = Array.from({ length: POLICY_ITEMS_LIMIT }, (_, i) => `group g${i + 1} all g${i}\n`).join('')
    const chain = `witness g0 ${x1}\n${groups}`
    assert.equal(parse(`${chain}quorum g${POLICY_ITEMS_LIMIT}\n`).groups.length, POLICY_ITEMS_LIMIT)
    assert.throws(() => parse(`${chain}group more all g${POLICY_ITEMS_LIMIT}\nquorum more\n`), isMalformed)
  })

  const W = `witness a ${x1}\nwitness b ${x2}\n`
  const sameKey = toyNoteKey('x1', 'cosignature-ed25519').publicKey
  const renamed = formatVerifierKey(makeVerifierKey('other', 'cosignature-ed25519', sameKey, hashes))
  const logKey = toyNoteKey('log.example', 'ed25519').publicKey
  const renamedLog = formatVerifierKey(makeVerifierKey('other', 'ed25519', logKey, hashes))
  const refusals: readonly { readonly name: string; readonly policy: string | Uint8Array }[] = [
    { name: 'nothing', policy: '' },
    { name: 'no quorum', policy: W },
    { name: 'two quorums', policy: `${W}quorum a\nquorum a\n` },
    { name: 'a quorum of two names', policy: `${W}quorum a b\n` },
    { name: 'a quorum without a name', policy: `${W}quorum\n` },
    { name: 'a quorum that is not defined', policy: `${W}quorum c\n` },
    { name: 'a quorum that is defined later', policy: `quorum a\n${W}` },
    { name: 'a last line without a newline', policy: `${W}quorum a` },
    { name: 'an unknown keyword', policy: `${W}quorum a\npolicy 1\n` },
    { name: 'a keyword in capitals', policy: `${W}Quorum a\n` },
    { name: 'a comment behind a line', policy: `${W}quorum a # the best\n` },
    { name: 'a carriage return', policy: `${W}quorum a\r\n` },
    { name: 'a control character in a comment', policy: `#\u0001\n${W}quorum a\n` },
    { name: 'a form feed as white space', policy: `${W}quorum\u000ca\n` },
    { name: 'a DEL', policy: `#\u007f\n${W}quorum a\n` },
    { name: 'a no-break space as white space', policy: `${W}quorum\u00a0a\n` },
    { name: 'a log without a key', policy: `log\n${W}quorum a\n` },
    { name: 'a log with too much', policy: `log ${log} https://a https://b\n${W}quorum a\n` },
    { name: 'a log whose key is none', policy: `log example.com/log\n${W}quorum a\n` },
    { name: 'a log with the key of a witness', policy: `log ${x3}\n${W}quorum a\n` },
    { name: 'a log twice', policy: `log ${log}\nlog ${log}\n${W}quorum a\n` },
    { name: 'a log twice under two names', policy: `log ${log}\nlog ${renamedLog}\n${W}quorum a\n` },
    { name: 'a witness without a key', policy: `${W}witness c\nquorum a\n` },
    { name: 'a witness without a name', policy: `${W}witness ${x3}\nquorum a\n` },
    { name: 'a witness with too much', policy: `${W}witness c ${x3} https://a https://b\nquorum a\n` },
    { name: 'a witness with the key of a log', policy: `${W}witness c ${log}\nquorum a\n` },
    {
      name: 'a witness whose key ID is wrong',
      policy: `${W}witness c ${x3?.replace(/\+.{8}/, '+00000000')}\nquorum a\n`,
    },
    { name: 'a witness whose name is taken', policy: `${W}witness a ${x3}\nquorum a\n` },
    { name: 'a witness named none', policy: `${W}witness none ${x3}\nquorum none\n` },
    { name: 'a witness twice', policy: `${W}witness c ${x1}\nquorum a\n` },
    { name: 'a witness twice under two names of its key', policy: `${W}witness c ${renamed}\nquorum a\n` },
    { name: 'a group without members', policy: `${W}group g any\nquorum g\n` },
    { name: 'a group without a threshold', policy: `${W}group g\nquorum g\n` },
    { name: 'a group whose name is taken', policy: `${W}group a any b\nquorum a\n` },
    { name: 'a group named none', policy: `${W}group none any a\nquorum none\n` },
    { name: 'a group with none as a member', policy: `${W}group g any none\nquorum g\n` },
    { name: 'a group of itself', policy: `${W}group g any g\nquorum g\n` },
    { name: 'a group of what is defined later', policy: `${W}group g any h\ngroup h any a\nquorum g\n` },
    { name: 'a member twice in a group', policy: `${W}group g 2 a a\nquorum g\n` },
    { name: 'a member of two groups', policy: `${W}group g any a b\ngroup h any a\nquorum g\n` },
    { name: 'a threshold of zero', policy: `${W}group g 0 a b\nquorum g\n` },
    { name: 'a threshold over the members', policy: `${W}group g 3 a b\nquorum g\n` },
    { name: 'a threshold with a leading zero', policy: `${W}group g 01 a b\nquorum g\n` },
    { name: 'a threshold with a sign', policy: `${W}group g +1 a b\nquorum g\n` },
    { name: 'a fraction for a threshold', policy: `${W}group g 1.0 a b\nquorum g\n` },
    { name: 'a threshold beyond all numbers', policy: `${W}group g ${'9'.repeat(400)} a b\nquorum g\n` },
    { name: 'a threshold in capitals', policy: `${W}group g ALL a b\nquorum g\n` },
    { name: 'a policy that is too long', policy: `#${'x'.repeat(POLICY_LIMIT)}\n` },
  ]
  for (const { name, policy } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => parse(policy), isMalformed))
  }

  it('says in which line it stopped', () => {
    assert.throws(() => parse(`${W}\nquorum c\n`), { message: /line 4/ })
  })

  it('reads or refuses damaged policies, and means the same when it writes them', () => {
    const next = seeded(91)
    const pieces = [
      ' ',
      '\n',
      '\t',
      '#',
      '1',
      '2',
      'any',
      'all',
      'none',
      'a',
      'X1',
      'quorum ',
      'group ',
      '\u00ff',
      '\r',
      '',
    ]
    let accepted = 0
    for (let i = 0; i < 2000; i++) {
      const at = next(EXAMPLE.length)
      const octets = encodeLatin1(EXAMPLE.slice(0, at) + pieces[next(pieces.length)] + EXAMPLE.slice(at + next(3)))
      try {
        const policy = parse(octets)
        assert.deepEqual(parse(formatWitnessPolicy(policy, hashes)), policy)
        accepted++
      } catch (error) {
        assert.ok(isMalformed(error), String(error))
      }
    }
    assert.ok(accepted > 50 && accepted < 1900, String(accepted))
  })
})

describe('formatWitnessPolicy', () => {
  it('writes logs, witnesses, groups and quorum in this order', () => {
    const policy = parse(`witness a ${x1} https://a.example/\nlog ${log} https://l.example/\ngroup g all a\nquorum g\n`)
    const text = `log ${log} https://l.example/\nwitness a ${x1} https://a.example/\ngroup g 1 a\nquorum g\n`
    assert.equal(format(policy), text)
    assert.equal(format(parse(text)), text)
  })

  it('refuses what breaks the rules', () => {
    const policy = parse(EXAMPLE)
    const [first] = policy.witnesses
    assert.ok(first)
    for (const bad of [
      { ...policy, quorum: 'nobody' },
      { ...policy, quorum: 'X1 X2' },
      { ...policy, groups: [] },
      { ...policy, witnesses: [{ ...first, name: 'a b' }], groups: [], quorum: 'none' },
      { ...policy, witnesses: [{ ...first, url: '' }], groups: [], quorum: 'none' },
      { ...policy, witnesses: [{ ...first, url: 'https://a b' }], groups: [], quorum: 'none' },
      { ...policy, witnesses: [{ ...first, name: 'a\nquorum none\n#' }], groups: [], quorum: 'none' },
      { ...policy, witnesses: [{ ...first, name: '日' }], groups: [], quorum: 'none' },
      { ...policy, witnesses: [{ ...first, key: toyNoteKey('n', 'ed25519') }], groups: [], quorum: 'none' },
      {
        ...policy,
        witnesses: [{ ...first, key: { ...first.key, keyId: new Uint8Array(4) } }],
        groups: [],
        quorum: 'none',
      },
      { ...policy, groups: [{ name: 'g', threshold: 0, members: ['X1'] }], quorum: 'g' },
      { ...policy, groups: [{ name: 'g', threshold: 1, members: [] }], quorum: 'g' },
    ]) {
      assert.throws(() => formatWitnessPolicy(bad, hashes), RangeError)
    }
  })
})

describe('isQuorum', () => {
  const policy = parse(EXAMPLE)
  const holds = (...names: readonly string[]): boolean => isQuorum(policy, new Set(names))

  it('counts the members of groups, and groups of groups', () => {
    assert.ok(holds('X1', 'X2', 'Y3'))
    assert.ok(holds('X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'))
    assert.ok(!holds('X1', 'Y1', 'Y2', 'Y3'))
    assert.ok(!holds('X1', 'X2', 'X3'))
    assert.ok(!holds())
  })

  it('agrees with the rule in words for every set of witnesses', () => {
    const names = ['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3']
    for (let bits = 0; bits < 64; bits++) {
      const chosen = names.filter((_, i) => (bits >> i) & 1)
      const count = (letter: string): number => chosen.filter((name) => name.startsWith(letter)).length
      assert.equal(holds(...chosen), count('X') >= 2 && count('Y') >= 1)
    }
  })

  it('is not talked into by the name of a group, or of nobody', () => {
    assert.ok(!holds('X-and-Y'))
    assert.ok(!holds('X-witnesses', 'Y-witnesses'))
    assert.ok(!holds('X1', 'x2', 'Y1', 'none'))
  })

  it('is there from the start where none is asked for', () => {
    assert.ok(isQuorum(parse(`witness a ${x1}\nquorum none\n`), new Set()))
  })

  it('can be a single witness', () => {
    const single = parse(`witness a ${x1}\nwitness b ${x2}\nquorum b\n`)
    assert.ok(isQuorum(single, new Set(['b'])))
    assert.ok(!isQuorum(single, new Set(['a'])))
  })
})

describe('octets and text', () => {
  it('turn into each other where the octets are UTF-8', () => {
    assert.equal(textOfOctets(octetsOfText('Klinik Süd 日')), 'Klinik Süd 日')
    assert.equal(octetsOfText('ü'), '\u00c3\u00bc')
    assert.equal(textOfOctets('\u00ff'), '\u00ff')
  })
})
