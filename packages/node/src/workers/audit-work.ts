/** Audit work: reads an image of an archive, with the seal and proof beside it, and examines it. */
import { StoreError } from '@fiducial/core/errors.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { describeFailure } from '../cli/failure.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { examineInstance } from '../services/audit/examine.ts'
import type { ExamineDone, ExamineTask } from '../services/audit/sweep.ts'
import { openFileSource } from '../storage/file-source.ts'
import { PROOF_SUFFIX } from '../storage/find-inputs.ts'
import { loadWasm } from '../storage/wasm.ts'
import type { AuditSetup } from './setup.ts'
import { openLogs, openMarks, openSeals, readProof } from './verify-work.ts'

export type ExamineFile = (task: ExamineTask) => Promise<ExamineDone>

/** @throws {StoreError} {FormatError} if the log or a policy cannot be opened */
export async function openAuditWork({ settings }: AuditSetup): Promise<ExamineFile> {
  const { anchors, policy } = settings
  const log = await openLogs(settings)
  const marks = await openMarks(settings)
  const findSeal = openSeals(settings)
  const codecs = createCodecs(loadWasm)
  const now = (): Date => new Date()
  const dependencies = {
    anchors,
    policy,
    crypto: nativeCrypto,
    codecs,
    now,
    ...(log && { log }),
    ...(marks && { marks }),
  }
  return async (task) => {
    let bytes = 0
    try {
      using source = openFileSource(task.path)
      bytes = source.length
      const seal = findSeal(task.path, source)
      const proof = log && readProof(`${task.path}${PROOF_SUFFIX}`)
      const input = { source, ...(seal !== undefined && { seal }), ...(proof !== undefined && { proof }) }
      const value = await examineInstance(input, dependencies)
      // One half of a file that changes meanwhile could have been indexed and the other one digested.
      if (source.hasChanged()) throw new StoreError('input_unreadable', 'it changed while it was read')
      return { task, bytes, value }
    } catch (error) {
      return { task, bytes, failure: { code: describeFailure(error).code } }
    }
  }
}
