/** Image work: opens the keys once, and runs sealing and verifying over many images. */
import type { Done, SealedImage, SealTask, VerifyTask, Work } from '../cli/work.ts'
import { describeFailure } from '../cli/failure.ts'
import type { VerifyRecord } from '../cli/verify-record.ts'
import { runTasks } from './run-tasks.ts'

export const imageWork: Work = {
  verify: (tasks, settings, signal) =>
    runTasks<VerifyTask, Done<VerifyTask, VerifyRecord>>(tasks, { setup: { kind: 'verify', settings }, signal, onCrash }),

  async *seal(tasks, settings, signal) {
    const { openKeyRing } = await import('../keys/key-ring.ts')
    const { home, secrets, isStatusIgnored = false, ...others } = settings
    const ring = await openKeyRing(home, secrets)
    const setup = {
      kind: 'seal',
      settings: others,
      device: await ring.material(settings.device, { isStatusIgnored }),
      operator: await ring.material(settings.operator, { isStatusIgnored }),
      isDemo: ring.isDemo,
      anchors: ring.trust(),
      ...(settings.timestampUrl === undefined && { authority: await ring.timestampMaterial() }),
    } as const
    yield* runTasks<SealTask, Done<SealTask, SealedImage>>(tasks, { setup, signal, onCrash })
  },
}

function onCrash<Task>(task: Task, cause: Error): Done<Task, never> {
  return { task, bytes: 0, failure: describeFailure(cause) }
}
