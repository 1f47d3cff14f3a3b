/**
 * Gateway work: examines instances, and makes the copies that their routes ask for, in a thread.
 *
 * The thread opens the spool itself: bytes of images are never posted between threads.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { SEAL_LIMIT } from '@fiducial/core/domain/seal/seal.ts'
import type { Passes } from '@fiducial/core/domain/signature/digest.ts'
import { type Codecs, createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { createAuthority } from '../keys/embedded-authority.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { createSigner } from '../keys/signer.ts'
import { type Advisor, examineInstance } from '../services/gateway/examine-instance.ts'
import { type Attempted, type ExamineTask, outcomeOf, type PrepareTask } from '../services/gateway/examiner.ts'
import { prepareCopies } from '../services/gateway/prepare-copies.ts'
import type { GatewaySealDependencies } from '../services/seal-at-gateway.ts'
import { openFileSource } from '../storage/file-source.ts'
import { openSpool } from '../storage/gateway/open-spool.ts'
import { loadWasm } from '../storage/wasm.ts'
import { openDerive } from './gateway-derive.ts'
import { ReusedMemory } from './reused-memory.ts'
import { openKeys, openQuoting } from './seal-work.ts'
import type { GatewaySealSetup, GatewaySetup } from './setup.ts'
import { openLogs, openMarks } from './verify-work.ts'

export type GatewayTask = ExamineTask | PrepareTask
export type GatewayWork = (task: GatewayTask) => Promise<Attempted<unknown>>

/** Files up to this size are read whole: they are gone over several times. */
const IN_MEMORY_BYTES = 64 * 2 ** 20
/** Images whose digests are kept in case that this thread is to seal them, too. */
const MEASURED_LIMIT = 32

/** @throws {StoreError} {FormatError} {KeyError} where log, policy, spool or keys cannot be opened */
export async function openGatewayWork({
  settings,
  places,
  sealing,
  deidentifyKey,
  watchModel,
}: GatewaySetup): Promise<GatewayWork> {
  const codecs = createCodecs(loadWasm)
  const log = await openLogs(settings)
  const marks = await openMarks(settings)
  const { anchors, policy } = settings
  const now = (): Date => new Date()
  const examining = {
    crypto: nativeCrypto,
    codecs,
    anchors,
    policy,
    now,
    advisors: watchModel === null ? [] : [await openWatchdog(watchModel, codecs)],
    ...(log && { log }),
    ...(marks && { marks }),
  }
  // What is refused from outside is still free for what is under way: otherwise nothing would ever leave a full disk.
  const reserveBytes = places.reserveBytes / 2
  const spool = await openSpool(places.spool, reserveBytes)
  const seals = await openSpool(places.seals, reserveBytes)
  const preparing = {
    crypto: nativeCrypto,
    codecs,
    spool,
    seals,
    derive: await openDerive({ codecs, deidentifyKey }),
    ...(sealing && { sealing: await openSealing(sealing, codecs, now) }),
  }
  const memory = new ReusedMemory()
  /** By path, of images that are likely to be sealed next. */
  const measured = new Map<string, Passes>()
  const perform = async (task: GatewayTask): Promise<unknown> => {
    // Given back once the work has ended, not when it has begun: hence the awaiting below.
    using lent = memory.lend()
    using source = openFileSource(task.path, { inMemoryBytes: IN_MEMORY_BYTES, room: lent.room })
    if (task.kind === 'prepare') {
      const passes = measured.get(task.path)
      measured.delete(task.path)
      return await prepareCopies({ ...task, source, ...(passes && { passes }) }, preparing)
    }
    const seal = task.sealPath === null ? undefined : readSeal(task.sealPath)
    const onMeasured = (passes: Passes): void => {
      measured.set(task.path, passes)
      const [oldest] = measured.keys()
      if (measured.size > MEASURED_LIMIT && oldest !== undefined) measured.delete(oldest)
    }
    return await examineInstance({ ...task, source, onMeasured, ...(seal && { seal }) }, examining)
  }
  return async (task) => {
    const before = process.threadCpuUsage()
    try {
      const value = await perform(task)
      const { user, system } = process.threadCpuUsage(before)
      return { outcome: 'done', value, cpuMs: (user + system) / 1_000 }
    } catch (cause) {
      // Disks, keys and services: nothing that this instance is to blame for.
      const outcome = outcomeOf(cause)
      if (outcome !== undefined) return outcome
      throw cause
    }
  }
}

async function openWatchdog(path: string, codecs: Codecs): Promise<Advisor> {
  const { openWatchModel } = await import('../wiring/watch.ts')
  const { createWatchAdvisor } = await import('../services/watch/watch-advisor.ts')
  return createWatchAdvisor(await openWatchModel('', path), { codecs, encoders: createEncoders(loadWasm) })
}

async function openSealing(
  { id, keys, authority, isDemo, logFolder }: GatewaySealSetup,
  codecs: GatewaySealDependencies['codecs'],
  now: () => Date,
): Promise<GatewaySealDependencies> {
  return {
    crypto: nativeCrypto,
    codecs,
    random: (length) => new Uint8Array(randomBytes(length)),
    now,
    isDemo,
    gateway: { id, keys: await openKeys(keys) },
    ...(authority && { authority: createAuthority(await createSigner(authority), now) }),
    ...(logFolder !== undefined && { checkpoint: await openQuoting(logFolder) }),
  }
}

/** Of one that is longer than seals can be, as much as shows that; undefined where it is gone. */
function readSeal(path: string): Uint8Array | undefined {
  try {
    const bytes = memorySource(new Uint8Array(readFileSync(path)))
    return bytes.view(0, Math.min(bytes.length, SEAL_LIMIT + 1))
  } catch {
    return undefined
  }
}
