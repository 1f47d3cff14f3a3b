/**
 * Log faults: lets one step of a log's storage fail, before or after it took effect, and lists the steps.
 *
 * A plan is shared by the wrapped ports of one log, so that their calls are one row of steps: a run without a fault
 * says how many there are, and a test then lets each of them fail in turn. What should happen then is left to the test.
 */
import { StoreError } from '@fiducial/core/errors.ts'

/** `before`: nothing has happened. `after`: it has, and the caller is not told. */
export type FaultMoment = 'before' | 'after'

export interface Fault {
  /** Number of the step that fails, from 0: of all steps, or of those with this name. */
  readonly step: number
  readonly name?: string
  readonly moment: FaultMoment
  /**
   * Whether all steps after it fail too, as for a process that has died. Otherwise only that one does.
   * Default: true.
   */
  readonly isFinal?: boolean
}

/** Counts the steps of the ports that are wrapped with it, and lets one fail. */
export class FaultPlan {
  readonly #fault: Fault | undefined
  readonly #steps: string[] = []
  readonly #calls = new Map<string, number>()
  #hasStruck = false

  /** @param fault  none: all steps do what they do, and are listed */
  constructor(fault?: Fault) {
    this.#fault = fault
  }

  /** The steps so far, such as `sequencer.append`, in the order in which they began. */
  get steps(): readonly string[] {
    return this.#steps
  }

  /** Whether the fault has happened. */
  get hasStruck(): boolean {
    return this.#hasStruck
  }

  /** Counts a step; gives back whether it is the one that fails, which {@link fail} wants. @throws as {@link fail} */
  begin(name: string): boolean {
    const step = this.#steps.push(name) - 1
    const call = this.#calls.get(name) ?? 0
    this.#calls.set(name, call + 1)
    const { isFinal = true, name: only } = this.#fault ?? {}
    if (this.#hasStruck && isFinal) throw new StoreError('log_unwritable', `step ${step} fails: all is over`)
    const isDue = only === undefined ? this.#fault?.step === step : only === name && this.#fault?.step === call
    this.fail(isDue, 'before')
    return isDue
  }

  /** @throws {StoreError} `log_unwritable`, if it is the turn of this step and this is the moment */
  fail(isDue: boolean, moment: FaultMoment): void {
    if (!isDue || this.#fault?.moment !== moment) return
    this.#hasStruck = true
    throw new StoreError('log_unwritable', `${moment} step ${this.#fault.step} took effect, as planned`)
  }
}

/**
 * A port whose calls are steps of a plan. `close` is none: it goes through, so that a test can clean up.
 *
 * @param name  of the port in the list of steps
 */
export function withFaults<Port extends object>(name: string, port: Port, plan: FaultPlan): Port {
  return new Proxy(port, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function' || typeof property !== 'string') return value
      const call = (...args: unknown[]): unknown => Reflect.apply(value, target, args)
      if (property === 'close') return call
      const step = `${name}.${property}`
      return (...args: unknown[]): unknown => {
        // An iterable does nothing before it is asked for its first item.
        if (isGenerator(value)) return iterate(step, plan, () => call(...args) as AsyncIterable<unknown>)
        return perform(step, plan, () => call(...args) as Promise<unknown>)
      }
    },
  })
}

type Call = (...args: unknown[]) => unknown

/**
 * Makes the calls of a table of the file system steps of a plan, each of which fails with an error of the system, EIO.
 * What is opened gets closed, whatever fails.
 *
 * @param calls  is changed; those whose names end in `Sync` are called at once
 * @returns puts the calls back
 */
export function faultFiles(calls: object, plan: FaultPlan): () => void {
  const whole = { ...calls } as Readonly<Record<string, Call>>
  const faulty = Object.entries(whole).map(([name, call]) => {
    const step = `files.${name}`
    if (name.endsWith('Sync')) return [name, (...args: unknown[]) => performAtOnce(step, plan, () => call(...args))]
    return [name, (...args: unknown[]) => performOnFile(step, plan, { whole, name, args })]
  })
  Object.assign(calls, Object.fromEntries(faulty))
  return () => Object.assign(calls, whole)
}

function performAtOnce(step: string, plan: FaultPlan, act: () => unknown): unknown {
  try {
    const isDue = plan.begin(step)
    const result = act()
    plan.fail(isDue, 'after')
    return result
  } catch (error) {
    throw asSystemError(error)
  }
}

async function performOnFile(
  step: string,
  plan: FaultPlan,
  { whole, name, args }: { whole: Readonly<Record<string, Call>>; name: string; args: readonly unknown[] },
): Promise<unknown> {
  const done: unknown[] = []
  try {
    const isDue = plan.begin(step)
    done.push(await whole[name]?.(...args))
    plan.fail(isDue, 'after')
    return done[0]
  } catch (error) {
    if (name === 'open' && done.length > 0) await whole.close?.(done[0])
    if (name === 'close' && done.length === 0) await whole.close?.(...args)
    throw asSystemError(error)
  }
}

/** A planned failure as the system would tell of it. */
function asSystemError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error
  return Object.assign(new Error('EIO: as planned', { cause: error }), { code: 'EIO' })
}

async function perform(name: string, plan: FaultPlan, act: () => Promise<unknown>): Promise<unknown> {
  const isDue = plan.begin(name)
  const result = await act()
  plan.fail(isDue, 'after')
  return result
}

async function* iterate(name: string, plan: FaultPlan, act: () => AsyncIterable<unknown>): AsyncGenerator<unknown> {
  const isDue = plan.begin(name)
  yield* act()
  plan.fail(isDue, 'after')
}

/** Whether calling a function gives an iterable, and not a promise. */
function isGenerator(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object AsyncGeneratorFunction]'
}
