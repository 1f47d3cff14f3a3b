/** Usage error: the command line asks for something that makes no sense, which only its author can mend. */

export class UsageError extends Error {
  /** What to type instead, where that is plain. */
  readonly hint: string | undefined
  constructor(message: string, hint?: string) {
    super(message)
    this.name = 'UsageError'
    this.hint = hint
  }
}
