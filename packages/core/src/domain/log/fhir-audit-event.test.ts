/**
 * HL7 FHIR R4, by hand: cardinalities, types and required bindings of AuditEvent and Provenance, as their definitions
 * have them. Written down here, not taken from the code.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatCanonicalJson } from '../../formats/json/canonical.ts'
import type { JsonObject, JsonValue } from '../../formats/json/parse.ts'
import { TOY_AUDITED, toyAcquired, toyAudited, toyPlace } from '../../testing/toy-audit.ts'
import { toyEvent, toyHeader } from '../../testing/toy-events.ts'
import { NOT_STATED } from './audit-record.ts'
import { auditEventOf } from './fhir-audit-event.ts'
import { type OriginEvent, provenanceOf } from './fhir-provenance.ts'

type Check = (value: JsonValue, at: string) => void
/** Name, `1`: has to be there, `+`: a list with at least one, `*`: a list that is not empty, `?`: may be there. */
type Definition = Readonly<Record<string, readonly ['1' | '+' | '*' | '?', Check]>>

function object(definition: Definition): Check {
  return (value, at) => {
    assert.ok(value !== null && typeof value === 'object' && !Array.isArray(value), at)
    const fields = value as JsonObject
    assert.ok(Object.keys(fields).length > 0, `${at} is empty`)
    for (const name of Object.keys(fields)) assert.ok(name in definition, `${at}.${name} is not defined`)
    for (const [name, [cardinality, check]] of Object.entries(definition)) {
      const field = fields[name]
      if (field === undefined) assert.ok('*?'.includes(cardinality), `${at}.${name} is missing`)
      else if ('+*'.includes(cardinality)) {
        assert.ok(Array.isArray(field) && field.length > 0, `${at}.${name} is no list`)
        for (const [i, item] of field.entries()) check(item, `${at}.${name}[${i}]`)
      } else check(field, `${at}.${name}`)
    }
  }
}
const matching =
  (pattern: RegExp): Check =>
  (value, at) => {
    assert.ok(typeof value === 'string', at)
    assert.match(value, pattern, at)
  }
const flag: Check = (value, at) => assert.equal(typeof value, 'boolean', at)

const string = matching(/^[^\x00-\x08\x0b\x0c\x0e-\x1f]+$/)
const code = matching(/^[^\s]+(\s[^\s]+)*$/)
const uri = matching(/^\S+$/)
const instant = matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/)
const base64 = matching(/^[A-Za-z0-9+/]+={0,2}$/)
const coding = object({ system: ['1', uri], code: ['1', code], display: ['?', string] })
const concept = object({ coding: ['*', coding], text: ['?', string] })
const identifier = object({ system: ['?', uri], value: ['1', string] })
const referenceTo = object({ identifier: ['?', identifier], display: ['?', string] })
const meta = object({ security: ['*', coding] })
const narrative = object({
  status: ['1', matching(/^generated$/)],
  div: ['1', matching(/^<div xmlns="http:\/\/www\.w3\.org\/1999\/xhtml">[^<>&]+<\/div>$/)],
})

const detail: Check = (value, at) => {
  const shape = { type: ['1', string], valueString: ['?', string], valueBase64Binary: ['?', base64] } as const
  object(shape)(value, at)
  assert.equal(Object.keys(value as JsonObject).length, 2, `${at}: value[x] is there once`)
}

const AUDIT_EVENT = object({
  resourceType: ['1', matching(/^AuditEvent$/)],
  meta: ['?', meta],
  text: ['1', narrative],
  type: ['1', coding],
  subtype: ['*', coding],
  action: ['?', matching(/^[CRUDE]$/)],
  recorded: ['1', instant],
  outcome: ['?', matching(/^(?:0|4|8|12)$/)],
  outcomeDesc: ['?', string],
  agent: [
    '+',
    object({
      type: ['?', concept],
      who: ['?', referenceTo],
      altId: ['?', string],
      name: ['?', string],
      requestor: ['1', flag],
      media: ['?', coding],
      network: ['?', object({ address: ['?', string], type: ['?', matching(/^[1-5]$/)] })],
    }),
  ],
  source: ['1', object({ site: ['?', string], observer: ['1', referenceTo], type: ['*', coding] })],
  entity: [
    '*',
    object({
      what: ['?', referenceTo],
      type: ['?', coding],
      role: ['?', coding],
      lifecycle: ['?', coding],
      name: ['?', string],
      description: ['?', string],
      detail: ['*', detail],
    }),
  ],
})

