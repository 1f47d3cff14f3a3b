/**
 * Intake: takes instances in: file and record become durable side by side, and only then the sender is told.
 *
 * What fails on the way leaves nothing behind. Whatever a sender says of an instance is kept as a claim; what is found in its
 * first bytes serves to put it in order, and nothing else.
 */
import type { ReceivedInstance } from '@fiducial/core/domain/gateway/instance.ts'
import { SNIFF_BYTES, sniffInstance } from '@fiducial/core/domain/gateway/sniff.ts'
import { createUlids } from '@fiducial/core/domain/gateway/ulid.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { RandomBytes } from '../ports.ts'
import { codeOf } from './loop.ts'
import type { Observe } from './observation.ts'
import type { Announcement, IncomingInstance, InstanceStore, Intake, Spool, SpoolWriter } from './ports.ts'
import type { Relay } from './relay.ts'
import type { Relaying } from './relaying.ts'

/** How much may come in at once. */
export interface IntakeLimits {
  readonly instances: number
  readonly bytes: number
}

/** Some megabytes for each of 64 associations that send as fast as they can. */
export const INTAKE_LIMITS: IntakeLimits = { instances: 512, bytes: 4 * 2 ** 30 }

export interface IntakeOptions {
  readonly spool: Spool
  readonly store: Pick<InstanceStore, 'accept' | 'withdraw'>
  readonly random: RandomBytes
  readonly now: () => Date
  readonly observe: Observe
  /** Called once an instance is there to be examined. */
  readonly onReceived: () => void
  readonly limits?: IntakeLimits
  /** Sends instances out while they come. */
  readonly relaying?: Pick<Relaying, 'begin'>
}

