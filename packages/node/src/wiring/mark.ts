/** Mark: what marking and reading marks need of this machine. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createPlainCoder } from '@fiducial/core/domain/mark/tiles/plain-coder.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { MarkMeans } from '../services/mark/ports.ts'
import { openMarkRecords } from '../storage/mark/mark-records.ts'
import { loadWasm } from '../storage/wasm.ts'

/** Where records of marks lie in the folder of all state. */
export const markFolder = (home: string): string => join(home, 'marks')

export function openMarkMeans(home: string): MarkMeans {
  return {
    hash: nativeCrypto.hash,
    crypto: nativeCrypto,
    createCoder: createPlainCoder,
    codecs: createCodecs(loadWasm),
    encoders: createEncoders(loadWasm),
    random: (length) => new Uint8Array(randomBytes(length)),
    now: () => new Date(),
    records: openMarkRecords(markFolder(home)),
  }
}
