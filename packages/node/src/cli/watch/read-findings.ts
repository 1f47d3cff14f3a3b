/** Read findings: what a diagnostic model said of an image, from a file or by asking it. */
import { memorySource } from '@fiducial/core/bytes/source.ts'
import type { Finding } from '@fiducial/core/domain/watch/findings/finding.ts'
import { parseFindings } from '@fiducial/core/domain/watch/findings/findings-json.ts'
import { readPresentation } from '@fiducial/core/domain/watch/findings/presentation-state.ts'
import { readReport } from '@fiducial/core/domain/watch/findings/structured-report.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import type { Input } from '../adapters.ts'
import type { Context } from '../context.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'

export interface FindingsOptions {
  /** A file: JSON, SR or presentation state. */
  readonly findings?: string
  /** Address of a diagnostic model. */
  readonly diagnose?: string
}

/** Findings of one image, all frames; undefined where nobody was asked. */
export type FindFindings = (input: Input, dicom: DicomFile | undefined) => Promise<readonly Finding[] | undefined>

const PRESENTATION = '1.2.840.10008.5.1.4.1.1.11.'
const JSON_START = /^\s*[{[]/

/** @throws {UsageError} where both are given, or the file is not there */
export async function openFindings({ findings, diagnose }: FindingsOptions, context: Context): Promise<FindFindings> {
  if (findings !== undefined && diagnose !== undefined)
    throw new UsageError('--findings and --diagnose exclude each other', 'a file holds them, or a model is asked')
  if (diagnose !== undefined) return askModel(diagnose, context)
  if (findings === undefined) return async () => undefined
  const bytes = await context.adapters.readFile(findings)
  if (bytes === undefined) throw new UsageError(`there is no file ${visible(findings)}`)
  if (JSON_START.test(new TextDecoder().decode(bytes.subarray(0, 64)))) {
    const all = parseFindings(bytes)
    return async () => all
  }
  const { dataSet } = parseDicom(memorySource(bytes))
  const isPresentation = (textAt(dataSet, 0x00080016) ?? '').startsWith(PRESENTATION)
  return async (_input, dicom) => {
    const uid = dicom === undefined ? '' : (textAt(dicom.dataSet, 0x00080018) ?? '')
    return isPresentation ? readPresentation(dataSet, uid).findings : readReport(dataSet, uid)
  }
}

/** The file goes to the model as it is, patient data included. */
async function askModel(url: string, { adapters }: Context): Promise<FindFindings> {
  const model = await adapters.watch.diagnosticModel(url)
  return async (input, dicom) => {
    const bytes = (await adapters.readFile(input.path)) ?? new Uint8Array()
    return model.examine({ bytes, mediaType: dicom === undefined ? 'image/png' : 'application/dicom' })
  }
}
