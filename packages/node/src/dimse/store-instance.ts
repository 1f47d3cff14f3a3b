/**
 * Store instance: C-STORE of a Part 10 file, whose data set goes out byte for byte.
 *
 * Source: PS3.7 section 9.1.1, PS3.4 annex B. Nothing is decoded: the association has to have a context of the file's own
 * transfer syntax. Data sets have an even length on the wire (PS3.8 annex E.2), and peers abort or hang where one has not:
 * a deflated one gets the NUL that PS3.5 section A.5 asks for, any other one is damaged and not sent.
 */
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { parseFileHead } from '@fiducial/core/formats/dicom/parse.ts'
import { isDeflatedSyntax } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import type { Response } from '@fiducial/core/formats/dimse/command.ts'
import type { OpenContext } from './propose.ts'
import type { Association } from './requestor.ts'

export interface StoredFile {
  readonly sopClassUid: string
  readonly sopInstanceUid: string
  readonly source: ByteSource
  /** On whose behalf it is sent: title of the asker, and the message id of its C-MOVE. */
  readonly moveOriginator?: { readonly aet: string; readonly messageId: number }
}

/**
 * Sends one file. Cost: two read buffers, whatever its size.
 * @throws {StoreError} `association_aborted`, `peer_timeout`, and what reading the file throws
 * @throws {FormatError} `dicom_truncated` for a data set of odd length
 */
export async function storeInstance(
  association: Association,
  context: OpenContext,
  { sopClassUid, sopInstanceUid, source, moveOriginator }: StoredFile,
): Promise<Response> {
  const { dataSetStart } = parseFileHead(source)
  const dataSet = source.chunks(dataSetStart, source.length)
  const isOdd = (source.length - dataSetStart) % 2 === 1
  if (isOdd && !isDeflatedSyntax(context.transferSyntax)) {
    throw new FormatError('dicom_truncated', 'a data set of odd length cannot be sent', { offset: source.length })
  }
  const { response } = await association.ask(
    context,
    {
      kind: 'c_store_rq',
      affectedSopClassUid: sopClassUid,
      affectedSopInstanceUid: sopInstanceUid,
      priority: 0,
      ...(moveOriginator === undefined
        ? {}
        : { moveOriginator: moveOriginator.aet, moveOriginatorMessageId: moveOriginator.messageId }),
    },
    isOdd ? padded(dataSet) : dataSet,
  )
  return response
}

function* padded(dataSet: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield* dataSet
  yield Uint8Array.of(0)
}
