/** Image work: opens the keys once, and runs sealing and verifying over many images. */

import { describeFailure } from '../cli/failure.ts'
import type { VerifyRecord } from '../cli/verify-record.ts'
import type { Done, SealedImage, SealSettings, SealTask, VerifyTask, Work } from '../cli/work.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { MarkDevice } from '../services/mark/ports.ts'
import { runTasks } from './run-tasks.ts'
import type { SealSetup } from './setup.ts'

export const imageWork: Work = {
  verify: (tasks, settings, signal) =>
    runTasks<VerifyTask, Done<VerifyTask, VerifyRecord>>(tasks, {
      setup: { kind: 'verify', settings },
      signal,
      onCrash,
    }),

  async *seal(tasks, settings, signal) {
    const setup = await openSealSetup(settings)
    yield* runTasks<SealTask, Done<SealTask, SealedImage>>(tasks, { setup, signal, onCrash })
  },

  async sealSeries(images, folder, settings) {
    const { signSeriesFiles } = await import('./series-work.ts')
    return signSeriesFiles(images, folder, await openSealSetup(settings))
  },
}

/** Opens the keys of those who seal. @throws {KeyError} */
async function openSealSetup({
  home,
  secrets,
  isStatusIgnored = false,
  mark,
  ...settings
}: SealSettings): Promise<SealSetup> {
  const { openKeyRing } = await import('../keys/key-ring.ts')
  const ring = await openKeyRing(home, secrets)
  return {
    kind: 'seal',
    settings,
    device: await ring.material(settings.device, { isStatusIgnored }),
    operator: await ring.material(settings.operator, { isStatusIgnored }),
    isDemo: ring.isDemo,
    anchors: ring.trust(),
    ...(mark !== undefined && {
      mark: { ...mark, home, device: await openMarking(ring, settings.device, isStatusIgnored) },
    }),
    ...(settings.timestampUrl === undefined && { authority: await ring.timestampMaterial() }),
  }
}

/** The mark key of the device that seals, made when it is first asked for. @throws {KeyError} {StoreError} */
async function openMarking(ring: KeyRing, id: string, isStatusIgnored: boolean): Promise<MarkDevice> {
  const { markDeviceOf } = await import('../wiring/mark.ts')
  return markDeviceOf({ id, markKey: ring.markKey(id, { isStatusIgnored }), isDemo: ring.isDemo })
}

function onCrash<Task>(task: Task, cause: Error): Done<Task, never> {
  return { task, bytes: 0, failure: describeFailure(cause) }
}
