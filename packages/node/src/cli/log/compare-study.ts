/** Compare study: holds images at hand against what a study file shows of their study. */
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import type { MapRecord } from '@fiducial/core/domain/log/map/record.ts'
import { parseStatement } from '@fiducial/core/domain/seal/statement.ts'
import { judgeStudy, type StudyJudgement } from '@fiducial/core/domain/verdict/judge-study.ts'
import { nameStudy, type StudyImage } from '@fiducial/core/domain/verdict/study-images.ts'
import type { RecordStore } from '../../services/log/ports.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode, exitCodeOf, worstOf } from '../exit.ts'
import { describeFailure, nameInput } from '../failure.ts'
import { Images, isPassedOver, isSeriesFile } from '../images.ts'
import { Progress } from '../progress.ts'
import { counted } from '../table.ts'
import { visible } from '../visible.ts'
import type { FileReport } from './verify-file.ts'

type ProvenStudy = NonNullable<FileReport['study']>

const LISTS = ['missing', 'changed', 'extra', 'gone'] as const
const WORDS = {
  missing: 'missing',
  changed: 'changed',
  extra: 'unknown to the log',
  gone: 'gone, by the log',
} as const

export async function compareStudy(words: readonly string[], report: FileReport, context: Context): Promise<ExitCode> {
  const study = report.study as ProvenStudy
  const { output, adapters } = context
  const { hash } = await adapters.crypto()
  const found = await measureImages(words, study, context)
  const { finding } = study
  const records = finding.outcome === 'complete' ? finding.records : []
  const salt = finding.outcome === 'complete' ? finding.salt : new Uint8Array(32)
  const uids = await namesOf(records, report, context)
  const judgement = judgeStudy(
    nameStudy(hash, { salt, records }, found.images, { uidOf: ({ newest }) => uids.get(newest) }),
  )
  output.record({ kind: 'comparison', study: study.studyInstanceUid, ...judgement, others: found.others })
  show(judgement, found.others, context)
  return worstOf([judgement.outcome === 'complete' ? EXIT.ok : EXIT.notAuthentic, ...found.codes])
}

interface Found {
  readonly images: readonly StudyImage[]
  /** Images of other studies. */
  readonly others: number
  readonly codes: readonly ExitCode[]
}

async function measureImages(words: readonly string[], study: ProvenStudy, context: Context): Promise<Found> {
  const { adapters, output, terminal } = context
  using inputs = await adapters.findInputs(words)
  const images = new Images(inputs, (input) => !isSeriesFile(input))
  const progress = new Progress(output, 'measuring', images)
  const found: StudyImage[] = []
  const codes: ExitCode[] = []
  let others = 0
  for await (const input of images) {
    terminal.interruption.throwIfAborted()
    try {
      const { instance, digests } = await adapters.log.describeImage(input.path)
      if (instance.studyInstanceUid !== study.studyInstanceUid) others++
      else if (digests.file !== null && digests.dataset !== null)
        found.push({
          sopInstanceUid: instance.sopInstanceUid,
          label: input.label,
          file: digests.file,
          dataset: digests.dataset,
        })
    } catch (error) {
      const failure = describeFailure(error)
      if (!isPassedOver(input, failure, words)) {
        codes.push(exitCodeOf(failure.code))
        output.record({ path: input.label, error: { code: failure.code, message: failure.message } })
        output.line(`${output.style.red('! unreadable')}  ${nameInput(input.label, failure).message} (${failure.code})`)
      }
    }
    progress.advance(0)
  }
  output.endProgress()
  return { images: found, others, codes }
}

/** UIDs of what the log knows, by the entries that are the newest about each; none where the log is not at hand. */
async function namesOf(
  records: readonly MapRecord[],
  { origin }: FileReport,
  { adapters, home }: Context,
): Promise<ReadonlyMap<bigint, string>> {
  const names = new Map<bigint, string>()
  const facts = await adapters.log.find(home)
  if (facts === undefined || facts.origin !== origin) return names
  await using reader = await adapters.log.read(home)
  for (const { newest } of records) {
    const uid = reader.records && (await uidOfEntry(newest, reader.records))
    if (uid != null) names.set(newest, uid)
  }
  return names
}

async function uidOfEntry(index: bigint, records: Pick<RecordStore, 'payload'>): Promise<string | null> {
  const payload = await records.payload(index)
  if (!(payload instanceof Uint8Array)) return null
  const event = parseEventStatement(payload)
  const instance = event.type === 'acquired' ? parseStatement(payload).instance : event.instance
  return instance?.sopInstanceUid ?? null
}

function show(judgement: StudyJudgement, others: number, { output }: Context): void {
  const { style } = output
  const isComplete = judgement.outcome === 'complete'
  output.line(`${isComplete ? style.green('✔') : style.red('✘')} ${judgement.sentence}`)
  for (const list of LISTS)
    for (const name of judgement[list]) output.line(`    ${style.red(WORDS[list].padEnd(18))}  ${visible(name)}`)
  if (others > 0) output.line(style.dim(`    ${counted(others, 'image')} of other studies passed over`))
}
