/**
 * PS3.15 section A.5.1, by hand: a reader of XML that knows elements, attributes and the five entities. That xmllint and
 * the schema agree is tested in packages/node/src/interop/log-audit-messages.test.ts.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeBase64 } from '../../bytes/base64.ts'
import { decodeUtf8 } from '../../bytes/text.ts'
import { TOY_AUDITED, toyAcquired, toyAudited, toyPlace } from '../../testing/toy-audit.ts'
import { toyEvent } from '../../testing/toy-events.ts'
import { formatAuditMessage, formatSyslogMessage, type SyslogSender } from './audit-message.ts'

interface Node {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: Node[]
  text: string
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' }
const unescapeXml = (text: string): string =>
  text.replace(/&(\w+);/g, (_, name: string) => ENTITIES[name] ?? assert.fail(name))

/** Reads XML as we write it; fails on everything else. */
function readXml(xml: string): Node {
  const root: Node = { name: '', attributes: {}, children: [], text: '' }
  const open = [root]
  let at = 0
  const token = /<(\/?)([A-Za-z]+)((?: [A-Za-z-]+="[^"<>]*")*)(\/?)>|([^<>]+)/y
  while (at < xml.length) {
    token.lastIndex = at
    const match = token.exec(xml) ?? assert.fail(`at ${at}`)
    at = token.lastIndex
    const [, close, name, attributes = '', isEmpty, text] = match
    const parent = open.at(-1) ?? assert.fail('after the end')
    if (text !== undefined) parent.text += unescapeXml(text)
    else if (close === '/') assert.equal(open.pop()?.name, name)
    else {
      const pairs = [...attributes.matchAll(/ ([A-Za-z-]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [
        key,
        unescapeXml(value),
      ])
      assert.equal(new Set(pairs.map(([key]) => key)).size, pairs.length, 'an attribute twice')
      const node = { name: name ?? '', attributes: Object.fromEntries(pairs), children: [], text: '' }
      parent.children.push(node)
      if (isEmpty !== '/') open.push(node)
    }
  }
  assert.equal(open.length, 1)
  return root.children[0] ?? assert.fail('no element')
}

const all = (node: Node, name: string): readonly Node[] => [
  ...node.children.filter((child) => child.name === name),
  ...node.children.flatMap((child) => all(child, name)),
]
const one = (node: Node, name: string): Node => all(node, name)[0] ?? assert.fail(`no ${name}`)

/** Elements that have a code, and the attributes that those need: the type of a source is a single digit. */
const CODED = ['EventID', 'EventTypeCode', 'RoleIDCode', 'MediaType', 'ParticipantObjectIDTypeCode']

const sender: SyslogSender = { host: 'gateway.hospital.example', application: 'fiducial', process: '4711' }

describe('audit messages', () => {
  for (const event of TOY_AUDITED) {
    it(`${event.type}: have the parts that the schema asks for, in its order`, () => {
      const message = readXml(formatAuditMessage(event, toyPlace))
      assert.equal(message.name, 'AuditMessage')
      const order = message.children.map(({ name }) => name).join(' ')
      assert.match(
        order,
        /^EventIdentification( ActiveParticipant)+ AuditSourceIdentification( ParticipantObjectIdentification)+$/,
      )
      const parts = one(message, 'EventIdentification').children.map(({ name }) => name)
      assert.match(parts.join(' '), /^EventID( EventTypeCode)+( EventOutcomeDescription)?$/)
      for (const name of CODED) {
        for (const { attributes } of all(message, name)) {
          assert.deepEqual(Object.keys(attributes), ['csd-code', 'codeSystemName', 'originalText'])
        }
      }
      for (const object of all(message, 'ParticipantObjectIdentification')) {
        assert.match(
          object.children.map(({ name }) => name).join(' '),
          /^ParticipantObjectIDTypeCode ParticipantObjectName( ParticipantObjectDetail)*( ParticipantObjectDescription)?$/,
        )
      }
    })
  }

  it('say when, who and about what', () => {
    const message = readXml(formatAuditMessage(toyAudited('forwarded'), toyPlace))
    assert.deepEqual(one(message, 'EventIdentification').attributes, {
      EventActionCode: 'R',
      EventDateTime: '2026-03-03T10:14:00.123Z',
      EventOutcomeIndicator: '0',
    })
    const [own, peer] = all(message, 'ActiveParticipant')
    assert.deepEqual(own?.attributes, { UserID: 'gateway-1', UserName: 'Gateway, Röntgen', UserIsRequestor: 'true' })
    assert.deepEqual(peer?.attributes, { UserID: 'PACS', AlternativeUserID: 'AETITLES=PACS', UserIsRequestor: 'false' })
    assert.equal(one(message, 'AuditSourceIdentification').attributes.AuditSourceID, 'gateway-1')
    assert.deepEqual(one(message, 'ParticipantObjectIdentification').attributes, {
      ParticipantObjectID: '2.25.1',
      ParticipantObjectTypeCode: '2',
      ParticipantObjectTypeCodeRole: '3',
      ParticipantObjectDataLifeCycle: '10',
    })
    assert.deepEqual(one(message, 'SOPClass').attributes, { UID: '1.2.840.10008.5.1.4.1.1.1', NumberOfInstances: '1' })
    assert.equal(one(message, 'Instance').attributes.UID, '2.25.1001')
  })

  it('spell all details in base64, texts and digests', () => {
    const message = readXml(formatAuditMessage(toyAcquired, toyPlace))
    const details = all(message, 'ParticipantObjectDetail').map(({ attributes }) => attributes)
    const read = (type: string) => decodeBase64(details.find((detail) => detail.type === type)?.value ?? '')
    assert.deepEqual(read('file SHA-256'), toyAcquired.digests.file)
    assert.equal(decodeUtf8(read('index')), '5')
  })

  it('leave out a SOP class that nobody states', () => {
    const instance = { ...toyAcquired.instance, sopClassUid: null }
    const message = readXml(formatAuditMessage({ ...toyAcquired, instance }, toyPlace))
    assert.deepEqual(one(message, 'SOPClass').attributes, { NumberOfInstances: '1' })
  })

  it('mark what is about no patient', () => {
    const types = (isDemo: boolean) =>
      all(readXml(formatAuditMessage({ ...toyAcquired, isDemo }, toyPlace)), 'EventTypeCode').map(
        ({ attributes }) => attributes['csd-code'],
      )
    assert.deepEqual(types(true), ['acquired', 'demo'])
    assert.deepEqual(types(false), ['acquired'])
  })

  it('let no name become markup', () => {
    const name = `<a href="x">&amp;'\u0007\ufffe\ud800</a>\n`
    const recorder = { id: name, name }
    const message = readXml(formatAuditMessage({ ...toyEvent('verified'), recorder }, toyPlace))
    const shown = `<a href="x">&amp;'\ufffd\ufffd\ufffd</a>\ufffd`
    assert.equal(one(message, 'ActiveParticipant').attributes.UserName, shown)
    assert.equal(one(message, 'AuditSourceIdentification').attributes.AuditSourceID, shown)
    assert.equal(message.children.length, readXml(formatAuditMessage(toyEvent('verified'), toyPlace)).children.length)
  })

  it('say in words what failed', () => {
    const message = readXml(formatAuditMessage(toyEvent('verified'), toyPlace))
    assert.equal(one(message, 'EventOutcomeDescription').text, 'content: pixels_changed')
    assert.deepEqual(all(readXml(formatAuditMessage(toyAcquired, toyPlace)), 'EventOutcomeDescription'), [])
  })

  it('are the same for the same event, on one line', () => {
    for (const event of TOY_AUDITED) {
      const message = formatAuditMessage(event, toyPlace)
      assert.equal(formatAuditMessage(structuredClone(event), { ...toyPlace }), message)
      assert.ok(!/[\r\n\t]/.test(message))
    }
  })

  it('refuse an event of no moment', () => {
    assert.throws(() => formatAuditMessage({ ...toyAcquired, at: new Date(Number.NaN) }, toyPlace), RangeError)
  })
})

describe('syslog messages', () => {
  it('carry the message behind the header of RFC 5424', () => {
    const line = decodeUtf8(formatSyslogMessage(toyAcquired, toyPlace, sender))
    const header = '<85>1 2026-03-03T10:14:00.123Z gateway.hospital.example fiducial 4711 DICOM+RFC3881 - \ufeff'
    assert.equal(line, header + formatAuditMessage(toyAcquired, toyPlace))
  })

  it('are more severe for what failed', () => {
    const priority = (event: Parameters<typeof formatSyslogMessage>[0]) =>
      /^<(\d+)>/.exec(decodeUtf8(formatSyslogMessage(event, toyPlace, sender)))?.[1]
    assert.equal(priority(toyEvent('flagged')), '84')
    assert.equal(priority(toyEvent('quarantined')), '83')
  })

  it('fit into what collectors have to take', () => {
    // Section A.6: 32,768 octets.
    for (const event of TOY_AUDITED) assert.ok(formatSyslogMessage(event, toyPlace, sender).length < 32_768, event.type)
  })

  it('fit with as many failing checks, and as long names, as an event can have', () => {
    const { details } = toyAudited('verified')
    const failing = Array.from({ length: 64 }, () => ({ subject: 'a'.repeat(64), reason: 'b'.repeat(64) }))
    const recorder = { id: '"'.repeat(128), name: '"'.repeat(256) }
    const event = toyAudited('verified', { recorder, details: { ...details, policy: '"'.repeat(256), failing } })
    const { length } = formatSyslogMessage(event, toyPlace, sender)
    assert.ok(length < 32_768, `${length}`)
  })

  it('refuse a sender that has no spelling', () => {
    const wrong: readonly Partial<SyslogSender>[] = [
      { host: '' },
      { host: 'a b' },
      { host: 'Röntgen' },
      { host: 'a'.repeat(256) },
      { application: 'a'.repeat(49) },
      { application: 'a\nb' },
      { process: '' },
      { process: 'a'.repeat(129) },
    ]
    for (const change of wrong) {
      assert.throws(() => formatSyslogMessage(toyAcquired, toyPlace, { ...sender, ...change }), RangeError)
    }
  })
})
