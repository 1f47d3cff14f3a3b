/** Transcript stage: the images, keys and damaged files that the transcripts of the command line name. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { planExposure } from '@fiducial/core/domain/room/plan.ts'
import { captureExposure } from '@fiducial/core/domain/room/room.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { initKeyRing } from '../keys/key-ring.ts'
import { temporaryFolder } from './peers.ts'
import { readTranscript, runStep } from './transcript.ts'

const DAY_MS = 86_400_000

/** A small image of the simulated room, as a Part 10 file. */
export function takeImage(kind: 'chest' | 'hand', seed = 'transcript'): Uint8Array {
  const size = { columns: 128, rows: 160 }
  const plan = planExposure(seed, { kind, at: '2026-03-04T10:11:12.345+01:00', size, patientNumber: 7 })
  const { elements } = captureExposure(plan)
  return joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))
}

/** Puts images, texts and damaged files into a folder. */
export function layOutImages(folder: string): void {
  const chest = takeImage('chest')
  writeFileSync(join(folder, 'chest.dcm'), chest)
  writeFileSync(join(folder, 'hand.dcm'), takeImage('hand'))
  writeFileSync(join(folder, 'unsealed.dcm'), takeImage('hand', 'never sealed'))
  writeFileSync(join(folder, 'truncated.dcm'), chest.subarray(0, 20_001))
  writeFileSync(join(folder, 'empty.dcm'), '')
  writeFileSync(join(folder, 'notes.txt'), 'No image, and long enough to be taken for something else.\n'.repeat(20))
  mkdirSync(join(folder, 'texts'))
  writeFileSync(join(folder, 'texts', 'readme.txt'), 'nothing here\n')
}

/** A site with a device and a technologist. */
export async function makeKeys(home: string): Promise<void> {
  const ring = await initKeyRing(home, { site: 'Test Hospital' })
  await ring.enrolDevice({ name: 'Room 1', manufacturer: 'ACME', model: 'DX-5', serial: '1234', dicomKey: 'rsa-2048' })
  await ring.enrolPerson({ name: 'J. Doe', dicomKey: 'rsa-2048' })
}

/** The same, and devices that cannot seal: one of next week, one of last week, one that was stolen; and a second one. */
export async function makeManyKeys(home: string): Promise<void> {
  const at = (days: number): Date => new Date(Date.now() + days * DAY_MS)
  const ring = await initKeyRing(home, { site: 'Test Hospital' })
  await ring.enrolDevice({ name: 'Room 1', dicomKey: 'p-256' })
  await ring.enrolPerson({ name: 'J. Doe', dicomKey: 'p-256' })
  await ring.enrolDevice({ name: 'Room 2', dicomKey: 'p-256' })
  await ring.enrolDevice({ name: 'Future', dicomKey: 'p-256', notBefore: at(10) })
  await ring.enrolDevice({ name: 'Past', dicomKey: 'p-256', notBefore: at(-10), validityDays: 1 })
  const { id } = await ring.enrolDevice({ name: 'Stolen', dicomKey: 'p-256' })
  await ring.revoke(id, 'keyCompromise')
}

/** A site whose keys are encrypted. */
export async function makeLockedKeys(home: string): Promise<void> {
  const ring = await initKeyRing(home, { site: 'Test Hospital', passphrase: 'correct horse' })
  await ring.enrolDevice({ name: 'Room 1', dicomKey: 'p-256' })
  await ring.enrolPerson({ name: 'J. Doe', dicomKey: 'p-256' })
}

/**
 * Makes a suite of a transcript: one test for each command, all in one folder.
 * @param prepare  lays out keys; images are there
 */
export function testTranscript(path: string, prepare: (folder: string) => Promise<void> = async () => undefined): void {
  const steps = readTranscript(path)
  describe('the transcript', () => {
    const folder = temporaryFolder()
    before(async () => {
      layOutImages(folder)
      await prepare(folder)
    })
    for (const step of steps) {
      it(`line ${step.line}: ${step.command.slice(0, 100)}`, async (t) => {
        const difference = await runStep(step, { folder })
        if (difference !== undefined) t.assert.fail(difference)
      })
    }
  })
}
