/**
 * DCMTK: its network programs as peers: receivers and archives on free ports, senders and askers run to their end.
 *
 * All of them write their replies unbuffered (TCP_NODELAY) unless a test wants them as they come.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after as afterAll } from 'node:test'
import { freePort, isListening } from './free-port.ts'
import { opensslRoot } from './openssl-ca.ts'
import { PeerServer } from './peer-server.ts'
import { type Outcome, type Peer, peer, run } from './peers.ts'

const START_TRIES = 4
const DICTIONARIES = '/usr/share/libdcmtk17'

/** To be spread into the options of tests that need its network programs. */
export const dcmtk: Peer = peer('storescp')

export type DcmtkClient = 'echoscu' | 'storescu' | 'findscu' | 'movescu' | 'getscu' | 'dcmsend' | 'termscu'

/** A key with its certificate, and whom to trust. PEM files. */
export interface TlsIdentity {
  readonly certificatePath: string
  readonly keyPath: string
  readonly trustedPath: string
}

/** Certificates of one site, for `127.0.0.1` and `localhost`, and a stranger whom another authority certified. */
export interface TlsSite {
  readonly trustedPath: string
  readonly server: TlsIdentity
  readonly client: TlsIdentity
  readonly stranger: TlsIdentity
}

type Owner = { after(cleanUp: () => Promise<void> | void): void }

/** Makes the certificates with openssl. @param folder  exists already */
export async function makeTlsSite(folder: string): Promise<TlsSite> {
  const extensions = [
    'basicConstraints=CA:FALSE',
    'keyUsage=critical,digitalSignature,keyEncipherment',
    'extendedKeyUsage=serverAuth,clientAuth',
    'subjectAltName=IP:127.0.0.1,DNS:localhost',
  ]
  const root = await opensslRoot(folder, { name: 'Network Authority' })
  const other = await opensslRoot(folder, { name: 'Strange Authority' })
  const identity = async (issuer: typeof root, name: string): Promise<TlsIdentity> => {
    const { certificatePath, keyPath } = await issuer.issue({ name, extensions })
    return { certificatePath, keyPath, trustedPath: root.certificatePath }
  }
  return {
    trustedPath: root.certificatePath,
    server: await identity(root, 'server'),
    client: await identity(root, 'client'),
    stranger: await identity(other, 'stranger'),
  }
}

/** Options of DCMTK's programs for TLS with certificates on both sides. */
export const tlsOptions = ({ keyPath, certificatePath, trustedPath }: TlsIdentity): readonly string[] => [
  '+tls',
  keyPath,
  certificatePath,
  '+cf',
  trustedPath,
]

export interface ClientOptions {
  readonly timeoutMs?: number
  readonly cwd?: string
  /** Leave its requests in several writes, as it comes. Default: false. */
  readonly hasNagle?: boolean
}

/** Runs a client to its end. @returns the outcome, whatever the exit code */
export function runDcmtk(
  client: DcmtkClient,
  args: readonly string[],
  { hasNagle = false, ...options }: ClientOptions = {},
): Promise<Outcome> {
  return run(peer(client).path, args, { ...options, env: environment(hasNagle) })
}

