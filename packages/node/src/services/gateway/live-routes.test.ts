import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { decodeUtf8, encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { parseRoutes } from '@fiducial/core/domain/gateway/routes.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { parseJson } from '@fiducial/core/formats/json/parse.ts'
import { failOpenRoutes, LiveRoutes, type RoutesChange } from './live-routes.ts'

const file = (pacs: string): Uint8Array => encodeUtf8(JSON.stringify({ destinations: { pacs } }))
const open = (bytes: Uint8Array): LiveRoutes =>
  new LiveRoutes(bytes, {
    hash: portableCrypto.hash,
    now: () => new Date(0),
    parse: (given) => parseRoutes(parseJson(decodeUtf8(given))),
  })

describe('LiveRoutes', () => {
  it('puts a changed file in force as a whole, and tells of it', () => {
    const live = open(file('A@host:1'))
    const changes: RoutesChange[] = []
    const end = live.listen((change) => changes.push(change))
    const { current } = live
    assert.deepEqual(live.offer(file('A@host:1')), { outcome: 'same' })
    assert.equal(live.current, current)
    assert.equal(live.offer(file('B@host:1')).outcome, 'changed')
    assert.notEqual(live.current, current)
    // Whoever decided by the old ones still has them whole.
    assert.equal((current.routes.destinations.get('pacs') as { aet: string }).aet, 'A')
    end()
    live.offer(file('C@host:1'))
    assert.deepEqual(
      changes.map(({ outcome }) => outcome),
      ['changed'],
    )
  })

  it('goes on with the routes before while a file is malformed or away, and says so', () => {
    const live = open(file('A@host:1'))
    const { current } = live
    assert.equal(live.offer(file('A')).outcome, 'refused')
    assert.match(String(live.problem), /^destinations\.pacs /)
    assert.equal(live.current, current)
    const told: RoutesChange[] = []
    live.listen((change) => told.push(change))
    live.fail('away')
    live.fail('away')
    assert.equal(told.length, 1)
    assert.equal(live.problem, 'away')
    assert.equal(live.offer(file('A@host:1')).outcome, 'same')
    assert.equal(live.problem, null)
  })

  it('does not begin with a malformed file', () => {
    assert.throws(
      () => open(file('A')),
      (error) => error instanceof FormatError && error.code === 'routes_malformed',
    )
  })

  it('names the routes that fail open', () => {
    assert.deepEqual(failOpenRoutes(open(file('A@host:1')).current.routes), ['default'])
  })
})
