/** Model parts: reads what the three models of a file have learned, for model-file.ts. */
import type { JsonFields } from '../../../formats/json/fields.ts'
import type { LogisticModel } from './logistic.ts'
import {
  isModelNumber,
  isRising,
  LIMITS,
  NAME,
  readIndexes,
  readNumber,
  readNumbers,
  readRising,
} from './model-values.ts'
import { type QuantileTable, TABLE_SIZE } from './normal-scores.ts'
import type { Block } from './one-class.ts'
import { LEAVES, NO_FEATURE, NODES, type Tree } from './tree.ts'

export function readTables(fields: JsonFields, count: number): readonly QuantileTable[] {
  const tables = fields.value('tables')
  if (!Array.isArray(tables) || tables.length !== count) throw fields.refuse('tables', `has not ${count} entries`)
  return tables.map((table: unknown, i) => {
    if (!Array.isArray(table) || table.length !== TABLE_SIZE || !table.every(isModelNumber) || !isRising(table)) {
      throw fields.refuse(`tables[${i}]`, `is no ${TABLE_SIZE} rising numbers`)
    }
    return table
  })
}

export function readBlocks(fields: JsonFields, count: number): readonly Block[] {
  const blocks = fields.objects('blocks', LIMITS.blocks, (block) => readBlock(block, count))
  if (blocks.length === 0) throw fields.refuse('blocks', 'is empty')
  return blocks
}

function readBlock(fields: JsonFields, count: number): Block {
  const columns = readIndexes(fields, 'columns', { least: 0, end: count })
  if (columns.length === 0) throw fields.refuse('columns', 'is empty')
  return {
    name: fields.string('name', NAME),
    columns,
    mean: readNumbers(fields, 'mean', columns.length),
    whitening: readNumbers(fields, 'whitening', (columns.length * (columns.length + 1)) / 2),
    distances: readRising(fields, 'distances', TABLE_SIZE),
  }
}

export const readTrees = (fields: JsonFields, count: number): readonly Tree[] =>
  fields.objects('trees', LIMITS.trees, (tree) => ({
    features: readIndexes(tree, 'features', { count: NODES, least: NO_FEATURE, end: count }),
    thresholds: readNumbers(tree, 'thresholds', NODES),
    leaves: readNumbers(tree, 'leaves', LEAVES),
  }))

export function readLogistic(fields: JsonFields, count: number): LogisticModel {
  const scales = readNumbers(fields, 'scales', count)
  if (!scales.every((scale) => scale > 0)) throw fields.refuse('scales', 'has an entry that is not above 0')
  return {
    means: readNumbers(fields, 'means', count),
    scales,
    weights: readNumbers(fields, 'weights', count),
    bias: readNumber(fields, 'bias'),
  }
}
