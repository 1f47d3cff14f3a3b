/** Contract of the record of what is under way: nothing lost, nothing twice, everything in its order. */

import type { InstanceStore } from '../../services/gateway/ports.ts'
import type { Harness } from '../log-contracts/harness.ts'
import { instanceDeliveriesContract } from './instance-deliveries-contract.ts'
import { instanceReadingContract } from './instance-reading-contract.ts'
import { instanceStatesContract } from './instance-states-contract.ts'

/** Registers the tests. @param name  of the adapter */
export function instanceStoreContract(name: string, harness: Harness<InstanceStore>): void {
  instanceStatesContract(name, harness)
  instanceDeliveriesContract(name, harness)
  instanceReadingContract(name, harness)
}
