/** Open spool: opens a spool from plain values, which can be posted to a thread that opens the same one. */
import type { Spool } from '../../services/gateway/ports.ts'
import type { S3Credentials, S3Options } from '../log/s3/client.ts'
import { FileSpool } from './file-spool.ts'

export type SpoolPlace =
  | { readonly kind: 'files'; readonly folder: string }
  | {
      readonly kind: 'bucket'
      /** Of this machine, for what is on its way there and for what was fetched. */
      readonly folder: string
      readonly bucket: Pick<S3Options, 'endpoint' | 'region' | 'bucket' | 'prefix'>
      readonly credentials: S3Credentials
    }

/**
 * @param reserveBytes  what stays free on the disk of the folder
 * @throws {StoreError} `spool_unwritable`
 * @throws {RangeError} for a bucket that is none
 */
export async function openSpool(place: SpoolPlace, reserveBytes: number): Promise<Spool> {
  const { folder } = place
  if (place.kind === 'files') return await FileSpool.open(folder, { reserveBytes })
  const [{ S3Client }, { S3Spool }] = await Promise.all([import('../log/s3/client.ts'), import('./s3/spool.ts')])
  const client = new S3Client({ ...place.bucket, credentials: place.credentials })
  return await S3Spool.open({ client, folder, reserveBytes })
}
