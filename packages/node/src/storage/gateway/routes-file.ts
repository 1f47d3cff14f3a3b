/**
 * Routes file: reads the routes of a site from their file, and again whenever it may have changed.
 *
 * Editors replace files rather than write into them, and container platforms swap a link above them: so it is the folder that
 * is watched, and the content that decides. Whoever gets SIGHUP calls {@link WatchedFile.reload}.
 */
import { type FSWatcher, watch } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseRoutes, type Routes } from '@fiducial/core/domain/gateway/routes.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { decodeConfig, parseConfigText, readConfigFile } from '../config-text.ts'

/** Routes in the bytes of a file, YAML or JSON. @throws {FormatError} `routes_malformed`, with path, line and column */
export function parseRoutesFile(bytes: Uint8Array): Routes {
  const { value, locate } = parseConfigText(decodeConfig(bytes, 'routes_malformed'), 'routes_malformed')
  return parseRoutes(value, locate)
}

export interface WatchedFile {
  /** Reads it now. */
  reload(): void
  close(): void
}

export interface FileListener {
  onContent(bytes: Uint8Array): void
  /** It cannot be read, or not be watched any more. */
  onProblem(code: string): void
}

/** A write is often several; what comes within this time is one change. */
const SETTLE_MS = 100

/** Watches a file, and hands its content over whenever it may be another one, until it is closed. */
export function watchFile(path: string, listener: FileListener): WatchedFile {
  const whole = resolve(path)
  let timer: NodeJS.Timeout | undefined
  const reload = (): void => {
    clearTimeout(timer)
    try {
      listener.onContent(readConfigFile(whole))
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      listener.onProblem(error.code)
    }
  }
  const watcher = startWatching(dirname(whole), () => {
    clearTimeout(timer)
    timer = setTimeout(reload, SETTLE_MS)
  })
  watcher?.on('error', () => listener.onProblem('input_unreadable'))
  return {
    reload,
    close() {
      clearTimeout(timer)
      watcher?.close()
    },
  }
}

/** Some file systems tell of no changes: then SIGHUP is the way. */
function startWatching(folder: string, onChange: () => void): FSWatcher | undefined {
  try {
    return watch(folder, onChange)
  } catch {
    return undefined
  }
}
