/**
 * Ports of the gateway: what it needs from disks, networks and threads, in its own words.
 *
 * Adapters stand in node/storage/gateway (spool, instances), node/dimse and node/http (senders), node/workers (examiner).
 * What a promise stands for when it resolves is said at each; whoever cannot keep it rejects. Where the storage is another
 * machine, whatever reads may also reject with {StoreError} `service_unreachable` or `service_refused`.
 */
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import type { InstanceState, InstanceVerdict, ReceivedInstance } from '@fiducial/core/domain/gateway/instance.ts'
import type { ObservedOrder } from '@fiducial/core/domain/gateway/orders.ts'
import type { Origin } from '@fiducial/core/domain/gateway/origin.ts'
import type { Party } from '@fiducial/core/domain/log/event-parts.ts'
import type { DescribedImage } from '../log/describe-image.ts'

/** What a face knows of an instance before its bytes come; null where its protocol does not say. */
export interface Announcement {
  readonly origin: Origin
  readonly sopClassUid: string | null
  readonly sopInstanceUid: string | null
  readonly transferSyntaxUid: string | null
  /** Bytes before its data set, where the face itself makes them; without it, nothing of it is relayed. */
  readonly dataSetStart?: number
}

/** Takes instances in. The faces call it: one for each object that a sender begins to send. */
export interface Intake {
  /** @throws {StoreError} `gateway_overloaded`, `spool_full`, before a byte is taken */
  begin(announcement: Announcement): IncomingInstance
}

/** An instance while its bytes come. Exactly one of `commit` and `abort` ends it. */
export interface IncomingInstance {
  /**
   * The next bytes of a Part 10 file. They are taken over when it returns: the caller may use its buffer again.
   * @throws {StoreError} `spool_unwritable`, `spool_full`; nothing but `abort` may follow
   */
  write(bytes: Uint8Array): void
  /**
   * Resolves when more should be written, where somebody slower takes the bytes, too; undefined: at once. Whoever does not
   * wait loses nothing but their company.
   */
  room?(): Promise<void> | undefined
  /**
   * When it resolves, bytes and record survive a power cut, and the sender may be told so.
   * @throws {StoreError} `spool_unwritable`, `gateway_overloaded`; then nothing of it is kept
   */
  commit(): Promise<ReceivedInstance>
  /** Leaves nothing behind. */
  abort(): Promise<void>
}

/** Whole files on their way through, by keys of our own making. */
export interface Spool {
  /** @throws {StoreError} `spool_full` if less room is left than is kept free */
  create(): SpoolWriter
  /**
   * The bytes of a key; disposing of it frees what was opened.
   * @throws {StoreError} `spool_corrupted` if there is no such key
   */
  open(key: string): Promise<SpooledFile>
  /** Where the file lies, for threads that open it themselves; fetched first where the spool is another machine. */
  pathOf(key: string): Promise<string>
  /** Missing ones are passed over. */
  remove(key: string): Promise<void>
  /**
   * Keys of all files that were committed, in no order: what no record names is left over from a crash. After a power cut
   * also of such whose commit was under way, which may be cut short: length and digest tell.
   */
  list(): AsyncIterable<string>
  /** Removes what was begun and never committed. Only while nothing is being written. */
  sweep(): Promise<number>
  /** Bytes that are left for what is new; undefined where nobody can say. */
  freeBytes(): Promise<number | undefined>
  /** Keeps so many bytes more for copies that are yet to be made; with a negative number, so many fewer. */
  hold(bytes: number): void
  close(): Promise<void>
}

export interface SpooledFile extends ByteSource, AsyncDisposable {}

