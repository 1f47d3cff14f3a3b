/**
 * Orthanc: a PACS that is not ours, with a storage of its own, on free ports, gone after the test.
 *
 * Debian's Orthanc and its plugins for DICOMweb and worklists are used. It takes whatever is sent, answers whoever asks,
 * and leaves its replies unbuffered (TCP_NODELAY) unless a test wants them as they come.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after as afterAll } from 'node:test'
import { freePort } from './free-port.ts'
import { PeerServer } from './peer-server.ts'
import { type Peer, peerPath } from './peers.ts'

const PLUGINS = '/usr/share/orthanc/plugins'
/** Ports may be taken between the moment they were found free and the moment Orthanc listens. */
const START_TRIES = 4
/** In memory where the system has such a folder: what a PACS of the tests holds need survive no power cut. */
const STORAGE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** To be spread into the options of tests that need it. */
export const orthanc: Peer = peerPath('/usr/sbin/Orthanc')
export const orthancDicomWeb: Peer = peerPath(join(PLUGINS, 'libOrthancDicomWeb.so'))
export const orthancWorklists: Peer = peerPath(join(PLUGINS, 'libModalityWorklists.so'))

/** Somebody whom Orthanc knows: a target of its own C-STORE, C-MOVE and storage commitment. */
export interface KnownModality {
  readonly aet: string
  readonly port: number
  readonly host?: string
  readonly useTls?: boolean
}

/** PEM files. */
export interface OrthancTls {
  readonly certificatePath: string
  readonly keyPath: string
  readonly trustedPath: string
  /** Default: true. */
  readonly isClientCertificateRequired?: boolean
}

export interface OrthancOptions {
  /** Default: `ORTHANC`. */
  readonly aet?: string
  readonly modalities?: Readonly<Record<string, KnownModality>>
  /** Load the DICOMweb plugin. Default: false. */
  readonly hasDicomWeb?: boolean
  /** Folder with worklist files (`*.wl`): loads the plugin that serves them. */
  readonly worklistFolder?: string
  /** Replace an instance that comes a second time. Default: false, as Orthanc does. */
  readonly isOverwriting?: boolean
  /** DICOM by TLS, in both directions. */
  readonly tls?: OrthancTls
  /** Leave its replies in two writes, as Debian's Orthanc does. Default: false. */
  readonly hasNagle?: boolean
  /** Further settings of its configuration file. */
  readonly settings?: Readonly<Record<string, unknown>>
}

export interface Orthanc {
  readonly aet: string
  readonly host: string
  readonly dicomPort: number
  /** Of its REST interface, with a slash at the end. */
  readonly url: string
  /** Of DICOMweb, with a slash at the end. */
  readonly dicomWebUrl: string
  /** Process of the server at the moment. */
  readonly pid: number
  /** JSON below {@link Orthanc.url}. @throws {Error} for any status but those of success */
  get(path: string): Promise<unknown>
  bytes(path: string): Promise<Uint8Array>
  /** @param body  bytes as they are, anything else as JSON */
  post(path: string, body: unknown): Promise<unknown>
  put(path: string, body: unknown): Promise<unknown>
  delete(path: string): Promise<void>
  /** The stored file of an instance; undefined where it has none. */
  fileOf(sopInstanceUid: string): Promise<Uint8Array | undefined>
  /** SOP Instance UIDs of all that it has. */
  instanceUids(): Promise<readonly string[]>
  /** Makes somebody known, or known anew. */
  know(name: string, modality: KnownModality): Promise<void>
  /** Ends the server and keeps what it has. @param signal  default: SIGTERM */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again, on the same ports, with what it had. */
  start(): Promise<void>
  /** What it has said so far, its last part. */
  log(): string
}

type Owner = { after(cleanUp: () => Promise<void> | void): void }

/** Starts an Orthanc, which ends with the test or suite. */
export async function startOrthanc(options: OrthancOptions = {}, owner: Owner = { after: afterAll }): Promise<Orthanc> {
  for (let attempt = 1; ; attempt++) {
    const [dicomPort, httpPort] = [await freePort(), await freePort()]
    const server = new OrthancServer(options, dicomPort, httpPort)
    try {
      await server.start()
      owner.after(() => server.end())
      return server
    } catch (error) {
      await server.end()
      if (attempt === START_TRIES || !/in use|HTTP server|DICOM server|port/i.test(server.log())) throw error
    }
  }
}

class OrthancServer implements Orthanc {
  readonly aet: string
  readonly host = '127.0.0.1'
  readonly dicomPort: number
  readonly url: string
  readonly dicomWebUrl: string
  readonly #folder: string
  readonly #environment: NodeJS.ProcessEnv
  readonly #server = new PeerServer()

