/**
 * Room work: takes the pictures of the demonstration's rooms in a thread, and seals those of rooms that seal.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { type ExposureKind, planExposure } from '@fiducial/core/domain/room/plan.ts'
import { captureSeries } from '@fiducial/core/domain/room/room.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import type { Attempted } from '../services/gateway/examiner.ts'
import { SEAL_SUFFIX } from '../storage/find-inputs.ts'
import { openSealWork } from './seal-work.ts'
import type { RoomSetup } from './setup.ts'

/** An exposure of a patient who does not exist. */
export interface RoomTask {
  readonly kind: ExposureKind
  readonly seed: string
  /** Local date and time with zone. */
  readonly at: string
  /** Of CT and MR. */
  readonly sliceCount: number
  /** Where the files go; made. */
  readonly folder: string
  /** Device and technologist seal each image. */
  readonly isSealed: boolean
}

/** What a room has taken. */
export interface Taken {
  readonly files: readonly { readonly path: string; readonly sealPath: string | null }[]
  readonly studyUid: string
  readonly seriesUid: string
  readonly accessionNumber: string
  /** `Family^Given` */
  readonly operator: string
  readonly modality: string
}

const MODALITIES: Readonly<Record<ExposureKind, string>> = { chest: 'DX', hand: 'CR', ct: 'CT', mr: 'MR' }

export async function openRoomWork({ seal }: RoomSetup): Promise<(task: RoomTask) => Promise<Attempted<Taken>>> {
  const sealImage = await openSealWork(seal)
  return async (task) => {
    const { kind, seed, at, sliceCount, folder, isSealed } = task
    const plan = planExposure(seed, { kind, at, sliceCount })
    mkdirSync(folder, { recursive: true })
    const files: { path: string; sealPath: string | null }[] = []
    for (const capture of captureSeries(plan)) {
      const path = join(folder, `${files.length + 1}.dcm`)
      const pieces = encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: capture.elements })
      writeFileSync(path, joinBytes([...pieces]))
      if (!isSealed) {
        files.push({ path, sealPath: null })
        continue
      }
      const target = join(folder, 'sealed', `${files.length + 1}.dcm`)
      const done = await sealImage({ label: path, path, target })
      if ('failure' in done) return { outcome: 'unavailable', cause: new Error(done.failure.code) }
      files.push({ path: target, sealPath: `${target}${SEAL_SUFFIX}` })
    }
    const { studyUid, seriesUid, accessionNumber, operator } = plan
    const value = { files, studyUid, seriesUid, accessionNumber, operator: operator.name, modality: MODALITIES[kind] }
    return { outcome: 'done', value, cpuMs: 0 }
  }
}
