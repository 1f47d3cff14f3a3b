/**
 * Sweep schema: the tables in which an auditor remembers what it saw.
 *
 * Times are milliseconds since 1970. What is asked for stands in columns; the rest of an examination in JSON.
 */

/** "fdsw" as a number: tells the kind of file. */
export const SWEEP_KIND = 0x66647377

export const SWEEP_SCHEMA = `
  CREATE TABLE sweep (
    number INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    is_full INTEGER NOT NULL,
    cursor TEXT,
    read INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE instance (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    version TEXT,
    sop TEXT,
    study TEXT,
    seen_in INTEGER NOT NULL,
    read_in INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    read_at INTEGER NOT NULL,
    gone_at INTEGER,
    is_due INTEGER NOT NULL DEFAULT 0,
    next_look_at INTEGER,
    file TEXT,
    dataset TEXT,
    frames TEXT,
    standing TEXT NOT NULL,
    severity INTEGER NOT NULL,
    first_entry INTEGER,
    examined TEXT,
    findings TEXT NOT NULL
  ) STRICT;
  CREATE INDEX instance_sop ON instance (sop) WHERE sop IS NOT NULL;
  CREATE INDEX instance_frames ON instance (frames) WHERE frames IS NOT NULL;
  CREATE INDEX instance_look ON instance (next_look_at) WHERE next_look_at IS NOT NULL;
  CREATE INDEX instance_gone ON instance (key) WHERE gone_at IS NOT NULL;
  CREATE INDEX instance_severity ON instance (severity, key) WHERE severity > 0;
  CREATE TABLE signer (
    name TEXT NOT NULL,
    instance INTEGER NOT NULL REFERENCES instance,
    PRIMARY KEY (name, instance)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX signer_instance ON signer (instance);
  CREATE TABLE logged (
    sop TEXT PRIMARY KEY,
    study TEXT NOT NULL,
    entry INTEGER NOT NULL,
    state TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    forwarded_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE logged_content (
    sop TEXT NOT NULL,
    content TEXT NOT NULL,
    is_held INTEGER NOT NULL,
    PRIMARY KEY (sop, content)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE entry (number INTEGER PRIMARY KEY, sop TEXT NOT NULL) STRICT;
  CREATE TABLE note (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE sweep_finding (
    number INTEGER PRIMARY KEY,
    key TEXT,
    sop TEXT,
    study TEXT,
    finding TEXT NOT NULL,
    since INTEGER NOT NULL
  ) STRICT`
