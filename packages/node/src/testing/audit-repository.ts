/** Audit repository: rsyslogd, a syslog server of somebody else's, that takes audit messages over TLS. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { SyslogTarget } from '../telemetry/syslog-sink.ts'
import { freePort } from './free-port.ts'
import { LEAF_EXTENSIONS, type OpensslHolder, openssl, opensslRoot } from './openssl-ca.ts'
import { peer, peerPath, temporaryFolder } from './peers.ts'

const rsyslogd = peer('rsyslogd')
const gtls = peerPath('/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so')
/** For the `skip` option of tests that need it. */
export const repositorySkip: string | false = openssl.skip || rsyslogd.skip || gtls.skip
const LOOK_MS = 50
const PATIENCE = 400

type Owner = { after(cleanUp: () => Promise<void> | void): void }

export interface AuditRepository {
  readonly target: SyslogTarget
  readonly ca: OpensslHolder
  /** What was taken, a message a line, once there are so many. */
  lines(count: number): Promise<readonly string[]>
}

/**
 * Starts a server that writes each message, a line each.
 * @param mode  `anon`, or `x509/certvalid` to ask for a certificate
 */
export async function startAuditRepository(owner: Owner, mode: string): Promise<AuditRepository> {
  const folder = temporaryFolder(owner)
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
  owner.after(() => stop(child))
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
