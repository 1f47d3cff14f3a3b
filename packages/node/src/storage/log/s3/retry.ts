/**
 * Retry: sends a request again where the server, or the way to it, was at fault for a moment.
 *
 * Source: AWS, "Exponential backoff and jitter": a random wait between zero and a bound that doubles, so that many
 * clients do not come back at once. All our requests may be repeated: their conditions make the second of two harmless.
 */
import type { S3Answer, S3Client, S3Request } from './client.ts'

const ATTEMPTS = 6
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5_000

/**
 * Sends a request until it has an answer that will not change by asking again, 6 times at most.
 *
 * @returns the last answer, and whether an attempt before it may have taken effect without saying so
 */
export async function sendPatiently(
  client: S3Client,
  request: S3Request,
): Promise<{ readonly answer: S3Answer; readonly mayHaveHappened: boolean }> {
  let mayHaveHappened = false
  for (let attempt = 1; ; attempt++) {
    const answer = await client.send(request)
    if (attempt === ATTEMPTS || !isPassing(answer)) return { answer, mayHaveHappened }
    mayHaveHappened ||= answer.status === undefined || answer.status >= 500
    const bound = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1))
    await client.surroundings.sleep(client.surroundings.random() * bound)
  }
}

/**
 * Whether asking again may help. 409: somebody else is writing the same object. 501: the server cannot do it, and never
 * will.
 */
export function isPassing({ status, code }: S3Answer): boolean {
  if (status === undefined || status === 408 || status === 409 || status === 429) return true
  return (status >= 500 && status !== 501) || code === 'RequestTimeout'
}
