/** Command sets of PS3.7: as DCMTK 3.6.7 sends them, as we write them, and what is refused. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHex, encodeHex } from '../../bytes/hex.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { toyCommand } from '../../testing/toy-pdus.ts'
import { COMMAND_FIELDS, type Command, type CommandKind, formatCommand, parseCommand, responseKind } from './command.ts'
import { STATUS, statusClass } from './status.ts'

/** Recorded between echoscu, storescu and storescp. */
const RECORDED: readonly { readonly name: string; readonly hex: string; readonly command: Command }[] = [
  {
    name: 'C-ECHO-RQ',
    hex:
      '00000000040000003800000000000200' +
      '12000000312e322e3834302e31303030382e312e310000000001020000003000' +
      '0000100102000000010000000008020000000101',
    command: { kind: 'c_echo_rq', affectedSopClassUid: '1.2.840.10008.1.1', messageId: 1, hasDataSet: false },
  },
  {
    name: 'C-ECHO-RSP',
    hex:
      '00000000040000004200000000000200' +
      '12000000312e322e3834302e31303030382e312e310000000001020000003080' +
      '000020010200000001000000000802000000010100000009020000000000',
    command: {
      kind: 'c_echo_rsp',
      affectedSopClassUid: '1.2.840.10008.1.1',
      messageIdBeingRespondedTo: 1,
      status: 0,
      hasDataSet: false,
    },
  },
  {
    name: 'C-STORE-RQ',
    hex:
      '000000000400000080000000000002001a000000312e322e3834302e31303030382e352e312e342e312e312e3400' +
      '00000001020000000100000010010200000001000000000702000000000000000008020000000100' +
      '000000102e000000312e332e362e312e342e312e353936322e312e312e342e312e312e32303034303832363138353035392e35343537',
    command: {
      kind: 'c_store_rq',
      affectedSopClassUid: '1.2.840.10008.5.1.4.1.1.4',
      messageId: 1,
      priority: 0,
      affectedSopInstanceUid: '1.3.6.1.4.1.5962.1.1.4.1.1.20040826185059.5457',
      hasDataSet: true,
    },
  },
]

const ECHO = decodeHex(RECORDED[0]?.hex ?? '')

function refuses(bytes: Uint8Array): void {
  assert.throws(
    () => parseCommand(bytes),
    (error) => error instanceof FormatError && error.code === 'dimse_malformed',
  )
}

/** Elements of group 0000 by hand. */
const element = (tag: number, ...value: readonly number[]): number[] => [
  0,
  0,
  tag & 0xff,
  tag >>> 8,
  value.length & 0xff,
  value.length >>> 8,
  0,
  0,
  ...value,
]

