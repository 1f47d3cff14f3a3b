/** Examine all: runs the examination of a sweep over many images. */
import { describeFailure } from '../cli/failure.ts'
import type { VerifySettings } from '../cli/work.ts'
import type { ExamineDone, ExamineTask } from '../services/audit/sweep.ts'
import { runTasks } from './run-tasks.ts'

/** Examines images with all processor cores; results in the order of the tasks. */
export const examineAll = (
  tasks: AsyncIterable<ExamineTask>,
  settings: VerifySettings,
  signal: AbortSignal,
): AsyncIterable<ExamineDone> =>
  runTasks<ExamineTask, ExamineDone>(tasks, {
    setup: { kind: 'audit', settings },
    signal,
    onCrash: (task, cause) => ({ task, bytes: 0, failure: { code: describeFailure(cause).code } }),
  })
