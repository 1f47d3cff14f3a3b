/** Get object: reads one object from S3, whole, or tells that there is none. */
import { StoreError } from '@fiducial/core/errors.ts'
import { describeAnswer, type S3Client } from './client.ts'
import { isPassing, sendPatiently } from './retry.ts'

/**
 * The bytes of an object and the tag of this version of it; undefined where there is none.
 *
 * A server that hides what may not be listed answers with 403 for what is not there: that is a refusal, not an absence,
 * and so is a missing bucket.
 *
 * @throws {StoreError} `service_unreachable` after several attempts without an answer; `service_refused`
 */
export async function getObject(
  client: S3Client,
  key: string,
): Promise<{ readonly bytes: Uint8Array; readonly etag: string | undefined } | undefined> {
  const { answer } = await sendPatiently(client, { method: 'GET', key })
  const { status, code, body, etag } = answer
  if (status === 200) return { bytes: body, etag }
  if (status === 404 && code !== 'NoSuchBucket') return undefined
  throw new StoreError(
    isPassing(answer) ? 'service_unreachable' : 'service_refused',
    `the object store gives no object: ${describeAnswer(answer)}`,
  )
}
