/**
 * Network patients: those whose pictures the forge's networks have learnt from, and who therefore take no part in measurements.
 *
 * A fifth of all patients, by a digest of the name that a data set gives them: nobody has to keep a list. The same rule stands in
 * tools/train-forge-networks.py.
 */
import { digestOf } from '../../../bytes/hash.ts'
import { portableCrypto } from '../../../bytes/portable-crypto.ts'

const PARTS = 5

/** @param patient  as the data set's manifest names the patient or group */
export function isNetworkPatient(patient: string): boolean {
  const [first = 0] = digestOf(portableCrypto.hash, 'sha256', new TextEncoder().encode(patient))
  return first % PARTS === 0
}
