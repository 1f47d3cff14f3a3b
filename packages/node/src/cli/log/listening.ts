/** Listening: options and words of the commands that serve by HTTP. */
import type { Context } from '../context.ts'
import { describeFailure } from '../failure.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import type { Listening } from './services.ts'

export interface ListenOptions {
  readonly port?: number
  readonly host?: string
  readonly verbose?: boolean
}

export const DEFAULT_HOST = '127.0.0.1'
const PORT_LIMIT = 65_535

/** Reads the options; warns where others than this machine can come. @throws {UsageError} */
export function readListening(options: ListenOptions, defaultPort: number, context: Context): Listening {
  const { port = defaultPort, host = DEFAULT_HOST, verbose = false } = options
  const { output } = context
  if (port > PORT_LIMIT) throw new UsageError(`--port ${port} is none`, `0 to ${PORT_LIMIT}; 0 takes any that is free`)
  if (!isLoopback(host)) {
    const { noteStyle } = output
    output.note(`${noteStyle.yellow('warning:')} ${visible(host)} can be reached by others, and this is plain HTTP;`)
    output.note('  put a proxy with TLS in front, and let it say who may come')
  }
  return {
    host,
    port,
    onAccess({ method, path, status, durationMs }) {
      if (verbose) output.note(`${method} ${visible(path)} ${status} ${durationMs.toFixed(1)} ms`)
    },
    onFailure({ method, path, error }) {
      const { code, message } = describeFailure(error)
      output.note(`${output.noteStyle.red('failed:')} ${method} ${visible(path)}: ${message} (${code})`)
    },
  }
}

/** Whether only this machine can come. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}
