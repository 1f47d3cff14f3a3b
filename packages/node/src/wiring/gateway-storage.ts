/**
 * Gateway storage: where a gateway keeps what is under way: files and SQLite, or S3 and PostgreSQL, by its settings.
 *
 *     HOME/gateway/spool          files on their way
 *     HOME/gateway/seals          seals that the gateway made: they stay
 *     HOME/gateway/device-seals   seals that devices handed over
 *     HOME/gateway/instances.db   records of instances
 *     HOME/gateway/orders.db      what worklists and modalities said of orders
 */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { GatewaySettings, StorageSettings } from '@fiducial/core/domain/gateway/settings.ts'
import { KeyError, StoreError } from '@fiducial/core/errors.ts'
import type { SealShelf } from '../services/gateway/device-seals.ts'
import type { InstanceStore, OrderStore, Spool } from '../services/gateway/ports.ts'
import type { GatewayPlaces } from '../storage/gateway/backup.ts'
import { FileSealShelf } from '../storage/gateway/file-seal-shelf.ts'
import { lockGateway } from '../storage/gateway/gateway-lock.ts'
import { openSpool, type SpoolPlace } from '../storage/gateway/open-spool.ts'
import { DEVICE_SEALS, GATEWAY_FOLDER, GATEWAY_SEALS, INSTANCES } from '../storage/gateway/site-seals.ts'
import { SqliteInstances } from '../storage/gateway/sqlite-instances.ts'
import { SqliteOrders } from '../storage/gateway/sqlite-orders.ts'
import { readSecret } from '../storage/secret-reference.ts'
import { parseBucket } from './log-storage.ts'

export interface GatewayStorage extends AsyncDisposable {
  readonly store: InstanceStore
  readonly spool: Spool
  readonly seals: Spool
  readonly deviceSeals: SealShelf
  readonly orders: OrderStore
  /** No other process uses them. */
  readonly isAlone: boolean
  /** What threads need to open the spools themselves. */
  readonly places: SpoolPlaces
}

/** Plain values. */
export interface SpoolPlaces {
  readonly spool: SpoolPlace
  readonly seals: SpoolPlace
  readonly reserveBytes: number
}

const PRIVATE_FOLDER = 0o700
const LOCK = 'lock.db'
/** Of the gateways that share a database. */
const GROUP = 'gateway'

/** The folder of a gateway's state. */
export const gatewayFolder = (home: string): string => join(home, GATEWAY_FOLDER)

/** Where a backup finds everything that lies on this machine. */
export const placesOf = (home: string, { storage }: Pick<GatewaySettings, 'storage'>): GatewayPlaces => ({
  folder: resolve(gatewayFolder(home)),
  ...(storage.spoolFolder !== null && { spoolFolder: resolve(storage.spoolFolder) }),
})

/**
 * Opens what the settings name: records in SQLite or PostgreSQL, files on a disk or in a bucket.
 *
 * @throws {StoreError} `spool_locked`, `spool_unwritable`, `spool_corrupted`; `service_unreachable`, `service_refused`
 * @throws {KeyError} `key_missing` where a secret is not where the settings say
 * @throws {RangeError} for an address that is none
 */
export async function openGatewayStorage(
  home: string,
  { storage }: Pick<GatewaySettings, 'storage'>,
): Promise<GatewayStorage> {
  const folder = resolve(gatewayFolder(home))
  makeFolder(folder)
  const reserveBytes = storage.reserveMegabytes * 2 ** 20
  const places = {
    spool: placeOf(storage, storage.spoolFolder ?? join(folder, 'spool'), ''),
    seals: placeOf(storage, join(folder, GATEWAY_SEALS), 'seals/'),
    reserveBytes,
  }
  await using opened = new AsyncDisposableStack()
  const keep: Keep = (part) => opened.adopt(part, (open) => open.close())
  // What lies on this machine, in a cache or for good, is of one process.
  keep(lockGateway(join(folder, LOCK)))
  const records = await (storage.database === null ? openFiles(folder, keep) : openDatabase(folder, storage, keep))
  const spool = keep(await openSpool(places.spool, reserveBytes))
  const seals = keep(await openSpool(places.seals, reserveBytes))
  const all = opened.move()
  return {
    ...records,
    spool,
    seals,
    places,
    isAlone: storage.database === null,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

type Records = Pick<GatewayStorage, 'store' | 'orders' | 'deviceSeals'>
/** Closes a part with the rest. */
type Keep = <Part extends { close(): Promise<void> }>(part: Part) => Part

async function openFiles(folder: string, keep: Keep): Promise<Records> {
  return {
    store: keep(await SqliteInstances.open(join(folder, INSTANCES))),
    orders: keep(new SqliteOrders(join(folder, 'orders.db'))),
    deviceSeals: new FileSealShelf(join(folder, DEVICE_SEALS)),
  }
}

async function openDatabase(folder: string, settings: StorageSettings, keep: Keep): Promise<Records> {
  const [{ PostgresDatabase }, { PostgresInstances }, { PostgresOrders }, { PostgresSealShelf }] = await Promise.all([
    import('../storage/log/postgres/database.ts'),
    import('../storage/gateway/postgres/instances.ts'),
    import('../storage/gateway/postgres/orders.ts'),
    import('../storage/gateway/postgres/seal-shelf.ts'),
  ])
  const url = databaseUrl(settings)
  const database = keep(await PostgresDatabase.open({ url, connections: settings.databaseConnections }))
  return {
    store: keep(await PostgresInstances.open(database, GROUP)),
    orders: keep(await PostgresOrders.open(database, GROUP)),
    deviceSeals: await PostgresSealShelf.open(database, GROUP, join(folder, DEVICE_SEALS)),
  }
}

/** The address with its password, which the settings keep apart; without one, the driver looks at PGPASSWORD. */
function databaseUrl({ database, databasePassword }: StorageSettings): string {
  const address = database ?? ''
  if (databasePassword === null) return address
  const [, scheme = '', user = '', rest = ''] = /^(postgres(?:ql)?:\/\/)(?:([^@/?]*)@)?(.*)$/.exec(address) ?? []
  return `${scheme}${user}:${encodeURIComponent(readSecret(databasePassword))}@${rest}`
}

/** @param below  what stands before the keys of objects, below the prefix of the settings */
function placeOf(settings: StorageSettings, folder: string, below: string): SpoolPlace {
  if (settings.spoolBucket === null) return { kind: 'files', folder }
  const bucket = parseBucket(settings.spoolBucket)
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env
  const { bucketKeyId, bucketSecret } = settings
  const accessKeyId = bucketKeyId ?? AWS_ACCESS_KEY_ID
  const secretAccessKey = bucketSecret === null ? AWS_SECRET_ACCESS_KEY : readSecret(bucketSecret)
  if (!accessKeyId || !secretAccessKey) {
    throw new KeyError('key_missing', 'neither the settings nor the environment hold keys for the bucket')
  }
  // A token belongs to the keys of the environment.
  const isOfEnvironment = bucketKeyId === null && bucketSecret === null
  return {
    kind: 'bucket',
    folder,
    bucket: { ...bucket, prefix: `${bucket.prefix ?? ''}${below}` },
    credentials: {
      accessKeyId,
      secretAccessKey,
      ...(isOfEnvironment && AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
    },
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: PRIVATE_FOLDER })
  } catch (cause) {
    throw new StoreError('spool_unwritable', 'the folder of the gateway cannot be made', { cause })
  }
}