export interface SpoolWriter {
  readonly key: string
  /** As {@link IncomingInstance.write}. */
  write(bytes: Uint8Array): void
  /**
   * Ends the writing before it is durable, so that its record can be written while `commit` is under way.
   * @throws {StoreError} as `write`
   */
  finish(): SpooledBytes
  /**
   * Finishes, too. When it resolves, the file survives a power cut.
   * @throws {StoreError} `spool_unwritable`, `spool_full`; then nothing of it is kept
   */
  commit(): Promise<SpooledBytes>
  /** Leaves nothing behind; after `commit`, does nothing. */
  abort(): Promise<void>
}

export interface SpooledBytes {
  readonly lengthBytes: number
  readonly sha256: Uint8Array
}

/** Something that is to be recorded in the custody log exactly once: its moment is part of it. */
export interface PendingEvent {
  /** JSON in the short form that `log append` takes, with `at`. */
  readonly news: string
}

/** A copy that is to reach a destination. */
export interface NewDelivery {
  readonly destination: string
  /** Of the bytes that are sent: those received, the sealed ones, or a derived copy. */
  readonly spoolKey: string
  /** Of those bytes, 32 bytes: what is logged as forwarded. */
  readonly sha256: Uint8Array
  readonly sopClassUid: string
  readonly sopInstanceUid: string
  readonly transferSyntaxUid: string
}

/** What became of an instance once it was examined, all of it one step. */
export interface Judged {
  readonly state: Extract<InstanceState, 'quarantined' | 'forwarding' | 'done'>
  /** Name of the route; null where none takes it. */
  readonly route: string | null
  /** Codes, such as `not_authentic`, `uid_reused`, `unreadable`, `duplicate`. */
  readonly reasons: readonly string[]
  readonly verdict: InstanceVerdict | null
  readonly description: DescribedImage | null
  /** Of the copy with the seal of the gateway, and of the seal file; null where it was not sealed here. */
  readonly sealed: { readonly spoolKey: string; readonly sealKey: string } | null
  /** Further keys that belong to it, such as derived copies: removed with it. */
  readonly otherKeys: readonly string[]
  /** What goes to destinations: at once where it is `forwarding`, upon release where it is `quarantined`. */
  readonly deliveries: readonly NewDelivery[]
  readonly events: readonly PendingEvent[]
}

/** An instance as it is kept. */
export interface StoredInstance extends ReceivedInstance, Omit<Judged, 'state' | 'deliveries' | 'events'> {
  readonly state: InstanceState
  /** Examinations that were begun; one that kills its thread counts, too. */
  readonly attempts: number
  readonly judgedAt: Date | null
  readonly doneAt: Date | null
  /** Who asked for its release, until somebody else confirms it. */
  readonly releaseAskedBy: Party | null
  readonly deliveries: readonly StoredDelivery[]
}

export const DELIVERY_STATES = ['held', 'waiting', 'sent', 'dead'] as const
/** `held`: in quarantine · `waiting`: to be sent, or sent again · `sent`: the destination has it · `dead`: given up. */
export type DeliveryState = (typeof DELIVERY_STATES)[number]

export interface StoredDelivery extends NewDelivery {
  readonly id: string
  readonly instanceId: string
  readonly orderKey: string
  readonly state: DeliveryState
  /** How often sending it failed, or the destination lost it, since it was made or revived. */
  readonly attempts: number
  readonly dueAt: Date
  /** Code of the last failure; null while none was met. */
  readonly lastError: string | null
  readonly sentAt: Date | null
  /** When the destination committed to keep it (storage commitment); null where it was not asked or has not. */
  readonly committedAt: Date | null
}

/** Copies that a destination took and does not have. */
export interface Loss {
  readonly at: Date
  /** What becomes their last error. */
  readonly code: string
  /** How long a copy waits after its first failure, its second, and so on; with none left, it is given up. */
  readonly waitsMs: readonly number[]
}

/** A copy that is to be sent again, or was given up. */
export interface LostDelivery {
  readonly id: string
  readonly instanceId: string
  readonly isDead: boolean
}

