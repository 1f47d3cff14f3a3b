/**
 * Demo: one simulated X-ray room from the first exposure to the last forgery.
 *
 * Keys, capture, seal, verify, forge, verify again: each step is what the other commands do, over images that come
 * from no patient. Ends with 0 only if every genuine image is authentic and no forgery is.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { showImage } from '@fiducial/core/domain/forge/show.ts'
import { ACQUISITION_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { encodePem } from '@fiducial/core/formats/x509/pem.ts'
import { SEAL_SUFFIX } from '../adapters.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { withHint } from '../failure.ts'
import { formatBytes } from '../progress.ts'
import type { VerifyRecord } from '../verify-record.ts'
import { judgeStudies } from '../verify-studies.ts'
import type { SealSettings, SealTask, VerifySettings, VerifyTask } from '../work.ts'
import { type Captured, takeAnother, takePictures } from './captures.ts'
import {
  BACK_DATED,
  BYTE_CRIMES,
  type Crime,
  KEY_CRIMES,
  type KeyCrime,
  MARK_CRIMES,
  OTHER_SEAL,
  UNKNOWN,
} from './crimes.ts'
import { DemoCustody } from './custody.ts'
import { type DemoKeys, makeForger, makeHospital } from './keys.ts'
import type { DemoOptions } from './options.ts'
import { drawForgery, drawPreview } from './pictures.ts'
import { DemoReport, type Outcome } from './report.ts'

/** Says that a folder may be written over. */
const MARKER = 'DEMO.txt'
const FOLDERS = ['captured', 'sealed', 'archive', 'forged', 'pictures'] as const
const VICTIM = 'chest.dcm'
const CINE = 'cine.dcm'
/** What somebody takes out of the archive. */
const DELETED = 'ct/2.dcm'
const DAY_MS = 86_400_000

export async function runDemo(options: DemoOptions, context: Context): Promise<ExitCode> {
  clearFolder(options.out)
  const temporary = mkdtempSync(join(tmpdir(), 'fiducial-demo-'))
  const removeKeys = (): void => rmSync(temporary, { recursive: true, force: true })
  process.once('exit', removeKeys)
  try {
    return await new Demo(options, temporary, context).run()
  } finally {
    removeKeys()
    process.off('exit', removeKeys)
  }
}

/** Takes away what an earlier demonstration left, and nothing else. */
function clearFolder(out: string): void {
  if (!existsSync(out)) return
  if (!existsSync(join(out, MARKER)) && readdirSync(out).length > 0) {
    throw withHint(
      new StoreError('output_exists', `${out} exists and holds no demonstration`),
      'give another folder: fiducial demo --out FOLDER',
    )
  }
  for (const folder of FOLDERS) rmSync(join(out, folder), { recursive: true, force: true })
}

class Demo {
  readonly #options: DemoOptions
  readonly #temporary: string
  readonly #context: Context
  readonly #report: DemoReport

  constructor(options: DemoOptions, temporary: string, context: Context) {
    this.#options = options
    this.#temporary = temporary
    this.#context = context
    this.#report = new DemoReport(context.output)
  }

