/**
 * Judging: takes instances that came in, has them examined, chooses their way, has their copies made, and takes down what
 * becomes of them.
 *
 * The three beats for each instance: fetch (examination, earlier ones of its UID, its order), decide (domain/gateway), store.
 * What cannot be done now is given back and done later; nothing is lost by that, and nothing of the same study overtakes.
 */

import { parseAttributePath } from '@fiducial/core/domain/gateway/attribute-path.ts'
import { type Backoff, nextWaitMs } from '@fiducial/core/domain/gateway/backoff.ts'
import { formatGatewayEvent } from '@fiducial/core/domain/gateway/gateway-events.ts'
import {
  judgePassage,
  NOTHING_MADE,
  type PassageJudgement,
  type Preparation,
  planWay,
  type Way,
  type WayInput,
} from '@fiducial/core/domain/gateway/judgement.ts'
import { type Examination, standingOf } from '@fiducial/core/domain/gateway/passage.ts'
import { attributesAsked, type Routes } from '@fiducial/core/domain/gateway/routes.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { OrderFacts } from '../seal-at-gateway.ts'
import type { SealShelf } from './device-seals.ts'
import type { Attempted, Examiner, ExamineTask, PrepareTask } from './examiner.ts'
import type { SpoolingIntake } from './intake.ts'
import { codeOf } from './loop.ts'
import type { Observe } from './observation.ts'
import type { EarlierInstance, InstanceStore, Spool, StoredInstance } from './ports.ts'
import type { RecentInstances } from './recent-instances.ts'
import type { Relaying } from './relaying.ts'
import type { SendersFirst } from './senders-first.ts'

/** What is known about the order of an instance; null where nothing is. @throws {StoreError} */
export type FindOrder = (instance: StoredInstance, examination: Examination) => Promise<OrderFacts | null>

export interface JudgingOptions {
  readonly store: InstanceStore
  readonly spool: Spool
  /** Seal files that the gateway made. */
  readonly seals: Spool
  /** Seals that devices handed over. */
  readonly deviceSeals?: Pick<SealShelf, 'find'>
  readonly examiner: Examiner
  readonly intake: Pick<SpoolingIntake, 'settled'>
  /** Whether the bytes of an instance may not be what they were: those that another process has taken in. */
  readonly isToBeChecked: (instance: StoredInstance) => boolean
  /** In force now. */
  readonly routes: () => Routes
  readonly findOrder?: FindOrder
  /** Whether the custody log takes no events now. */
  readonly isLogAway: () => boolean
  readonly now: () => Date
  /** 0 up to, not including, 1. */
  readonly chance: () => number
  readonly observe: Observe
  /** Of this process. */
  readonly owner: string
  /** No other process takes instances in. */
  readonly isAlone: boolean
  /** How long others leave a claimed instance alone. Default: 60,000. */
  readonly leaseMs?: number
  /** Attempts after which an instance that kills its thread is held back. Default: 3. */
  readonly attemptsLimit?: number
  /** How long to wait for an examiner that is away, before routes are asked what to do without one. Default: 30,000. */
  readonly patienceMs?: number
  readonly recent: RecentInstances
  /** What goes out while it comes. */
  readonly relaying?: Pick<Relaying, 'judged'>
  /** Whom to let go first, after a rest. */
  readonly sendersFirst?: SendersFirst
  /** Called where there is something to send, or to log. */
  readonly onJudged: () => void
}

const LEASE_MS = 60_000
const ATTEMPTS = 3
/** Beyond those, attempts with nothing else under way: whoever dies then was killed by this instance. */
const ATTEMPTS_ALONE = 3
const PATIENCE_MS = 30_000
/** Instances in hand for each thread: enough that several are claimed at once. */
const DEPTH = 8
/** An earlier instance of the same UID is about to be judged. */
const SOON_MS = 50
/** A record whose file is not there may be about to get one, from another process. */
const YOUNG_MS = 60_000
/** Of many copies of one image, so many are asked what they reached. */
const SAME_LIMIT = 32

const RETRY: Backoff = { firstMs: 1_000, longestMs: 60_000, jitter: 0.5, attemptsLimit: null, giveUpAfterMs: null }
/** Also where no route asks for it: by it, an image is found to belong to an order. */
export const ACCESSION_NUMBER = 'AccessionNumber'
const ALWAYS_ASKED = [parseAttributePath(ACCESSION_NUMBER)].filter((path) => path !== undefined)

