/** PDUs of PS3.8 section 9.3: as DCMTK 3.6.7 sends them, as we write them, and what is refused. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHex, encodeHex } from '../../bytes/hex.ts'
import { concatBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { toyPdu } from '../../testing/toy-pdus.ts'
import type { AssociateRequest } from './associate.ts'
import { formatPdu, PDU_HEADER_BYTES, type Pdu, parsePdu } from './pdu.ts'
import { NO_USER_INFORMATION } from './user-information.ts'

const TITLES = `414e592d5343502020202020202020204543484f534355202020202020202020${'00'.repeat(32)}`
const CONTEXT_ITEM = '10000015312e322e3834302e31303030382e332e312e312e31'
const USER_ITEM =
  '5000003a510000040000400052' +
  '00001b312e322e3237362e302e373233303031302e332e302e332e362e37' +
  '5500000f4f464649535f44434d544b5f333637'
const USER = {
  ...NO_USER_INFORMATION,
  maximumLength: 16_384,
  implementationClassUid: '1.2.276.0.7230010.3.0.3.6.7',
  implementationVersion: 'OFFIS_DCMTK_367',
}
const COMMON = {
  protocolVersion: 1,
  calledAet: 'ANY-SCP',
  callingAet: 'ECHOSCU',
  applicationContext: '1.2.840.10008.3.1.1.1',
  user: USER,
}

/** Recorded between echoscu and storescp. */
const RECORDED: readonly { readonly name: string; readonly hex: string; readonly pdu: Pdu }[] = [
  {
    name: 'the request of echoscu',
    hex:
      `0100000000cd00010000${TITLES}${CONTEXT_ITEM}` +
      '2000002e0100ff0030000011312e322e3834302e31303030382e312e3140000011312e322e3834302e31303030382e312e32' +
      USER_ITEM,
    pdu: {
      type: 'associate_rq',
      ...COMMON,
      contexts: [{ id: 1, abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: ['1.2.840.10008.1.2'] }],
    },
  },
  {
    name: 'the answer of storescp',
    hex:
      `0200000000b800010000${TITLES}${CONTEXT_ITEM}` +
      `210000190100000040000011312e322e3834302e31303030382e312e32${USER_ITEM}`,
    pdu: {
      type: 'associate_ac',
      ...COMMON,
      contexts: [{ id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2' }],
    },
  },
  { name: 'a release request', hex: '05000000000400000000', pdu: { type: 'release_rq' } },
  { name: 'a release response', hex: '06000000000400000000', pdu: { type: 'release_rp' } },
  {
    name: 'a rejection',
    hex: '03000000000400010107',
    pdu: { type: 'associate_rj', result: 1, source: 1, reason: 7 },
  },
  { name: 'an abort', hex: '07000000000400000206', pdu: { type: 'abort', source: 2, reason: 6 } },
]

const parse = (bytes: Uint8Array): Pdu => parsePdu(bytes[0] ?? 0, bytes.subarray(PDU_HEADER_BYTES))

function refuses(bytes: Uint8Array): void {
  assert.throws(
    () => parse(bytes),
    (error) => error instanceof FormatError && error.code === 'pdu_malformed',
  )
}

const REQUEST = RECORDED[0]?.pdu as AssociateRequest

describe('PDUs of PS3.8', () => {
  for (const { name, hex, pdu } of RECORDED) {
    it(`reads ${name}`, () => assert.deepEqual(parse(decodeHex(hex)), pdu))
    // DCMTK fills a reserved byte with ff.
    it(`writes ${name}`, () => assert.equal(encodeHex(formatPdu(pdu)), hex.replace('0100ff00', '01000000')))
    it(`refuses each beginning of ${name}`, () => {
      const bytes = decodeHex(hex)
      let refused = 0
      for (let length = PDU_HEADER_BYTES; length < bytes.length; length++) {
        try {
          // Between two items a request may end, but for what it needs.
          parse(bytes.subarray(0, length))
        } catch (error) {
          assert.ok(error instanceof FormatError && error.code === 'pdu_malformed', String(error))
          refused++
        }
      }
      assert.ok(refused >= bytes.length - PDU_HEADER_BYTES - 2, String(refused))
    })
  }

  it('reads what it writes', () => {
    const next = seeded(38)
    for (let i = 0; i < 3_000; i++) {
      const pdu = toyPdu(next)
      assert.deepEqual(parse(formatPdu(pdu)), pdu)
    }
  })

  it('takes NULs and spaces around UIDs and titles, as devices send them', () => {
    const [context] = REQUEST.contexts
    assert.ok(context)
    const padded = { ...REQUEST, contexts: [{ ...context, abstractSyntax: '1.2.840.10008.1.1\0' }] }
    assert.deepEqual(parse(formatPdu(padded)), REQUEST)
    assert.deepEqual(parse(formatPdu({ ...REQUEST, callingAet: ' ECHOSCU\0\0' })), REQUEST)
  })

  it('passes over items of unknown types, and keeps unknown user information', () => {
    const bytes = formatPdu(REQUEST)
    assert.deepEqual(parse(concatBytes(bytes, Uint8Array.of(0x99, 0, 0, 2, 1, 2))), REQUEST)
    const user = { ...USER, others: [{ type: 0x5f, content: Uint8Array.of(7) }] }
    assert.deepEqual(parse(formatPdu({ ...REQUEST, user })), { ...REQUEST, user })
  })

  it('takes 128 contexts', () => {
    const contexts = Array.from({ length: 128 }, (_, i) => ({
      id: 2 * i + 1,
      abstractSyntax: '1.2.3',
      transferSyntaxes: ['1.2', '1.3'],
    }))
    assert.deepEqual(parse(formatPdu({ ...REQUEST, contexts })), { ...REQUEST, contexts })
  })

  it('reads an answer that leaves out the syntax of a refused context', () => {
    const accept = RECORDED[1]?.pdu
    assert.ok(accept?.type === 'associate_ac')
    const refused = { ...accept, contexts: [{ id: 3, result: 3, transferSyntax: null }] }
    assert.deepEqual(parse(formatPdu(refused)), refused)
    refuses(formatPdu({ ...accept, contexts: [{ id: 3, result: 0, transferSyntax: null }] }))
  })

  it('refuses contexts with an even id, the same id twice, no syntax, or none at all', () => {
    const [context] = REQUEST.contexts
    assert.ok(context)
    refuses(formatPdu({ ...REQUEST, contexts: [{ ...context, id: 2 }] }))
    refuses(formatPdu({ ...REQUEST, contexts: [context, context] }))
    refuses(formatPdu({ ...REQUEST, contexts: [{ ...context, transferSyntaxes: [] }] }))
    refuses(formatPdu({ ...REQUEST, contexts: [] }))
  })

  it('refuses text that is not printable ASCII, and text that is too long', () => {
    refuses(formatPdu({ ...REQUEST, applicationContext: '1.2\n3' }))
    refuses(formatPdu({ ...REQUEST, applicationContext: '1.2\u00e4' }))
    refuses(formatPdu({ ...REQUEST, applicationContext: '1'.repeat(65) }))
    refuses(formatPdu({ ...REQUEST, calledAet: 'A\u0001B' }))
  })

  it('refuses what may come once and comes twice', () => {
    const bytes = formatPdu(REQUEST)
    refuses(concatBytes(bytes, decodeHex(CONTEXT_ITEM)))
    refuses(concatBytes(bytes, decodeHex(USER_ITEM)))
    const twice = formatPdu({ ...REQUEST, user: { ...USER, others: [{ type: 0x51, content: new Uint8Array(4) }] } })
    refuses(twice)
  })

  it('refuses user information that is cut off or too long', () => {
    const broken: readonly (readonly [number, string])[] = [
      [0x51, '000040'],
      [0x51, '0000400000'],
      [0x53, '0001'],
      [0x54, '0003312e3201'],
      [0x56, '0009312e32'],
      [0x57, '0003312e320003312e330009'],
      [0x57, '0003312e320003312e3300030003312e'],
      [0x58, '01000005'],
      [0x58, '0100000141000142ff'],
      [0x59, '000241'],
    ]
    for (const [type, hex] of broken) {
      const user = { ...NO_USER_INFORMATION, others: [{ type, content: decodeHex(hex) }] }
      refuses(formatPdu({ ...REQUEST, user }))
    }
  })

  it('refuses a type that no PDU has', () => refuses(Uint8Array.of(0x47, 0, 0, 0, 0, 4, 0, 0, 0, 0)))

  it('does not write what does not fit', () => {
    assert.throws(() => formatPdu({ ...REQUEST, calledAet: 'A'.repeat(17) }), RangeError)
    assert.throws(() => formatPdu({ ...REQUEST, applicationContext: '1'.repeat(65_536) }), RangeError)
  })
})