export class SpoolingIntake implements Intake {
  readonly #options: IntakeOptions
  readonly #limits: IntakeLimits
  readonly #nextId: (now: Date) => string
  /** Whose record may be seen before their file is whole; resolves to whether they are there to stay. */
  readonly #committing = new Map<string, Promise<boolean>>()
  #instances = 0
  #bytes = 0
  #isOpen = true

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#limits = options.limits ?? INTAKE_LIMITS
    this.#nextId = createUlids(options.random)
  }

  /** What comes in right now. */
  get underWay(): { readonly instances: number; readonly bytes: number } {
    return { instances: this.#instances, bytes: this.#bytes }
  }

  begin(announcement: Announcement): IncomingInstance {
    const { spool, relaying } = this.#options
    try {
      if (!this.#isOpen) throw new StoreError('gateway_overloaded', 'the gateway is ending')
      if (this.#instances >= this.#limits.instances || this.#bytes >= this.#limits.bytes)
        throw new StoreError('gateway_overloaded', `${this.#instances} instances are under way`)
      const writer = spool.create()
      const incoming = new Incoming(announcement, { writer, relay: relaying?.begin(announcement, writer.key) }, this)
      this.#instances++
      return incoming
    } catch (error) {
      this.refuse(announcement, error)
      throw error
    }
  }

  /** Takes no more in. What has begun may end. */
  close(): void {
    this.#isOpen = false
  }

  /** Whether an instance whose record is there is there to stay; undefined where it was not taken in right now. */
  settled(id: string): Promise<boolean> | undefined {
    return this.#committing.get(id)
  }

  /** Resolves once nothing is becoming durable any more. */
  async drained(): Promise<void> {
    while (this.#committing.size > 0) await Promise.all(this.#committing.values())
  }

  /** Says that something was not taken, or, for {@link Incoming}, that its bytes cannot be kept. */
  refuse({ origin }: Announcement, error: unknown): void {
    this.#options.observe({ kind: 'refused', protocol: origin.protocol, code: codeOf(error) })
  }

  /** For {@link Incoming}: bytes came. */
  count(bytes: number): void {
    this.#bytes += bytes
    // For its copy with a seal.
    this.#options.spool.hold(bytes)
  }

  /** For {@link Incoming}: it has ended. */
  release(bytes: number): void {
    this.#instances--
    this.#bytes -= bytes
    this.#options.spool.hold(-bytes)
  }

  get now(): () => Date {
    return this.#options.now
  }

  /** For {@link Incoming}: makes file and record durable. @throws as {@link IncomingInstance.commit} */
  async keep(incoming: Arrived): Promise<ReceivedInstance> {
    const { observe, now, onReceived } = this.#options
    const { announcement, writer, beganAt } = incoming
    try {
      const instance = this.#describe(incoming)
      await this.#commit(instance, writer)
      const at = now().getTime()
      observe({
        kind: 'received',
        id: instance.id,
        protocol: announcement.origin.protocol,
        lengthBytes: instance.lengthBytes,
        tookMs: at - beganAt.getTime(),
        durableMs: at - instance.receivedAt.getTime(),
      })
      onReceived()
      return instance
    } catch (error) {
      this.refuse(announcement, error)
      throw error
    }
  }

  #describe({ announcement, writer, beginning }: Arrived): ReceivedInstance {
    const { origin, ...stated } = announcement
    const { lengthBytes, sha256 } = writer.finish()
    const receivedAt = this.#options.now()
    const seen = sniffInstance(beginning)
    const id = this.#nextId(receivedAt)
    const sopInstanceUid = stated.sopInstanceUid ?? seen.sopInstanceUid
    return {
      id,
      spoolKey: writer.key,
      lengthBytes,
      sha256,
      origin,
      receivedAt,
      sopClassUid: stated.sopClassUid ?? seen.sopClassUid,
      sopInstanceUid,
      studyInstanceUid: seen.studyInstanceUid,
      transferSyntaxUid: stated.transferSyntaxUid ?? seen.transferSyntaxUid,
      orderKey: seen.studyInstanceUid ?? origin.callingAet ?? origin.address ?? id,
    }
  }

  async #commit(instance: ReceivedInstance, writer: SpoolWriter): Promise<void> {
    const { spool, store } = this.#options
    const { id, spoolKey } = instance
    // Side by side: a record whose file is not whole was never acknowledged, and goes when the gateway starts again.
    const both = Promise.allSettled([writer.commit(), store.accept(instance, [])])
    const committed = both.then((results) => results.every(({ status }) => status === 'fulfilled'))
    this.#committing.set(id, committed)
    try {
      const [file, record] = await both
      if (file.status === 'fulfilled' && record.status === 'fulfilled') return
      // Either may have taken effect although it failed.
      await Promise.allSettled([store.withdraw(id), spool.remove(spoolKey)])
      throw file.status === 'rejected' ? file.reason : (record as PromiseRejectedResult).reason
    } finally {
      this.#committing.delete(id)
    }
  }
}

/** What came, up to its last byte. */
interface Arrived {
  readonly announcement: Announcement
  readonly writer: SpoolWriter
  readonly beginning: Uint8Array
  readonly beganAt: Date
}

/** An instance whose bytes come. */
class Incoming implements IncomingInstance {
  readonly #announcement: Announcement
  readonly #writer: SpoolWriter
  readonly #relay: Relay | undefined
  readonly #intake: SpoolingIntake
  readonly #beganAt: Date
  #beginning = new Uint8Array(0)
  #length = 0
  #hasEnded = false

  constructor(
    announcement: Announcement,
    { writer, relay }: { readonly writer: SpoolWriter; readonly relay: Relay | undefined },
    intake: SpoolingIntake,
  ) {
    this.#announcement = announcement
    this.#writer = writer
    this.#relay = relay
    this.#intake = intake
    this.#beganAt = intake.now()
  }

  write(bytes: Uint8Array): void {
    try {
      this.#writer.write(bytes)
    } catch (error) {
      this.#intake.refuse(this.#announcement, error)
      throw error
    }
    this.#intake.count(bytes.length)
    this.#remember(bytes)
    this.#length += bytes.length
    this.#relay?.write(bytes)
  }

  room(): Promise<void> | undefined {
    return this.#relay?.room()
  }

  async commit(): Promise<ReceivedInstance> {
    this.#end()
    const arrived = {
      announcement: this.#announcement,
      writer: this.#writer,
      beginning: this.#beginning.subarray(0, Math.min(this.#length, SNIFF_BYTES)),
      beganAt: this.#beganAt,
    }
    try {
      this.#relay?.hold()
      return await this.#intake.keep(arrived)
    } catch (error) {
      this.#relay?.end('not_relayed', codeOf(error))
      await this.#writer.abort().catch(() => undefined)
      throw error
    } finally {
      this.#intake.release(this.#length)
    }
  }

  async abort(): Promise<void> {
    if (this.#hasEnded) return
    this.#end()
    this.#relay?.end('not_relayed', 'not_received')
    this.#intake.release(this.#length)
    await this.#writer.abort()
  }

  #end(): void {
    if (this.#hasEnded) throw new TypeError('the instance has ended')
    this.#hasEnded = true
  }

  /** Keeps a copy of the first bytes: the caller uses its buffer again. */
  #remember(bytes: Uint8Array): void {
    const room = SNIFF_BYTES - this.#length
    if (room <= 0) return
    const end = Math.min(this.#length + bytes.length, SNIFF_BYTES)
    if (end > this.#beginning.length) {
      const grown = new Uint8Array(Math.min(SNIFF_BYTES, Math.max(end, 2 * this.#beginning.length)))
      grown.set(this.#beginning)
      this.#beginning = grown
    }
    this.#beginning.set(bytes.subarray(0, room), this.#length)
  }
}
