/** Measure images: runs the measuring of the watchdog over many images. */
import { describeFailure } from '../cli/failure.ts'
import type { MeasuredImage, MeasureTask, WatchAdapters } from '../cli/watch/adapters.ts'
import type { Done } from '../cli/work.ts'
import { runTasks } from './run-tasks.ts'

export const measureImages: WatchAdapters['measure'] = (tasks, settings, signal) =>
  runTasks<MeasureTask, Done<MeasureTask, MeasuredImage>>(tasks, {
    setup: { kind: 'watch', settings },
    signal,
    onCrash: (task, cause) => ({ task, bytes: 0, failure: describeFailure(cause) }),
  })
