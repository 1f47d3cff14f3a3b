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
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { SealShelf } from '../services/gateway/device-seals.ts'
import type { InstanceStore, OrderStore, Spool } from '../services/gateway/ports.ts'
import { FileSealShelf } from '../storage/gateway/file-seal-shelf.ts'
import { FileSpool } from '../storage/gateway/file-spool.ts'
import { lockGateway } from '../storage/gateway/gateway-lock.ts'
import { DEVICE_SEALS, GATEWAY_FOLDER, GATEWAY_SEALS, INSTANCES } from '../storage/gateway/site-seals.ts'
import { SqliteInstances } from '../storage/gateway/sqlite-instances.ts'
import { SqliteOrders } from '../storage/gateway/sqlite-orders.ts'

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
  readonly spool: string
  readonly seals: string
  readonly reserveBytes: number
}

const PRIVATE_FOLDER = 0o700
const LOCK = 'lock.db'

/** The folder of a gateway's state. */
export const gatewayFolder = (home: string): string => join(home, GATEWAY_FOLDER)

/** @throws {StoreError} `spool_unwritable`, `spool_corrupted` */
export async function openGatewayStorage(
  home: string,
  { storage }: Pick<GatewaySettings, 'storage'>,
): Promise<GatewayStorage> {
  const folder = resolve(gatewayFolder(home))
  makeFolder(folder)
  const reserveBytes = storage.reserveMegabytes * 2 ** 20
  const places = {
    spool: storage.spoolFolder ?? join(folder, 'spool'),
    seals: join(folder, GATEWAY_SEALS),
    reserveBytes,
  }
  await using opened = new AsyncDisposableStack()
  const keep = <T extends { close(): Promise<void> }>(part: T): T => opened.adopt(part, (open) => open.close())
  keep(lockGateway(join(folder, LOCK)))
  const store = keep(await SqliteInstances.open(join(folder, INSTANCES)))
  const spool = keep(await FileSpool.open(places.spool, { reserveBytes }))
  const seals = keep(await FileSpool.open(places.seals, { reserveBytes }))
  const orders = keep(new SqliteOrders(join(folder, 'orders.db')))
  const all = opened.move()
  return {
    store,
    spool,
    seals,
    orders,
    places,
    isAlone: true,
    deviceSeals: new FileSealShelf(join(folder, DEVICE_SEALS)),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: PRIVATE_FOLDER })
  } catch (cause) {
    throw new StoreError('spool_unwritable', 'the folder of the gateway cannot be made', { cause })
  }
}
