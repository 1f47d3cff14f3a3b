/** Gateway settings: what is in force, and where each setting comes from. Secrets show where they lie, never what they are. */

import type { EffectiveSetting } from '@fiducial/core/domain/gateway/resolve-settings.ts'
import { SETTINGS, type Setting } from '@fiducial/core/domain/gateway/settings.ts'
import { isSecretReference } from '@fiducial/core/formats/config/secret.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { layOut } from '../table.ts'
import { cut, visible } from '../visible.ts'
import { readSettings, type SettingsOptions } from './read-settings.ts'

export interface ShowSettingsOptions extends SettingsOptions {
  /** Those that are not at their defaults. */
  readonly changed?: boolean
}

export async function showSettings(options: ShowSettingsOptions, context: Context): Promise<ExitCode> {
  const { output, terminal } = context
  const { effective, path } = await readSettings(options, context)
  const shown = options.changed === true ? effective.filter(({ source }) => source !== 'default') : effective
  const rows: string[][] = []
  for (const setting of shown) {
    const { variable, doc } = SETTINGS.find(({ name }) => name === setting.name) as Setting
    const { value, isSet } = withoutSecret(setting, terminal.env)
    output.record({
      name: setting.name,
      value,
      source: setting.source,
      variable,
      doc,
      ...(isSet !== undefined && { isSet }),
    })
    rows.push([
      setting.name,
      cut(visible(JSON.stringify(value)), 48),
      setting.source === 'environment' ? variable : setting.source,
    ])
  }
  output.line(path === null ? 'no settings file' : `settings of ${visible(path)}`)
  for (const line of layOut(rows)) output.line(`  ${line}`)
  return EXIT.ok
}

/** A reference to a secret says where it lies; of a variable also whether it is set. */
function withoutSecret(
  { value }: EffectiveSetting,
  env: Readonly<Record<string, string | undefined>>,
): { readonly value: EffectiveSetting['value']; readonly isSet?: boolean } {
  if (!isSecretReference(value)) return { value }
  return 'env' in value ? { value, isSet: (env[value.env] ?? '') !== '' } : { value }
}
