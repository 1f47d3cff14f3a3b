/** Contract of {@link MarkRecords}: what every storage of mark records promises. */
import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import {
  formatMarkRecord,
  headLength,
  type MarkRecord,
  parseMarkRecordHead,
} from '@fiducial/core/domain/mark/record.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { MarkRecords } from '../../services/mark/ports.ts'

/** A record of an image of one tile. */
export function toyRecord(byte: number, more: Partial<MarkRecord> = {}): MarkRecord {
  return {
    recordId: new Uint8Array(8).fill(byte),
    volume: { volumeNonce: new Uint8Array(16).fill(byte), index: 0, count: 1 },
    publicKey: new Uint8Array(32).fill(byte),
    device: 'device-room-1',
    isDemo: true,
    markedAt: new Date('2026-03-03T10:14:00.123Z'),
    instanceUid: null,
    ...{ frames: 1, components: 1, width: 40, height: 30, bits: 12 },
    planes: [
      {
        ...{ tileSize: 32, bytesPerTile: 0, hasChips: false },
        signature: new Uint8Array(64),
        digest: new Uint8Array(32),
        syndromes: Uint32Array.of(byte, byte),
      },
    ],
    thumbnails: [],
    ...more,
  }
}

/** @param fresh  a storage without records, and another view of the same */
export function testMarkRecords(fresh: (t: TestContext) => { readonly open: () => MarkRecords }): void {
  const idsOf = async (records: MarkRecords): Promise<readonly string[]> => {
    const ids: string[] = []
    for await (const bytes of records.heads()) {
      assert.ok(bytes.length >= headLength(bytes))
      ids.push(encodeHex(parseMarkRecordHead(bytes).recordId))
    }
    return ids.toSorted()
  }

  it('gives back what was stored, also to others', async (t) => {
    const { open } = fresh(t)
    const record = toyRecord(1)
    const bytes = formatMarkRecord(record)
    await open().put(record.recordId, bytes)
    assert.deepEqual(await open().get(record.recordId), bytes)
  })

  it('has nothing of what was not stored', async (t) => {
    const records = fresh(t).open()
    assert.equal(await records.get(new Uint8Array(8)), undefined)
    assert.deepEqual(await idsOf(records), [])
  })

  it('stores the same bytes twice, and refuses others under one id', async (t) => {
    const records = fresh(t).open()
    const record = toyRecord(2)
    const bytes = formatMarkRecord(record)
    await records.put(record.recordId, bytes)
    await records.put(record.recordId, bytes)
    const other = formatMarkRecord({ ...record, isDemo: false })
    await assert.rejects(
      records.put(record.recordId, other),
      (error) => error instanceof StoreError && error.code === 'object_conflict',
    )
    assert.deepEqual(await records.get(record.recordId), bytes)
  })

  it('shows the beginnings of all records, however long they are', async (t) => {
    const { open } = fresh(t)
    const [plane] = toyRecord(3).planes
    const long = toyRecord(4, {
      frames: 500,
      planes: Array.from({ length: 500 }, () => plane as NonNullable<typeof plane>),
    })
    for (const record of [toyRecord(3), long]) await open().put(record.recordId, formatMarkRecord(record))
    assert.deepEqual(await idsOf(open()), ['03'.repeat(8), '04'.repeat(8)])
  })

  it('does not show what is no record', async (t) => {
    const { open } = fresh(t)
    await open().put(new Uint8Array(8).fill(9), Uint8Array.of(1, 2, 3))
    await open().put(toyRecord(5).recordId, formatMarkRecord(toyRecord(5)))
    assert.deepEqual(await idsOf(open()), ['05'.repeat(8)])
  })
}
