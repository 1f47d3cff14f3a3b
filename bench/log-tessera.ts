/** Log tessera: builds the program in tessera/, which needs Go and its module proxy. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** @returns path of the program */
export function buildTessera(): string {
  const folder = join(import.meta.dirname, 'tessera')
  const program = join(folder, 'tessera')
  const { status, stderr } = spawnSync('go', ['build', '-o', program, '.'], { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new TypeError(`go build ended with ${status}: ${stderr}`)
  return program
}
