/**
 * Opens what a log keeps in S3, after a look at the server: does it mind conditions on writes?
 *
 * Some servers take If-None-Match and If-Match and ignore them. On such a one two sequencers would overwrite each other
 * and nobody would see it, so that it is refused before the first write that counts.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import { S3CheckpointCell } from './checkpoint-cell.ts'
import { describeAnswer, S3Client, type S3Options } from './client.ts'
import { S3ImmutableStore } from './immutable-store.ts'
import { isPassing, sendPatiently } from './retry.ts'

/** An object that is made once and stays. Its name cannot be that of anything in the log. */
const PROBE = 'condition-probe'
/** A tag that no object has. */
const NO_TAG = '"00000000000000000000000000000000"'

export interface S3Log {
  readonly objects: S3ImmutableStore
  /** Where recovery begins. */
  readonly head: S3CheckpointCell
  /** What others may see. */
  readonly published: S3CheckpointCell
}

/**
 * @throws {RangeError} as the constructor of {@link S3Client}
 * @throws {StoreError} `service_unreachable`; `service_refused` if the server refuses us, or ignores conditions
 */
export async function openS3Log(options: S3Options): Promise<S3Log> {
  const client = new S3Client(options)
  await checkConditions(client)
  return {
    objects: new S3ImmutableStore(client),
    head: new S3CheckpointCell(client, 'head'),
    published: new S3CheckpointCell(client, 'checkpoint'),
  }
}

async function checkConditions(client: S3Client): Promise<void> {
  // The first finds the probe, or makes it. The others have to be refused.
  const trials = [
    { headers: { 'if-none-match': '*' }, expected: [200, 412] },
    { headers: { 'if-none-match': '*' }, expected: [412] },
    { headers: { 'if-match': NO_TAG }, expected: [412] },
  ]
  for (const { headers, expected } of trials) {
    const body = Buffer.from('Tells whether this server minds conditions on writes.\n')
    const { answer } = await sendPatiently(client, { method: 'PUT', key: PROBE, headers, body })
    if (answer.status !== undefined && expected.includes(answer.status)) continue
    if (answer.status === 200) throw refused('it ignores conditions on writes')
    if (!isPassing(answer)) throw refused(describeAnswer(answer))
    throw new StoreError('service_unreachable', `the object store cannot be reached: ${describeAnswer(answer)}`)
  }
}

const refused = (why: string): StoreError => new StoreError('service_refused', `the object store is of no use: ${why}`)
