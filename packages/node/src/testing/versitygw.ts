/** Versity S3 Gateway: an S3 server that is not ours, over a folder, with one bucket. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after as afterAll } from 'node:test'
import { freePort, isListening } from './free-port.ts'
import { PeerServer } from './peer-server.ts'
import { peer, temporaryFolder } from './peers.ts'

export const versitygw = peer('versitygw')

export interface S3Server {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Starts a server, which ends with the suite: to be called while that is set up. */
export async function startVersitygw(
  owner: { after(cleanUp: () => Promise<void> | void): void } = { after: afterAll },
): Promise<S3Server> {
  const server = new PeerServer()
  owner.after(() => server.stop('SIGKILL'))
  const folder = temporaryFolder(owner)
  const bucket = 'demo-bucket'
  const [data, sidecar] = [join(folder, 'data'), join(folder, 'attributes')]
  mkdirSync(join(data, bucket), { recursive: true })
  mkdirSync(sidecar)
  const [accessKeyId, secretAccessKey, region] = ['DEMOKEY', 'demo-secret', 'eu-central-1']
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  // Attributes beside the files: not every file system of a test machine has room for them.
  const words = ['--port', address, '--region', region, '--quiet', 'posix', '--sidecar', sidecar, data]
  const env = { ...process.env, ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey }
  await server.start(versitygw.path, words, { env }, () => isListening(port))
  return { endpoint: `http://${address}`, region, bucket, accessKeyId, secretAccessKey }
}
