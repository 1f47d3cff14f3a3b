/** The log on PostgreSQL: every contract of its ports, on a real server. */
import { describe } from 'node:test'
import { openPostgresLog, type PostgresLog } from '../storage/log/postgres/open.ts'
import { checkpointCellContract } from '../testing/log-contracts/checkpoint-cell-contract.ts'
import { type Harness, harnessOver } from '../testing/log-contracts/harness.ts'
import { immutableStoreContract } from '../testing/log-contracts/immutable-store-contract.ts'
import { jobQueueContract } from '../testing/log-contracts/job-queue-contract.ts'
import { mapStoreContract } from '../testing/log-contracts/map-store-contract.ts'
import { recordStoreContract } from '../testing/log-contracts/record-store-contract.ts'
import { sequencerContract } from '../testing/log-contracts/sequencer-contract.ts'
import { postgres, startPostgres } from '../testing/postgres.ts'

describe('PostgreSQL keeps the contracts of a log', { skip: postgres.skip }, () => {
  const cluster = postgres.skip === false ? startPostgres() : undefined
  let logs = 0

  /** The harness of one of the ports, or of several together. Each log has an origin of its own, in one database. */
  function harnessOf<Store extends object>(choose: (log: PostgresLog) => Store): Harness<Store> {
    return harnessOver(
      () => `hospital.example/log-${++logs}`,
      async (origin, t) => {
        const log = await openPostgresLog(origin, { url: (await cluster)?.url() ?? '' })
        t.after(() => log.close())
        return choose(log)
      },
    )
  }

  sequencerContract('PostgreSQL', { ...harnessOf(({ sequencer }) => sequencer), isExclusive: false })
  recordStoreContract(
    'PostgreSQL',
    harnessOf(({ sequencer, records }) => ({ sequencer, records })),
  )
  immutableStoreContract(
    'PostgreSQL',
    harnessOf(({ objects }) => objects),
  )
  checkpointCellContract(
    'PostgreSQL',
    harnessOf(({ head }) => head),
  )
  jobQueueContract(
    'PostgreSQL',
    harnessOf(({ jobs }) => jobs),
  )
  mapStoreContract(
    'PostgreSQL',
    harnessOf(({ map }) => map),
  )
})
