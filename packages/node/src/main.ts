/**
 * Main: the command line's only place of wiring. Chooses the adapters, loads each when it is first needed, and turns
 * what a command returns or throws into an exit code.
 */
import { readFileSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { compileCacheFolder } from './workers/compile-cache.ts'

// Before anything else is loaded.
enableCompileCache(compileCacheFolder())

const { startProgram } = await import('./start.ts')
await startProgram({
  words: process.argv.slice(2),
  version: JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version,
})
