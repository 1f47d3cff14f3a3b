/**
 * SQLite sweep store: the memory of sweeps over one archive, in a file or in memory.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { SEVERITIES } from '@fiducial/core/domain/audit/finding.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type {
  DueReason,
  KnownInstance,
  KnownVersion,
  LoggedInstance,
  LogNews,
  SharingGroup,
  Sighting,
  Slice,
  Sweep,
  SweepFinding,
  SweepStore,
} from '../../services/audit/ports.ts'
import { guard, inTransaction, openSweepDatabase } from './sweep-database.ts'
import { readExamined, readFindings, writeExamined } from './sweep-rows.ts'

type Row = Readonly<Record<string, unknown>>
type Value = string | number | bigint | null

/** Findings that an earlier sweep's reading is needed for. */
const COMPARED: ReadonlySet<string> = new Set(['changed_since', 'changed'])
const STANDINGS = ['authentic', 'recorded', 'undetermined', 'not_authentic', 'unreadable', 'other'] as const

/** @param path  `:memory:` keeps nothing. @throws {StoreError} `sweep_corrupted`, `output_unwritable` */
export const openSweepStore = (path: string): SweepStore => new SqliteSweepStore(openSweepDatabase(path))

class SqliteSweepStore implements SweepStore {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  async current(): Promise<Sweep | undefined> {
    const row = this.#get('SELECT * FROM sweep WHERE ended_at IS NULL')
    return row && toSweep(row)
  }

  async ended(limit: number): Promise<readonly Sweep[]> {
    return this.#all('SELECT * FROM sweep WHERE ended_at IS NOT NULL ORDER BY number DESC LIMIT ?', limit).map(toSweep)
  }

  async begin({ at, isFull, cursor }: Parameters<SweepStore['begin']>[0]): Promise<Sweep> {
    if ((await this.current()) !== undefined) throw new StoreError('sweep_corrupted', 'a sweep is under way')
    this.#run('INSERT INTO sweep (started_at, is_full, cursor) VALUES (?, ?, ?)', at.getTime(), Number(isFull), cursor)
    return (await this.current()) as Sweep
  }

