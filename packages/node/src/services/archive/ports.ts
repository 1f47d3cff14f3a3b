/**
 * Ports of an archive: what our DICOMweb faces ask of whatever keeps the images: the demo archive, or a PACS by its protocols.
 */
import type { Query } from '@fiducial/core/domain/query/query.ts'
import type { NativeFrame, PictureOrder } from '@fiducial/core/domain/view/render-frame.ts'
import type { FrameShape } from '@fiducial/core/formats/codec/shape.ts'
import type { DicomJson } from '@fiducial/core/formats/dicom-json/model.ts'
import type { SpooledFile } from '../gateway/ports.ts'

/** A study, or a series or instance in it. */
export interface ArchivePlace {
  readonly study: string
  readonly series?: string
  readonly instance?: string
}

export interface ArchivedInstance extends Required<ArchivePlace> {
  readonly sopClassUid: string
  /** Null where only the file itself tells. */
  readonly transferSyntaxUid: string | null
  /** Likewise. */
  readonly lengthBytes: number | null
}

/** May reject with {StoreError} `service_unreachable`, `service_refused`, `peer_timeout` where the archive is another machine. */
export interface Archive {
  /** What matches, each with the attributes of its level, those that were asked for, and the UIDs above it. */
  search(query: Query): AsyncIterable<DicomJson>
  /** Instances of a study or series, or one, in the order of series and instance numbers; none where there is no such thing. */
  instances(place: ArchivePlace): Promise<readonly ArchivedInstance[]>
  /** A Part 10 file as it came. @throws {StoreError} `instance_missing` */
  open(instance: ArchivedInstance): Promise<SpooledFile>
}

/** A frame as a file holds it; plain values. */
export interface StoredFrame {
  /** Of the codestream; null for native samples in little endian. */
  readonly transferSyntaxUid: string | null
  readonly bytes: Uint8Array
  readonly shape: FrameShape
}

/** Decodes and draws, away from whoever has to answer others meanwhile. Both throw {FormatError} `codec_*`. */
export interface FrameMaker {
  decode(frame: StoredFrame): Promise<NativeFrame>
  /** The bytes of a PNG file. */
  draw(frame: StoredFrame, order: PictureOrder): Promise<Uint8Array>
}

/** Another DICOMweb service, as far as a proxy needs it. */
export interface WebUpstream {
  request(order: {
    readonly method: 'GET'
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
    readonly signal: AbortSignal
  }): Promise<{
    readonly status: number
    readonly headers: Readonly<Record<string, string | string[] | undefined>>
    readonly body: AsyncIterable<Uint8Array> & { destroy(error?: Error): unknown }
  }>
}
