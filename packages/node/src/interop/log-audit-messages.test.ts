/**
 * Audit messages and xmllint: the message of each event is XML, and valid against the schema of DICOM PS3.15 section
 * A.5.1, which audit-message.rng spells for xmllint.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { AuditedEvent } from '@fiducial/core/domain/log/audit-events.ts'
import { formatAuditMessage } from '@fiducial/core/domain/log/audit-message.ts'
import { TOY_AUDITED, toyAcquired, toyAudited, toyPlace } from '@fiducial/core/testing/toy-audit.ts'
import { type Outcome, peer, repositoryRoot, run } from '../testing/peers.ts'

const xmllint = peer('xmllint')
const SCHEMA = join(repositoryRoot, 'packages/node/src/interop/audit-message.rng')

const validate = (xml: string): Promise<Outcome> =>
  run(xmllint.path, ['--noout', '--nonet', '--relaxng', SCHEMA, '-'], { input: xml })
const messageOf = (event: AuditedEvent): string => formatAuditMessage(event, toyPlace)

/** What the schema does not have: exit code 3 of xmllint. */
const INVALID = 3
const NOT_XML = 1

describe('audit messages', { skip: xmllint.skip }, () => {
  for (const event of TOY_AUDITED) {
    it(`${event.type}: are valid`, async () => {
      const { code, stderr } = await validate(messageOf(event))
      assert.equal(code, 0, stderr)
    })
  }

  it('are valid with nothing known that may be unknown', async () => {
    const nobody = { sopClassUid: null, sopInstanceUid: null, seriesInstanceUid: null, studyInstanceUid: null }
    const unknown: readonly AuditedEvent[] = [
      { ...toyAcquired, instance: { ...nobody, transferSyntaxUid: null } },
      { ...toyAcquired, instance: { ...toyAcquired.instance, sopClassUid: null } },
      toyAudited('received', { details: { fromAet: null, fromAddress: null, protocol: 'dimse' } }),
      toyAudited('received', { details: { fromAet: null, fromAddress: null, protocol: 'file' } }),
      toyAudited('forwarded', { details: { toAet: null, toAddress: 'sftp://x/y', protocol: 'sftp' }, instance: null }),
    ]
    for (const event of unknown) {
      const { code, stderr } = await validate(messageOf(event))
      assert.equal(code, 0, stderr)
    }
  })

  it('are valid with names full of markup and of what XML has no place for', async () => {
    const recorder = { id: `<&"'>]]>`, name: '\u0000\u0008\ud800\uffff\ufffe &lt; \u{1f600}' }
    const { code, stderr } = await validate(messageOf({ ...toyAudited('verified'), recorder }))
    assert.equal(code, 0, stderr)
  })

  it('are found out by this schema where something is wrong', async () => {
    const good = messageOf(toyAudited('forwarded'))
    const damages: readonly (readonly [string | RegExp, string])[] = [
      [/ EventDateTime="[^"]*"/, ''],
      ['EventOutcomeIndicator="0"', 'EventOutcomeIndicator="5"'],
      [/ originalText="[^"]*"/, ''],
      [/<AuditSourceIdentification.*<\/AuditSourceIdentification>/, ''],
      [/<ActiveParticipant.*<\/ActiveParticipant>/, ''],
      [/<ParticipantObjectName>[^<]*<\/ParticipantObjectName>/, ''],
      ['UserIsRequestor="true"', 'UserIsRequestor="yes"'],
      [/ value="[^"]*"/, ''],
      ['<EventID', '<EventTypeCode csd-code="x" codeSystemName="y" originalText="z"/><EventID'],
      ['AuditMessage', 'Message'],
    ]
    for (const [what, by] of damages) {
      const bad = what === 'AuditMessage' ? good.replaceAll(what, by) : good.replace(what, by)
      assert.notEqual(bad, good)
      assert.equal((await validate(bad)).code, INVALID, `${what}`)
    }
    assert.equal((await validate(good.slice(0, -1))).code, NOT_XML)
  })
})