  async known(keys: readonly string[]): Promise<ReadonlyMap<string, KnownVersion>> {
    const found = new Map<string, KnownVersion>()
    for (const key of keys) {
      const row = this.#get(
        `SELECT version, seen_in, read_in, read_at, is_due, sop, dataset, frames, findings FROM instance
         WHERE key = ? AND gone_at IS NULL`,
        key,
      )
      if (row !== undefined) found.set(key, toVersion(row))
    }
    return found
  }

  async saw(sightings: readonly Sighting[], bytes: number, at: Date): Promise<void> {
    inTransaction(this.#database, () => {
      const { number } = this.#sweep()
      for (const sighting of sightings) this.#saw(sighting, number, at.getTime())
      const count = (kind: Sighting['kind']): number => sightings.filter((one) => one.kind === kind).length
      this.#run(
        'UPDATE sweep SET read = read + ?, unchanged = unchanged + ?, failed = failed + ?, bytes = bytes + ? WHERE number = ?',
        count('read'),
        count('unchanged'),
        count('failed'),
        bytes,
        number,
      )
    })
  }

  #saw(sighting: Sighting, sweep: number, at: number): void {
    if (sighting.kind === 'unchanged') {
      this.#run('UPDATE instance SET seen_in = ?, seen_at = ? WHERE key = ?', sweep, at, sighting.key)
      return
    }
    const { listed } = sighting
    const before = readFindings(this.#get('SELECT findings FROM instance WHERE key = ?', listed.key)?.findings ?? '[]')
    const findings = (sighting.kind === 'other' ? [] : sighting.findings).map((one) => ({
      ...one,
      foundIn: before.find(({ code, severity }) => code === one.code && severity === one.severity)?.foundIn ?? sweep,
    }))
    const examined = sighting.kind === 'read' ? sighting.examined : null
    const severity = severityOf(findings)
    const row = this.#get(
      `INSERT INTO instance (key, version, sop, study, seen_in, read_in, first_seen_at, seen_at, read_at, next_look_at,
         file, dataset, frames, standing, severity, first_entry, examined, findings)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET
         version = excluded.version, sop = excluded.sop, study = excluded.study, seen_in = excluded.seen_in,
         read_in = excluded.read_in, seen_at = excluded.seen_at, read_at = excluded.read_at, gone_at = NULL, is_due = 0,
         next_look_at = excluded.next_look_at, file = excluded.file, dataset = excluded.dataset, frames = excluded.frames,
         standing = excluded.standing, first_entry = excluded.first_entry, examined = excluded.examined,
         severity = excluded.severity, findings = excluded.findings
       RETURNING id`,
      listed.key,
      listed.version,
      examined?.instance.sopInstanceUid ?? listed.sopInstanceUid,
      examined?.instance.studyInstanceUid ?? listed.studyInstanceUid,
      sweep,
      sweep,
      at,
      at,
      at,
      examined?.nextLookAt?.getTime() ?? null,
      examined?.digests.file ?? null,
      examined?.digests.dataset ?? null,
      examined?.digests.frames ?? null,
      examined?.standing ?? (sighting.kind === 'other' ? 'other' : 'unreadable'),
      severity,
      examined?.firstEntry == null ? null : BigInt(examined.firstEntry),
      examined && writeExamined(examined),
      JSON.stringify(findings),
    )
    const id = Number(row?.id)
    this.#run('DELETE FROM signer WHERE instance = ?', id)
    for (const name of examined?.signers ?? []) this.#run('INSERT INTO signer VALUES (?, ?)', name, id)
  }

  async end(at: Date, cursor: string | null): Promise<Sweep> {
    const { number } = this.#sweep()
    inTransaction(this.#database, () => {
      this.#run('UPDATE sweep SET ended_at = ? WHERE number = ?', at.getTime(), number)
      this.#setNote('cursor', cursor ?? '')
    })
    return toSweep(this.#get('SELECT * FROM sweep WHERE number = ?', number) as Row)
  }

  async markGone(at: Date): Promise<number> {
    const { number } = this.#sweep()
    return this.#run('UPDATE instance SET gone_at = ? WHERE gone_at IS NULL AND seen_in < ?', at.getTime(), number)
  }

  async forget(keys: readonly string[], at: Date): Promise<void> {
    inTransaction(this.#database, () => {
      for (const key of keys) this.#run('UPDATE instance SET gone_at = ? WHERE key = ?', at.getTime(), key)
    })
  }

  async markDue(reason: DueReason): Promise<number> {
    if (reason === 'signed') {
      return this.#run('UPDATE instance SET is_due = 1 WHERE id IN (SELECT instance FROM signer)')
    }
    if ('before' in reason) {
      return this.#run('UPDATE instance SET is_due = 1 WHERE next_look_at <= ?', reason.before.getTime())
    }
    return inTransaction(this.#database, () => {
      let count = 0
      for (const name of reason.signers) {
        count += this.#run(
          'UPDATE instance SET is_due = 1 WHERE is_due = 0 AND id IN (SELECT instance FROM signer WHERE name = ?)',
          name,
        )
      }
      return count
    })
  }

  async logSize(): Promise<bigint> {
    return BigInt((await this.note('log_size')) ?? '0')
  }

  async learn(news: readonly LogNews[], erased: readonly bigint[], size: bigint): Promise<void> {
    inTransaction(this.#database, () => {
      for (const one of news) this.#learn(one)
      for (const index of erased) this.#erase(index)
      this.#setNote('log_size', String(size))
    })
  }

  #learn({ index, sopInstanceUid: sop, studyInstanceUid, at, change, isRepeatable, file, dataset }: LogNews): void {
    if (change === 'forwarded') {
      this.#run('UPDATE logged SET forwarded_at = ? WHERE sop = ?', at.getTime(), sop)
      return
    }
    // Another content may come under an identifier that is taken, and be held back for that.
    const content = dataset ?? file ?? ''
    if (change === 'quarantined' || change === 'released') {
      this.#run(
        'INSERT OR REPLACE INTO logged_content VALUES (?, ?, ?)',
        sop,
        content,
        Number(change === 'quarantined'),
      )
    } else {
      this.#run('INSERT OR IGNORE INTO logged_content VALUES (?, ?, 0)', sop, content)
      this.#run(
        `INSERT INTO logged (sop, study, entry, state, recorded_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (sop) DO UPDATE SET
         study = excluded.study, entry = excluded.entry, state = excluded.state, recorded_at = excluded.recorded_at`,
        sop,
        studyInstanceUid,
        index,
        change,
        at.getTime(),
      )
      this.#run('INSERT OR REPLACE INTO entry VALUES (?, ?)', index, sop)
    }
    this.#run(
      `UPDATE instance SET is_due = 1
       WHERE sop = ?1 AND NOT (?2 AND first_entry IS NOT NULL AND (file IS ?3 OR dataset IS ?4))`,
      sop,
      Number(isRepeatable),
      file,
      dataset,
    )
  }

  #erase(index: bigint): void {
    const sop = this.#get('SELECT sop FROM entry WHERE number = ?', index)?.sop
    if (typeof sop !== 'string') return
    this.#run("UPDATE logged SET state = 'erased', entry = ? WHERE sop = ?", index, sop)
    this.#run('UPDATE instance SET is_due = 1 WHERE sop = ?', sop)
  }

  async note(name: string): Promise<string | undefined> {
    return this.#get('SELECT value FROM note WHERE name = ?', name)?.value as string | undefined
  }

  async setNote(name: string, value: string): Promise<void> {
    this.#setNote(name, value)
  }

  #setNote(name: string, value: string): void {
    this.#run('INSERT OR REPLACE INTO note VALUES (?, ?)', name, value)
  }

  async instances(
    which: 'all' | 'with_findings' | 'unrecorded',
    { after = '', limit }: Slice,
  ): Promise<readonly KnownInstance[]> {
    const where = {
      all: '',
      with_findings: 'AND severity > 0',
      unrecorded: `AND first_entry IS NULL AND examined IS NOT NULL AND standing IN ('undetermined', 'authentic')
        AND severity < ${SEVERITIES.length}`,
    }[which]
    const rows = this.#all(
      `SELECT * FROM instance WHERE key > ? AND gone_at IS NULL ${where} ORDER BY key LIMIT ?`,
      after,
      limit,
    )
    return rows.map(toInstance)
  }

  async gone({ after = '', limit }: Slice): Promise<readonly KnownInstance[]> {
    // One that is there under another name has only been moved.
    return this.#all(
      `SELECT * FROM instance AS lost WHERE key > ? AND gone_at IS NOT NULL AND standing != 'other' AND NOT EXISTS
         (SELECT 1 FROM instance WHERE sop = lost.sop AND gone_at IS NULL)
       ORDER BY key LIMIT ?`,
      after,
      limit,
    ).map(toInstance)
  }

  async notArchived({ after = '', limit }: Slice): Promise<readonly LoggedInstance[]> {
    return this.#all(
      `SELECT *, NOT EXISTS (SELECT 1 FROM logged_content WHERE sop = logged.sop AND is_held = 0) AS is_quarantined
       FROM logged WHERE sop > ? AND NOT EXISTS
         (SELECT 1 FROM instance WHERE instance.sop = logged.sop AND gone_at IS NULL)
       ORDER BY sop LIMIT ?`,
      after,
      limit,
    ).map(toLogged)
  }

  async wasSeen(sopInstanceUid: string): Promise<Date | undefined> {
    const at = this.#get('SELECT max(seen_at) AS at FROM instance WHERE sop = ?', sopInstanceUid)?.at
    return typeof at === 'number' ? new Date(at) : undefined
  }

  async sharing(what: 'frames' | 'uid', { after = '', limit }: Slice): Promise<readonly SharingGroup[]> {
    const column = what === 'frames' ? 'frames' : 'sop'
    const differs = what === 'frames' ? 'count(DISTINCT ifnull(sop, key))' : 'count(*)'
    const isFit = what === 'frames' ? "AND json_extract(examined, '$.isPlain') = 0" : ''
    const values = this.#all(
      `SELECT ${column} AS value FROM instance WHERE ${column} > ? AND gone_at IS NULL AND examined IS NOT NULL ${isFit}
       GROUP BY ${column} HAVING ${differs} > 1 ORDER BY ${column} LIMIT ?`,
      after,
      limit,
    ).map(({ value }) => String(value))
    return values.map((value) => ({
      value,
      members: this.#all(
        `SELECT * FROM instance WHERE ${column} = ? AND gone_at IS NULL AND examined IS NOT NULL ${isFit} ORDER BY key LIMIT ?`,
        value,
        MEMBERS_LIMIT,
      ).map(toInstance),
    }))
  }

  async setSweepFindings(findings: readonly SweepFinding[]): Promise<void> {
    inTransaction(this.#database, () => {
      const { number } = this.#sweep()
      const old = new Map(
        this.#all('SELECT key, sop, finding, since FROM sweep_finding').map((row) => [nameOf(row), Number(row.since)]),
      )
      this.#run('DELETE FROM sweep_finding')
      for (const { finding, key, sopInstanceUid, studyInstanceUid } of findings) {
        const text = JSON.stringify(finding)
        const since = old.get(nameOf({ key, sop: sopInstanceUid, finding: text })) ?? number
        this.#run(
          'INSERT INTO sweep_finding (key, sop, study, finding, since) VALUES (?, ?, ?, ?, ?)',
          key,
          sopInstanceUid,
          studyInstanceUid,
          text,
          since,
        )
      }
    })
  }

  async sweepFindings(): Promise<readonly (SweepFinding & { readonly foundIn: number })[]> {
    return this.#all('SELECT * FROM sweep_finding ORDER BY number').map(({ key, sop, study, finding, since }) => ({
      finding: JSON.parse(String(finding)),
      key: key as string | null,
      sopInstanceUid: sop as string | null,
      studyInstanceUid: study as string | null,
      foundIn: Number(since),
    }))
  }

  async standings(): ReturnType<SweepStore['standings']> {
    const rows = this.#all('SELECT standing, count(*) AS count FROM instance WHERE gone_at IS NULL GROUP BY standing')
    const counts = new Map(rows.map(({ standing, count }) => [String(standing), Number(count)]))
    return Object.fromEntries(STANDINGS.map((standing) => [standing, counts.get(standing) ?? 0])) as Awaited<
      ReturnType<SweepStore['standings']>
    >
  }

  async enrolled(keys: readonly { readonly key: string; readonly index: bigint }[]): Promise<void> {
    inTransaction(this.#database, () => {
      for (const { key, index } of keys) this.#enrol(key, index)
    })
  }

  /** What was unknown is recorded from now on; all else that was found stays. */
  #enrol(key: string, index: bigint): void {
    const row = this.#get('SELECT standing, findings FROM instance WHERE key = ?', key)
    if (row === undefined) return
    const findings = readFindings(row.findings).filter(({ code }) => code !== 'unknown' && code !== 'untrusted')
    this.#run(
      'UPDATE instance SET first_entry = ?, standing = ?, findings = ?, severity = ? WHERE key = ?',
      index,
      row.standing === 'undetermined' ? 'recorded' : String(row.standing),
      JSON.stringify(findings),
      severityOf(findings),
      key,
    )
  }

  async close(): Promise<void> {
    this.#database.close()
  }

  #sweep(): Sweep {
    const row = this.#get('SELECT * FROM sweep WHERE ended_at IS NULL')
    if (row === undefined) throw new StoreError('sweep_corrupted', 'no sweep is under way')
    return toSweep(row)
  }

  #prepare(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? guard(() => this.#database.prepare(sql))
    this.#statements.set(sql, statement)
    return statement
  }

  #get(sql: string, ...values: readonly Value[]): Row | undefined {
    return guard(() => this.#prepare(sql).get(...values) as Row | undefined)
  }

  #all(sql: string, ...values: readonly Value[]): readonly Row[] {
    return guard(() => this.#prepare(sql).all(...values) as readonly Row[])
  }

  #run(sql: string, ...values: readonly Value[]): number {
    return guard(() => Number(this.#prepare(sql).run(...values).changes))
  }
}

