/** Describe file: an image on this machine as events of a custody log name it. */
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { type DescribedImage, describeImage } from '../services/log/describe-image.ts'
import { openFileSource } from '../storage/file-source.ts'
import { loadWasm } from '../storage/wasm.ts'

const codecs = createCodecs(loadWasm)

/** @throws {StoreError} `input_missing`, `input_empty`, `input_unreadable`; {FormatError} as {@link describeImage} */
export async function describeFile(path: string): Promise<DescribedImage> {
  using source = openFileSource(path)
  return await describeImage(source, { crypto: nativeCrypto, codecs })
}
