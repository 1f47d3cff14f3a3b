/**
 * Instance schema: the database in which a gateway on one machine keeps what is under way, and how an older one becomes
 * the present one. Described in docs/reference/gateway-storage.md.
 *
 *     instance   one row for each object that was received; stays for a while when its files are gone
 *     delivery   one for each copy that is to reach a destination
 *     lane       one for each order key with copies that wait for a destination: when the first of them may be sent
 *     event      what is to be recorded in the custody log; goes once it is
 *     spool_key  which instance has which file
 *     old_seal   seals that were made of images whose records are gone
 *     tally      how many there are of each kind, kept by triggers
 *
 * Steps are only ever added: a database of version n has taken the first n of them (`user_version`).
 */
import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'
import { inTransaction } from '../transaction.ts'

const BUSY_MS = 10_000
/** Primary result codes of SQLite ("Result and Error Codes"). */
const CORRUPT = 11
const FULL = 13
const NOT_A_DATABASE = 26

const SETTINGS = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA cache_size = -65536;
  PRAGMA wal_autocheckpoint = 4000;
`

/** `uid` and `study_uid` are those of the file's own header, once it was read. */
const FIRST = `
  CREATE TABLE instance (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    spool_key TEXT NOT NULL,
    length_bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    origin TEXT NOT NULL,
    calling_aet TEXT,
    received_at INTEGER NOT NULL,
    sop_class_uid TEXT,
    sop_instance_uid TEXT,
    study_instance_uid TEXT,
    transfer_syntax_uid TEXT,
    order_key TEXT NOT NULL,
    uid TEXT,
    study_uid TEXT,
    state TEXT NOT NULL DEFAULT 'received',
    attempts INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    ready_at INTEGER NOT NULL DEFAULT 0,
    route TEXT,
    reasons TEXT,
    verdict_word TEXT,
    verdict TEXT,
    description TEXT,
    sealed TEXT,
    other_keys TEXT,
    judged_at INTEGER,
    done_at INTEGER,
    asked_by TEXT,
    is_forgotten INTEGER NOT NULL DEFAULT 0
  );
  CREATE INDEX instance_received ON instance (id, ready_at) WHERE state = 'received';
  CREATE INDEX instance_order ON instance (order_key, id) WHERE state = 'received';
  CREATE INDEX instance_uid ON instance (uid, id) WHERE uid IS NOT NULL;
  CREATE INDEX instance_study ON instance (study_uid, id) WHERE study_uid IS NOT NULL;
  CREATE INDEX instance_sender ON instance (calling_aet, id) WHERE calling_aet IS NOT NULL;
  CREATE INDEX instance_state ON instance (state, id);
  CREATE INDEX instance_verdict ON instance (verdict_word, id) WHERE verdict_word IS NOT NULL;
  CREATE INDEX instance_owner ON instance (owner) WHERE owner IS NOT NULL;
  CREATE INDEX instance_done ON instance (done_at, id) WHERE done_at IS NOT NULL AND is_forgotten = 0;

  CREATE TABLE delivery (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    instance TEXT NOT NULL,
    order_key TEXT NOT NULL,
    destination TEXT NOT NULL,
    spool_key TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    sop_class_uid TEXT NOT NULL,
    sop_instance_uid TEXT NOT NULL,
    transfer_syntax_uid TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    ready_at INTEGER NOT NULL,
    owner TEXT,
    last_error TEXT,
    sent_at INTEGER,
    committed_at INTEGER
  );
  CREATE INDEX delivery_instance ON delivery (instance, number);
  CREATE INDEX delivery_lane ON delivery (destination, order_key, instance, number) WHERE state = 'waiting';
  CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 'waiting';
  CREATE INDEX delivery_owner ON delivery (owner) WHERE owner IS NOT NULL;
  CREATE INDEX delivery_dead ON delivery (destination) WHERE state = 'dead';

  CREATE TABLE lane (
    destination TEXT NOT NULL,
    order_key TEXT NOT NULL,
    ready_at INTEGER NOT NULL,
    head TEXT NOT NULL,
    PRIMARY KEY (destination, order_key)
  ) WITHOUT ROWID;
  CREATE INDEX lane_ready ON lane (destination, ready_at, head);

  CREATE TABLE event (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    instance TEXT NOT NULL,
    news TEXT NOT NULL,
    log_index INTEGER
  );
  CREATE INDEX event_pending ON event (number) WHERE log_index IS NULL;
  CREATE INDEX event_instance ON event (instance) WHERE log_index IS NULL;

  CREATE TABLE spool_key (key TEXT PRIMARY KEY, instance TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX spool_key_instance ON spool_key (instance);

  CREATE TABLE tally (
    kind TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (kind, name)
  ) WITHOUT ROWID;
  INSERT INTO tally VALUES ('event', 'pending', 0);
  INSERT INTO tally SELECT 'state', value, 0
    FROM json_each('["received","quarantined","forwarding","done","rejected"]');
  INSERT INTO tally SELECT 'delivery', value, 0 FROM json_each('["held","waiting","sent","dead"]');
  INSERT INTO tally SELECT 'verdict', value, 0 FROM json_each('["authentic","not_authentic","undetermined","none"]');

  CREATE TRIGGER instance_made AFTER INSERT ON instance BEGIN
    UPDATE tally SET count = count + 1 WHERE kind = 'state' AND name = new.state;
    UPDATE tally SET count = count + 1 WHERE kind = 'verdict' AND name = coalesce(new.verdict_word, 'none');
  END;
  CREATE TRIGGER instance_changed AFTER UPDATE OF state, verdict_word ON instance BEGIN
    UPDATE tally SET count = count - 1 WHERE kind = 'state' AND name = old.state;
    UPDATE tally SET count = count + 1 WHERE kind = 'state' AND name = new.state;
    UPDATE tally SET count = count - 1 WHERE kind = 'verdict' AND name = coalesce(old.verdict_word, 'none');
    UPDATE tally SET count = count + 1 WHERE kind = 'verdict' AND name = coalesce(new.verdict_word, 'none');
  END;
  CREATE TRIGGER instance_gone AFTER DELETE ON instance BEGIN
    UPDATE tally SET count = count - 1 WHERE kind = 'state' AND name = old.state;
    UPDATE tally SET count = count - 1 WHERE kind = 'verdict' AND name = coalesce(old.verdict_word, 'none');
  END;
  CREATE TRIGGER delivery_made AFTER INSERT ON delivery BEGIN
    UPDATE tally SET count = count + 1 WHERE kind = 'delivery' AND name = new.state;
  END;
  CREATE TRIGGER delivery_changed AFTER UPDATE OF state ON delivery WHEN old.state <> new.state BEGIN
    UPDATE tally SET count = count - 1 WHERE kind = 'delivery' AND name = old.state;
    UPDATE tally SET count = count + 1 WHERE kind = 'delivery' AND name = new.state;
  END;
  CREATE TRIGGER delivery_gone AFTER DELETE ON delivery BEGIN
    UPDATE tally SET count = count - 1 WHERE kind = 'delivery' AND name = old.state;
  END;
  CREATE TRIGGER event_made AFTER INSERT ON event BEGIN
    UPDATE tally SET count = count + 1 WHERE kind = 'event';
  END;
  CREATE TRIGGER event_logged AFTER UPDATE OF log_index ON event WHEN old.log_index IS NULL BEGIN
    UPDATE tally SET count = count - 1 WHERE kind = 'event';
  END;
  CREATE TRIGGER event_gone AFTER DELETE ON event WHEN old.log_index IS NULL BEGIN
    UPDATE tally SET count = count - 1 WHERE kind = 'event';
  END;
`

/** Events go when they are logged, and old records go, too; of these, `old_seal` keeps which seal was made of which image. */
const SECOND = `
  DELETE FROM event WHERE log_index IS NOT NULL;
  DROP TRIGGER event_logged;
  DROP TRIGGER event_gone;
  DROP INDEX event_pending;
  DROP INDEX event_instance;
  ALTER TABLE event DROP COLUMN log_index;
  CREATE INDEX event_instance ON event (instance);
  CREATE TRIGGER event_gone AFTER DELETE ON event BEGIN
    UPDATE tally SET count = count - 1 WHERE kind = 'event';
  END;
  CREATE INDEX instance_forgotten ON instance (done_at, id) WHERE is_forgotten = 1;
  CREATE TABLE old_seal (uid TEXT NOT NULL, sealed TEXT NOT NULL, PRIMARY KEY (uid, sealed)) WITHOUT ROWID;
`

const STEPS: readonly string[] = [FIRST, SECOND]

/** The newest version that this program knows. */
export const INSTANCE_SCHEMA_VERSION: number = STEPS.length

/**
 * Opens the database, and makes it or brings it up to date.
 *
 * @param steps  other than those of this program, for tests
 * @throws {StoreError} `spool_unwritable`; `spool_corrupted` where it is damaged, or of a version that this program does
 *   not know
 */
export function openInstanceDatabase(path: string, steps: readonly string[] = STEPS): DatabaseSync {
  return guardInstances(() => {
    // Its companions get the rights of the file itself.
    closeSync(openSync(path, 'a', 0o600))
    const database = new DatabaseSync(path, { timeout: BUSY_MS })
    try {
      database.exec(SETTINGS)
      migrate(database, steps)
      // After a flush that failed, the system shows what the disk may not have, and would never write it by itself.
      database.exec('PRAGMA wal_checkpoint(PASSIVE)')
    } catch (cause) {
      database.close()
      throw cause
    }
    return database
  })
}

/** Takes the steps that are missing, in one transaction: a crash between them leaves the older version. */
function migrate(database: DatabaseSync, steps: readonly string[]): void {
  if (versionOf(database) === steps.length) return
  inTransaction(database, () => {
    const version = versionOf(database)
    if (version > steps.length) {
      throw new StoreError(
        'spool_corrupted',
        `the database of the gateway is of version ${version}; this program knows ${steps.length}`,
      )
    }
    for (const step of steps.slice(version)) database.exec(step)
    database.exec(`PRAGMA user_version = ${steps.length}`)
  })
}

const versionOf = (database: DatabaseSync): number =>
  Number(database.prepare('PRAGMA user_version').get()?.user_version)

/** Does something with the database. @throws {StoreError} for each error of SQLite; others pass through */
export function guardInstances<T>(step: () => T): T {
  try {
    return step()
  } catch (cause) {
    throw instanceError(cause)
  }
}

/** An error of SQLite or of the system as one of ours; others as they are. */
export function instanceError(cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof StoreError) return cause
  if (!('errcode' in cause)) {
    const { code, syscall } = cause as NodeJS.ErrnoException
    if (syscall === undefined) return cause
    return new StoreError('spool_unwritable', `the database of the gateway: ${code ?? 'no code'}`, { cause })
  }
  const code = Number(cause.errcode) & 0xff
  if (code === CORRUPT || code === NOT_A_DATABASE) {
    return new StoreError('spool_corrupted', `the database of the gateway is damaged: SQLite code ${code}`, { cause })
  }
  if (code === FULL) return new StoreError('spool_full', 'the database of the gateway: the disk is full', { cause })
  return new StoreError('spool_unwritable', `the database of the gateway: SQLite code ${code}`, { cause })
}