describe('command sets of PS3.7', () => {
  for (const { name, hex, command } of RECORDED) {
    it(`reads a recorded ${name}`, () => assert.deepEqual(parseCommand(decodeHex(hex)), command))
    it(`writes a ${name} as it was recorded`, () => assert.equal(encodeHex(formatCommand(command)), hex))
    it(`refuses each beginning of a ${name}`, () => {
      const bytes = decodeHex(hex)
      // Without its last element a store request names no instance; without those of an answer it has no status.
      for (let length = 0; length < bytes.length; length++) refuses(bytes.subarray(0, length))
    })
  }

  it('reads what it writes, for every kind', () => {
    const next = seeded(7)
    const kinds = new Set<CommandKind>()
    for (let i = 0; i < 3_000; i++) {
      const command = toyCommand(next)
      kinds.add(command.kind)
      assert.deepEqual(parseCommand(formatCommand(command)), command)
    }
    assert.deepEqual([...kinds].sort(), Object.keys(COMMAND_FIELDS).sort())
  })

  it('answers each kind of request by its own kind', () => {
    assert.equal(responseKind('c_find_rq'), 'c_find_rsp')
    assert.equal(responseKind('n_event_report_rq'), 'n_event_report_rsp')
    for (const [kind, field] of Object.entries(COMMAND_FIELDS)) {
      if (kind === 'c_cancel_rq' || kind.endsWith('_rsp')) continue
      assert.equal(COMMAND_FIELDS[kind.replace(/rq$/, 'rsp') as CommandKind], field | 0x8000)
    }
  })

  it('reads UIDs padded with spaces, titles padded with NULs, and a wrong group length', () => {
    const bytes = new Uint8Array(ECHO)
    bytes[8] = 99
    bytes[12 + 8 + 17] = 0x20
    assert.deepEqual(parseCommand(bytes), RECORDED[0]?.command)
  })

  it('takes any data set type but 0101H for a data set', () => {
    const bytes = new Uint8Array(ECHO)
    bytes[bytes.length - 2] = 0x02
    assert.equal(parseCommand(bytes).hasDataSet, true)
  })

  it('refuses elements of another group, out of order, or twice', () => {
    const field = element(0x100, 0x30, 0)
    const type = element(0x800, 1, 1)
    const uid = element(0x2, 0x31, 0x2e)
    const id = element(0x110, 1, 0)
    parseCommand(Uint8Array.from([...uid, ...field, ...id, ...type]))
    refuses(Uint8Array.from([...uid, ...id, ...field, ...type]))
    refuses(Uint8Array.from([...uid, ...field, ...field, ...id, ...type]))
    refuses(Uint8Array.from([...uid, ...field, ...id, ...type, 8, 0, 0x16, 0, 0, 0, 0, 0]))
  })

  it('refuses a command without its field, its data set type, or what its kind needs', () => {
    const field = element(0x100, 0x30, 0)
    const type = element(0x800, 1, 1)
    const uid = element(0x2, 0x31, 0x2e)
    const id = element(0x110, 1, 0)
    refuses(Uint8Array.from([]))
    refuses(Uint8Array.from([...uid, ...id, ...type]))
    refuses(Uint8Array.from([...uid, ...field, ...id]))
    refuses(Uint8Array.from([...field, ...id, ...type]))
    refuses(Uint8Array.from([...uid, ...field, ...type]))
    refuses(Uint8Array.from([...uid, ...element(0x100, 0x31, 0), ...id, ...type]))
  })

  it('refuses values of the wrong length or repertoire', () => {
    const rest = [...element(0x100, 0x30, 0), ...element(0x110, 1, 0), ...element(0x800, 1, 1)]
    const uid = element(0x2, 0x31, 0x2e)
    parseCommand(Uint8Array.from([...uid, ...rest]))
    refuses(Uint8Array.from([...uid, ...rest, ...element(0x900, 0)]))
    refuses(Uint8Array.from([...uid, ...rest, ...element(0x900, 0, 0, 0, 0)]))
    refuses(Uint8Array.from([...uid, ...rest, ...element(0x901, 0, 0, 0)]))
    refuses(Uint8Array.from([...element(0x2, 0x31, 0x0a, 0x32), ...rest]))
    refuses(Uint8Array.from([...element(0x2, ...Array<number>(66).fill(0x31)), ...rest]))
    refuses(Uint8Array.from([...uid, ...rest, ...element(0x1030, ...Array<number>(18).fill(0x41))]))
  })

  it('does not write numbers and texts that do not fit', () => {
    const echo = RECORDED[0]?.command as Command
    assert.throws(() => formatCommand({ ...echo, messageId: 65_536 } as Command), RangeError)
    assert.throws(() => formatCommand({ ...echo, moveDestination: 'A'.repeat(17) }), RangeError)
    assert.throws(() => formatCommand({ ...echo, errorComment: 'a'.repeat(65) }), RangeError)
  })
})

describe('statusClass', () => {
  it('knows the classes of PS3.7 annex C', () => {
    const classes = {
      success: [0],
      pending: [0xff00, 0xff01],
      cancel: [0xfe00],
      warning: [0x0001, 0x0107, 0x0116, 0xb000, 0xb007, 0xbfff],
      failure: [0xa700, 0xa900, 0xc000, 0xcfff, 0x0110, 0x0122, 0x0210, 0x0213, 0xff02, 0xfe01],
    }
    for (const [name, codes] of Object.entries(classes)) {
      for (const code of codes) assert.equal(statusClass(code), name, code.toString(16))
    }
    assert.equal(statusClass(STATUS.subOperationsFailed), 'warning')
  })
})
