/**
 * Memory witness store: the ports of witnesses and monitors without a disk, for tests and for looking once.
 */
import type { Evidence, SightingStore, WitnessedCheckpoint, WitnessStore } from '../../services/log/ports.ts'

/** A witness that forgets when its process ends. Never for one whose cosignatures somebody relies on. */
export function createMemoryWitnessStore(): WitnessStore {
  const checkpoints = new Map<string, WitnessedCheckpoint>()
  const evidence: Evidence[] = []
  return {
    read: async (origin) => checkpoints.get(origin),
    async replace(origin, expected, next) {
      const current = checkpoints.get(origin)
      if (current?.size !== expected?.size || current?.note !== expected?.note) return false
      checkpoints.set(origin, next)
      return true
    },
    async keep(piece, limit) {
      if (evidence.some(({ id }) => id === piece.id)) return false
      if (evidence.filter(({ origin }) => origin === piece.origin).length >= limit) return false
      evidence.push(piece)
      return true
    },
    evidence: async (asked) => evidence.filter(({ origin }) => origin === asked),
    close: async () => undefined,
  }
}

export function createMemorySightingStore(): SightingStore {
  const notes = new Map<string, string>()
  return {
    read: async (source) => notes.get(source),
    write: async (source, note) => void notes.set(source, note),
    close: async () => undefined,
  }
}
