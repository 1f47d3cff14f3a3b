/**
 * Log storage: where a site's log lies: in files, or in PostgreSQL, with its objects in S3 if the site has one.
 *
 * The database has the order of entries, statements and work that waits; S3 has what is immutable and the checkpoint that
 * others may see, so that any web server in front of the bucket serves the log. Passwords and keys come from the
 * environment (PGPASSWORD, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), never from the config.
 */
import { KeyError } from '@fiducial/core/errors.ts'
import type { LogFacts } from '../services/log/log-access.ts'
import type { JobQueue } from '../services/log/ports.ts'
import type { SitePorts } from '../services/log/site-log.ts'
import { openFileLog } from '../storage/log/file-log.ts'
import type { S3Options } from '../storage/log/s3/client.ts'

/** All ports of a site's log, and their end. */
export type LogStorage = SitePorts & { readonly jobs: JobQueue; close(): Promise<void> }

/**
 * Opens the ports. Nothing is claimed yet.
 * @throws {StoreError} `log_unwritable`, `log_corrupted`, `service_unreachable`, `service_refused`
 * @throws {KeyError} `key_missing` where the environment holds no keys for S3
 * @throws {RangeError} for an address that is none
 */
export async function openLogStorage({ folder, origin, database, objects }: LogFacts): Promise<LogStorage> {
  if (database === undefined) return openFileLog(folder)
  const { openPostgresLog } = await import('../storage/log/postgres/open.ts')
  const ports = await openPostgresLog(origin, { url: database })
  if (objects === undefined) return ports
  try {
    const { openS3Log } = await import('../storage/log/s3/open.ts')
    const bucket = await openS3Log({ ...parseBucket(objects), credentials: readCredentials() })
    return { ...ports, objects: bucket.objects, published: bucket.published, close: () => ports.close() }
  } catch (error) {
    await ports.close()
    throw error
  }
}

/**
 * Takes an address of a bucket apart: `https://HOST[:PORT]/BUCKET[/PREFIX][?region=REGION]`.
 * @throws {RangeError} for what is none
 */
export function parseBucket(address: string): Pick<S3Options, 'endpoint' | 'region' | 'bucket' | 'prefix'> {
  const url = URL.parse(address)
  const [bucket = '', ...names] = url?.pathname.split('/').filter((name) => name !== '') ?? []
  if (url === null || !/^https?:$/.test(url.protocol) || bucket === '' || url.username + url.password !== '') {
    throw new RangeError('this is no address of a bucket')
  }
  return {
    endpoint: url.origin,
    region: url.searchParams.get('region') ?? 'us-east-1',
    bucket,
    prefix: names.map((name) => `${name}/`).join(''),
  }
}

function readCredentials(): Exclude<S3Options['credentials'], () => unknown> {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    throw new KeyError('key_missing', 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set')
  }
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
  }
}