  constructor(options: OrthancOptions, dicomPort: number, httpPort: number) {
    this.aet = options.aet ?? 'ORTHANC'
    this.dicomPort = dicomPort
    this.url = `http://127.0.0.1:${httpPort}/`
    this.dicomWebUrl = `${this.url}dicom-web/`
    this.#folder = mkdtempSync(join(STORAGE, 'fiducial-test-orthanc-'))
    mkdirSync(join(this.#folder, 'storage'))
    const configuration = configure(options, { folder: this.#folder, aet: this.aet, dicomPort, httpPort })
    writeFileSync(join(this.#folder, 'orthanc.json'), JSON.stringify(configuration, undefined, 2))
    const { TCP_NODELAY: _, ...environment } = process.env
    this.#environment = options.hasNagle === true ? environment : { ...environment, TCP_NODELAY: '1' }
  }

  get pid(): number {
    return this.#server.pid
  }

  start(): Promise<void> {
    const options = { cwd: this.#folder, env: this.#environment }
    return this.#server.start(orthanc.path, [join(this.#folder, 'orthanc.json')], options, () => this.#isReady())
  }

  stop(signal?: NodeJS.Signals): Promise<void> {
    return this.#server.stop(signal)
  }

  /** Stops it for good and removes what it had. */
  async end(): Promise<void> {
    await this.stop('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }

  log(): string {
    return this.#server.log
  }

  async get(path: string): Promise<unknown> {
    return (await this.#request('GET', path)).json()
  }

  async bytes(path: string): Promise<Uint8Array> {
    return new Uint8Array(await (await this.#request('GET', path)).arrayBuffer())
  }

  async post(path: string, body: unknown): Promise<unknown> {
    return readJson(await this.#request('POST', path, body))
  }

  async put(path: string, body: unknown): Promise<unknown> {
    return readJson(await this.#request('PUT', path, body))
  }

  async delete(path: string): Promise<void> {
    await this.#request('DELETE', path)
  }

  async fileOf(sopInstanceUid: string): Promise<Uint8Array | undefined> {
    const found = (await this.post('tools/lookup', new TextEncoder().encode(sopInstanceUid))) as {
      readonly Type: string
      readonly ID: string
    }[]
    const instance = found.find(({ Type }) => Type === 'Instance')
    return instance === undefined ? undefined : this.bytes(`instances/${instance.ID}/file`)
  }

  async instanceUids(): Promise<readonly string[]> {
    const instances = (await this.get('instances?expand')) as {
      readonly MainDicomTags: { readonly SOPInstanceUID: string }
    }[]
    return instances.map(({ MainDicomTags }) => MainDicomTags.SOPInstanceUID)
  }

  async know(name: string, modality: KnownModality): Promise<void> {
    await this.put(`modalities/${name}`, modalityEntry(modality))
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}system`, { signal: AbortSignal.timeout(5000) })).ok
    } catch {
      return false
    }
  }

  async #request(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(new URL(path.replace(/^\//, ''), this.url), {
      method,
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? Buffer.from(body) : JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`Orthanc: ${method} ${path} gave ${response.status}: ${await response.text()}`)
    return response
  }
}

/** Answers of PUT may be empty. */
async function readJson(response: Response): Promise<unknown> {
  const text = await response.text()
  return text === '' ? undefined : JSON.parse(text)
}

const modalityEntry = ({ aet, port, host = '127.0.0.1', useTls = false }: KnownModality) => ({
  AET: aet,
  Host: host,
  Port: port,
  AllowEcho: true,
  AllowFind: true,
  AllowGet: true,
  AllowMove: true,
  AllowStore: true,
  AllowStorageCommitment: true,
  UseDicomTls: useTls,
})

function configure(
  { modalities = {}, hasDicomWeb, worklistFolder, isOverwriting, tls, settings }: OrthancOptions,
  at: { readonly folder: string; readonly aet: string; readonly dicomPort: number; readonly httpPort: number },
): Readonly<Record<string, unknown>> {
  const plugins = [
    ...(hasDicomWeb === true ? [orthancDicomWeb.path] : []),
    ...(worklistFolder === undefined ? [] : [orthancWorklists.path]),
  ]
  return {
    Name: 'Test PACS',
    StorageDirectory: join(at.folder, 'storage'),
    IndexDirectory: join(at.folder, 'storage'),
    Plugins: plugins,
    DicomAet: at.aet,
    DicomPort: at.dicomPort,
    DicomCheckCalledAet: false,
    DicomAlwaysAllowEcho: true,
    DicomAlwaysAllowStore: true,
    DicomAlwaysAllowFind: true,
    DicomAlwaysAllowGet: true,
    DicomAlwaysAllowMove: true,
    DicomAlwaysAllowFindWorklist: true,
    DicomModalities: Object.fromEntries(Object.entries(modalities).map(([name, it]) => [name, modalityEntry(it)])),
    DicomScuTimeout: 30,
    DicomScpTimeout: 60,
    HttpPort: at.httpPort,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
    OverwriteInstances: isOverwriting === true,
    SaveJobs: false,
    ...(hasDicomWeb === true ? { DicomWeb: { Enable: true, Root: '/dicom-web/', EnableWado: true } } : {}),
    ...(worklistFolder === undefined
      ? {}
      : { Worklists: { Enable: true, Database: worklistFolder, FilterIssuerAet: false } }),
    ...(tls === undefined
      ? {}
      : {
          DicomTlsEnabled: true,
          DicomTlsCertificate: tls.certificatePath,
          DicomTlsPrivateKey: tls.keyPath,
          DicomTlsTrustedCertificates: tls.trustedPath,
          DicomTlsRemoteCertificateRequired: tls.isClientCertificateRequired ?? true,
        }),
    ...settings,
  }
}
