/**
 * Message reader: puts fragments together to messages: commands whole, data sets as they come.
 *
 * Source: PS3.7 section 6.3, PS3.8 annex E. A message is its command and then, where the command says so, its data set,
 * all in one presentation context; fragments of another message never come between.
 */
import { FormatError } from '../../errors.ts'
import type { FragmentPart } from '../dul/pdu-reader.ts'
import { type Command, parseCommand } from './command.ts'

export interface MessageHandler {
  /** A command, whole; if it has a data set, that follows. */
  onCommand(contextId: number, command: Command): void
  /** The next bytes of its data set: a slice, valid while the handler runs. `isEnd`: the data set ends with them. */
  onData(bytes: Uint8Array, isEnd: boolean): void
}

/** Room for the longest command, with a hundred tags in it. */
export const DEFAULT_COMMAND_BYTES = 16_384

export class MessageReader {
  readonly #handler: MessageHandler
  readonly #buffer: Uint8Array
  #length = 0
  /** Of the message that has begun; undefined between messages. */
  #contextId: number | undefined
  #isDataSet = false

  /** @param commandBytes  longest command set that is taken */
  constructor(handler: MessageHandler, commandBytes: number = DEFAULT_COMMAND_BYTES) {
    this.#handler = handler
    this.#buffer = new Uint8Array(commandBytes)
  }

  /** Between two messages. */
  get isBetween(): boolean {
    return this.#contextId === undefined
  }

  /** Takes the next bytes of a fragment. @throws {FormatError} `dimse_malformed` */
  read({ contextId, isCommand, isLast, bytes, isEnd }: FragmentPart): void {
    this.#contextId ??= contextId
    if (this.#contextId !== contextId) throw malformed('a message goes on in another context')
    if (isCommand === this.#isDataSet) {
      throw malformed(isCommand ? 'a command inside of a data set' : 'a data set without a command')
    }
    if (isCommand) this.#readCommand(contextId, bytes, isLast && isEnd)
    else this.#readData(bytes, isLast && isEnd)
  }

  #readCommand(contextId: number, bytes: Uint8Array, isEnd: boolean): void {
    if (this.#length + bytes.length > this.#buffer.length) {
      throw malformed(`command set of more than ${this.#buffer.length} bytes`)
    }
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
    if (!isEnd) return
    const command = parseCommand(this.#buffer.subarray(0, this.#length))
    this.#length = 0
    this.#isDataSet = command.hasDataSet
    if (!command.hasDataSet) this.#contextId = undefined
    this.#handler.onCommand(contextId, command)
  }

  #readData(bytes: Uint8Array, isEnd: boolean): void {
    if (isEnd) {
      this.#isDataSet = false
      this.#contextId = undefined
    }
    if (bytes.length > 0 || isEnd) this.#handler.onData(bytes, isEnd)
  }
}

const malformed = (what: string): FormatError => new FormatError('dimse_malformed', what)
