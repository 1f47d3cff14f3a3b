/** File trust: whom to believe about logs, those who sign statements, and timestamp authorities. */

import { KeyError, StoreError } from '@fiducial/core/errors.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import type { Certificate } from '@fiducial/core/formats/x509/certificate.ts'
import type { Context } from '../context.ts'
import { withHint } from '../failure.ts'
import { readTrust, type TrustOptions } from '../trust.ts'
import { readPolicyFile } from './session.ts'
import type { FileTrust } from './verify-file.ts'

/**
 * Reads whom to believe.
 * @throws {StoreError} `log_missing` where neither a policy is named nor the site has a log
 * @throws {FormatError} `witness_policy_malformed`, `pem_malformed` and others
 */
export async function readFileTrust(
  options: TrustOptions & { readonly policy?: string },
  context: Context,
): Promise<FileTrust> {
  const policy = await readPolicy(options.policy, context)
  const anchors = await readTrust(options, context)
  // A certificate that is handed over says that its holder may sign, be it a root's or a device's.
  const signers = [...anchors.intermediates, ...anchors.roots, ...(await ownCertificates(context))].map(
    ({ spki }) => spki,
  )
  const keys = policy.logs.map(({ key }) => key)
  // Nobody is told that witnesses were checked where there are none.
  return { keys, policy: policy.witnesses.length === 0 ? null : policy, anchors, signers }
}

async function readPolicy(path: string | undefined, context: Context): Promise<WitnessPolicy> {
  const { adapters, home } = context
  const bytes = await readPolicyFile(path, context)
  if (bytes !== undefined) return adapters.log.readPolicy(bytes)
  try {
    await using reader = await adapters.log.read(home)
    return reader.policy
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'log_missing') throw error
    throw withHint(
      new StoreError('log_missing', 'there is no log here whose keys could be believed', { cause: error }),
      '--policy FILE names those of another one: the file `policy` beside a log, or of an export',
    )
  }
}

/** Those with which the site's own devices and persons sign statements. */
async function ownCertificates({ adapters, home }: Context): Promise<readonly Certificate[]> {
  try {
    const ring = await adapters.openRing(home, {})
    return ring.list().flatMap(({ certificates }) => certificates.statement ?? [])
  } catch (error) {
    if (error instanceof KeyError && error.code === 'key_missing') return []
    throw error
  }
}