/** A program that listens. */
export interface DcmtkServer {
  readonly host: string
  readonly port: number
  readonly pid: number
  /** What it has said so far, its last part. */
  log(): string
  /** @param signal  default: SIGTERM */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface Storescp extends DcmtkServer {
  readonly folder: string
  /** Absolute paths of what it has stored, sorted. */
  files(): readonly string[]
}

export interface StorescpOptions {
  /** Where it stores; it is made if it does not exist. */
  readonly folder: string
  readonly aet?: string
  /** Further options, such as `+B` (store the bytes as they come) or `--fork`. */
  readonly args?: readonly string[]
  readonly tls?: TlsIdentity
  readonly hasNagle?: boolean
  /** Transfer syntaxes: all that it can take (`+xa`) unless said otherwise. */
  readonly syntaxes?: readonly string[]
}

/** Starts a receiver, which ends with the test or suite. */
export async function startStorescp(options: StorescpOptions, owner: Owner = { after: afterAll }): Promise<Storescp> {
  const { folder, aet = 'STORESCP', args = [], tls, syntaxes = ['+xa'] } = options
  mkdirSync(folder, { recursive: true })
  const words = ['-aet', aet, '-od', folder, ...syntaxes, ...(tls === undefined ? [] : tlsOptions(tls)), ...args]
  const server = await startServer('storescp', (port) => [...words, String(port)], options, owner)
  return Object.assign(server, {
    folder,
    files: () =>
      readdirSync(folder)
        .sort()
        .map((name) => join(folder, name)),
  })
}

export interface DcmqrscpOptions {
  readonly folder: string
  readonly aet?: string
  /** Whom it sends to upon C-MOVE, by AE title. */
  readonly destinations?: Readonly<Record<string, { readonly host: string; readonly port: number }>>
  readonly args?: readonly string[]
  readonly hasNagle?: boolean
}

/** Starts an archive that answers C-FIND, C-MOVE and C-GET, which ends with the test or suite. */
export async function startDcmqrscp(
  options: DcmqrscpOptions,
  owner: Owner = { after: afterAll },
): Promise<DcmtkServer & { readonly aet: string }> {
  const { folder, aet = 'DCMQRSCP', destinations = {}, args = [] } = options
  const storage = join(folder, 'storage')
  mkdirSync(storage, { recursive: true })
  const hosts = Object.entries(destinations)
  const names = hosts.map((_, index) => `host${index}`)
  const configuration = [
    'NetworkType = "tcp"',
    'MaxPDUSize = 131072',
    'MaxAssociations = 32',
    'HostTable BEGIN',
    ...hosts.map(([name, { host, port }], index) => `host${index} = (${name}, ${host}, ${port})`),
    ...(names.length > 0 ? [`everybody = ${names.join(', ')}`] : []),
    'HostTable END',
    'VendorTable BEGIN',
    'VendorTable END',
    'AETable BEGIN',
    `${aet} ${storage} RW (1000, 4096mb) ANY`,
    'AETable END',
    '',
  ]
  const path = join(folder, 'dcmqrscp.cfg')
  writeFileSync(path, configuration.join('\n'))
  const server = await startServer('dcmqrscp', (port) => ['-c', path, ...args, String(port)], options, owner)
  return Object.assign(server, { aet })
}

/** Starts a worklist server over a folder that holds, for its AE title, a folder with worklist files and a `lockfile`. */
export async function startWlmscpfs(
  options: { readonly folder: string; readonly aet?: string; readonly hasNagle?: boolean },
  owner: Owner = { after: afterAll },
): Promise<DcmtkServer & { readonly aet: string; readonly worklistFolder: string }> {
  const { folder, aet = 'WORKLIST' } = options
  const worklistFolder = join(folder, aet)
  mkdirSync(worklistFolder, { recursive: true })
  writeFileSync(join(worklistFolder, 'lockfile'), '')
  const server = await startServer('wlmscpfs', (port) => ['-dfp', folder, String(port)], options, owner)
  return Object.assign(server, { aet, worklistFolder })
}

async function startServer(
  program: string,
  words: (port: number) => readonly string[],
  { hasNagle = false }: { readonly hasNagle?: boolean },
  owner: Owner,
): Promise<DcmtkServer> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const server = new ServerProcess(port)
    try {
      await server.start(peer(program).path, words(port), environment(hasNagle))
      owner.after(() => server.stop('SIGKILL'))
      return server
    } catch (error) {
      await server.stop('SIGKILL')
      if (attempt === START_TRIES) throw error
    }
  }
}

class ServerProcess implements DcmtkServer {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly #server = new PeerServer()

  constructor(port: number) {
    this.port = port
  }

  get pid(): number {
    return this.#server.pid
  }

  log(): string {
    return this.#server.log
  }

  start(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
    return this.#server.start(program, args, { env }, () => isListening(this.port))
  }

  stop(signal?: NodeJS.Signals): Promise<void> {
    return this.#server.stop(signal)
  }
}

/** Debian's programs find their dictionaries by themselves; a build in another place is told where they are. */
function environment(hasNagle: boolean): NodeJS.ProcessEnv {
  const { TCP_NODELAY: _, ...rest } = process.env
  const dictionary = join(DICTIONARIES, 'dicom.dic')
  const known = existsSync(dictionary) ? { DCMDICTPATH: `${dictionary}:${join(DICTIONARIES, 'private.dic')}` } : {}
  return { ...known, ...rest, ...(hasNagle ? {} : { TCP_NODELAY: '1' }) }
}
