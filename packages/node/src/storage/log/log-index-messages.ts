/** Log index messages: what the sequencer's thread and the thread of the index say to each other. */
import type { IndexState } from './log-index-schema.ts'

/** What the thread is told; the buffer of `add` holds a record of the write-ahead log, and changes hands. */
export type IndexTask =
  | {
      readonly kind: 'add'
      readonly buffer: ArrayBuffer
      readonly lengthBytes: number
      readonly first: number
      readonly count: number
    }
  | { readonly kind: 'release'; readonly id: number; readonly size: number }
  | { readonly kind: 'erase'; readonly id: number; readonly number: number }
  | { readonly kind: 'settle' | 'close'; readonly id: number }

/** What the thread says. After `failed` it is gone. */
export type IndexAnswer =
  | { readonly kind: 'ready'; readonly state: IndexState }
  | { readonly kind: 'committed'; readonly size: number; readonly buffers: readonly ArrayBuffer[] }
  | { readonly kind: 'done'; readonly id: number; readonly result: boolean }
  | { readonly kind: 'refused'; readonly id: number; readonly message: string }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