const PROVENANCE = object({
  resourceType: ['1', matching(/^Provenance$/)],
  meta: ['?', meta],
  text: ['1', narrative],
  target: ['+', referenceTo],
  occurredDateTime: ['?', instant],
  recorded: ['1', instant],
  activity: ['?', concept],
  agent: ['+', object({ type: ['?', concept], who: ['1', referenceTo] })],
  entity: [
    '*',
    object({ role: ['1', matching(/^(?:derivation|revision|quotation|source|removal)$/)], what: ['1', referenceTo] }),
  ],
})

type Json = { readonly [name: string]: Json } & readonly Json[] & string
const audit = (event: Parameters<typeof auditEventOf>[0]): Json => auditEventOf(event, toyPlace) as unknown as Json
const provenance = (event: OriginEvent): Json => provenanceOf(event, toyPlace) as unknown as Json
const each = <T>(list: Json | undefined, read: (item: Json) => T): readonly T[] =>
  ((list ?? []) as readonly Json[]).map(read)
const DCM = 'http://dicom.nema.org/resources/ontology/DCM'

describe('FHIR audit events', () => {
  for (const event of TOY_AUDITED) {
    it(`${event.type}: are as R4 defines them`, () => {
      const resource = auditEventOf(event, toyPlace)
      AUDIT_EVENT(resource, 'AuditEvent')
      assert.ok(formatCanonicalJson(resource).length > 0)
      assert.deepEqual(auditEventOf(structuredClone(event), toyPlace), resource)
    })
  }

  it('are found out by this definition where something is missing or too much', () => {
    const good = auditEventOf(toyAcquired, toyPlace)
    for (const name of ['resourceType', 'type', 'recorded', 'agent', 'source']) {
      const { [name]: _, ...rest } = good
      assert.throws(() => AUDIT_EVENT(rest, 'AuditEvent'), assert.AssertionError, name)
    }
    for (const change of [{ outcome: '5' }, { action: 'X' }, { agent: [] }, { recorded: '2026-03-03' }, { who: 'x' }]) {
      assert.throws(() => AUDIT_EVENT({ ...good, ...change }, 'AuditEvent'), assert.AssertionError)
    }
  })

  it('have the codes of the DICOM message', () => {
    const resource = audit(toyEvent('quarantined'))
    assert.deepEqual(resource.type, { system: DCM, code: '110113', display: 'Security Alert' })
    assert.deepEqual(
      each(resource.subtype, ({ system, code }) => `${system} ${code}`),
      ['https://fiducial.dev/custody quarantined', `${DCM} 110135`, 'https://fiducial.dev/custody demo'],
    )
    assert.equal(resource.outcome, '8')
    assert.equal(resource.outcomeDesc, 'pixels_changed')
  })

  it('name study and image as ImagingStudy does, the log by its URL', () => {
    const names = each(audit(toyAcquired).entity, ({ what, name }) => [name, what?.identifier])
    assert.deepEqual(names, [
      ['Study', { system: 'urn:dicom:uid', value: 'urn:oid:2.25.1' }],
      ['Image', { system: 'urn:dicom:uid', value: 'urn:oid:2.25.1001' }],
      ['Security Audit Log', { system: 'urn:ietf:rfc:3986', value: 'https://hospital.example/log' }],
    ])
  })

  it('name an image without a study once', () => {
    const instance = { ...toyAcquired.instance, studyInstanceUid: null }
    const names = each(audit({ ...toyAcquired, instance }).entity, ({ name }) => name)
    assert.deepEqual(names, ['Image', 'Security Audit Log'])
  })

  it('name a file without UIDs by its digest', () => {
    const [entity] = audit(toyAudited('admitted', { instance: null })).entity ?? []
    assert.equal(entity?.what?.identifier?.system, 'urn:ietf:rfc:3986')
    assert.match(entity?.what?.identifier?.value ?? '', /^ni:\/\/\/sha-256;[\w-]{43}$/)
  })

  it('tell people from programs, and claim no identifier that nobody stated', () => {
    const types = (event: Parameters<typeof auditEventOf>[0]) =>
      each(audit(event).agent, ({ type }) => type?.coding?.[0]?.code)
    assert.deepEqual(types(toyAcquired), ['humanuser', '110150'])
    const media = audit(toyAudited('disclosed')).agent?.[3]
    assert.deepEqual(media?.who, { display: NOT_STATED })
    assert.equal(media?.name, undefined)
  })

  it('mark test data', () => {
    assert.equal(audit(toyAcquired).meta?.security?.[0]?.code, 'HTEST')
    const real = audit({ ...toyAcquired, isDemo: false })
    assert.equal(real.meta, undefined)
    assert.equal(real.subtype?.length, 1)
  })

  it('keep to the definition with names that FHIR has no place for', () => {
    const recorder = { id: '\u0000', name: 'a\ud800\u0007<b>' }
    for (const event of TOY_AUDITED) {
      if (event.type === 'acquired') continue
      const resource = auditEventOf({ ...event, recorder }, { ...toyPlace, origin: 'a\ud800' })
      AUDIT_EVENT(resource, event.type)
      formatCanonicalJson(resource)
    }
  })

  it('refuse an event of no moment', () => {
    assert.throws(() => auditEventOf({ ...toyAcquired, at: new Date(Number.NaN) }, toyPlace), RangeError)
    assert.throws(() => provenanceOf({ ...toyAcquired, at: new Date(Number.NaN) }, toyPlace), RangeError)
  })
})

