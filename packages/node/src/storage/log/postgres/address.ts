/**
 * Address: how a database is reached, from the address that an operator gave.
 *
 * Source: the driver's own reading of it (pg-connection-string) and of PGHOST, PGSSLMODE and the like. Other machines are
 * spoken to by TLS with a checked certificate unless the operator decides otherwise: the driver's own default is none.
 */
import pg from 'pg'

/**
 * What the driver is told.
 * @throws {RangeError} for what is no address; it may hold a password, and is not quoted
 */
export function settingsOf(url: string): pg.PoolConfig {
  if (!/^postgres(?:ql)?:\/\//.test(url)) throw noAddress()
  const host = hostOf(url)
  const isDecided = /[?&](?:sslmode|ssl)=/.test(url) || process.env.PGSSLMODE !== undefined
  return { connectionString: url, ...(isDecided || isThisMachine(host) ? {} : { ssl: true }) }
}

function hostOf(url: string): string {
  try {
    return new pg.Client({ connectionString: url }).host
  } catch {
    // Not kept as the cause: it may quote the address.
    throw noAddress()
  }
}

const noAddress = (): RangeError => new RangeError('this is no address of a PostgreSQL database')

function isThisMachine(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
