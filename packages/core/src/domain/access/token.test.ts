import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { mayRole, PERMISSIONS, ROLES } from './roles.ts'
import {
  findCaller,
  formatTokenRecord,
  makeToken,
  parseTokenRecord,
  TOKEN_RANDOM_BYTES,
  type TokenOrder,
} from './token.ts'

const now = new Date('2026-03-03T10:14:00.000Z')
const order: TokenOrder = {
  person: 'p-1',
  name: 'Console',
  role: 'security',
  createdAt: now,
  expiresAt: null,
  random: Uint8Array.from({ length: TOKEN_RANDOM_BYTES }, (_, i) => i),
}
const made = makeToken(order, portableCrypto)
const means = { now, crypto: portableCrypto }

describe('token', () => {
  it('is known again by its text, and by nothing else', () => {
    assert.deepEqual(findCaller(made.text, [made.record], means), {
      id: made.record.id,
      person: 'p-1',
      name: 'Console',
      role: 'security',
    })
    const { text } = made
    for (let i = 0; i < text.length; i++) {
      const other = text.slice(0, i) + (text[i] === '1' ? '2' : '1') + text.slice(i + 1)
      assert.equal(findCaller(other, [made.record], means), undefined, `character ${i}`)
    }
    for (const other of ['', `${text} `, text.toUpperCase(), text.slice(0, -1)]) {
      assert.equal(findCaller(other, [made.record], means), undefined)
    }
    assert.equal(findCaller(text, [], means), undefined)
  })

  it('gives no access from the moment on at which it ends', () => {
    const record = { ...made.record, expiresAt: now }
    assert.equal(findCaller(made.text, [record], means), undefined)
    assert.ok(findCaller(made.text, [record], { ...means, now: new Date(now.getTime() - 1) }))
  })

  it('is kept without its secret', () => {
    const kept = JSON.stringify(formatTokenRecord(made.record))
    assert.ok(!kept.includes(made.text.slice(-64)))
    assert.deepEqual(parseTokenRecord(JSON.parse(kept)), made.record)
  })

  it('is refused where its record is damaged', () => {
    const good = formatTokenRecord(made.record)
    const damages = [
      { role: 'root' },
      { role: 'toString' },
      { id: '../../x' },
      { secretSha256: '00' },
      { version: 2 },
      { more: 1 },
    ]
    for (const damage of damages) {
      assert.throws(() => parseTokenRecord({ ...good, ...damage }), { code: 'settings_malformed' })
    }
  })

  it('is not made for names that are none', () => {
    assert.throws(() => makeToken({ ...order, name: 'a\nb' }, portableCrypto), RangeError)
    assert.throws(() => makeToken({ ...order, random: new Uint8Array(8) }, portableCrypto), RangeError)
  })
})

describe('roles', () => {
  it('give the administrator everything and nobody else tokens', () => {
    for (const role of Object.keys(ROLES) as (keyof typeof ROLES)[]) {
      assert.equal(mayRole(role, 'access.manage'), role === 'administrator')
    }
    assert.equal(ROLES.administrator.length, Object.keys(PERMISSIONS).length)
  })

  it('let nobody change anything who only looks', () => {
    const changing = [
      'quarantine.release',
      'quarantine.reject',
      'quarantine.reexamine',
      'deliveries.control',
      'audit.run',
      'instances.store',
    ] as const
    for (const permission of changing) {
      assert.equal(mayRole('auditor', permission), false)
      assert.equal(mayRole('monitor', permission), false)
    }
  })
})
