/**
 * Rooms: simulated rooms that work through their day and send to a gateway, and somebody who sends what he should not.
 *
 * One room seals at capture and hands its seals over; the others do not, and the gateway seals for them, tied to what they
 * report of their orders. Every image is marked as synthetic, and every name says DEMO.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addNodule } from '@fiducial/core/domain/forge/forgeries.ts'
import type { ExposureKind } from '@fiducial/core/domain/room/plan.ts'
import { Loop, type Pause } from '../services/gateway/loop.ts'
import type { GatewayLogger } from '../telemetry/logger.ts'
import type { RoomTask, Taken } from '../workers/room-work.ts'
import { type RoomTarget, reportStep, sendFiles } from './send.ts'

export interface RoomsOptions {
  readonly target: RoomTarget
  /** Takes pictures in a thread. */
  readonly take: (task: RoomTask) => Promise<Taken>
  /** Hands the seal of an image over. */
  readonly handOver: (seal: Uint8Array) => Promise<void>
  readonly logger: GatewayLogger
  readonly pause: Pause
  readonly now: () => Date
  readonly seed: string
  /** Between two exposures. Default: 3,000. */
  readonly intervalMs?: number
}

interface Step {
  /** AE title of the room. */
  readonly aet: string
  readonly kind: ExposureKind
  readonly isSealed: boolean
}

const INTERVAL_MS = 3_000
const SLICES = 3
/** A day in the hospital, over and over; the forger comes after the first room. */
const DAY: readonly (Step | 'forger')[] = [
  { aet: 'DEMO_DX1', kind: 'chest', isSealed: true },
  { aet: 'DEMO_CT1', kind: 'ct', isSealed: false },
  { aet: 'DEMO_CR1', kind: 'hand', isSealed: false },
  'forger',
  { aet: 'DEMO_MR1', kind: 'mr', isSealed: false },
]
const FORGER = 'DEMO_WS7'

/** Works until it is stopped. */
export class Rooms {
  readonly #options: RoomsOptions
  readonly #folder = mkdtempSync(join(tmpdir(), 'fiducial-rooms-'))
  readonly #loop: Loop
  #count = 0
  /** The newest image that its room sealed. */
  #victim: string | undefined

  constructor(options: RoomsOptions) {
    this.#options = options
    const { pause, logger, intervalMs = INTERVAL_MS } = options
    this.#loop = new Loop({
      name: 'rooms',
      pause,
      idleMs: intervalMs,
      work: async () => {
        await this.#next()
        return false
      },
      onTrouble: (_where, code) => logger.warn('a simulated room could not send', { part: 'demo', code }),
    })
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #next(): Promise<void> {
    const step = DAY[this.#count % DAY.length] as Step | 'forger'
    const number = this.#count++
    await (step === 'forger' ? this.#forge(number) : this.#expose(step, number))
  }

  async #expose({ aet, kind, isSealed }: Step, number: number): Promise<void> {
    const { take, handOver, target, seed, now } = this.#options
    const folder = join(this.#folder, String(number))
    const taken = await take({
      ...{ kind, folder, isSealed, sliceCount: SLICES },
      seed: `${seed}/${number}`,
      at: momentOf(now()),
    })
    await reportStep(target, aet, taken, now())
    for (const { sealPath } of taken.files)
      if (sealPath !== null) await handOver(new Uint8Array(readFileSync(sealPath)))
    await sendFiles(
      target,
      aet,
      taken.files.map(({ path }) => path),
    )
    const [first] = taken.files
    if (isSealed && first !== undefined) {
      if (this.#victim !== undefined) rmSync(join(this.#victim, '..', '..'), { recursive: true, force: true })
      this.#victim = first.path
    } else {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  /** A spot in a lung that was never there, under the name of a genuine image. */
  async #forge(number: number): Promise<void> {
    if (this.#victim === undefined) return
    const path = join(this.#folder, `${number}.dcm`)
    writeFileSync(path, addNodule(new Uint8Array(readFileSync(this.#victim))))
    await sendFiles(this.#options.target, FORGER, [path])
    rmSync(path, { force: true })
  }
}

/** Local time with its zone, as the room takes it. */
function momentOf(date: Date): string {
  const two = (number: number): string => String(Math.abs(number)).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  const time = [two(date.getHours()), two(date.getMinutes()), two(date.getSeconds())].join(':')
  const offset = -date.getTimezoneOffset()
  return `${day}T${time}.000${offset < 0 ? '-' : '+'}${two(Math.trunc(offset / 60))}:${two(offset % 60)}`
}
