/**
 * Audit: opens archives to sweep by their addresses, and the memory of what earlier sweeps saw.
 */
import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { FetchedFiles } from '../archives/fetched-files.ts'
import type { WebPeer } from '../dicomweb/web-peer.ts'
import type { ArchiveOrder, AuditServices } from '../services/audit/access.ts'
import type { ArchiveSource } from '../services/audit/ports.ts'

/** Schemes of addresses; whatever begins with none is a folder. */
const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i
const CALLING_AET = 'FIDUCIAL'
const DICOM_PORT = 104
const AET = /^[\x21-\x5b\x5d-\x7e]{1,16}$/

export const auditServices: AuditServices = {
  openArchive,
  openStore: async (home, { kind, name }) => {
    const { openSweepStore } = await import('../storage/audit/sqlite-sweep-store.ts')
    return openSweepStore(join(home, 'audit', `${digestOf(`${kind} ${name}`)}.sqlite`))
  },
}

async function openArchive(order: ArchiveOrder): Promise<ArchiveSource> {
  const { target } = order
  const scheme = SCHEME.exec(target)?.[1]?.toLowerCase()
  switch (scheme) {
    case undefined: {
      const { openFolderArchive } = await import('../storage/audit/folder-archive.ts')
      return openFolderArchive(absolute(target))
    }
    case 'http':
    case 'https':
      return openDicomWeb(order)
    case 'orthanc+http':
    case 'orthanc+https':
      return openOrthanc(order)
    case 'dicom':
    case 'dicoms':
      return openDimse(order)
    default:
      throw new RangeError(`archives of the kind ${scheme}:// cannot be swept`)
  }
}

async function openDicomWeb(order: ArchiveOrder): Promise<ArchiveSource> {
  const { WebClient } = await import('../dicomweb/web-client.ts')
  const { openDicomWebArchive } = await import('../archives/dicomweb-archive.ts')
  const peer = await openPeer(order.target, order)
  return openDicomWebArchive({
    client: new WebClient(peer),
    name: peer.url,
    files: filesFor(order),
    now: () => new Date(),
  })
}

async function openOrthanc(order: ArchiveOrder): Promise<ArchiveSource> {
  const { openOrthancArchive } = await import('../archives/orthanc-archive.ts')
  const peer = await openPeer(order.target.replace(/^orthanc\+/i, ''), order)
  return openOrthancArchive({ peer, files: filesFor(order) })
}

async function openPeer(address: string, order: ArchiveOrder): Promise<WebPeer> {
  const { WebPeer } = await import('../dicomweb/web-peer.ts')
  const authorization = authorizationOf(order)
  const { tls } = order
  return new WebPeer({
    url: addressOf(address).href,
    ...(authorization && { authorization: async () => authorization }),
    ...(tls && { tls: { authorities: [tls.trusted], ...withoutTrusted(tls) } }),
  })
}

async function openDimse(order: ArchiveOrder): Promise<ArchiveSource> {
  const { openDimseArchive } = await import('../archives/dimse-archive.ts')
  // What belongs to no known scheme is not taken apart everywhere: the port and the title are.
  const { username, hostname, port } = addressOf(order.target.replace(/^dicoms?:/i, 'http:'), { mayHaveUser: true })
  const calledAet = decodeURIComponent(username)
  const { callingAet = CALLING_AET, tls } = order
  if (!AET.test(calledAet) || !AET.test(callingAet)) throw new RangeError('an AE title of 1 to 16 characters is needed')
  if (/^dicoms:/i.test(order.target) && tls === undefined)
    throw new RangeError('dicoms:// needs to know whom to believe')
  const node = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? DICOM_PORT : Number(port),
    calledAet,
    callingAet,
    ...(/^dicoms:/i.test(order.target) && tls !== undefined && { tls }),
  }
  const files = filesFor(order)
  const now = (): Date => new Date()
  if (order.receivePort === undefined) return openDimseArchive({ node, files, now })
  const { MoveReceiver } = await import('../archives/move-receiver.ts')
  return openDimseArchive({ node, files, now, receiver: new MoveReceiver({ node, port: order.receivePort, files }) })
}

/** Credentials stand in a file, and never in an address that reports show. */
function addressOf(text: string, { mayHaveUser = false }: { readonly mayHaveUser?: boolean } = {}): URL {
  const url = URL.parse(text)
  if (url === null || url.search !== '' || url.hash !== '') throw new RangeError('this is no address of an archive')
  if (url.password !== '' || (!mayHaveUser && url.username !== ''))
    throw new RangeError('an address holds no credentials: --credentials-file does')
  return url
}

/** `USER:PASSWORD`, or a bearer token. */
function authorizationOf({ credentials }: ArchiveOrder): string | undefined {
  if (credentials === undefined) return undefined
  return credentials.includes(':')
    ? `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`
    : `Bearer ${credentials}`
}

const withoutTrusted = ({ certificate, key }: NonNullable<ArchiveOrder['tls']>) => ({
  ...(certificate !== undefined && { certificate }),
  ...(key !== undefined && { key }),
})

const filesFor = ({ target, temporary }: ArchiveOrder): FetchedFiles =>
  new FetchedFiles(join(temporary, 'audit', `fetched-${digestOf(target)}`))

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

/** The same folder by another name is the same archive. */
function absolute(folder: string): string {
  try {
    return realpathSync(folder)
  } catch {
    return resolve(folder)
  }
}
