/**
 * Audit: opens archives to sweep by their addresses, and the memory of what earlier sweeps saw.
 */
import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ArchiveOrder, AuditServices } from '../services/audit/access.ts'
import type { ArchiveSource } from '../services/audit/ports.ts'

/** Schemes of addresses; whatever begins with none is a folder. */
const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i

export const auditServices: AuditServices = {
  openArchive,
  openStore: async (home, { kind, name }) => {
    const { openSweepStore } = await import('../storage/audit/sqlite-sweep-store.ts')
    const digest = createHash('sha256').update(`${kind} ${name}`).digest('hex')
    return openSweepStore(join(home, 'audit', `${digest.slice(0, 32)}.sqlite`))
  },
}

async function openArchive({ target }: ArchiveOrder): Promise<ArchiveSource> {
  const scheme = SCHEME.exec(target)?.[1]?.toLowerCase()
  switch (scheme) {
    case undefined: {
      const { openFolderArchive } = await import('../storage/audit/folder-archive.ts')
      return openFolderArchive(absolute(target))
    }
    default:
      throw new RangeError(`archives of the kind ${scheme}:// cannot be swept`)
  }
}

/** The same folder by another name is the same archive. */
function absolute(folder: string): string {
  try {
    return realpathSync(folder)
  } catch {
    return resolve(folder)
  }
}