  async run(): Promise<ExitCode> {
    const report = this.#report
    report.begin()
    // Keys are found on other threads while this one takes the pictures.
    const making = Promise.all([
      makeHospital(this.#hospitalHome(), this.#context),
      makeForger(join(this.#temporary, 'forger'), this.#context),
    ])
    making.catch(() => undefined)
    const captured = await this.#capture()
    const [keys, forger] = await making
    report.showKeys(keys.ring.list())
    const { roots, crls } = keys.ring.trust()
    const blocks = [
      ...roots.map(({ bytes }) => ({ label: 'CERTIFICATE', bytes })),
      ...crls.map(({ bytes }) => ({ label: 'X509 CRL', bytes })),
    ]
    await this.#write('trust.pem', blocks.map(encodePem).join(''))

    const custody = await DemoCustody.make(keys, this.#context)
    await this.#write('log.policy', await custody.readPolicy())
    await this.#seal(captured, keys, custody)
    const settings = await this.#settings(keys, custody)
    await this.#send(captured, custody)
    const genuine = await this.#verify(this.#tasks(captured, 'sealed'), settings)
    report.showGenuine(genuine)

    const crimes = [
      ...(await this.#forgeBytes()),
      ...(await this.#forgeMarked()),
      ...(await this.#forgeWithKeys(keys, forger)),
      ...(await this.#forgeAgainstLog(keys, custody)),
    ]
    const verdicts = await this.#verify(
      crimes.map(({ id }) => ({ label: id, path: this.#path('forged', `${id}.dcm`) })),
      settings,
    )
    const outcomes = crimes.map((crime, i): Outcome => ({ crime, record: verdicts[i] as VerifyRecord }))
    report.showForgeries(outcomes)
    const isMissed = await this.#deleteOne(captured, keys, settings)

    const pictures = await this.#draw()
    await this.#write(MARKER, report.describeFolder(this.#options, outcomes, pictures))
    report.end(this.#options, outcomes, this.#options.keep === true ? keys.home : undefined)
    const isRight =
      isMissed &&
      genuine.every(({ verdict }) => verdict === 'authentic') &&
      outcomes.every(({ record }) => record.verdict !== 'authentic')
    return isRight ? EXIT.ok : EXIT.notAuthentic
  }

  /** The hospital has the keys of its devices, and so reads what they have marked. */
  async #settings({ ring, home }: DemoKeys, custody: DemoCustody): Promise<VerifySettings> {
    const devices = await this.#context.adapters.mark.known(home, {})
    const marks = { devices, imageKeys: [], home }
    return { anchors: ring.trust(), policy: ACQUISITION_POLICY, ...custody.verifySettings(), marks }
  }

  #hospitalHome(): string {
    if (this.#options.keep !== true) return join(this.#temporary, 'hospital')
    const home = join(this.#context.home, 'demo')
    rmSync(home, { recursive: true, force: true })
    return home
  }

  async #capture(): Promise<readonly Captured[]> {
    const { interruption } = this.#context.terminal
    const captured: Captured[] = []
    let bytes = 0
    for (const picture of takePictures(String(this.#options.seed), momentOf(new Date()))) {
      interruption.throwIfAborted()
      captured.push(picture)
      const file = joinBytes(picture.file)
      bytes += file.length
      await this.#write(join('captured', picture.name), file)
      // Lets the threads that look for keys report.
      await nextTurn()
    }
    this.#report.showCaptured(captured, formatBytes(bytes))
    return captured
  }

  async #seal(captured: readonly Captured[], keys: DemoKeys, { facts }: DemoCustody): Promise<void> {
    const groups = Map.groupBy(captured, ({ kind }) => kind)
    for (const [kind, pictures] of groups) {
      const tasks = pictures.map(({ name }) => ({
        label: name,
        path: this.#path('captured', name),
        target: this.#path('sealed', name),
      }))
      // Slices rarely leave their files; radiographs end up in slides and mails.
      const layers = kind === 'chest' || kind === 'hand' ? 'both' : 'tiles'
      const more = { logFolder: facts.folder, mark: { layers } } as const
      await this.#sealAll(tasks, { ...keys, device: keys.devices[kind] }, more)
    }
    this.#report.showSealed(captured.length)
  }

  /** Copies what was sealed into the archive, and has both recorded. */
  async #send(captured: readonly Captured[], custody: DemoCustody): Promise<void> {
    for (const { name } of captured) {
      await this.#write(join('archive', name), await this.#read('sealed', name))
      await this.#write(join('archive', `${name}${SEAL_SUFFIX}`), await this.#read('sealed', `${name}${SEAL_SUFFIX}`))
    }
    const images = captured.map(({ name }) => ({
      path: this.#path('sealed', name),
      archived: this.#path('archive', name),
    }))
    this.#report.showRecorded(captured.length, await custody.record(images))
  }

  /** Takes one image out of the archive. @returns whether it is missed, and was not before */
  async #deleteOne(captured: readonly Captured[], { home }: DemoKeys, settings: VerifySettings): Promise<boolean> {
    const context = { ...this.#context, home }
    const study = captured.filter(({ kind }) => kind === 'ct')
    const judge = async (images: readonly Captured[]) => {
      const [judged] = await judgeStudies(await this.#verify(this.#tasks(images, 'archive'), settings), context)
      return judged
    }
    const before = await judge(study)
    rmSync(this.#path('archive', DELETED))
    rmSync(this.#path('archive', `${DELETED}${SEAL_SUFFIX}`))
    const after = await judge(study.filter(({ name }) => name !== DELETED))
    const isMissed = before?.outcome === 'complete' && after?.outcome === 'incomplete' && after.missing.length === 1
    this.#report.showDeleted(DELETED, after, isMissed)
    return isMissed
  }

  #tasks(captured: readonly Captured[], folder: 'sealed' | 'archive'): readonly VerifyTask[] {
    return captured.map(({ name }) => ({ label: name, path: this.#path(folder, name) }))
  }

  async #sealAll(
    tasks: readonly SealTask[],
    keys: Pick<SealSettings, 'home' | 'device' | 'operator'>,
    more: Pick<SealSettings, 'logFolder' | 'clockOffsetMs' | 'mark'> = {},
  ): Promise<void> {
    const { adapters, terminal } = this.#context
    const { home, device, operator } = keys
    const settings = {
      home,
      device,
      operator,
      secrets: {},
      isSeries: false,
      isOverwriting: true,
      isStatusIgnored: true,
      ...more,
    }
    for await (const done of adapters.work.seal(streamOf(tasks), settings, terminal.interruption)) {
      if ('failure' in done)
        throw new TypeError(`${done.task.label} was not sealed: ${done.failure.message}`, {
          cause: done.failure.detail,
        })
    }
    terminal.interruption.throwIfAborted()
  }

  async #verify(tasks: readonly VerifyTask[], settings: VerifySettings): Promise<readonly VerifyRecord[]> {
    const { adapters, terminal } = this.#context
    const records: VerifyRecord[] = []
    for await (const done of adapters.work.verify(streamOf(tasks), settings, terminal.interruption)) {
      if ('failure' in done)
        throw new TypeError(`${done.task.label} was not judged: ${done.failure.message}`, {
          cause: done.failure.detail,
        })
      records.push(done.value)
    }
    terminal.interruption.throwIfAborted()
    return records
  }

  /** Forgeries over the bytes of a sealed image. */
  async #forgeBytes(): Promise<readonly Crime[]> {
    for (const { id, victim, apply, keepsSeal } of BYTE_CRIMES) {
      const name = victim === 'cine' ? CINE : VICTIM
      await this.#write(`forged/${id}.dcm`, apply(await this.#read('sealed', name)))
      if (keepsSeal)
        await this.#write(`forged/${id}.dcm${SEAL_SUFFIX}`, await this.#read('sealed', `${name}${SEAL_SUFFIX}`))
    }
    await this.#write(`forged/${OTHER_SEAL.id}.dcm`, await this.#read('sealed', VICTIM))
    await this.#write(`forged/${OTHER_SEAL.id}.dcm${SEAL_SUFFIX}`, await this.#read('sealed', `hand.dcm${SEAL_SUFFIX}`))
    return [...BYTE_CRIMES, OTHER_SEAL]
  }

  /** Forgeries of a marked image, whose mark tells more than its signatures. */
  async #forgeMarked(): Promise<readonly Crime[]> {
    for (const { id, apply, keepsSeal } of MARK_CRIMES) {
      await this.#write(`forged/${id}.dcm`, apply(await this.#read('sealed', VICTIM)))
      if (keepsSeal)
        await this.#write(`forged/${id}.dcm${SEAL_SUFFIX}`, await this.#read('sealed', `${VICTIM}${SEAL_SUFFIX}`))
    }
    return MARK_CRIMES
  }

  /** Forgeries that are sealed anew, with keys that must not count. */
  async #forgeWithKeys(
    keys: DemoKeys,
    forger: Pick<SealSettings, 'home' | 'device' | 'operator'>,
  ): Promise<readonly Crime[]> {
    const sealers: Readonly<Record<KeyCrime['keys'], Pick<SealSettings, 'home' | 'device' | 'operator'>>> = {
      rogue: forger,
      expired: { ...keys, device: keys.expired },
      person: { ...keys, device: keys.operator },
    }
    const original = await this.#read('captured', VICTIM)
    for (const crime of KEY_CRIMES) {
      const path = join(this.#temporary, `${crime.id}.dcm`)
      await this.#context.adapters.writeFile(path, crime.apply(original))
      await this.#sealAll(
        [{ label: crime.id, path, target: this.#path('forged', `${crime.id}.dcm`) }],
        sealers[crime.keys],
      )
    }
    return KEY_CRIMES
  }

  /** Forgeries that only the log tells: an image dated back by those who hold all keys, and one that it never saw. */
  async #forgeAgainstLog(keys: DemoKeys, custody: DemoCustody): Promise<readonly Crime[]> {
    const seed = String(this.#options.seed)
    const offset = -BACK_DATED.days * DAY_MS
    const late = takeAnother(`${seed} back-dated`, momentOf(new Date(Date.now() + offset)))
    const path = join(this.#temporary, `${BACK_DATED.id}.dcm`)
    const target = this.#path('forged', `${BACK_DATED.id}.dcm`)
    await this.#context.adapters.writeFile(path, joinBytes(late.file))
    await this.#sealAll(
      [{ label: BACK_DATED.id, path, target }],
      { ...keys, device: keys.devices.hand },
      { logFolder: custody.facts.folder, clockOffsetMs: offset },
    )
    await custody.record([{ path: target }])
    const unknown = takeAnother(`${seed} unknown`, momentOf(new Date()))
    await this.#write(`forged/${UNKNOWN.id}.dcm`, joinBytes(unknown.file))
    return [BACK_DATED, UNKNOWN]
  }

  /** Draws what can be seen. @returns the names of the pictures */
  async #draw(): Promise<readonly string[]> {
    const names: string[] = []
    const draw = async (name: string, picture: ReturnType<typeof drawForgery>): Promise<void> => {
      this.#context.terminal.interruption.throwIfAborted()
      if (picture === undefined) return
      mkdirSync(dirname(this.#path('pictures', name)), { recursive: true })
      await this.#context.adapters.writePicture(this.#path('pictures', name), picture)
      names.push(name)
    }
    for (const [name, file] of [
      ['chest', VICTIM],
      ['hand', 'hand.dcm'],
      ['ct', 'ct/2.dcm'],
      ['mr', 'mr/2.dcm'],
    ] as const) {
      await draw(`${name}.png`, drawPreview(await this.#read('sealed', file)))
    }
    const sealed = showImage(await this.#read('sealed', VICTIM))
    for (const { id, victim } of BYTE_CRIMES) {
      if (victim !== 'cine')
        await draw(`forged-${id}.png`, drawForgery(sealed, await this.#read('forged', `${id}.dcm`)))
    }
    return names
  }

  #path(...parts: readonly string[]): string {
    return join(this.#options.out, ...parts)
  }

  async #read(...parts: readonly string[]): Promise<Uint8Array> {
    const bytes = await this.#context.adapters.readFile(this.#path(...parts))
    if (bytes === undefined) throw new StoreError('input_missing', `${this.#path(...parts)} is gone`)
    return bytes
  }

  async #write(name: string, content: Uint8Array | string): Promise<void> {
    const path = this.#path(name)
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
    await this.#context.adapters.writeFile(path, bytes)
  }
}

async function* streamOf<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

/** Local time as the room wants it: `2026-03-04T10:11:12.345+01:00`. */
function momentOf(time: Date): string {
  const minutes = -time.getTimezoneOffset()
  const local = new Date(time.getTime() + 60_000 * minutes).toISOString().slice(0, -1)
  const two = (number: number): string => String(number).padStart(2, '0')
  return `${local}${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`
}
