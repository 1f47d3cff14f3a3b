/**
 * Ship watch model: takes a model that `fiducial watch train` has written as the one that comes with the program.
 *
 *   node tools/ship-watch-model.ts MODEL.json
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatWatchModel, parseWatchModel } from '../packages/core/src/domain/watch/model/model-file.ts'

const TARGET = join(import.meta.dirname, '../packages/core/src/domain/watch/shipped/chest-model.ts')

const [path] = process.argv.slice(2)
if (path === undefined) throw new TypeError('usage: node tools/ship-watch-model.ts MODEL.json')
const text = new TextDecoder().decode(formatWatchModel(parseWatchModel(readFileSync(path))))
const quoted = text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
writeFileSync(
  TARGET,
  `/** Chest model: the watchdog's model that comes with the program. Made by tools/ship-watch-model.ts; how is in docs/reference/watch-audit.md. */
export const CHEST_MODEL =
  '${quoted}'
`,
)
process.stdout.write(`${text.length} bytes of a model in ${TARGET}\n`)
