/**
 * Syslog and rsyslog: a syslog server of somebody else's takes our audit messages over TLS, each whole and in order, and
 * is believed only with the right certificate.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { TOY_AUDITED, toyPlace } from '@fiducial/core/testing/toy-audit.ts'
import { SyslogSink, type SyslogTarget } from '../telemetry/syslog-sink.ts'
import { freePort } from '../testing/free-port.ts'
import { LEAF_EXTENSIONS, type OpensslHolder, openssl, opensslRoot } from '../testing/openssl-ca.ts'
import { peer, peerPath, temporaryFolder } from '../testing/peers.ts'

const rsyslogd = peer('rsyslogd')
const gtls = peerPath('/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so')
const skip = openssl.skip || rsyslogd.skip || gtls.skip
const news = TOY_AUDITED.map((event) => ({ event, place: toyPlace }))
const LOOK_MS = 50
const PATIENCE = 400

interface Repository {
  readonly target: SyslogTarget
  readonly ca: OpensslHolder
  lines(count: number): Promise<readonly string[]>
}

/** Starts a server that writes each message, a line each. @param mode  `anon`, or `x509/certvalid` to ask for a certificate */
async function startRepository(test: TestContext, mode: string): Promise<Repository> {
  const folder = temporaryFolder(test)
  const ca = await opensslRoot(folder, { name: 'Audit CA' })
  const server = await ca.issue({
    name: 'repository',
    extensions: [...LEAF_EXTENSIONS, 'subjectAltName=DNS:localhost', 'extendedKeyUsage=serverAuth'],
  })
  const port = await freePort()
  const output = join(folder, 'messages')
  const config = join(folder, 'rsyslog.conf')
  writeFileSync(
    config,
    `global(workDirectory="${folder}" maxMessageSize="64k" defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="${ca.certificatePath}"
  defaultNetstreamDriverCertFile="${server.certificatePath}"
  defaultNetstreamDriverKeyFile="${server.keyPath}")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="${mode}")
input(type="imtcp" port="${port}" address="127.0.0.1")
template(name="whole" type="string" string="%rawmsg%\\n")
action(type="omfile" file="${output}" template="whole" fileCreateMode="0644")
`,
  )
  const child = spawn(rsyslogd.path, ['-n', '-f', config, '-i', join(folder, 'pid')], { stdio: 'ignore' })
  test.after(() => stop(child))
  await waitFor(() => isListening(port))
  return {
    target: { host: '127.0.0.1', serverName: 'localhost', port, ca: readFileSync(ca.certificatePath) },
    ca,
    async lines(count) {
      const read = (): readonly string[] =>
        existsSync(output)
          ? readFileSync(output, 'utf8')
              .split('\n')
              .filter((line) => line !== '')
          : []
      await waitFor(async () => read().length >= count)
      return read()
    },
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

async function waitFor(isSo: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < PATIENCE; i++) {
    if (await isSo()) return
    await pause(LOOK_MS)
  }
  throw new Error('waited for nothing')
}

/** Whether a port is taken: a connection would be a message to the server. */
function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(true))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(false)))
  })
}

describe('syslog sink and rsyslog', { skip }, () => {
  it('hands over every message whole and in order', async (test) => {
    const { target, lines } = await startRepository(test, 'anon')
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
    const { target, ca, lines } = await startRepository(test, 'x509/certvalid')
    const client = await ca.issue({ name: 'gateway', extensions: [...LEAF_EXTENSIONS, 'extendedKeyUsage=clientAuth'] })
    const [certificate, key] = [readFileSync(client.certificatePath), readFileSync(client.keyPath)]
    const sink = new SyslogSink({ ...target, certificate, key })
    await sink.deliver(news)
    await sink.close()
    assert.equal((await lines(news.length)).length, news.length)
  })

  it('tells nothing to a repository whose certificate it does not believe', async (test) => {
    const { target } = await startRepository(test, 'anon')
    const other = await opensslRoot(temporaryFolder(test), { name: 'Other CA' })
    const sink = new SyslogSink({ ...target, ca: readFileSync(other.certificatePath) })
    await assert.rejects(sink.deliver(news), { code: 'service_refused' })
  })

  it('says that a repository cannot be reached', async () => {
    const sink = new SyslogSink({ host: '127.0.0.1', port: await freePort() })
    await assert.rejects(sink.deliver(news), { code: 'service_unreachable' })
  })
})
