/**
 * Config text: a settings file in YAML or JSON, as a value that knows where it stands in the text.
 *
 * Source: YAML 1.2, core schema, of which JSON is a part. One text, one value: no name twice, no aliases, no tags of its own.
 */
import { readFileSync } from 'node:fs'
import { decodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { type FormatCode, FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { ConfigContext, ConfigPath, TextPlace } from '@fiducial/core/formats/config/value.ts'
import type { JsonValue } from '@fiducial/core/formats/json/parse.ts'
import { isAlias, isMap, isScalar, LineCounter, type Node, parseDocument, visit } from 'yaml'

export interface ConfigText {
  readonly value: JsonValue
  readonly locate: NonNullable<ConfigContext['locate']>
}

/** Characters of a settings file; a site with thousands of routes stays below. */
export const CONFIG_LIMIT = 4 * 1024 * 1024

/**
 * Reads a text. An empty one says nothing: an empty object.
 * @throws {FormatError} with the code, for what is no YAML
 */
export function parseConfigText(text: string, code: FormatCode): ConfigText {
  if (text.length > CONFIG_LIMIT) throw new FormatError(code, `longer than ${CONFIG_LIMIT} characters`)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true, version: '1.2' })
  const placeAt = (offset: number): TextPlace => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const refuse = (offset: number, problem: string): FormatError => {
    const { line, column } = placeAt(offset)
    return new FormatError(code, `line ${line}, column ${column}: ${problem}`)
  }
  const [trouble] = [...document.errors, ...document.warnings]
  if (trouble !== undefined)
    throw refuse(trouble.pos[0], `no YAML (${trouble.code.toLowerCase().replaceAll('_', ' ')})`)
  visit(document, {
    Node(_key, node) {
      const offset = node.range?.[0] ?? 0
      if (isAlias(node)) throw refuse(offset, 'aliases are not taken')
      if (isScalar(node) && (typeof node.value === 'bigint' || !isFiniteIfNumber(node.value)))
        throw refuse(offset, 'a number that is none')
    },
    Pair(_key, { key }) {
      if (!isScalar(key) || typeof key.value !== 'string') {
        throw refuse((key as Node | null)?.range?.[0] ?? 0, 'a name that is no text')
      }
    },
  })
  const value = (document.contents === null ? {} : document.toJS({ maxAliasCount: 0 })) as JsonValue
  return { value, locate: (path) => placeOf(document.contents, path, placeAt) }
}

const isFiniteIfNumber = (value: unknown): boolean => typeof value !== 'number' || Number.isFinite(value)

/** The place of a value, or of the innermost one around it that is there. */
function placeOf(contents: unknown, path: ConfigPath, placeAt: (offset: number) => TextPlace): TextPlace | undefined {
  let offset = offsetOf(contents)
  let node = contents
  for (const step of path) {
    const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && key.value === step) : undefined
    const inner = pair?.value ?? (node as { get?: (key: unknown, keepsNode: boolean) => unknown })?.get?.(step, true)
    if (inner === undefined || inner === null) return offset === undefined ? undefined : placeAt(offset)
    offset = offsetOf(pair?.key) ?? offsetOf(inner) ?? offset
    node = inner
  }
  return offset === undefined ? undefined : placeAt(offset)
}

const offsetOf = (node: unknown): number | undefined => (node as { range?: readonly number[] } | null)?.range?.[0]

/** The bytes of a settings file. @throws {StoreError} `input_missing`, `input_unreadable` */
export function readConfigFile(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new StoreError(isMissing ? 'input_missing' : 'input_unreadable', `${path} cannot be read`, { cause })
  }
}

/** Reads a settings file, if there is one. @throws {FormatError} with the code; {StoreError} `input_unreadable` */
export function readConfigText(
  path: string,
  code: FormatCode,
): (ConfigText & { readonly bytes: Uint8Array }) | undefined {
  try {
    const bytes = readConfigFile(path)
    return { bytes, ...parseConfigText(decodeConfig(bytes, code), code) }
  } catch (error) {
    if (error instanceof StoreError && error.code === 'input_missing') return undefined
    throw error
  }
}

/** A text in UTF-8, with or without a byte order mark. @throws {FormatError} with the code */
export function decodeConfig(bytes: Uint8Array, code: FormatCode): string {
  try {
    return decodeUtf8(bytes).replace(/^\ufeff/, '')
  } catch (cause) {
    throw new FormatError(code, 'the file is not UTF-8', { cause })
  }
}
