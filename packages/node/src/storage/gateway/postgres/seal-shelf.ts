/** Seal shelf on PostgreSQL: seals of devices that all gateways of a group find; each keeps those that it has seen in files. */
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import type { PostgresDatabase } from '../../log/postgres/database.ts'
import { FileSealShelf } from '../file-seal-shelf.ts'
import { gatewayId, inOurWords } from './gateway-id.ts'
import { plainText } from './plain-text.ts'

const FIND = 'SELECT seal FROM fiducial.gateway_device_seal WHERE gateway = $1 AND uid = $2'
const PUT = `
  INSERT INTO fiducial.gateway_device_seal VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING uid`

export class PostgresSealShelf {
  readonly #database: PostgresDatabase
  readonly #gateway: number
  readonly #files: FileSealShelf

  private constructor(database: PostgresDatabase, gateway: number, files: FileSealShelf) {
    this.#database = database
    this.#gateway = gateway
    this.#files = files
  }

  /** @param folder  of this machine, for seals that were asked for @throws {StoreError} */
  static async open(database: PostgresDatabase, name: string, folder: string): Promise<PostgresSealShelf> {
    return new PostgresSealShelf(database, await gatewayId(database, name), new FileSealShelf(folder))
  }

  async find(sopInstanceUid: string): Promise<string | undefined> {
    const known = await this.#files.find(sopInstanceUid)
    if (known !== undefined) return known
    const seal = await this.#read(sopInstanceUid)
    if (seal === undefined) return undefined
    await this.#files.put(sopInstanceUid, seal)
    return await this.#files.find(sopInstanceUid)
  }

  async put(sopInstanceUid: string, seal: Uint8Array): Promise<'kept' | 'known' | 'other'> {
    const statement = { name: 'gateway_seal_put', text: PUT, values: [this.#gateway, plainText(sopInstanceUid), seal] }
    const made = await inOurWords(() => this.#database.write(statement))
    if (made.length > 0) return 'kept'
    const there = await this.#read(sopInstanceUid)
    return there !== undefined && equalBytes(there, seal) ? 'known' : 'other'
  }

  async #read(sopInstanceUid: string): Promise<Uint8Array | undefined> {
    const statement = { name: 'gateway_seal_find', text: FIND, values: [this.#gateway, plainText(sopInstanceUid)] }
    const [row] = await inOurWords(() => this.#database.read<{ readonly seal: Buffer }>(statement))
    return row && new Uint8Array(row.seal)
  }
}
