/**
 * Gateway derive: readies what a thread needs to transcode and de-identify.
 */
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import type { DeidentifyProfile } from '@fiducial/core/domain/deidentify/profile.ts'
import { KeyError } from '@fiducial/core/errors.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { createDerive } from '../services/gateway/derive-instance.ts'
import type { Derive } from '../services/gateway/prepare-copies.ts'
import { readSecret } from '../storage/secret-reference.ts'
import { loadWasm } from '../storage/wasm.ts'

export interface DeriveMeans {
  readonly codecs: Codecs
  /** From which new UIDs, names and dates follow; null where the gateway has none. */
  readonly deidentifyKey: Uint8Array | null
}

/** What makes derived copies. */
export async function openDerive({ codecs, deidentifyKey }: DeriveMeans): Promise<Derive> {
  const keyFor = ({ key }: DeidentifyProfile): Uint8Array => {
    if (key !== null) return digestOf(nativeCrypto.hash, 'sha256', encodeUtf8(readSecret(key)))
    if (deidentifyKey === null) throw new KeyError('key_missing', 'the gateway has no key for de-identification')
    return deidentifyKey
  }
  return createDerive({ hashes: nativeCrypto.hash, codecs, encoders: createEncoders(loadWasm), keyFor })
}
