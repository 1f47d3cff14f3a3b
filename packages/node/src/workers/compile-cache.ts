/**
 * Compile cache: where the runtime keeps compiled modules between runs, which more than halves the time to start.
 *
 * Beside the program and not in a folder that all users share: whoever can write there runs in the user's name.
 */
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export function compileCacheFolder(): string {
  // In the repository packages/node, once published the package's own folder.
  const here = dirname(fileURLToPath(import.meta.url))
  const program = basename(here) === 'workers' ? join(here, '..', '..') : here
  return join(program, 'node_modules', '.cache')
}
