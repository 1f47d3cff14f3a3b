/**
 * Log verify: checks proofs, study files and bundles without asking anybody, and images at hand against a study.
 *
 * Whom to believe is a policy: that of the site's own log, unless another one is named.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { STUDY_FILE_LIMIT } from '@fiducial/core/domain/log/study-file.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { type Adapters, type Input, PROOF_SUFFIX, SEAL_SUFFIX } from '../adapters.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode, exitCodeOf, worstOf } from '../exit.ts'
import { describeFailure } from '../failure.ts'
import { Images } from '../images.ts'
import { Progress } from '../progress.ts'
import type { TrustOptions } from '../trust.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import { compareStudy } from './compare-study.ts'
import { readFileTrust } from './file-trust.ts'
import { findBeside, type Proven } from './proven-things.ts'
import {
  type FileReport,
  type FileTrust,
  kindOf,
  verifyBundleBytes,
  verifyProofBytes,
  verifyStudyBytes,
} from './verify-file.ts'
import { LogVerifyReport } from './verify-report.ts'

export interface LogVerifyOptions extends TrustOptions {
  readonly policy?: string
  /** What the one proof is of. */
  readonly of?: string
  /** Images that are held against the one study file. */
  readonly images?: readonly string[]
  readonly verbose?: boolean
}

const EXIT_CODES = { holds: EXIT.ok, fails: EXIT.notAuthentic, unknown: EXIT.undetermined } as const

/** A file that shows something of a log. */
interface Evidence {
  readonly label: string
  readonly kind: FileReport['kind']
  readonly bytes: Uint8Array
  readonly of: Proven | undefined
}

export async function verifyLogFiles(
  words: readonly string[],
  options: LogVerifyOptions,
  context: Context,
): Promise<ExitCode> {
  const { adapters, output, terminal } = context
  const trust = await readFileTrust(options, context)
  const crypto = await adapters.crypto()
  using inputs = await adapters.findInputs(words)
  const images = new Images(inputs)
  const progress = new Progress(output, 'checking', images)
  const report = new LogVerifyReport(output, options.verbose === true)
  const codes: ExitCode[] = []
  const studies: FileReport[] = []
  for await (const input of images) {
    terminal.interruption.throwIfAborted()
    try {
      const evidence = await readEvidence(input, options, adapters)
      if (evidence === undefined && !words.includes(input.label)) report.passedOver++
      else {
        const checked = verifyEvidence(evidence ?? notEvidence(input), trust, crypto)
        codes.push(EXIT_CODES[checked.outcome])
        if (checked.study !== undefined) studies.push(checked)
        report.show(evidence?.label ?? input.label, checked, images.isComplete && images.found === 1)
      }
    } catch (error) {
      const failure = describeFailure(error)
      codes.push(exitCodeOf(failure.code))
      report.fail(input.label, failure)
    }
    progress.advance(0)
  }
  output.endProgress()
  if (codes.length === 0)
    throw new StoreError('input_missing', `there is nothing of a log in ${words.map(visible).join(' ')}`)
  if (codes.length > 1) report.summarize()
  if (options.images !== undefined) codes.push(await compareImages(options.images, studies, context))
  return worstOf([EXIT.ok, ...codes])
}

/** What a file, or the proof beside it, shows of a log; undefined where it shows nothing. */
async function readEvidence(
  { path, label }: Input,
  options: LogVerifyOptions,
  adapters: Adapters,
): Promise<Evidence | undefined> {
  const stem = path.endsWith(SEAL_SUFFIX) ? path.slice(0, -SEAL_SUFFIX.length) : path
  // Images and seals stand for the proofs beside them.
  const proof = path.endsWith(PROOF_SUFFIX) ? undefined : await adapters.readFile(`${stem}${PROOF_SUFFIX}`)
  const isBeside = proof !== undefined
  const bytes = proof ?? (await readSmall(path, adapters))
  const kind = bytes && kindOf(bytes)
  if (bytes === undefined || kind === undefined) return undefined
  const name = isBeside ? `${stem}${PROOF_SUFFIX}` : path
  const of = kind === 'entry' ? await whatItIsOf(name, options, adapters) : undefined
  return { label: isBeside ? `${label}${path === stem ? PROOF_SUFFIX : ''}` : label, kind, bytes, of }
}

/** No file of a log is as large as many an image is. */
async function readSmall(path: string, adapters: Pick<Adapters, 'openFile'>): Promise<Uint8Array | undefined> {
  using file = await adapters.openFile(path)
  return file.length > STUDY_FILE_LIMIT ? undefined : file.view(0, file.length)
}

async function whatItIsOf(
  proofPath: string,
  { of }: LogVerifyOptions,
  adapters: Pick<Adapters, 'readFile'>,
): Promise<Proven | undefined> {
  if (of === undefined) return findBeside(proofPath, adapters)
  const bytes = await adapters.readFile(of)
  if (bytes === undefined) throw new UsageError(`there is no file ${visible(of)}`)
  const kind = of.endsWith(SEAL_SUFFIX) ? 'seal' : kindOf(bytes) === 'bundle' ? 'bundle' : 'leaf'
  return { kind, path: of, bytes }
}

function notEvidence({ label }: Input): never {
  throw new StoreError(
    'input_unreadable',
    `${visible(label)} is no proof, study file or bundle, and has no proof beside it`,
  )
}

function verifyEvidence({ kind, bytes, of }: Evidence, trust: FileTrust, crypto: Crypto): FileReport {
  if (kind === 'study') return verifyStudyBytes(bytes, trust, crypto)
  return kind === 'bundle' ? verifyBundleBytes(bytes, trust, crypto) : verifyProofBytes(bytes, of, trust, crypto)
}

async function compareImages(
  words: readonly string[],
  studies: readonly FileReport[],
  context: Context,
): Promise<ExitCode> {
  const [study, ...others] = studies
  if (study?.study === undefined || others.length > 0)
    throw new UsageError('--images goes with one study file', 'fiducial log prove --study UID --out FILE makes one')
  return compareStudy(words, study, context)
}
