/**
 * Write text: a report that appears whole or not at all, however long it is.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'

/** Characters that are written at once. */
const GATHERED = 2 ** 16

/** @throws {StoreError} `output_unwritable`; what `pieces` throw */
export async function writeText(path: string, pieces: AsyncIterable<string>): Promise<void> {
  const folder = dirname(path)
  const temporary = join(folder, `.fiducial-${randomUUID()}.tmp`)
  try {
    await attempt(() => mkdir(folder, { recursive: true }))
    const file = await attempt(() => open(temporary, 'wx', 0o600))
    try {
      let gathered = ''
      for await (const piece of pieces) {
        gathered += piece
        if (gathered.length < GATHERED) continue
        const text = gathered
        gathered = ''
        await attempt(() => file.appendFile(text))
      }
      await attempt(() => file.appendFile(gathered))
      await attempt(() => file.sync())
    } finally {
      await file.close()
    }
    await attempt(() => rename(temporary, path))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
}

async function attempt<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    throw new StoreError('output_unwritable', `a report cannot be written (${code})`, { cause })
  }
}
