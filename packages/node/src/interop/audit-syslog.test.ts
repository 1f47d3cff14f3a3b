/**
 * Syslog and rsyslog: a syslog server of somebody else's takes our audit messages over TLS, each whole and in order, and
 * is believed only with the right certificate.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { TOY_AUDITED, toyPlace } from '@fiducial/core/testing/toy-audit.ts'
import { SyslogSink } from '../telemetry/syslog-sink.ts'
import { repositorySkip as skip, startAuditRepository } from '../testing/audit-repository.ts'
import { freePort } from '../testing/free-port.ts'
import { LEAF_EXTENSIONS, opensslRoot } from '../testing/openssl-ca.ts'
import { temporaryFolder } from '../testing/peers.ts'

const news = TOY_AUDITED.map((event) => ({ event, place: toyPlace }))

describe('syslog sink and rsyslog', { skip }, () => {
  it('hands over every message whole and in order', async (test) => {
    const { target, lines } = await startAuditRepository(test, 'anon')
    const sink = new SyslogSink(target, { host: 'gateway.example', application: 'fiducial', process: '1' })
    await sink.deliver(news.slice(0, 3))
    await sink.deliver(news.slice(3))
    await sink.close()
    const taken = await lines(news.length)
    assert.equal(taken.length, news.length)
    for (const [i, line] of taken.entries()) {
      assert.match(line, /^<8[345]>1 \S+Z gateway\.example fiducial 1 DICOM\+RFC3881 - /)
      assert.ok(line.includes(`csd-code="${news[i]?.event.type}"`), `message ${i} is another one`)
      assert.ok(line.endsWith('</AuditMessage>'))
    }
  })

  it('shows a certificate where the repository asks for one', async (test) => {
    const { target, ca, lines } = await startAuditRepository(test, 'x509/certvalid')
    const client = await ca.issue({ name: 'gateway', extensions: [...LEAF_EXTENSIONS, 'extendedKeyUsage=clientAuth'] })
    const [certificate, key] = [readFileSync(client.certificatePath), readFileSync(client.keyPath)]
    const sink = new SyslogSink({ ...target, certificate, key })
    await sink.deliver(news)
    await sink.close()
    assert.equal((await lines(news.length)).length, news.length)
  })

  it('tells nothing to a repository whose certificate it does not believe', async (test) => {
    const { target } = await startAuditRepository(test, 'anon')
    const other = await opensslRoot(temporaryFolder(test), { name: 'Other CA' })
    const sink = new SyslogSink({ ...target, ca: readFileSync(other.certificatePath) })
    await assert.rejects(sink.deliver(news), { code: 'service_refused' })
  })

  it('says that a repository cannot be reached', async () => {
    const sink = new SyslogSink({ host: '127.0.0.1', port: await freePort() })
    await assert.rejects(sink.deliver(news), { code: 'service_unreachable' })
  })
})
