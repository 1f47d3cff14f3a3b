/**
 * Read settings: the settings of the gateway, put together from flags, environment and file.
 *
 * The file is the one that is named, else that of FIDUCIAL_GATEWAY_SETTINGS, else `gateway.yaml` in the folder of all state,
 * where there is one.
 */
import { join } from 'node:path'
import {
  type ResolvedSettings,
  resolveSettings,
  type SettingsInput,
} from '@fiducial/core/domain/gateway/resolve-settings.ts'
import { SETTINGS_FILE_VARIABLE } from '@fiducial/core/domain/gateway/settings.ts'
import type { Context } from '../context.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'

export interface SettingsOptions {
  /** Path of the file. */
  readonly settings?: string
}

export interface ReadSettings extends ResolvedSettings {
  /** Path of the file; null where there is none. */
  readonly path: string | null
}

/**
 * @param flags  by the names of settings, such as `dicom.port`
 * @throws {FormatError} `settings_malformed`; {UsageError} for a file that does not exist
 */
export async function readSettings(
  options: SettingsOptions,
  { adapters, terminal, home }: Context,
  flags: NonNullable<SettingsInput['flags']> = {},
): Promise<ReadSettings> {
  const { env: environment } = terminal
  const named = options.settings ?? (environment[SETTINGS_FILE_VARIABLE] || undefined)
  const path = named ?? join(home, 'gateway.yaml')
  const file = await adapters.readConfig(path, 'settings_malformed')
  if (file === undefined && named !== undefined) throw new UsageError(`there is no file ${visible(named)}`)
  const input = { flags, environment, ...(file && { file: file.value, locate: file.locate }) }
  return { ...resolveSettings(input), path: file === undefined ? null : path }
}