type Asked = (ExamineTask | PrepareTask)['kind']

/** Given back, to be judged later. */
interface Later {
  readonly notBefore: Date
  /** Whether it counts as an attempt. */
  readonly counts: boolean
}

export class Judging {
  readonly #options: JudgingOptions
  /** Instances that this process works on. */
  readonly #inHand = new Map<string, Promise<void>>()
  /** By SOP Instance UID, what is under way for it: of two, the second one has to see what became of the first. */
  readonly #lines = new Map<string, Promise<void>>()
  /** Under suspicion, and looked at as soon as nothing else is under way. */
  #suspect: StoredInstance | undefined
  #call: (() => void) | undefined
  /** By what was asked of the examiner and not done: threads may look at images, and have no room for copies. */
  readonly #awaySince = new Map<Asked, Date>()

  constructor(options: JudgingOptions) {
    this.#options = options
  }

  /** Whether threads come up and work. */
  get isExaminerAway(): boolean {
    return this.#awaySince.size > 0
  }

  /** Says that there is something to judge, to a round that is under way. */
  call(): void {
    this.#options.sendersFirst?.came()
    this.#call?.()
  }

  /**
   * Judges until nothing is left to be judged now.
   * @returns whether there was anything
   * @throws {StoreError} where the store does not answer
   */
  async work(signal: AbortSignal): Promise<boolean> {
    const { store, examiner, owner, now, leaseMs = LEASE_MS } = this.#options
    const depth = examiner.threads * DEPTH
    let hasWorked = false
    let failure: unknown
    const onFailure = (error: unknown): void => {
      failure ??= error
    }
    await this.#options.sendersFirst?.wait(signal)
    for (;;) {
      const called = new Promise<void>((resolve) => {
        this.#call = resolve
      })
      const isClaiming =
        failure === undefined && !signal.aborted && this.#suspect === undefined && this.#inHand.size <= depth / 2
      const free = isClaiming ? depth - this.#inHand.size : 0
      if (free > 0) {
        const claimed = await store.claimReceived({ owner, now: now(), leaseMs, limit: free })
        for (const instance of claimed) {
          if (this.#inHand.has(instance.id)) continue
          hasWorked = true
          if (!this.#isSuspect(instance)) this.#take(instance, onFailure)
          else if (this.#suspect === undefined) this.#suspect = instance
          else await this.#giveBack(instance)
        }
        if (claimed.length === 0 && this.#inHand.size === 0) break
      } else if (this.#inHand.size === 0 && this.#suspect === undefined) break
      if (this.#suspect !== undefined && this.#inHand.size === 0) await this.#takeAlone(this.#suspect, onFailure)
      if (this.#inHand.size === 0) continue
      await Promise.race([...this.#inHand.values(), ...(free > 0 ? [called] : [])])
    }
    this.#call = undefined
    if (failure !== undefined) throw failure
    return hasWorked
  }

  /**
   * Whether processes have ended so often with it in hand that it may have ended them. With it, all that were in hand come under
   * suspicion; so each is looked at alone, and what is innocent passes.
   */
  #isSuspect({ attempts }: StoredInstance): boolean {
    return attempts > (this.#options.attemptsLimit ?? ATTEMPTS)
  }

  /** Judges one while nothing else is under way. */
  async #takeAlone(instance: StoredInstance, onFailure: (error: unknown) => void): Promise<void> {
    this.#take(instance, onFailure)
    await this.#inHand.get(instance.id)
    this.#suspect = undefined
  }

  /** Another one is looked at first: this claim was no attempt. */
  async #giveBack({ id }: StoredInstance): Promise<void> {
    const { store, owner } = this.#options
    await store.postpone(id, owner, this.#in(SOON_MS), false)
  }

  #take(instance: StoredInstance, onFailure: (error: unknown) => void): void {
    const done = this.#inLine(instance)
      .catch(onFailure)
      .finally(() => this.#inHand.delete(instance.id))
    this.#inHand.set(instance.id, done)
  }

  /**
   * Instances of one UID pass one after the other.
   *
   * Known flaw: in another process, an instance of the same UID with an earlier id may be taken down while this one is under
   * way, if the clocks of the two differ. Both then pass as new, and the log has both.
   */
  async #inLine(instance: StoredInstance): Promise<void> {
    const uid = instance.sopInstanceUid
    if (uid === null) return this.#judge(instance)
    const before = this.#lines.get(uid)
    const done = (before ?? Promise.resolve()).then(() => this.#judge(instance))
    const settled = done.catch(() => undefined)
    this.#lines.set(uid, settled)
    try {
      await done
    } finally {
      if (this.#lines.get(uid) === settled) this.#lines.delete(uid)
    }
  }

  async #judge(instance: StoredInstance): Promise<void> {
    const { store, intake, owner } = this.#options
    // A record may be seen before its file is whole. Where that fails, nothing of it is left.
    if ((await intake.settled(instance.id)) === false) return
    try {
      const later = await this.#pass(instance)
      if (later !== undefined) await store.postpone(instance.id, owner, later.notBefore, later.counts)
    } catch (error) {
      // Somebody else has judged it: our lease had run out.
      if (error instanceof StoreError && error.code === 'instance_moved') return
      await store.postpone(instance.id, owner, this.#in(RETRY.firstMs), false).catch(() => undefined)
      throw error
    }
  }

  /** @returns where it has to wait, until when */
  async #pass(instance: StoredInstance): Promise<Later | undefined> {
    const path = await this.#find(instance)
    if (typeof path !== 'string') return path
    const earlier = await this.#earlier(instance, instance.sopInstanceUid)
    // Looking at it would be in vain: how it stands is not known before the other one is judged.
    if (earlier.some(({ state }) => state === 'received')) return { notBefore: this.#in(SOON_MS), counts: false }
    const looked = await this.#examine(instance, { path, earlier })
    if (looked === 'damaged') return this.#drop(instance)
    if ('notBefore' in looked) return looked
    const input = await this.#compare(instance, { examination: looked.examination, earlier })
    if ('notBefore' in input) return input
    const way = planWay(this.#options.routes(), input)
    if (way.isWaitingForLog) return { notBefore: this.#in(RETRY.firstMs), counts: false }
    const made = await this.#prepare(instance, { path, way, input })
    if ('notBefore' in made) return made
    const { preparation, isFailed } = made
    // What kills the thread that makes its copies is held back like what kills the one that looks at it.
    const final = isFailed ? { ...input, examination: { state: 'failed' } as const } : input
    const finalWay = isFailed ? planWay(this.#options.routes(), final) : way
    await this.#takeDown(instance, { input: final, way: finalWay, preparation, cpuMs: looked.cpuMs + made.cpuMs })
    return undefined
  }

  /** The path of its bytes; undefined for an instance that is lost. */
  async #find(instance: StoredInstance): Promise<string | Later | undefined> {
    try {
      return await this.#options.spool.pathOf(instance.spoolKey)
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'spool_corrupted') throw error
      return this.#drop(instance)
    }
  }

  /**
   * The file of an instance is gone, or not whole. After a power cut that is so for what was never acknowledged; nobody can
   * tell it from what was, so it is told of.
   */
  async #drop({ id, spoolKey, receivedAt }: StoredInstance): Promise<Later | undefined> {
    const { spool, store, now, observe, isAlone } = this.#options
    // Another process may be about to finish it.
    const isYoung = !isAlone && now().getTime() - receivedAt.getTime() < YOUNG_MS
    if (isYoung) return { notBefore: this.#in(RETRY.firstMs), counts: false }
    observe({ kind: 'lost', id })
    await store.withdraw(id)
    await spool.remove(spoolKey)
    return undefined
  }

  async #earlier({ id }: StoredInstance, uid: string | null): Promise<readonly EarlierInstance[]> {
    return uid === null ? [] : this.#options.store.findEarlier(uid, id)
  }

  async #examine(
    instance: StoredInstance,
    { path, earlier }: { readonly path: string; readonly earlier: readonly EarlierInstance[] },
  ): Promise<{ readonly examination: Examination; readonly cpuMs: number } | Later | 'damaged'> {
    const { examiner, routes, isToBeChecked, attemptsLimit = ATTEMPTS } = this.#options
    const { id, sha256, sopClassUid, sopInstanceUid, transferSyntaxUid, attempts } = instance
    // Each of the earlier attempts ended this whole process, or took too long for its lease; the last ones were its own.
    if (attempts > attemptsLimit + ATTEMPTS_ALONE) return { examination: { state: 'failed' }, cpuMs: 0 }
    const attempted = await examiner.examine({
      kind: 'examine',
      path,
      sha256,
      isToBeChecked: isToBeChecked(instance),
      stated: { sopClassUid, sopInstanceUid, transferSyntaxUid },
      attributes: [...ALWAYS_ASKED, ...attributesAsked(routes())],
      sealPath: await this.#sealOf(instance, earlier),
    })
    const answer = this.#answerOf('examine', { id, attempts }, attempted)
    if (answer === 'damaged') return answer
    if (answer === 'failed') return { examination: { state: 'failed' }, cpuMs: 0 }
    if (answer === 'without') return { examination: { state: 'unexamined' }, cpuMs: 0 }
    return 'notBefore' in answer ? answer : { examination: answer.value, cpuMs: answer.cpuMs }
  }

  /** What follows from how a task went. */
  #answerOf<Value>(
    asked: Asked,
    { id, attempts }: Pick<StoredInstance, 'id' | 'attempts'>,
    attempted: Attempted<Value>,
  ): Extract<Attempted<Value>, { outcome: 'done' }> | Later | 'failed' | 'without' | 'damaged' {
    const { now, observe, chance, attemptsLimit = ATTEMPTS, patienceMs = PATIENCE_MS } = this.#options
    if (attempted.outcome === 'unavailable') {
      if (!this.isExaminerAway) observe({ kind: 'examiner_away' })
      const since = this.#awaySince.get(asked) ?? now()
      this.#awaySince.set(asked, since)
      const isPatient = now().getTime() - since.getTime() < patienceMs
      return isPatient ? { notBefore: this.#in(RETRY.firstMs), counts: false } : 'without'
    }
    if (this.#awaySince.delete(asked) && !this.isExaminerAway) observe({ kind: 'examiner_back' })
    if (attempted.outcome === 'done') return attempted
    if (attempted.outcome === 'damaged') return 'damaged'
    observe({ kind: 'examiner_died', id, attempt: attempts })
    if (attempts >= attemptsLimit) return 'failed'
    const waitMs = nextWaitMs(RETRY, { count: attempts, sinceMs: 0 }, chance()) ?? RETRY.longestMs
    return { notBefore: this.#in(waitMs), counts: true }
  }

  /** Where the seal of its device lies, or the one that the gateway made when the same instance came before. */
  async #sealOf({ sopInstanceUid }: StoredInstance, earlier: readonly EarlierInstance[]): Promise<string | null> {
    const { store, seals, deviceSeals } = this.#options
    if (sopInstanceUid === null) return null
    const handedOver = await deviceSeals?.find(sopInstanceUid)
    if (handedOver !== undefined) return handedOver
    for (const one of earlier.toReversed().slice(0, SAME_LIMIT)) {
      const sealed = (await store.get(one.id))?.sealed
      if (sealed == null) continue
      try {
        return await seals.pathOf(sealed.sealKey)
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'spool_corrupted') throw error
      }
    }
    return null
  }

  async #compare(
    instance: StoredInstance,
    { examination, earlier }: { readonly examination: Examination; readonly earlier: readonly EarlierInstance[] },
  ): Promise<WayInput | Later> {
    const { sha256, sopInstanceUid } = instance
    const description = examination.state === 'examined' ? examination.description : null
    // What a file says at its start need not be what it says.
    const uid = description?.instance.sopInstanceUid ?? null
    const others = uid === sopInstanceUid ? [] : await this.#earlier(instance, uid)
    const found = new Map([...earlier, ...others].map((one) => [one.id, one]))
    const { standing, same, isRejectedBefore } = standingOf({ sha256, description }, [...found.values()])
    if (standing === 'unknown') return { notBefore: this.#in(SOON_MS), counts: false }
    const reached = await this.#reachedBy(same)
    const isLogAway = this.#options.isLogAway()
    return { received: instance, examination, standing, isRejectedBefore, isLogAway, reached }
  }

  /** Destinations that have the same content, or are about to get it. */
  async #reachedBy(same: readonly EarlierInstance[]): Promise<ReadonlySet<string>> {
    const reached = new Set<string>()
    for (const { id } of same.slice(-SAME_LIMIT)) {
      const earlier = await this.#options.store.get(id)
      for (const { destination } of earlier?.deliveries ?? []) reached.add(destination)
    }
    return reached
  }

  async #prepare(
    instance: StoredInstance,
    { path, way, input }: { readonly path: string; readonly way: Way; readonly input: WayInput },
  ): Promise<{ readonly preparation: Preparation; readonly cpuMs: number; readonly isFailed: boolean } | Later> {
    const { examiner, findOrder, routes } = this.#options
    const { id, sha256, spoolKey, origin, receivedAt, attempts } = instance
    const { isToBeSealed, orders } = way
    const isHeld = way.held.includes('examination_failed')
    if (isHeld || (!isToBeSealed && orders.length === 0))
      return { preparation: NOTHING_MADE, cpuMs: 0, isFailed: false }
    const order = isToBeSealed ? ((await findOrder?.(instance, input.examination)) ?? null) : null
    const attempted = await examiner.prepare({
      kind: 'prepare',
      path,
      sha256,
      pixels: input.examination.state === 'examined' ? input.examination.description.digests.pixels : null,
      arrival: isToBeSealed ? { origin, receivedAt, order } : null,
      besideKey: way.decision.route?.relay == null ? null : spoolKey,
      orders,
      profiles: Object.fromEntries(routes().profiles),
    })
    const answer = this.#answerOf('prepare', { id, attempts }, attempted)
    // Whether it is the instance that is damaged, or a copy, shows when it is examined again.
    if (answer === 'damaged') return { notBefore: this.#in(RETRY.firstMs), counts: false }
    if (answer === 'failed') return { preparation: NOTHING_MADE, cpuMs: 0, isFailed: true }
    if (answer === 'without') return { preparation: withoutExaminer(way), cpuMs: 0, isFailed: false }
    return 'notBefore' in answer ? answer : { preparation: answer.value, cpuMs: answer.cpuMs, isFailed: false }
  }

  async #takeDown(
    instance: StoredInstance,
    {
      input,
      way,
      preparation,
      cpuMs,
    }: { readonly input: WayInput; readonly way: Way; readonly preparation: Preparation; readonly cpuMs: number },
  ): Promise<void> {
    const { store, now, observe, owner, relaying, onJudged } = this.#options
    const at = now()
    const judgement = judgePassage(input, way, preparation, at)
    const events = judgement.events.map((event) => ({ news: formatGatewayEvent(event) }))
    try {
      await store.judge(instance.id, owner, { ...judgement, events }, at)
    } catch (error) {
      await this.#discard(judgement)
      throw error
    }
    const { state, route, reasons, verdict, sealed } = judgement
    const { description, otherKeys, deliveries } = judgement
    relaying?.judged(instance, state === 'forwarding' ? deliveries : [])
    if (state === 'forwarding') this.#options.recent.put({ ...instance, description, otherKeys })
    observe({
      kind: 'judged',
      id: instance.id,
      state,
      route,
      reasons,
      failedOpen: way.decision.failedOpen,
      verdict: verdict?.verdict ?? null,
      level: verdict?.level ?? null,
      isSealedHere: sealed !== null,
      lengthBytes: instance.lengthBytes,
      cpuMs,
      sinceReceivedMs: at.getTime() - instance.receivedAt.getTime(),
    })
    onJudged()
  }

  /** Removes copies of a judgement that did not take effect, unless it did after all. */
  async #discard({ sealed, otherKeys }: PassageJudgement): Promise<void> {
    const { store, spool, seals, observe } = this.#options
    try {
      for (const key of [...otherKeys, ...(sealed === null ? [] : [sealed.spoolKey])]) {
        if (!(await store.knowsKey(key))) await spool.remove(key)
      }
      if (sealed !== null && !(await store.knowsKey(sealed.sealKey))) await seals.remove(sealed.sealKey)
    } catch (error) {
      // They are left over, and go when the gateway starts again.
      observe({ kind: 'trouble', where: 'spool', code: codeOf(error) })
    }
  }

  #in(ms: number): Date {
    return new Date(this.#options.now().getTime() + ms)
  }
}

/** Nothing can be made: the route says whether the instance goes on without. */
const withoutExaminer = ({ isToBeSealed, orders }: Way): Preparation => ({
  sealed: null,
  sealFailure: isToBeSealed ? 'service_unreachable' : null,
  copies: orders.map((order) => ({ ...order, outcome: 'failed', code: 'service_unreachable' })),
})
