import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TOY_AUDITED, toyAcquired, toyAudited, toyPlace } from '../../testing/toy-audit.ts'
import { toyEvent, toyHeader } from '../../testing/toy-events.ts'
import { type AuditedEvent, auditRecordOf } from './audit-events.ts'
import { type AuditRecord, NOT_STATED } from './audit-record.ts'
import { EVENT_TYPES } from './event.ts'

const recordOf = (event: AuditedEvent): AuditRecord => auditRecordOf(event, toyPlace)

/** What a reader of the table in docs/reference/audit-messages.md expects. */
const TABLE: Readonly<Record<AuditedEvent['type'], string>> = {
  acquired: '110103 C 0',
  received: '110104 R 0',
  'sealed-at-gateway': '110103 U 0',
  transcoded: '110103 C 0',
  derived: '110103 C 0',
  forwarded: '110104 R 0',
  verified: '110103 R 8',
  flagged: '110113 E 4',
  quarantined: '110113 E 8 110135',
  released: '110113 E 0 110135',
  disclosed: '110106 R 0',
  erased: '110113 E 0 110132',
  'drill-sealed': '110113 E 0',
  'drill-injected': '110113 E 0',
  'drill-withdrawn': '110113 E 0',
  admitted: '110103 R 0',
  'key-enrolled': '110113 E 0 110137',
  'key-revoked': '110113 E 0 110129',
  'map-root': '110101 R 0',
  timestamped: '110101 R 0',
}

/** What somebody takes part as, in the order of the record. */
const rolesOf = (event: AuditedEvent): readonly string[] =>
  recordOf(event).participants.map(
    ({ id, role, isRequestor }) => `${id} ${role?.code ?? '-'}${isRequestor ? ' *' : ''}`,
  )

describe('audit records', () => {
  it('are there for every event of the log', () => {
    assert.deepEqual(
      TOY_AUDITED.map(({ type }) => type),
      EVENT_TYPES,
    )
  })

  for (const event of TOY_AUDITED) {
    it(`${event.type}: follow the table`, () => {
      const { event: id, action, outcome, types } = recordOf(event)
      const [own, ...coded] = types
      assert.deepEqual([id.code, action, outcome, ...coded.map(({ code }) => code)].join(' '), TABLE[event.type])
      assert.equal(own.code, event.type)
    })

    it(`${event.type}: have one who asked for it, a source, and the log as their last object`, () => {
      const { participants, source, objects, at } = recordOf(event)
      assert.equal(participants.filter(({ isRequestor }) => isRequestor).length, 1)
      assert.equal(source.id, event.type === 'acquired' ? 'room-2' : 'gateway-1')
      assert.equal(source.type, event.type === 'acquired' ? '2' : '4')
      assert.equal(objects.at(-1)?.id, 'https://hospital.example/log')
      assert.equal(objects.at(-1)?.details[0]?.value, '5')
      assert.equal(at, event.at)
    })
  }

  it('describe what an alert is about', () => {
    for (const event of TOY_AUDITED) {
      const { event: id, types, objects } = recordOf(event)
      const description = objects[0]?.details.find(({ type }) => type === 'Alert Description')
      assert.equal(description?.value, id.code === '110113' ? types[0].meaning : undefined, event.type)
    }
  })
})

describe('participants of a transfer', () => {
  it('are both ends of it', () => {
    assert.deepEqual(rolesOf(toyAudited('received')), ['CT 1 110153 *', 'gateway-1 110152'])
    assert.deepEqual(rolesOf(toyAudited('forwarded')), ['gateway-1 110153 *', 'PACS 110152'])
  })

  it('are not made up where nobody knows them', () => {
    const details = { fromAet: null, fromAddress: null, protocol: 'dimse' }
    assert.deepEqual(rolesOf(toyAudited('received', { details })), [`${NOT_STATED} 110153 *`, 'gateway-1 110152'])
  })

  it('are media where no application entity is at the other end: an import or export', () => {
    const received = toyAudited('received', { details: { fromAet: null, fromAddress: 'file:///in', protocol: 'file' } })
    assert.equal(recordOf(received).event.code, '110107')
    assert.equal(recordOf(received).action, 'C')
    assert.deepEqual(rolesOf(received), ['gateway-1 110152 *', 'file:///in 110155'])
    assert.equal(recordOf(received).participants[1]?.media?.code, '110037')
    const forwarded = toyAudited('forwarded', { details: { toAet: null, toAddress: null, protocol: 'sftp' } })
    assert.equal(recordOf(forwarded).event.code, '110106')
    assert.deepEqual(rolesOf(forwarded), ['gateway-1 110153 *', `${NOT_STATED} 110154`])
  })

  it('have the host of their address, by what kind of name it is', () => {
    const hosts = [
      ['192.0.2.7:11112', '192.0.2.7', '2'],
      ['[2001:db8::7]:104', '2001:db8::7', '2'],
      ['2001:db8::7', '2001:db8::7', '2'],
      ['pacs.example:104', 'pacs.example', '1'],
      ['pacs', 'pacs', '1'],
      ['https://pacs.example/dicomweb', 'https://pacs.example/dicomweb', '5'],
      ['a b:c:d', 'a b:c:d', '1'],
    ] as const
    for (const [toAddress, id, type] of hosts) {
      const event = toyAudited('forwarded', { details: { toAet: 'PACS', toAddress, protocol: 'dimse' } })
      assert.deepEqual(recordOf(event).participants[1]?.accessPoint, { id, type }, toAddress)
    }
  })
})

