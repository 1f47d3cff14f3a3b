/** Mark: what marking and reading marks need of this machine. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { publicKeyOf } from '@fiducial/core/bytes/sign-ed25519.ts'
import { createTileCoder } from '@fiducial/core/domain/mark/kernel/mark-kernel.ts'
import { deriveMarkKeys } from '@fiducial/core/domain/mark/keys.ts'
import type { ImagePixels } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { openPicturePixels } from '@fiducial/core/domain/pixels/picture-pixels.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { openKeyRing, type RingOptions } from '../keys/key-ring.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { MarkDevice, MarkMeans } from '../services/mark/ports.ts'
import { openMarkRecords } from '../storage/mark/mark-records.ts'
import { openPng } from '../storage/mark/png-file.ts'
import { loadWasm } from '../storage/wasm.ts'

/** Where records of marks lie in the folder of all state. */
export const markFolder = (home: string): string => join(home, 'marks')

export function openMarkMeans(home: string): MarkMeans {
  return {
    hash: nativeCrypto.hash,
    crypto: nativeCrypto,
    createCoder: createTileCoder,
    codecs: createCodecs(loadWasm),
    encoders: createEncoders(loadWasm),
    random: (length) => new Uint8Array(randomBytes(length)),
    now: () => new Date(),
    records: openMarkRecords(markFolder(home)),
  }
}

/** The mark key of a device, made when it is first asked for. @throws {KeyError} */
export async function openMarkDevice(home: string, secrets: RingOptions, id: string): Promise<MarkDevice> {
  const ring = await openKeyRing(home, secrets)
  return markDeviceOf({ id, markKey: ring.markKey(id), isDemo: ring.isDemo })
}

/** All devices that have marked. @throws {KeyError} */
export async function openMarkDevices(home: string, secrets: RingOptions): Promise<readonly MarkDevice[]> {
  const ring = await openKeyRing(home, secrets)
  return ring.markKeys().map((device) => markDeviceOf({ ...device, isDemo: ring.isDemo }))
}

/** A device by its mark key. */
export const markDeviceOf = (device: Omit<MarkDevice, 'publicKey'>): MarkDevice => ({
  ...device,
  publicKey: publicKeyOf(deriveMarkKeys(nativeCrypto.hash, device.markKey).signatureSeed),
})

/** @throws {FormatError} `picture_malformed`, `pixels_unsuited` */
export function openPngPixels(file: Uint8Array): ImagePixels {
  const png = openPng(file)
  return openPicturePixels(png.picture, (bytes) => [png.encode(bytes)])
}
