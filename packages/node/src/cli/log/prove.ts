/**
 * Log prove: writes the proof that an entry is in the log, or how many images a study has in it.
 *
 * A proof is for others: it can be checked with nothing but the keys of the log, by `log verify` or a program of theirs.
 */
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { verifyCompleteness } from '@fiducial/core/domain/log/map/verify.ts'
import { formatStudyFile } from '@fiducial/core/domain/log/study-file.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { UID } from '@fiducial/core/formats/dicom/instance-uids.ts'
import { formatProof } from '../../services/log/proof-file.ts'
import type { ProvenStudy } from '../../services/log/site-log.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import type { SecretOptions } from '../secrets.ts'
import { counted } from '../table.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import { resolveEntry } from './resolve-entry.ts'
import { type ReadOptions, withReader, withSite } from './session.ts'

export interface ProveOptions extends ReadOptions, SecretOptions {
  readonly study?: string
  readonly out?: string
}

export async function proveEntry(word: string | undefined, options: ProveOptions, context: Context): Promise<ExitCode> {
  const { study } = options
  if ((word === undefined) === (study === undefined))
    throw new UsageError('say what to prove: an index, an image, a seal, or --study UID', 'fiducial log prove 17')
  if (study === undefined) return proveOne(String(word), options, context)
  if (!UID.test(study)) throw new UsageError(`--study ${visible(study)} is no UID`)
  if (options.dir !== undefined || options.policy !== undefined)
    throw new UsageError('--study goes with the log of this site', 'only who keeps a log has its completeness map')
  return proveStudy(study, options, context)
}

async function proveOne(word: string, options: ProveOptions, context: Context): Promise<ExitCode> {
  return withReader(options, context, async (session) => {
    const { entry, isSealed, others } = await resolveEntry(word, session, context)
    const { view } = session
    await hand(formatProof(entry, view, isSealed), { index: String(entry.index) }, options.out, context)
    context.output.note(`entry ${entry.index} of ${view.size} in ${visible(view.origin)}`)
    if (others.length > 0)
      context.output.note(
        `  ${counted(others.length, 'further entry', 'further entries')} about this file: ${others.join(', ')}`,
      )
    return EXIT.ok
  })
}

async function proveStudy(studyInstanceUid: string, options: ProveOptions, context: Context): Promise<ExitCode> {
  const { mapRoot, details, proof } = await withSite(options, context, async ({ site }) => {
    const proven = await site.proveStudy(studyInstanceUid)
    await site.log.published(proven.mapRoot.index)
    return proven
  })
  return withReader({}, context, async ({ view, reader, crypto }) => {
    // Under the checkpoint that is published by now: with witnesses, it carries their signatures.
    const { index, leaf, proof: hashes } = await view.prove(mapRoot.index)
    const statement = await reader.records?.payload(index)
    if (!(statement instanceof Uint8Array)) throw new StoreError('log_corrupted', `entry ${index} has no statement`)
    const inclusion = { index, hashes, checkpoint: view.checkpoint.note }
    const finding = verifyCompleteness(crypto.hash, { mapRoot: details, proof, studyInstanceUid })
    if (finding.outcome === 'refused')
      throw new StoreError('log_corrupted', `the proof of the study does not hold (${finding.reason})`)
    const bytes = formatStudyFile({ studyInstanceUid, statement, leaf, inclusion, completeness: proof })
    const present = finding.outcome === 'complete' ? finding.present : 0
    await hand(
      new TextDecoder().decode(bytes),
      { index: String(index), study: studyInstanceUid, present },
      options.out,
      context,
    )
    context.output.note(sentenceOf(present, proof, index))
    return EXIT.ok
  })
}

function sentenceOf(present: number, { study }: ProvenStudy['proof'], index: bigint): string {
  if (study === null) return `no image of this study was recorded before entry ${index}`
  const gone = study.records.length - present
  const rest = gone === 0 ? '' : `, and had ${gone} more that ${gone === 1 ? 'is' : 'are'} erased or withdrawn`
  return `the study has exactly ${counted(present, 'image')}${rest}, as of entry ${index}`
}

/** Writes a proof where it was asked for, else to standard output. */
async function hand(
  text: string,
  facts: Readonly<Record<string, string | number>>,
  out: string | undefined,
  { adapters, output }: Context,
): Promise<void> {
  if (out !== undefined) await adapters.writeFile(out, encodeUtf8(text))
  output.record({ ...facts, ...(out === undefined ? { proof: text } : { out }) })
  if (output.isJson) return
  if (out === undefined) output.raw(text)
  else output.line(`proof in ${visible(out)}; check it: fiducial log verify ${visible(out)}`)
}
