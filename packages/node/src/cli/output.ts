/**
 * Output: what a command says, and where.
 *
 * With --json, standard output carries one JSON object for each result and nothing else; without it, prose. Notes go
 * to standard error. Progress is drawn there, too, and only on a terminal, below everything that is said.
 */
import { type Style, styleFor } from './style.ts'
import type { Screen, Terminal } from './terminal.ts'
import { cut } from './visible.ts'

const REDRAW_MS = 100
const DEFAULT_COLUMNS = 100
/** Narrower terminals are written to as if they were this wide. */
const LEAST_COLUMNS = 40
const WIPE = '\r\x1b[2K'

export class Output {
  readonly isJson: boolean
  /** For standard output. */
  readonly style: Style
  /** For standard error. */
  readonly noteStyle: Style
  /** Characters that fit a line of standard output. */
  readonly columns: number
  /** Whether lines of standard output have to fit: those that go to a file are never cut. */
  readonly isCut: boolean
  readonly #stdout: Screen
  readonly #stderr: Screen
  /** The line of progress that stands at the bottom; empty where there is none. */
  #progress = ''
  #drawnAt = Number.NEGATIVE_INFINITY

  constructor({ stdout, stderr, env }: Pick<Terminal, 'stdout' | 'stderr' | 'env'>, isJson: boolean) {
    this.isJson = isJson
    this.#stdout = stdout
    this.#stderr = stderr
    this.style = styleFor(stdout, env)
    this.noteStyle = styleFor(stderr, env)
    this.isCut = stdout.isTTY === true
    this.columns = Math.max(LEAST_COLUMNS, stdout.columns ?? DEFAULT_COLUMNS)
  }

  /** Whether progress can be seen. */
  get showsProgress(): boolean {
    return this.#stderr.isTTY === true
  }

  /** One result for programs; nothing without --json. */
  record(value: object): void {
    if (this.isJson) this.#write(this.#stdout, `${JSON.stringify(value)}\n`)
  }

  /** A line for people; nothing with --json. */
  line(text = ''): void {
    if (!this.isJson) this.#write(this.#stdout, `${text}\n`)
  }

  /** A line beside the results, in both cases. */
  note(text: string): void {
    this.#write(this.#stderr, `${text}\n`)
  }

  /** Bytes or text as they are, such as PEM. */
  raw(text: string): void {
    this.#write(this.#stdout, text)
  }

  /** Draws one line of progress in place of the last one; often called, it draws ten times a second. */
  progress(text: () => string): void {
    if (!this.showsProgress) return
    const now = performance.now()
    if (now - this.#drawnAt < REDRAW_MS) return
    this.#drawnAt = now
    this.#progress = cut(text(), (this.#stderr.columns ?? DEFAULT_COLUMNS) - 1)
    this.#stderr.write(WIPE + this.#progress)
  }

  /** Takes the line of progress away. */
  endProgress(): void {
    if (this.#progress === '') return
    this.#stderr.write(WIPE)
    this.#progress = ''
  }

  #write(screen: Screen, text: string): void {
    if (this.#progress !== '') this.#stderr.write(WIPE)
    screen.write(text)
    if (this.#progress !== '') this.#stderr.write(this.#progress)
  }
}
