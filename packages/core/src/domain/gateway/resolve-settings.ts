/**
 * Resolve settings: a flag of the command line, else the environment variable `FIDUCIAL_GATEWAY_GROUP_NAME`, else the file,
 * else the default.
 *
 * Whatever is misspelled is refused, also among the variables: it would be a setting that is silently another one.
 */

import { FormatError } from '../../errors.ts'
import type { Shape } from '../../formats/config/shape.ts'
import { type ConfigContext, ConfigValue, suggestion } from '../../formats/config/value.ts'
import { type JsonValue, parseJson } from '../../formats/json/parse.ts'
import {
  ADDRESS_VARIABLE,
  type GatewaySettings,
  GROUPS,
  type GroupName,
  LEAVES,
  type Leaf,
  SETTINGS_FILE_VARIABLE,
  SETTINGS_PREFIX,
} from './settings.ts'

export type SettingSource = 'flag' | 'environment' | 'file' | 'default'

/** A setting in force. */
export interface EffectiveSetting {
  readonly name: string
  /** As the file would spell it. Holds no secret: those are named by where they lie. */
  readonly value: JsonValue
  readonly source: SettingSource
}

export interface SettingsInput {
  /** By the names of settings; text stands for what it would stand for in the environment. */
  readonly flags?: Readonly<Record<string, JsonValue>>
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** What the file says; absent without one. */
  readonly file?: JsonValue
  /** Where a value stands in the file, for messages. */
  readonly locate?: ConfigContext['locate']
}

export interface ResolvedSettings {
  readonly settings: GatewaySettings
  /** Each with where it comes from. */
  readonly effective: readonly EffectiveSetting[]
}

/**
 * Puts the settings together: flags before environment before file before defaults.
 * @throws {FormatError} `settings_malformed`, naming the flag, the variable, or path and line of the file
 */
export function resolveSettings({ flags = {}, environment = {}, file, locate }: SettingsInput): ResolvedSettings {
  const whole = new ConfigValue(file ?? {}, { code: 'settings_malformed', ...(locate && { locate }) })
  checkNames(whole)
  checkVariables(environment)
  for (const name of Object.keys(flags)) {
    if (!LEAVES.some((leaf) => leaf.name === name)) throw new TypeError(`no setting ${name}`)
  }
  const resolved = LEAVES.map((leaf) => ({ leaf, ...resolve(leaf, { flags, environment, whole }) }))
  const settings = Object.fromEntries(
    Object.keys(GROUPS).map((group) => [
      group,
      Object.fromEntries(
        resolved.filter(({ leaf }) => leaf.group === group).map(({ leaf, value }) => [leaf.key, value]),
      ),
    ]),
  ) as unknown as GatewaySettings
  checkSense(settings)
  return { settings, effective: resolved.map(({ leaf, json, source }) => ({ name: leaf.name, value: json, source })) }
}

interface Resolved {
  readonly value: unknown
  readonly json: JsonValue
  readonly source: SettingSource
}

interface Sources {
  readonly flags: Readonly<Record<string, JsonValue>>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly whole: ConfigValue
}

function resolve(leaf: Leaf, { flags, environment, whole }: Sources): Resolved {
  const { field, name, variable, group, key } = leaf
  const flagged = flags[name]
  if (flagged !== undefined) return { ...readLoosely(field.shape, flagged, name), source: 'flag' }
  // An empty variable is one that was not set, as compose files and units leave them.
  const told = environment[variable]
  if (told !== undefined && told !== '') return { ...readLoosely(field.shape, told, variable), source: 'environment' }
  const members = whole.members()
  const below = group === 'main' ? whole : whole.at(group, members[group] ?? {})
  const json = below.members()[key]
  if (json !== undefined) return { value: field.shape.read(below.at(key, json)), json, source: 'file' }
  return { value: field.fallback?.value, json: field.fallback?.json ?? null, source: 'default' }
}

/** A text as it stands, or else what it spells in JSON: `8080`, `true`, `["a","b"]`. */
function readLoosely(shape: Shape<unknown>, given: JsonValue, name: string): Pick<Resolved, 'value' | 'json'> {
  const read = (json: JsonValue) => ({
    json,
    value: shape.read(new ConfigValue(json, { code: 'settings_malformed' }, [name])),
  })
  if (typeof given !== 'string') return read(given)
  const spelled = jsonOf(given)
  try {
    return read(given)
  } catch (error) {
    if (spelled === undefined) throw error
    return read(spelled)
  }
}

function jsonOf(spelled: string): JsonValue | undefined {
  try {
    return parseJson(spelled)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function checkNames(whole: ConfigValue): void {
  const known = [...Object.keys(GROUPS.main), ...Object.keys(GROUPS).filter((group) => group !== 'main')]
  for (const [name, json] of Object.entries(whole.members())) {
    const value = whole.at(name, json)
    if (!known.includes(name)) throw value.refuse(`is unknown here${suggestion(name, known)}`)
    if (Object.hasOwn(GROUPS.main, name)) continue
    const inside = Object.keys(GROUPS[name as GroupName])
    for (const [inner, innerJson] of Object.entries(value.members())) {
      if (!inside.includes(inner))
        throw value.at(inner, innerJson).refuse(`is unknown here${suggestion(inner, inside)}`)
    }
  }
}

function checkVariables(environment: Sources['environment']): void {
  const known = [...LEAVES.map(({ variable }) => variable), SETTINGS_FILE_VARIABLE, ADDRESS_VARIABLE]
  for (const [name, spelled] of Object.entries(environment)) {
    if (!name.startsWith(SETTINGS_PREFIX) || known.includes(name) || spelled === undefined) continue
    const value = new ConfigValue(null, { code: 'settings_malformed' }, [name])
    throw value.refuse(`is no setting${suggestion(name, known)}`)
  }
}

/** What settings ask of each other. */
function checkSense({ dicom, web, storage }: GatewaySettings): void {
  const refuse = (name: string, problem: string): Error =>
    new ConfigValue(null, { code: 'settings_malformed' }, name.split('.')).refuse(problem)
  if ((dicom.tlsCertificate === null) !== (dicom.tlsKey === null)) {
    throw refuse('dicom.tlsKey', 'and dicom.tlsCertificate go together')
  }
  if (dicom.tlsClientCertificate !== 'none' && dicom.tlsCa === null) {
    throw refuse('dicom.tlsCa', 'is needed to check the certificates of callers')
  }
  if (dicom.port === null && dicom.tlsCertificate === null) throw refuse('dicom.port', 'is null, and there is no TLS')
  if ((web.tlsCertificate === null) !== (web.tlsKey === null)) {
    throw refuse('web.tlsKey', 'and web.tlsCertificate go together')
  }
  if (storage.spoolBucket !== null && storage.spoolFolder !== null) {
    throw refuse('storage.spoolBucket', 'and storage.spoolFolder exclude each other')
  }
}
