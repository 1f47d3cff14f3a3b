/** Message reader and its inverse: messages cut into fragments and put together again. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { toyBytes, toyCommand } from '../../testing/toy-pdus.ts'
import { type FragmentPart, PduReader } from '../dul/pdu-reader.ts'
import { type Command, formatCommand } from './command.ts'
import { MessageReader } from './message-reader.ts'
import { packCommand, packMessage } from './pack-message.ts'

class Recorder {
  readonly messages: unknown[] = []
  readonly reader: MessageReader
  readonly #pieces: Uint8Array[] = []

  constructor(commandBytes?: number) {
    this.reader = new MessageReader(
      {
        onCommand: (contextId, command) => this.messages.push(contextId, command),
        onData: (bytes, isEnd) => {
          this.#pieces.push(new Uint8Array(bytes))
          if (isEnd) this.messages.push(encodeHex(joinBytes(this.#pieces.splice(0))))
        },
      },
      commandBytes,
    )
  }

  readAll(bytes: Uint8Array, step: number): void {
    const pdus = new PduReader({ onPdu: () => assert.fail(), onFragment: (part) => this.reader.read(part) })
    for (let at = 0; at < bytes.length; at += step) pdus.read(bytes.subarray(at, at + step))
  }
}

const ECHO: Command = { kind: 'c_echo_rq', affectedSopClassUid: '1.2', messageId: 1, hasDataSet: false }
const FIND: Command = { kind: 'c_find_rq', affectedSopClassUid: '1.2', messageId: 1, hasDataSet: true }

const part = (over: Partial<FragmentPart>): FragmentPart => ({
  contextId: 1,
  isCommand: true,
  isLast: true,
  isEnd: true,
  bytes: new Uint8Array(0),
  ...over,
})

function refuses(parts: readonly FragmentPart[], commandBytes?: number): void {
  const { reader } = new Recorder(commandBytes)
  for (const one of parts.slice(0, -1)) reader.read(one)
  assert.throws(
    () => reader.read(parts.at(-1) as FragmentPart),
    (error) => error instanceof FormatError && error.code === 'dimse_malformed',
  )
}

describe('MessageReader', () => {
  it('reads messages of any kind, cut for any peer, in any pieces', () => {
    const next = seeded(12)
    for (let i = 0; i < 300; i++) {
      const sent: unknown[] = []
      const pdus: Uint8Array[] = []
      for (let k = 1 + next(4); k > 0; k--) {
        const command = toyCommand(next)
        const contextId = 2 * next(128) + 1
        const dataSet = command.hasDataSet ? toyBytes(next, 500) : null
        pdus.push(packMessage(command, dataSet, { contextId, maximumLength: next(3) === 0 ? null : 8 + next(300) }))
        sent.push(contextId, command, ...(dataSet === null ? [] : [encodeHex(dataSet)]))
      }
      const recorder = new Recorder()
      recorder.readAll(joinBytes(pdus), 1 + next(200))
      assert.deepEqual(recorder.messages, sent)
      assert.ok(recorder.reader.isBetween)
    }
  })

  it('sends a command and a short data set as two PDUs in one buffer', () => {
    const bytes = packMessage(FIND, Uint8Array.of(1, 2), { contextId: 1, maximumLength: 16_384 })
    const length = formatCommand(FIND).length
    assert.equal(bytes.length, 12 + length + 12 + 2)
    assert.deepEqual(packCommand(FIND, { contextId: 1, maximumLength: 16_384 }), bytes.subarray(0, 12 + length))
  })

  it('does not send a data set that its command does not speak of', () => {
    const packing = { contextId: 1, maximumLength: null }
    assert.throws(() => packMessage(ECHO, Uint8Array.of(1), packing), TypeError)
    assert.throws(() => packMessage(FIND, null, packing), TypeError)
  })

  it('refuses fragments that belong to no message', () => {
    const find = formatCommand(FIND)
    refuses([part({ isCommand: false })])
    refuses([part({ bytes: find.subarray(0, 10), isLast: false }), part({ isCommand: false })])
    refuses([part({ bytes: find.subarray(0, 10), isLast: false }), part({ bytes: find.subarray(10), contextId: 3 })])
    refuses([part({ bytes: find }), part({ bytes: find })])
    refuses([part({ bytes: find }), part({ isCommand: false, contextId: 3 })])
    refuses([part({ bytes: formatCommand(ECHO) }), part({ isCommand: false })])
    refuses([part({})])
  })

  it('refuses a command set beyond its limit', () => {
    refuses([part({ bytes: new Uint8Array(101), isLast: false })], 100)
    refuses([part({ bytes: new Uint8Array(60), isLast: false }), part({ bytes: new Uint8Array(60) })], 100)
  })
})
