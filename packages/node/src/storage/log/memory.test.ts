import { checkpointCellContract } from '../../testing/log-contracts/checkpoint-cell-contract.ts'
import { type Harness, harnessOver } from '../../testing/log-contracts/harness.ts'
import { immutableStoreContract } from '../../testing/log-contracts/immutable-store-contract.ts'
import { jobQueueContract } from '../../testing/log-contracts/job-queue-contract.ts'
import { mapStoreContract } from '../../testing/log-contracts/map-store-contract.ts'
import { recordStoreContract } from '../../testing/log-contracts/record-store-contract.ts'
import { sequencerContract } from '../../testing/log-contracts/sequencer-contract.ts'
import { createMemoryState, type MemoryLog, openMemoryLog } from './memory.ts'

/** The harness of one of the ports, or of several together. */
const harnessOf = <Store extends object>(choose: (log: MemoryLog) => Store): Harness<Store> =>
  harnessOver(createMemoryState, async (state) => choose(openMemoryLog(state)))

sequencerContract('memory', { ...harnessOf(({ sequencer }) => sequencer), isExclusive: false })
recordStoreContract(
  'memory',
  harnessOf(({ sequencer, records }) => ({ sequencer, records })),
)
immutableStoreContract(
  'memory',
  harnessOf(({ objects }) => objects),
)
checkpointCellContract(
  'memory',
  harnessOf(({ published }) => published),
)
jobQueueContract(
  'memory',
  harnessOf(({ jobs }) => jobs),
)
mapStoreContract(
  'memory',
  harnessOf(({ map }) => map),
)
