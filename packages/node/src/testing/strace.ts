/**
 * Strace: makes calls of another process fail, or kills it there, and counts them.
 *
 * Calls are counted for each thread of the process by itself: the N-th of each fails. A process with one thread for
 * files (UV_THREADPOOL_SIZE=1) has one for files, one that it begins with, and one for its index.
 */
import { type Peer, peer } from './peers.ts'

export const strace: Peer = peer('strace')

/** Keeps all other calls of the process as fast as they are. */
const FILTER = '--seccomp-bpf'

/** Calls that do the same, whatever a machine calls them; those that it does not know are passed over. */
export const CALLS = {
  write: ['pwrite64', '?pwritev', '?pwritev2'],
  fdatasync: ['fdatasync'],
  fsync: ['fsync'],
  rename: ['?rename', '?renameat', '?renameat2'],
  link: ['?link', '?linkat'],
  unlink: ['?unlink', '?unlinkat'],
  mkdir: ['?mkdir', '?mkdirat'],
  truncate: ['ftruncate', '?fallocate'],
  open: ['openat'],
} as const satisfies Record<string, readonly string[]>

export type CallKind = keyof typeof CALLS

export interface Injection {
  readonly kind: CallKind
  /** What is done: an error in place of the call, or the end of the process. */
  readonly action: 'EIO' | 'ENOSPC' | 'SIGKILL'
  /** Which call of each thread, from 1. */
  readonly call: number
  /** Whether all later ones are hit, too. */
  readonly isLasting?: boolean
  /** Only calls on these files. Default: all. */
  readonly paths?: readonly string[]
}

/** The command before that of the process. */
export function injecting({ kind, action, call, isLasting = false, paths = [] }: Injection): readonly string[] {
  const effect = action === 'SIGKILL' ? 'signal=SIGKILL' : `error=${action}`
  const inject = `inject=${CALLS[kind].join(',')}:${effect}:when=${call}${isLasting ? '+' : ''}`
  // Known flaw of strace 6.1: behind its filter, signals are not injected.
  const filter = action === 'SIGKILL' ? [] : [FILTER]
  return [...command('/dev/null', CALLS[kind], filter), ...paths.flatMap((path) => ['-P', path]), '-e', inject]
}

/** The command before that of a process whose calls are written to a file. */
export function tracing(output: string, kinds: readonly CallKind[]): readonly string[] {
  return command(
    output,
    kinds.flatMap((kind) => CALLS[kind] as readonly string[]),
  )
}

function command(output: string, calls: readonly string[], filter: readonly string[] = [FILTER]): readonly string[] {
  return [strace.path, '-f', '-qq', ...filter, '-o', output, '-e', `trace=${calls.join(',')}`]
}

/** A call as it was traced. */
export interface TracedCall {
  readonly thread: string
  readonly name: string
  /** Arguments and result, as strace writes them. */
  readonly text: string
}

/** The calls of a trace, in order; of one that was interrupted by another, the beginning. */
export function parseTrace(text: string): readonly TracedCall[] {
  return [...text.matchAll(/^(\d+) +(\w+)\((.*)$/gm)].map(([, thread = '', name = '', rest = '']) => ({
    thread,
    name,
    text: rest,
  }))
}

/** How many calls of a kind the thread with the most of them made. */
export function countCalls(calls: readonly TracedCall[], kind: CallKind): number {
  const names = CALLS[kind].map((name) => name.replace('?', ''))
  const threads = Map.groupBy(
    calls.filter(({ name }) => names.includes(name)),
    ({ thread }) => thread,
  )
  return Math.max(0, ...[...threads.values()].map((of) => of.length))
}
