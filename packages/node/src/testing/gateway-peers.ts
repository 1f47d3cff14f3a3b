/** Gateway peers: what tests of a running gateway share: its start, what is sent to it, and servers that take what it posts. */
import { readdirSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { runDcmtk } from './dcmtk.ts'
import { makeImage } from './gateway-site.ts'
import type { Outcome } from './peers.ts'
import { GatewayProcess } from './running-gateway.ts'

export type Owner = { after(cleanUp: () => Promise<void> | void): void }

/** Settings of tests, which wait for nothing long. */
export const FAST_RETRY = 'retry: { firstRetrySeconds: 0.2, lastRetrySeconds: 1 }\n'

/** Starts a gateway with these settings, which ends with the test. */
export async function startGateway(owner: Owner, home: string, settings: string): Promise<GatewayProcess> {
  writeSettings(home, settings)
  const gateway = await GatewayProcess.make({ home })
  // Its folder may be gone by then.
  owner.after(async () => void (await gateway.end('SIGKILL')))
  await gateway.start()
  return gateway
}

export const writeSettings = (home: string, text: string): void => writeFileSync(join(home, 'gateway.yaml'), text)

/** `storescu` with these words, such as the files. */
export const storeFiles = (gateway: GatewayProcess, ...words: readonly string[]): Promise<Outcome> =>
  runDcmtk('storescu', ['-aec', 'FIDUCIAL', '127.0.0.1', String(gateway.dicomPort), ...words])

/** Files of one study, each another image. */
export function makeFiles(folder: string, sops: readonly string[]): readonly string[] {
  return sops.map((sop, fill) => {
    const path = join(folder, `${sop}.dcm`)
    writeFileSync(path, makeImage({ sop, fill: fill % 256 }))
    return path
  })
}

/** Sends an image by STOW-RS. */
export function storeByWeb(gateway: GatewayProcess, token: string, image: Uint8Array): Promise<Response> {
  const body = Buffer.concat([
    Buffer.from('--b\r\nContent-Type: application/dicom\r\n\r\n'),
    image,
    Buffer.from('\r\n--b--\r\n'),
  ])
  return fetch(`${gateway.reach().url}/dicom-web/studies`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'multipart/related; type="application/dicom"; boundary=b',
      accept: 'application/dicom+json',
    },
    body,
  })
}

/** A token of a role. */
export async function makeToken(gateway: GatewayProcess, name: string, role: string): Promise<string> {
  const [made] = await gateway.command('token', 'create', name, '--role', role, '--person', name)
  return String(made?.token)
}

/** Names of the files of a spool, also those that were begun. */
export const spooledFiles = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)

export const spoolOf = (home: string): string => join(home, 'gateway', 'spool')

export interface Answer {
  readonly status: number
  readonly body: string
}

/** A server in this process that takes what is posted. @returns its URL */
export async function startTaker(
  owner: Owner,
  answer: (body: string, request: IncomingMessage) => Answer,
): Promise<string> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { status, body } = answer(Buffer.concat(pieces).toString('utf8'), request)
      response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  owner.after(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(() => resolve()))
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
}
