/** Gateway backup: copies what is under way in a gateway, and puts it back. */
import { StoreError } from '@fiducial/core/errors.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { withHint } from '../failure.ts'
import { formatBytes } from '../progress.ts'
import { counted } from '../table.ts'
import type { GatewayCopy } from '../up-adapters.ts'
import { visible } from '../visible.ts'
import { readSettings, type SettingsOptions } from './read-settings.ts'

export async function backUp(folder: string, options: SettingsOptions, context: Context): Promise<ExitCode> {
  const { settings } = await readSettings(options, context)
  return show('backed_up', folder, await context.adapters.backUpGateway(context.home, settings, folder), context)
}

export async function restore(folder: string, options: SettingsOptions, context: Context): Promise<ExitCode> {
  const { settings } = await readSettings(options, context)
  try {
    return show('restored', folder, await context.adapters.restoreGateway(context.home, settings, folder), context)
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'output_exists') throw error
    throw withHint(error, 'a backup goes to a folder of its own: FIDUCIAL_HOME names it')
  }
}

function show(state: 'backed_up' | 'restored', folder: string, copy: GatewayCopy, { output }: Context): ExitCode {
  const { instances, underWay, files, copiedFiles, copiedBytes, damaged } = copy
  output.record({ state, folder, ...copy })
  const what = `${counted(instances, 'record')}, ${underWay} under way, ${counted(files, 'file')}`
  output.line(`${state === 'restored' ? 'Restored from' : 'Backed up to'} ${visible(folder)}: ${what}`)
  output.line(`  ${counted(copiedFiles, 'file')} copied, ${formatBytes(copiedBytes)}`)
  for (const key of damaged) output.line(`  ${output.style.red('damaged')}  ${key}`)
  return damaged.length === 0 ? EXIT.ok : EXIT.notAuthentic
}
