/**
 * Home: the folder of all state.
 *
 * Source: XDG Base Directory Specification; Apple's File System Programming Guide; %APPDATA% on Windows.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'

/** FIDUCIAL_HOME, else the platform's folder for data of programs. */
export function findHome(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string {
  const { FIDUCIAL_HOME: asked = '' } = env
  if (asked !== '') return asked
  if (platform === 'win32') return join(env.APPDATA || join(homedir(), 'AppData', 'Roaming'), 'fiducial')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'fiducial')
  // The specification: a relative path is to be ignored.
  const { XDG_DATA_HOME: data = '' } = env
  return join(data.startsWith('/') ? data : join(homedir(), '.local', 'share'), 'fiducial')
}
