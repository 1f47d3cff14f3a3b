/** Sight: who may notice what, for techniques that differ only in how much of a picture they change. See docs/reference/forge-techniques.md. */
import type { Layer, Sight } from './technique.ts'

type Expected = Readonly<Record<Layer, Sight>>

/** The whole picture made anew: grain and spectrum change everywhere, which is what the watchdog measures. */
export const GLOBAL_SIGHT: Expected = {
  signature: 'sees',
  mark: 'sees',
  header: 'blind',
  watchdog: 'may',
  reader: 'may',
}
/** A part made anew: statistics over the whole picture hardly move. */
export const LOCAL_SIGHT: Expected = {
  signature: 'sees',
  mark: 'sees',
  header: 'blind',
  watchdog: 'blind',
  reader: 'may',
}