/** An earlier instance with the same SOP Instance UID, for the question whether one is a duplicate. */
export interface EarlierInstance {
  readonly id: string
  readonly sha256: Uint8Array
  readonly state: InstanceState
  readonly description: DescribedImage | null
  readonly receivedAt: Date
}

export interface InstanceFilter {
  readonly states?: readonly InstanceState[]
  readonly verdicts?: readonly InstanceVerdict['verdict'][]
  readonly studyInstanceUid?: string
  readonly sopInstanceUid?: string
  readonly callingAet?: string
  readonly destination?: string
  /** With deliveries that were given up. */
  readonly hasDead?: boolean
  readonly since?: Date
  readonly until?: Date
  /** Id behind which to go on, in the order that is asked for. */
  readonly after?: string
  readonly order?: 'oldest_first' | 'newest_first'
  /** 1 to 1,000. */
  readonly limit: number
}

export interface InstanceCounts {
  readonly states: Readonly<Record<InstanceState, number>>
  readonly deliveries: Readonly<Record<DeliveryState, number>>
  readonly verdicts: Readonly<Record<InstanceVerdict['verdict'] | 'none', number>>
  /** Events that are not in the log yet. */
  readonly pendingEvents: number
  /** By destination, for those that have some; absent where the store does not count them. */
  readonly destinations?: Readonly<Record<string, DestinationCounts>>
  /** Of the instance that waits longest to be examined, and of the delivery that does; null where none waits. */
  readonly oldestReceivedAt: Date | null
  readonly oldestDueAt: Date | null
}

/** Deliveries of a destination that have not ended well. */
export interface DestinationCounts {
  readonly waiting: number
  readonly dead: number
}

/** Who works on something: a process of ours, by a name that no other one has. */
export interface Lease {
  readonly owner: string
  readonly now: Date
  readonly leaseMs: number
  readonly limit: number
}

/**
 * The durable record of all that is under way. Several processes may share one; what one has claimed, no other one gets
 * until its lease has ended. Every change is one step: it survives a power cut when its promise resolves, whole or not at all.
 */
