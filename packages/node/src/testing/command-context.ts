/**
 * Command context: what a log command gets, over a site in memory and files in memory, with what it says kept.
 */
import { Writable } from 'node:stream'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import type { Adapters, LogAdapters } from '../cli/adapters.ts'
import type { Context } from '../cli/context.ts'
import { Output } from '../cli/output.ts'
import type { Holder, Ring } from '../cli/ring.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { LogFacts, OpenSiteLog } from '../services/log/log-access.ts'
import { openLogView } from '../services/log/log-view.ts'
import type { SiteLogOptions } from '../services/log/site-log.ts'
import { knownInstances } from '../services/log/study-instances.ts'
import { openMemoryLog } from '../storage/log/memory.ts'
import { ORIGIN } from './log-site.ts'
import { MemorySite } from './memory-site.ts'

class Words extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

export interface CommandOptions {
  readonly site?: MemorySite
  /** Whether the site has a log yet. Default: true. */
  readonly hasLog?: boolean
  readonly holders?: readonly Holder[]
  readonly siteOptions?: Partial<SiteLogOptions>
  readonly log?: Partial<LogAdapters>
  readonly anchors?: TrustAnchors
}

/** A context with what was said, in JSON, and what was stored. */
export class CommandContext implements Context {
  readonly home = '/home'
  readonly site: MemorySite
  /** By path. */
  readonly files = new Map<string, Uint8Array>()
  readonly terminal: Context['terminal']
  readonly output: Output
  readonly adapters: Adapters
  readonly interruption = new AbortController()
  /** How often the log was opened, and closed. */
  readonly counts = { opened: 0, closed: 0, made: 0 }
  readonly #stdout = new Words()
  readonly #stderr = new Words()
  #hasLog: boolean

  constructor({
    site = new MemorySite(),
    hasLog = true,
    holders = [],
    siteOptions,
    log,
    anchors,
  }: CommandOptions = {}) {
    this.site = site
    this.#hasLog = hasLog
    const [stdout, stderr] = [this.#stdout, this.#stderr]
    const stdin = process.stdin
    this.terminal = { stdin, stdout, stderr, env: {}, interruption: this.interruption.signal }
    this.output = new Output(this.terminal, true)
    const ring: Partial<Ring> = {
      list: () => holders,
      trust: () => anchors ?? { roots: [], intermediates: [], crls: [] },
    }
    this.adapters = {
      log: { ...this.#logAdapters(siteOptions), ...log } as LogAdapters,
      readFile: async (path) => this.files.get(path),
      writeFile: async (path, bytes) => void this.files.set(path, bytes),
      openRing: async () => ring as Ring,
    } as Partial<Adapters> as Adapters
  }

  /** Objects that were written for programs. */
  get records(): readonly Record<string, unknown>[] {
    return this.#stdout.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  /** What was said to people. */
  get notes(): string {
    return this.#stderr.text
  }

  get facts(): LogFacts {
    const keys = this.site.policy.logs.map(({ key }) => key)
    const decided = { holder: 'log', archive: 'main', isDemo: true, timestampMinutes: 60, timestampUrls: [] }
    return { ...decided, origin: ORIGIN, folder: '/home/log', keys }
  }

  #logAdapters(siteOptions: Partial<SiteLogOptions> | undefined): Partial<LogAdapters> {
    const { site } = this
    return {
      find: async () => (this.#hasLog ? this.facts : undefined),
      create: async () => {
        this.#hasLog = true
        this.counts.made++
        return this.facts
      },
      open: async (): Promise<OpenSiteLog> => {
        if (!this.#hasLog) throw new StoreError('log_missing', 'there is no log yet')
        this.counts.opened++
        const open = await site.open(siteOptions)
        const dispose = async (): Promise<void> => {
          this.counts.closed++
          await open.close()
        }
        const { policy } = site
        return { facts: this.facts, policy, site: open, ports: site.ports, [Symbol.asyncDispose]: dispose }
      },
      read: async () => {
        const { objects, published, records } = openMemoryLog(site.state)
        const hasher = createHasher(nativeCrypto.hash)
        const { policy } = site
        return {
          ...{ folder: '/home/log', policy, objects, published, hasher, records },
          view: () => openLogView({ objects, published }, { crypto: nativeCrypto, hasher, policy }),
          [Symbol.asyncDispose]: async () => undefined,
        }
      },
      knownInstances: async (_home, studyInstanceUid) =>
        knownInstances(studyInstanceUid, await site.view(), { records: site.ports.records, crypto: nativeCrypto }),
    }
  }
}
