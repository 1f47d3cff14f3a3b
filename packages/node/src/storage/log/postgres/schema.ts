/**
 * Schema: the tables of custody logs in a PostgreSQL database, and how a database gets them.
 *
 * Several logs share a database: each has a number, and every table is keyed by it first. Steps are only ever added;
 * each is run once, whoever comes first. Byte strings are `bytea`, not `text`: they compare fast, in one order on every
 * machine, and take every character.
 */
import type { ClientBase } from 'pg'
import { GATEWAY_RESEND, GATEWAY_TABLES } from '../../gateway/postgres/tables.ts'

/** An arbitrary number that says: somebody is changing this schema. */
const LOCK = '7021932411860117'

/**
 * The log's row is the one place where sequencers meet: `fence` and `size` change there, under its lock, before
 * anything else does. Leaves lie uncompressed, since hashes and signatures do not shrink. `terms` is what an entry was
 * found by, so that an erasure knows which rows of log_term to take out.
 */
const FIRST = `
  CREATE TABLE fiducial.log (
    id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    origin bytea NOT NULL UNIQUE,
    fence bigint NOT NULL DEFAULT 0,
    size bigint NOT NULL DEFAULT 0,
    released bigint NOT NULL DEFAULT 0
  ) WITH (fillfactor = 50);

  CREATE TABLE fiducial.log_batch (
    log integer NOT NULL,
    first bigint NOT NULL,
    count integer NOT NULL,
    root bytea NOT NULL,
    leaves bytea NOT NULL,
    PRIMARY KEY (log, first)
  );
  ALTER TABLE fiducial.log_batch ALTER COLUMN leaves SET STORAGE EXTERNAL;

  CREATE TABLE fiducial.log_entry (
    log integer NOT NULL,
    index bigint NOT NULL,
    identity bytea NOT NULL,
    payload bytea,
    terms bytea NOT NULL,
    is_erased boolean NOT NULL DEFAULT false,
    PRIMARY KEY (log, index)
  );
  CREATE UNIQUE INDEX log_entry_identity ON fiducial.log_entry (log, identity);

  CREATE TABLE fiducial.log_term (
    log integer NOT NULL,
    kind smallint NOT NULL,
    value bytea NOT NULL,
    index bigint NOT NULL,
    PRIMARY KEY (log, kind, value, index)
  );

  CREATE TABLE fiducial.log_checkpoint (
    log integer NOT NULL,
    name text NOT NULL,
    note bytea NOT NULL,
    PRIMARY KEY (log, name)
  );

  CREATE TABLE fiducial.log_object (
    log integer NOT NULL,
    path bytea NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (log, path)
  );
  ALTER TABLE fiducial.log_object ALTER COLUMN content SET STORAGE EXTERNAL;

  CREATE TABLE fiducial.log_job (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    log integer NOT NULL,
    kind bytea NOT NULL,
    key bytea NOT NULL,
    body bytea NOT NULL,
    due bigint NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    is_leased boolean NOT NULL DEFAULT false,
    is_done boolean NOT NULL DEFAULT false,
    UNIQUE (log, kind, key)
  );
  CREATE INDEX log_job_due ON fiducial.log_job (log, due, id) WHERE NOT is_done;

  CREATE TABLE fiducial.log_map_node (
    log integer NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (log, key)
  );
  CREATE TABLE fiducial.log_map_head (
    log integer PRIMARY KEY,
    size bigint NOT NULL,
    root bytea NOT NULL
  );
`

/** Custody logs · gateways · copies that a destination has lost. */
export const STEPS: readonly string[] = [FIRST, GATEWAY_TABLES, GATEWAY_RESEND]

/** The newest version that this program knows; a database counts the steps it has taken. */
export const SCHEMA_VERSION: number = STEPS.length

/**
 * Brings a database up to date, in one transaction. Whoever comes second waits, and finds nothing to do.
 *
 * @param steps  other than those of this program, for tests
 * @returns version of the database; greater than {@link SCHEMA_VERSION} where a newer program has been there, and
 *   nothing was changed
 */
export async function migrate(client: ClientBase, steps: readonly string[] = STEPS): Promise<number> {
  const known = await readVersion(client)
  // The common case takes no lock and asks for no right to make tables.
  if (known >= steps.length) return known
  await client.query('BEGIN')
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK])
  await client.query('CREATE SCHEMA IF NOT EXISTS fiducial')
  await client.query('CREATE TABLE IF NOT EXISTS fiducial.schema_version (version integer NOT NULL)')
  const version = await readVersion(client)
  for (const step of steps.slice(version)) await client.query(step)
  if (version < steps.length) {
    await client.query('DELETE FROM fiducial.schema_version')
    await client.query('INSERT INTO fiducial.schema_version VALUES ($1)', [steps.length])
  }
  await client.query('COMMIT')
  return Math.max(version, steps.length)
}

async function readVersion(client: ClientBase): Promise<number> {
  const table = await client.query<{ found: string | null }>(`SELECT to_regclass('fiducial.schema_version') AS found`)
  if (table.rows[0]?.found == null) return 0
  const { rows } = await client.query<{ version: number }>('SELECT version FROM fiducial.schema_version')
  return rows[0]?.version ?? 0
}
