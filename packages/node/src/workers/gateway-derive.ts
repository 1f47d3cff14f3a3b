/**
 * Gateway derive: readies what a thread needs to transcode and de-identify.
 */
import { FormatError } from '@fiducial/core/errors.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import type { Derive } from '../services/gateway/prepare-copies.ts'

export interface DeriveMeans {
  readonly codecs: Codecs
  /** From which new UIDs, names and dates follow; null where the gateway has none. */
  readonly deidentifyKey: Uint8Array | null
}

/** What makes derived copies. */
export async function openDerive(_means: DeriveMeans): Promise<Derive> {
  return async () => {
    throw new FormatError('codec_unsupported', 'nothing derives copies yet')
  }
}
