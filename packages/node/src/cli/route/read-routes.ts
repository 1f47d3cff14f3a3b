/** Read routes: the routes file that a command names, or the one that the settings of the gateway name. */
import { createHash } from 'node:crypto'
import { defaultRoutes, parseRoutes, type Routes } from '@fiducial/core/domain/gateway/routes.ts'
import type { Context } from '../context.ts'
import { readSettings } from '../gateway/read-settings.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'

export interface RoutesFile {
  /** As it was named; null for the routes that follow from the settings alone. */
  readonly path: string | null
  /** Hexadecimal; null without a file. */
  readonly sha256: string | null
  readonly routes: Routes
}

/** @throws {FormatError} `routes_malformed`; {UsageError} for a file that does not exist */
export async function readRoutes(path: string, { adapters }: Context): Promise<RoutesFile> {
  const file = await adapters.readConfig(path, 'routes_malformed')
  if (file === undefined) throw new UsageError(`there is no file ${visible(path)}`)
  const sha256 = createHash('sha256').update(file.bytes).digest('hex')
  return { path, sha256, routes: parseRoutes(file.value, file.locate) }
}

/** Those of a file, else those that the gateway would have. */
export async function readRoutesInForce(path: string | undefined, context: Context): Promise<RoutesFile> {
  if (path !== undefined) return readRoutes(path, context)
  const { settings } = await readSettings({}, context)
  const { routes, pacs } = settings.main
  if (routes !== null) return readRoutes(routes, context)
  if (pacs === null) {
    throw new UsageError('no routes file is named, and the settings name neither routes nor a pacs')
  }
  return { path: null, sha256: null, routes: defaultRoutes([pacs]) }
}
