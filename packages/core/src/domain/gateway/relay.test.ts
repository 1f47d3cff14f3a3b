import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import type { JsonObject, JsonValue } from '../../formats/json/parse.ts'
import type { Origin } from './origin.ts'
import { refuseRelaying, relayDestination } from './relay.ts'
import { parseRoutes } from './routes.ts'

const CT: Origin = {
  protocol: 'dimse',
  callingAet: 'CT_1',
  calledAet: 'GATEWAY',
  address: '10.1.2.3:5000',
  peer: null,
}
const MR: Origin = { ...CT, callingAet: 'MR_1' }
const DESTINATIONS: JsonObject = {
  pacs: 'PACS@10.0.0.5:11112',
  web: 'https://ai.example/dicom-web',
  slow: { aet: 'SLOW', host: '10.0.0.6', bandwidth: [{ kilobytesPerSecond: 100 }] },
}
const parse = (...routes: readonly JsonObject[]) => parseRoutes({ destinations: DESTINATIONS, routes })
const ONE = { name: 'one', relay: 'pacs', to: ['pacs'] } satisfies JsonObject

describe('relayDestination', () => {
  it('is that of the first route that takes instances of the sender', () => {
    const routes = parse(
      { name: 'mr', from: { calling: 'MR*' }, to: ['pacs'] },
      { ...ONE, name: 'ct', from: { calling: 'CT*' } },
      { name: 'rest', to: ['web'] },
    )
    assert.equal(relayDestination(routes, CT), 'pacs')
    assert.equal(relayDestination(routes, MR), null)
    assert.equal(relayDestination(routes, { ...CT, callingAet: 'DX_1' }), null)
  })

  it('is none where an earlier route may take the instance for what is in it', () => {
    const routes = parse(
      { name: 'heads', from: { calling: 'CT*' }, when: { attribute: 'BodyPartExamined', equals: 'HEAD' }, to: ['web'] },
      ONE,
    )
    assert.equal(relayDestination(routes, CT), null)
    assert.equal(relayDestination(routes, MR), 'pacs')
  })

  it('is none where no route takes anything of the sender', () => {
    assert.equal(relayDestination(parse({ ...ONE, from: { calling: 'CT*' } }), MR), null)
  })
})

describe('routes of gateways that share a store', () => {
  it('are refused where one relays', () => {
    assert.throws(() => refuseRelaying(parse({ name: 'rest', to: ['pacs'] }, ONE)), { code: 'routes_malformed' })
    const routes = parse({ name: 'rest', to: ['pacs'] })
    assert.equal(refuseRelaying(routes), routes)
  })
})

describe('a route that relays', () => {
  const others: JsonObject[] = [{ name: 'rest', to: ['pacs'] }]
  const ACCEPTED: Record<string, JsonObject> = {
    'to one of several destinations': { ...ONE, to: ['pacs', 'web'] },
    'beside copies that are de-identified': { ...ONE, to: ['pacs', { destination: 'web', deidentify: 'basic' }] },
    'and holds back by attributes': {
      ...ONE,
      quarantine: [{ reason: 'no_name', when: { attribute: 'PatientName', exists: false } }],
    },
    'from senders by DIMSE among others': { ...ONE, from: { protocol: ['dimse', 'dicomweb'] } },
    'to nobody': { ...ONE, relay: null },
  }
  for (const [name, route] of Object.entries(ACCEPTED)) {
    it(`is accepted ${name}`, () => {
      assert.equal(parse(route, ...others).routes[0]?.relay, route.relay)
    })
  }

  const REFUSED: Record<string, readonly JsonObject[]> = {
    'with conditions on the instance': [{ ...ONE, when: { attribute: 'Modality', equals: 'CT' } }],
    'to a destination that there is not': [{ ...ONE, relay: 'pax' }],
    'to a destination of DICOMweb': [{ ...ONE, relay: 'web', to: ['web'] }],
    'to a destination with limits of bandwidth': [{ ...ONE, relay: 'slow', to: ['slow'] }],
    'to a destination that it does not send to': [{ ...ONE, to: ['web'] }],
    'to a destination with a condition': [{ ...ONE, to: [{ destination: 'pacs', when: { verdict: 'authentic' } }] }],
    'to a destination that gets a copy without names': [{ ...ONE, to: [{ destination: 'pacs', deidentify: 'basic' }] }],
    'to a destination that gets another transfer syntax': [{ ...ONE, to: [{ destination: 'pacs', transcode: 'rle' }] }],
    'of senders by other protocols': [{ ...ONE, from: { protocol: 'dicomweb' } }],
    'behind one that asks for attributes of everybody': [
      { name: 'first', when: { attribute: 'Modality', equals: 'MR' }, to: ['web'] },
      ONE,
    ],
  }
  for (const [name, routes] of Object.entries(REFUSED)) {
    it(`is refused ${name}`, () => {
      assert.throws(
        () => parse(...routes, ...others),
        (error: unknown) => {
          assert.ok(error instanceof FormatError)
          assert.equal(error.code, 'routes_malformed')
          assert.match(error.message, /relay/)
          return true
        },
      )
    })
  }

  it('names one destination, as text', () => {
    for (const relay of [true, ['pacs'], 7] satisfies JsonValue[]) {
      assert.throws(() => parse({ ...ONE, relay }), { code: 'routes_malformed' })
    }
  })
})