export interface InstanceStore {
  /** Takes an instance down. @throws {StoreError} `spool_unwritable` */
  accept(instance: ReceivedInstance, events: readonly PendingEvent[]): Promise<void>
  /**
   * Takes back what was accepted and never acknowledged, since its file is not whole: the record goes, and its events that
   * are not logged. A missing one is passed over. @throws {StoreError} `instance_moved` where it is judged already
   */
  withdraw(id: string): Promise<void>
  /** Instances in state `received`, oldest first, each to be judged by whoever has it now; counts an attempt. */
  claimReceived(lease: Lease): Promise<readonly StoredInstance[]>
  /**
   * Other instances of a UID, oldest first, at most 1,000: those that came before `id`, and those that came after it and are
   * judged already, since of two that come at once the later one may be judged first. The UID is that of the description,
   * where there is one.
   */
  findEarlier(sopInstanceUid: string, id: string): Promise<readonly EarlierInstance[]>
  /** @throws {StoreError} `instance_moved` where it is not in state `received`, or `owner` has no lease of it */
  judge(id: string, owner: string, judged: Judged, at: Date): Promise<void>
  /**
   * Gives a claimed instance back, to be claimed again from `notBefore` on.
   * @param counts  whether its examination counts as an attempt; false takes the attempt back that the claim counted
   * @throws {StoreError} `instance_moved` as {@link judge}
   */
  postpone(id: string, owner: string, notBefore: Date, counts: boolean): Promise<void>
  /** Ends all leases: for a process that knows that it is the only one, and that those before it are dead. */
  abandonClaims(): Promise<void>
  /**
   * Deliveries that are due, to one destination. None while an instance of the same order key that came earlier is not judged
   * yet, or has a delivery to that destination that is waiting; several of one key are given together, in their order.
   */
  claimDeliveries(destination: string, lease: Lease): Promise<readonly StoredDelivery[]>
  /** Destinations with deliveries that wait. */
  waitingDestinations(): Promise<readonly string[]>
  /**
   * The instance becomes `done` when all its deliveries are sent.
   * @throws {StoreError} `instance_moved` where it does not wait, or `owner` has no lease of it; also `failed`
   */
  sent(deliveryId: string, owner: string, at: Date, events: readonly PendingEvent[]): Promise<void>
  /** @param dueAt  when to try again; null gives it up: it is `dead` until somebody revives it, and holds back no other one */
  failed(deliveryId: string, owner: string, code: string, dueAt: Date | null): Promise<void>
  /** Gives claimed deliveries back that were not begun: due as before, and no attempt is counted. Those of others stay. */
  giveBack(deliveryIds: readonly string[], owner: string): Promise<void>
  /** What the destination committed to keep. */
  committed(deliveryIds: readonly string[], at: Date): Promise<void>
  /**
   * Sends copies again that were sent and lost; each loss counts as a failure. An instance that was `done` is `forwarding`
   * again. Passed over is what is not `sent`, what was committed to, and what has no file any more.
   * @returns those that were not passed over, in any order
   */
  resend(deliveryIds: readonly string[], loss: Loss): Promise<readonly LostDelivery[]>
  /** Sends given-up deliveries again: of one instance, or of all to a destination. @returns how many */
  revive(which: { readonly instanceId: string } | { readonly destination: string }, at: Date): Promise<number>
  /** Notes who asked for a release. @throws {StoreError} `instance_missing`, `instance_moved` */
  askRelease(id: string, by: Party): Promise<void>
  /**
   * Releases from quarantine: the deliveries that were held are due.
   * @throws {StoreError} `instance_missing`; `instance_moved` where it is not in quarantine; `approval_missing` where nobody
   *   asked, or the same person did
   */
  release(id: string, confirmedBy: Party, at: Date, events: readonly PendingEvent[]): Promise<void>
  /**
   * Puts an instance in quarantine back to be judged anew: it is `received`, with no attempt, and without the deliveries that
   * were held. @throws {StoreError} `instance_missing`, `instance_moved`
   */
  reexamine(id: string): Promise<void>
  /** Takes an instance out of quarantine for good. @throws {StoreError} `instance_missing`, `instance_moved` */
  reject(id: string, at: Date, events: readonly PendingEvent[]): Promise<void>
  get(id: string): Promise<StoredInstance | undefined>
  list(filter: InstanceFilter): Promise<readonly StoredInstance[]>
  counts(): Promise<InstanceCounts>
  /** Events that are not in the log yet, in the order of their instances and steps. */
  pendingEvents(
    limit: number,
  ): Promise<readonly (PendingEvent & { readonly id: string; readonly instanceId: string })[]>
  /** Says that events have their places in the log: they are pending no more. */
  logged(events: readonly { readonly id: string; readonly index: bigint }[]): Promise<void>
  /** Records an event about no instance that is kept here, such as an order that was seen; its `instanceId` is empty. */
  addEvents(events: readonly PendingEvent[]): Promise<void>
  /**
   * Instances that are `done` or `rejected` since before `before` and whose events are all logged: their records stay, and
   * their keys are given to be removed. Called again, it gives those that were not {@link forgotten} yet.
   */
  expired(before: Date, limit: number): Promise<readonly { readonly id: string; readonly keys: readonly string[] }[]>
  /** Says that the keys of instances are removed. */
  forgotten(ids: readonly string[]): Promise<void>
  /**
   * Removes the records of instances that are {@link forgotten} and were `done` or `rejected` before `before`. Which seal was
   * made of which image stays. @returns how many
   */
  purge(before: Date, limit: number): Promise<number>
  /** Whether any instance names a spool key. */
  knowsKey(key: string): Promise<boolean>
  close(): Promise<void>
}