/** Of one group; a thousand copies of one picture say no more than these. */
const MEMBERS_LIMIT = 200

/** 0 for no finding, then the worse the higher. */
const severityOf = (findings: readonly { readonly severity: (typeof SEVERITIES)[number] }[]): number =>
  Math.max(0, ...findings.map(({ severity }) => SEVERITIES.length - SEVERITIES.indexOf(severity)))

const nameOf = ({ key, sop, finding }: Row): string =>
  `${String(key)} ${String(sop)} ${JSON.parse(String(finding)).code as string}`

const dateOf = (ms: unknown): Date => new Date(Number(ms))
const dateOrNull = (ms: unknown): Date | null => (ms === null ? null : dateOf(ms))

function toSweep({ number, started_at, ended_at, is_full, cursor, read, unchanged, failed, bytes }: Row): Sweep {
  return {
    number: Number(number),
    startedAt: dateOf(started_at),
    endedAt: dateOrNull(ended_at),
    isFull: is_full === 1,
    cursor: cursor as string | null,
    counts: { read: Number(read), unchanged: Number(unchanged), failed: Number(failed), bytes: Number(bytes) },
  }
}

function toVersion({ version, seen_in, read_in, read_at, is_due, sop, dataset, frames, findings }: Row): KnownVersion {
  return {
    version: version as string | null,
    seenIn: Number(seen_in),
    readIn: Number(read_in),
    readAt: dateOf(read_at),
    isDue: is_due === 1,
    content:
      typeof dataset === 'string'
        ? {
            sopInstanceUid: sop as string | null,
            dataset,
            frames: frames as string | null,
            compared: readFindings(findings).filter(
              ({ code, reasons }) => COMPARED.has(code) && reasons.includes('differs_from_earlier_sweep'),
            ),
          }
        : null,
  }
}

function toInstance(row: Row): KnownInstance {
  return {
    key: String(row.key),
    firstSeenAt: dateOf(row.first_seen_at),
    seenAt: dateOf(row.seen_at),
    readAt: dateOf(row.read_at),
    sopInstanceUid: row.sop as string | null,
    studyInstanceUid: row.study as string | null,
    examined: readExamined(row.examined, row),
    findings: readFindings(row.findings),
  }
}

function toLogged({ sop, study, entry, state, recorded_at, forwarded_at, is_quarantined }: Row): LoggedInstance {
  return {
    sopInstanceUid: String(sop),
    studyInstanceUid: String(study),
    index: BigInt(Number(entry)),
    state: state as LoggedInstance['state'],
    recordedAt: dateOf(recorded_at),
    forwardedAt: dateOrNull(forwarded_at),
    isQuarantined: is_quarantined === 1,
  }
}