describe('persons and programs', () => {
  it('take part in what they did', () => {
    assert.deepEqual(rolesOf(toyAcquired), ['u1 - *', 'room-2 110150'])
    assert.deepEqual(rolesOf(toyAudited('released')), ['u17 - *', 'u18 -', 'gateway-1 110150'])
    assert.deepEqual(rolesOf(toyAudited('erased')), ['u19 - *', 'gateway-1 110150'])
    assert.deepEqual(rolesOf(toyAudited('drill-sealed')), ['u20 - *', 'u21 -', 'gateway-1 110150'])
    assert.deepEqual(rolesOf(toyAudited('flagged')), ['gateway-1 110150 *', 'watchdog 1.0 110150'])
    assert.deepEqual(rolesOf(toyAudited('transcoded')), ['gateway-1 110150 *', 'dcmtk 3.6.7 110150'])
    assert.deepEqual(rolesOf(toyAudited('derived')), ['gateway-1 110150 *'])
  })

  it('of a disclosure are who let go, who received, and media that nobody named', () => {
    const roles = ['u17 110153 *', 'gateway-1 110153', 'Court of Example 110152', `${NOT_STATED} 110154`]
    assert.deepEqual(rolesOf(toyAudited('disclosed')), roles)
  })

  it('who hold a key are a subject, and take no part', () => {
    for (const [type, kind] of [
      ['key-enrolled', '1'],
      ['key-revoked', '2'],
    ] as const) {
      const { objects } = recordOf(toyEvent(type))
      assert.deepEqual(
        objects.map(({ name, role, type: of }) => `${name} ${role} ${of}`),
        ['Certificate 13 2', 'Certificate 13 2', `Name of u17 11 ${kind}`, 'Security Audit Log 13 2'],
      )
    }
  })
})

describe('outcomes', () => {
  it('of a verification are those of its verdict, with what fails', () => {
    const { details } = toyAudited('verified')
    const outcome = (change: Partial<typeof details>) => {
      const record = recordOf(toyAudited('verified', { details: { ...details, ...change } }))
      return [record.outcome, record.outcomeText]
    }
    assert.deepEqual(outcome({}), ['8', 'content: pixels_changed'])
    assert.deepEqual(outcome({ failing: [] }), ['8', 'not_authentic'])
    assert.deepEqual(outcome({ verdict: 'undetermined', failing: [] }), ['4', 'undetermined'])
    assert.deepEqual(outcome({ verdict: 'authentic', failing: [] }), ['0', undefined])
  })

  it('of a withdrawal are a failure where copies stay', () => {
    const { details } = toyAudited('drill-withdrawn')
    assert.equal(recordOf(toyAudited('drill-withdrawn', { details: { ...details, residue: 2n } })).outcome, '8')
  })
})

describe('objects', () => {
  const instance = toyHeader.instance ?? assert.fail()
  const objectOf = (change: Parameters<typeof toyAudited<'admitted'>>[1]) => {
    const [object] = recordOf(toyAudited('admitted', change)).objects
    return [object?.idType.code, object?.id, object?.image?.sopInstanceUid]
  }

  it('are the study with its image, as far as it has names', () => {
    const none = { ...instance, studyInstanceUid: null }
    assert.deepEqual(objectOf({}), ['110180', '2.25.1', '2.25.1001'])
    assert.deepEqual(objectOf({ instance: { ...instance, sopInstanceUid: null } }), ['110180', '2.25.1', undefined])
    assert.deepEqual(objectOf({ instance: none }), ['12', 'urn:oid:2.25.1001', '2.25.1001'])
    assert.deepEqual(objectOf({ instance: { ...none, sopInstanceUid: null } }), ['12', 'urn:oid:2.25.2', undefined])
  })

  it('are named by a digest where there is no name: the one that leaves least open', () => {
    const unknown = { file: null, dataset: null, pixels: null, frames: null }
    const zero = new Uint8Array(32)
    const byDigest = (digests: Partial<typeof toyHeader.digests & object>) =>
      objectOf({ instance: null, digests: { ...unknown, ...digests } })[1]
    const name = 'ni:///sha-256;AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    assert.equal(byDigest({ file: zero, pixels: zero.with(0, 1) }), name)
    assert.equal(byDigest({ dataset: zero }), name)
    assert.equal(byDigest({ pixels: zero }), name)
    assert.equal(byDigest({ frames: { count: 2n, root: zero } }), name)
    // 0xfb 0xff would be `+/` in plain base64.
    assert.match(
      byDigest({ file: new Uint8Array(32).fill(0xfb, 0, 1).fill(0xff, 1) }) ?? '',
      /^ni:\/\/\/sha-256;-[\w-]{42}$/,
    )
  })

  it('say nothing of a patient', () => {
    for (const event of TOY_AUDITED) {
      const { objects } = recordOf(event)
      // Type 1 with role 1 would be a patient; a person with role 11 holds a key.
      for (const { type, role } of objects) assert.ok(type === '2' || role === '11', event.type)
    }
  })

  it('of a tombstone is the image where it is named, else the log', () => {
    const [bare] = recordOf(toyEvent('erased')).objects
    assert.equal(bare?.name, 'Security Audit Log')
    const [named] = recordOf(toyEvent('erased', { instance })).objects
    assert.equal(named?.id, '2.25.1')
    for (const object of [bare, named]) {
      assert.equal(object?.details.find(({ type }) => type === 'erased index')?.value, '41')
    }
  })
})

describe('texts', () => {
  it('hold nothing that XML or FHIR has no place for', () => {
    const recorder = { id: '', name: 'a\u0000b\ud800c\uffffd\u{1f600}' }
    const { participants, source } = recordOf({ ...toyEvent('admitted'), recorder })
    assert.equal(source.name, 'a\ufffdb\ufffdc\ufffdd\u{1f600}')
    assert.equal(participants[0]?.name, source.name)
    assert.equal(source.id, NOT_STATED)
  })
})