/** One copy on its way out. */
export interface Outgoing {
  readonly deliveryId: string
  /** Copies of one key arrive in their order; those of others may go beside them. */
  readonly orderKey: string
  readonly sopClassUid: string
  readonly sopInstanceUid: string
  readonly transferSyntaxUid: string
  /**
   * A Part 10 file. Asked for when its turn has come, and not before: one that an earlier copy of its order holds back is refused.
   * @throws {StoreError} `instance_moved` where it must not be sent now: its result is `failed` with that code; `spool_corrupted`
   */
  open(): Promise<SpooledFile>
  /**
   * The same copy, where all of it but its end is on its way already; else undefined, as after the first call. Asked for as
   * `open` is, and throws as that does.
   */
  relayed?(): RelayedCopy | undefined
}

/** How a copy fared at a destination. */
export type SendFate =
  /** `note`: what the peer remarked, such as `status_b000` where it changed elements. */
  | { readonly outcome: 'stored'; readonly note?: string }
  /** `isFinal`: the peer would refuse it again, such as a SOP Class that it does not take. */
  | { readonly outcome: 'failed'; readonly code: string; readonly isFinal: boolean }

/** How one copy fared. */
export type SendResult = SendFate & { readonly deliveryId: string }

/** By what a destination knows a copy. */
export type RelayedNames = Pick<Outgoing, 'sopClassUid' | 'sopInstanceUid' | 'transferSyntaxUid'>

/** A copy that goes out while it comes in. Its end is held back until `finish`: a destination keeps nothing that has none. */
export interface RelayedCopy {
  /** The next bytes of the data set, which are copied. @returns false to be given no more until it calls `resume` */
  write(bytes: Uint8Array, resume: () => void): boolean
  /**
   * Sends the end, and gives how the copy fared.
   * @throws {StoreError} where nobody can say: it has to be sent again
   */
  finish(signal: AbortSignal): Promise<SendFate>
  /** Ends it: the destination keeps nothing, unless `finish` was called before. */
  abort(): void
  /** Resolves to a code once it is of no use any more, however it ended. Never rejects. */
  readonly lost: Promise<string>
}

/** A destination that can be sent to. */
export interface Sender {
  /**
   * Sends copies, in their order unless the destination says otherwise; gives each result as it is known. What cannot be said of
   * one copy is said of all: a peer that is away gives `failed` for each.
   */
  send(batch: readonly Outgoing[], signal: AbortSignal): AsyncIterable<SendResult>
  /** Whether the destination answers (C-ECHO, or an HTTP request). @throws {StoreError} */
  ping(signal: AbortSignal): Promise<void>
  /**
   * Begins a copy whose bytes are still coming; absent where the destination takes whole files only.
   * @param isClear  the destination is told nothing of it before that resolves, and never where it resolves to false
   * @returns undefined where it takes no more at once
   */
  relay?(names: RelayedNames, isClear: Promise<boolean>): RelayedCopy | undefined
  close(): Promise<void>
}

/** Orders that one look-up gives at most. */
export const ORDERS_FOUND = 100

/**
 * Worklist entries and reports of modalities that went through, by the keys of their orders. What was put survives a
 * restart, but need not survive a power cut.
 */
export interface OrderStore {
  /** Takes the place of an earlier one with the same id. @throws {StoreError} `spool_unwritable` */
  put(order: ObservedOrder): Promise<void>
  get(id: string): Promise<ObservedOrder | undefined>
  /** Those that name the study or the accession number; the latest first, at most {@link ORDERS_FOUND}. */
  find(keys: {
    readonly studyInstanceUid: string | null
    readonly accessionNumber: string | null
  }): Promise<readonly ObservedOrder[]>
  /** Forgets those that were seen last before a moment. @returns how many */
  forget(before: Date): Promise<number>
  close(): Promise<void>
}

/** What is remembered of destinations that are held back. */
export interface Pauses {
  readonly names: ReadonlySet<string>
  /** @throws {StoreError} where it cannot be remembered */
  keep(names: ReadonlySet<string>): void
}
