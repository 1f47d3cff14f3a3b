/**
 * Verify studies: whether the images that were verified are all that the site's log knows of their studies.
 */

import { judgeStudy, type StudyJudgement } from '@fiducial/core/domain/verdict/judge-study.ts'
import { UID } from '@fiducial/core/formats/dicom/instance-uids.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit.ts'
import type { Output } from './output.ts'
import type { VerifyRecord } from './verify-record.ts'
import { visible } from './visible.ts'

/** A study with what the log says of it; the fields of the JSON record. */
export interface StudyRecord extends StudyJudgement {
  readonly studyInstanceUid: string
}

/** Names shown of one list; --json has them all. */
const NAMES_SHOWN = 10

/** Holds what was found of each study against the log. @throws {StoreError} `log_missing`, `log_corrupted` */
export async function judgeStudies(
  found: readonly VerifyRecord[],
  { adapters, home }: Context,
): Promise<readonly StudyRecord[]> {
  const studies = Map.groupBy(
    found.filter(({ instance }) => instance.studyInstanceUid !== null),
    ({ instance }) => instance.studyInstanceUid as string,
  )
  const judged: StudyRecord[] = []
  for (const [studyInstanceUid, members] of studies) {
    // A file may call anything its study; a log knows no such one.
    const isUid = UID.test(studyInstanceUid)
    const expected = isUid ? await adapters.log.knownInstances(home, studyInstanceUid) : []
    // An image without a name is one more than the log knows.
    const names = members.map(({ instance, path }) => instance.sopInstanceUid ?? path)
    const judgement = judgeStudy({ expected, found: names.map((name) => ({ name, digest: null })) })
    judged.push({ studyInstanceUid, ...judgement })
  }
  return judged
}

/** Shows studies, and says what they come to. */
export function showStudies(studies: readonly StudyRecord[], output: Output): ExitCode {
  for (const study of studies) {
    const { style } = output
    output.record(study)
    const isComplete = study.outcome === 'complete'
    output.line(`${isComplete ? style.green('✔') : style.red('✘')} study ${visible(study.studyInstanceUid)}`)
    output.line(`    ${study.sentence}`)
    for (const list of ['missing', 'extra', 'gone', 'changed'] as const) {
      for (const name of study[list].slice(0, NAMES_SHOWN)) output.line(`    ${list}  ${visible(name)}`)
      const more = study[list].length - NAMES_SHOWN
      if (more > 0) output.line(`    and ${more} more ${list}`)
    }
  }
  return studies.every(({ outcome }) => outcome === 'complete') ? EXIT.ok : EXIT.notAuthentic
}