describe('FHIR provenance', () => {
  const origins: readonly OriginEvent[] = [toyAcquired, toyAudited('transcoded'), toyAudited('derived')]
  for (const event of origins) {
    it(`${event.type}: is as R4 defines it`, () => PROVENANCE(provenanceOf(event, toyPlace), 'Provenance'))
  }

  it('is found out by this definition where something is missing', () => {
    const good = provenanceOf(toyAcquired, toyPlace)
    for (const name of ['target', 'recorded', 'agent']) {
      const { [name]: _, ...rest } = good
      assert.throws(() => PROVENANCE(rest, 'Provenance'), assert.AssertionError, name)
    }
    assert.throws(() => PROVENANCE({ ...good, entity: [{ role: 'parent', what: {} }] }, 'Provenance'))
  })

  it('leads from an image to the one before it, and to the log', () => {
    const entities = each(provenance(toyAudited('transcoded')).entity, ({ role, what }) => [
      role,
      what?.identifier?.value,
    ])
    assert.deepEqual(entities, [
      ['derivation', 'urn:oid:2.25.1000'],
      ['source', 'https://hospital.example/log'],
    ])
    assert.equal(provenance(toyAcquired).entity?.length, 1)
  })

  it('names an image before without a UID by its digest', () => {
    const event = toyAudited('derived')
    const source = { ...event.details.source, sopInstanceUid: null }
    const [entity] = provenance({ ...event, details: { ...event.details, source } }).entity ?? []
    assert.match(entity?.what?.identifier?.value ?? '', /^ni:/)
  })

  it('says who made the image: technologist and device, or recorder and software', () => {
    const agents = (event: OriginEvent) =>
      each(provenance(event).agent, ({ type, who }) => `${type?.coding?.[0]?.code} ${who?.display}`)
    assert.deepEqual(agents(toyAcquired), ['performer Lee, Kim', 'author Room 2'])
    assert.deepEqual(agents(toyAudited('transcoded')), [
      `performer ${toyHeader.recorder.name}`,
      'assembler dcmtk 3.6.7',
    ])
    assert.deepEqual(agents(toyAudited('derived')), [`performer ${toyHeader.recorder.name}`])
  })

  it('says what was done', () => {
    assert.equal(provenance(toyAudited('derived')).activity?.text, 'Image derived from another: crop')
    assert.deepEqual(provenance(toyAcquired).target?.[0]?.identifier, {
      system: 'urn:dicom:uid',
      value: 'urn:oid:2.25.1001',
    })
  })
})
