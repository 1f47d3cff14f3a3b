/** Mark records in memory. */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { headLength } from '@fiducial/core/domain/mark/record.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { MarkRecords } from '../services/mark/ports.ts'

export function memoryMarkRecords(): MarkRecords {
  const stored = new Map<string, Uint8Array>()
  return {
    get: async (recordId) => stored.get(encodeHex(recordId))?.slice(),
    put: async (recordId, bytes) => {
      const id = encodeHex(recordId)
      const known = stored.get(id)
      if (known !== undefined && !equalBytes(known, bytes))
        throw new StoreError('object_conflict', 'another record of a mark has this id')
      stored.set(id, bytes.slice())
    },
    async *heads() {
      for (const bytes of [...stored.values()].toReversed()) if (isRecord(bytes)) yield bytes.slice()
    },
  }
}

function isRecord(bytes: Uint8Array): boolean {
  try {
    return headLength(bytes) <= bytes.length
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}
