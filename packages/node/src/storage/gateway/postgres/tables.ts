/**
 * Tables: what gateways that share a PostgreSQL database keep there, as a step of its schema (storage/log/postgres/schema.ts).
 *
 * The same tables as on SQLite (instance-schema.ts), keyed by the number of a group of gateways first. What takes more
 * than one statement is a function, so that it is one transaction and one round trip.
 *
 * A lane is the row of copies of one order key that wait for one destination. Whoever changes copies of a lane has its lock
 * before, and says afterwards when the first of them may be sent; locks of several lanes are taken in one order.
 */
export const GATEWAY_TABLES = `
  CREATE TABLE fiducial.gateway (
    id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name text COLLATE "C" NOT NULL UNIQUE
  );

  CREATE TABLE fiducial.gateway_instance (
    gateway integer NOT NULL,
    id text COLLATE "C" NOT NULL,
    spool_key text NOT NULL,
    length_bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    origin text NOT NULL,
    calling_aet text,
    received_at bigint NOT NULL,
    sop_class_uid text,
    sop_instance_uid text,
    study_instance_uid text,
    transfer_syntax_uid text,
    order_key text COLLATE "C" NOT NULL,
    uid text COLLATE "C",
    study_uid text COLLATE "C",
    state text NOT NULL DEFAULT 'received',
    attempts integer NOT NULL DEFAULT 0,
    owner text,
    ready_at bigint NOT NULL DEFAULT 0,
    route text,
    reasons text,
    verdict_word text,
    verdict text,
    description text,
    sealed text,
    other_keys text,
    judged_at bigint,
    done_at bigint,
    asked_by text,
    is_forgotten boolean NOT NULL DEFAULT false,
    PRIMARY KEY (gateway, id)
  );
  CREATE INDEX gateway_instance_received ON fiducial.gateway_instance (gateway, id) WHERE state = 'received';
  CREATE INDEX gateway_instance_order ON fiducial.gateway_instance (gateway, order_key, id) WHERE state = 'received';
  CREATE INDEX gateway_instance_uid ON fiducial.gateway_instance (gateway, uid, id);
  CREATE INDEX gateway_instance_study ON fiducial.gateway_instance (gateway, study_uid, id);
  CREATE INDEX gateway_instance_sender ON fiducial.gateway_instance (gateway, calling_aet, id);
  CREATE INDEX gateway_instance_state ON fiducial.gateway_instance (gateway, state, id);
  CREATE INDEX gateway_instance_verdict ON fiducial.gateway_instance (gateway, verdict_word, id);
  CREATE INDEX gateway_instance_owner ON fiducial.gateway_instance (gateway) WHERE owner IS NOT NULL;
  CREATE INDEX gateway_instance_done ON fiducial.gateway_instance (gateway, done_at, id)
    WHERE done_at IS NOT NULL AND NOT is_forgotten;
  CREATE INDEX gateway_instance_forgotten ON fiducial.gateway_instance (gateway, done_at, id) WHERE is_forgotten;

  CREATE TABLE fiducial.gateway_delivery (
    gateway integer NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    instance text COLLATE "C" NOT NULL,
    order_key text COLLATE "C" NOT NULL,
    destination text COLLATE "C" NOT NULL,
    spool_key text NOT NULL,
    sha256 bytea NOT NULL,
    sop_class_uid text NOT NULL,
    sop_instance_uid text NOT NULL,
    transfer_syntax_uid text NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    due_at bigint NOT NULL,
    ready_at bigint NOT NULL,
    owner text,
    last_error text,
    sent_at bigint,
    committed_at bigint,
    PRIMARY KEY (gateway, number)
  );
  CREATE INDEX gateway_delivery_instance ON fiducial.gateway_delivery (gateway, instance, number);
  CREATE INDEX gateway_delivery_lane ON fiducial.gateway_delivery (gateway, destination, order_key, instance, number)
    WHERE state = 'waiting';
  CREATE INDEX gateway_delivery_due ON fiducial.gateway_delivery (gateway, due_at) WHERE state = 'waiting';
  CREATE INDEX gateway_delivery_dead ON fiducial.gateway_delivery (gateway, destination) WHERE state = 'dead';
  CREATE INDEX gateway_delivery_state ON fiducial.gateway_delivery (gateway, state);
  CREATE INDEX gateway_delivery_owner ON fiducial.gateway_delivery (gateway) WHERE owner IS NOT NULL;

  CREATE TABLE fiducial.gateway_lane (
    gateway integer NOT NULL,
    destination text COLLATE "C" NOT NULL,
    order_key text COLLATE "C" NOT NULL,
    ready_at bigint NOT NULL,
    head text COLLATE "C" NOT NULL,
    PRIMARY KEY (gateway, destination, order_key)
  );
  CREATE INDEX gateway_lane_ready ON fiducial.gateway_lane (gateway, destination, ready_at, head);

  CREATE TABLE fiducial.gateway_event (
    gateway integer NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    instance text COLLATE "C" NOT NULL,
    news text NOT NULL,
    PRIMARY KEY (gateway, number)
  );
  CREATE INDEX gateway_event_instance ON fiducial.gateway_event (gateway, instance);

  CREATE TABLE fiducial.gateway_key (
    gateway integer NOT NULL,
    key text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL,
    PRIMARY KEY (gateway, key)
  );
  CREATE INDEX gateway_key_instance ON fiducial.gateway_key (gateway, instance);

  CREATE TABLE fiducial.gateway_order (
    gateway integer NOT NULL,
    id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    seen bigint NOT NULL,
    step text NOT NULL,
    PRIMARY KEY (gateway, id)
  );
  CREATE INDEX gateway_order_seen ON fiducial.gateway_order (gateway, seen);
  CREATE TABLE fiducial.gateway_order_key (
    gateway integer NOT NULL,
    kind text NOT NULL,
    key text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    PRIMARY KEY (gateway, kind, key, id)
  );
  CREATE INDEX gateway_order_key_id ON fiducial.gateway_order_key (gateway, id);

  CREATE TABLE fiducial.gateway_device_seal (
    gateway integer NOT NULL,
    uid text COLLATE "C" NOT NULL,
    seal bytea NOT NULL,
    PRIMARY KEY (gateway, uid)
  );

  CREATE FUNCTION fiducial.gateway_put_order(g integer, i text, k text, at bigint, what text, keys json)
  RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO fiducial.gateway_order (gateway, id, kind, seen, step) VALUES (g, i, k, at, what)
      ON CONFLICT (gateway, id) DO UPDATE SET kind = excluded.kind, seen = excluded.seen, step = excluded.step;
    DELETE FROM fiducial.gateway_order_key WHERE gateway = g AND id = i;
    INSERT INTO fiducial.gateway_order_key
      SELECT g, value->>0, value->>1, i FROM json_array_elements(keys) ON CONFLICT DO NOTHING;
  END $$;

  -- Seals that were made of images whose records are gone.
  CREATE TABLE fiducial.gateway_old_seal (
    gateway integer NOT NULL,
    uid text COLLATE "C" NOT NULL,
    sealed text COLLATE "C" NOT NULL,
    PRIMARY KEY (gateway, uid, sealed)
  );

  -- Counts as changes to be summed: nobody who counts waits for another one.
  CREATE TABLE fiducial.gateway_tally (
    gateway integer NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    delta bigint NOT NULL
  );
  CREATE INDEX gateway_tally_gateway ON fiducial.gateway_tally (gateway);

  CREATE FUNCTION fiducial.gateway_tally_instance() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP <> 'INSERT' THEN
      INSERT INTO fiducial.gateway_tally VALUES (old.gateway, 'state', old.state, -1),
        (old.gateway, 'verdict', coalesce(old.verdict_word, 'none'), -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
      INSERT INTO fiducial.gateway_tally VALUES (new.gateway, 'state', new.state, 1),
        (new.gateway, 'verdict', coalesce(new.verdict_word, 'none'), 1);
    END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER gateway_tally AFTER INSERT OR DELETE ON fiducial.gateway_instance
    FOR EACH ROW EXECUTE FUNCTION fiducial.gateway_tally_instance();
  CREATE TRIGGER gateway_tally_change AFTER UPDATE OF state, verdict_word ON fiducial.gateway_instance
    FOR EACH ROW WHEN (old.state <> new.state OR old.verdict_word IS DISTINCT FROM new.verdict_word)
    EXECUTE FUNCTION fiducial.gateway_tally_instance();

  CREATE FUNCTION fiducial.gateway_tally_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP <> 'INSERT' THEN
      INSERT INTO fiducial.gateway_tally VALUES (old.gateway, 'delivery', old.state, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
      INSERT INTO fiducial.gateway_tally VALUES (new.gateway, 'delivery', new.state, 1);
    END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER gateway_tally AFTER INSERT OR DELETE ON fiducial.gateway_delivery
    FOR EACH ROW EXECUTE FUNCTION fiducial.gateway_tally_delivery();
  CREATE TRIGGER gateway_tally_change AFTER UPDATE OF state ON fiducial.gateway_delivery
    FOR EACH ROW WHEN (old.state <> new.state) EXECUTE FUNCTION fiducial.gateway_tally_delivery();

  CREATE FUNCTION fiducial.gateway_counts(g integer)
  RETURNS TABLE (kind text, name text, count bigint) LANGUAGE plpgsql AS $$
  #variable_conflict use_column
  BEGIN
    -- Whoever looks adds up what has gathered, unless somebody else is at it.
    IF (SELECT count(*) > 200 FROM (SELECT 1 FROM fiducial.gateway_tally WHERE gateway = g LIMIT 201) AS gathered)
        AND pg_try_advisory_xact_lock(fiducial.gateway_lane_lock(g, '', 'tally')) THEN
      WITH gone AS (
        DELETE FROM fiducial.gateway_tally WHERE gateway = g RETURNING kind, name, delta
      ) INSERT INTO fiducial.gateway_tally
        SELECT g, kind, name, sum(delta) FROM gone GROUP BY kind, name HAVING sum(delta) <> 0;
    END IF;
    RETURN QUERY
      SELECT kind, name, sum(delta)::bigint FROM fiducial.gateway_tally WHERE gateway = g GROUP BY kind, name
      UNION ALL SELECT 'event', 'pending', count(*) FROM fiducial.gateway_event
        WHERE gateway = g
      UNION ALL SELECT 'at', 'received', min(received_at) FROM fiducial.gateway_instance
        WHERE gateway = g AND state = 'received'
      UNION ALL SELECT 'at', 'due', min(due_at) FROM fiducial.gateway_delivery WHERE gateway = g AND state = 'waiting';
  END $$;

  CREATE FUNCTION fiducial.gateway_lane_lock(g integer, d text, o text) RETURNS bigint
  LANGUAGE sql IMMUTABLE AS $$ SELECT hashtextextended(g || E'\\x1f' || d || E'\\x1f' || o, 7021932411860118) $$;

  CREATE FUNCTION fiducial.gateway_refresh(g integer, d text, o text) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO fiducial.gateway_lane (gateway, destination, order_key, ready_at, head)
      SELECT gateway, destination, order_key, ready_at, instance FROM fiducial.gateway_delivery
      WHERE gateway = g AND destination = d AND order_key = o AND state = 'waiting'
      ORDER BY instance, number LIMIT 1
      ON CONFLICT (gateway, destination, order_key) DO UPDATE SET ready_at = excluded.ready_at, head = excluded.head;
    IF NOT FOUND THEN
      DELETE FROM fiducial.gateway_lane WHERE gateway = g AND destination = d AND order_key = o;
    END IF;
  END $$;

  CREATE FUNCTION fiducial.gateway_add_events(g integer, i text, events json) RETURNS void LANGUAGE sql AS $$
    INSERT INTO fiducial.gateway_event (gateway, instance, news)
    SELECT g, i, value FROM json_array_elements_text(events) WITH ORDINALITY ORDER BY ordinality
  $$;

  CREATE FUNCTION fiducial.gateway_judge(
    g integer, i text, holder text, at bigint, fields json, keys json, deliveries json, events json
  ) RETURNS boolean LANGUAGE plpgsql AS $$
  DECLARE
    o text;
    lane record;
  BEGIN
    UPDATE fiducial.gateway_instance SET
      state = fields->>'state', route = fields->>'route', reasons = fields->>'reasons',
      verdict_word = fields->>'verdict_word', verdict = fields->>'verdict', description = fields->>'description',
      sealed = fields->>'sealed', other_keys = fields->>'other_keys', judged_at = at,
      done_at = CASE WHEN fields->>'state' = 'done' THEN at END, owner = NULL,
      uid = coalesce(fields->>'uid', uid), study_uid = coalesce(fields->>'study_uid', study_uid)
    WHERE gateway = g AND id = i AND state = 'received' AND owner = holder RETURNING order_key INTO o;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO fiducial.gateway_key SELECT g, value, i FROM json_array_elements_text(keys) ON CONFLICT DO NOTHING;
    IF fields->>'state' = 'forwarding' THEN
      PERFORM pg_advisory_xact_lock(number) FROM (
        SELECT DISTINCT fiducial.gateway_lane_lock(g, value->>'destination', o) AS number
        FROM json_array_elements(deliveries) ORDER BY number
      ) AS locks;
    END IF;
    INSERT INTO fiducial.gateway_delivery (gateway, instance, order_key, destination, spool_key, sha256, sop_class_uid,
        sop_instance_uid, transfer_syntax_uid, state, due_at, ready_at)
      SELECT g, i, o, value->>'destination', value->>'spoolKey', decode(value->>'sha256', 'hex'), value->>'sopClassUid',
        value->>'sopInstanceUid', value->>'transferSyntaxUid',
        CASE WHEN fields->>'state' = 'quarantined' THEN 'held' ELSE 'waiting' END, at, at
      FROM json_array_elements(deliveries) WITH ORDINALITY ORDER BY ordinality;
    IF fields->>'state' = 'forwarding' THEN
      FOR lane IN SELECT DISTINCT value->>'destination' AS destination FROM json_array_elements(deliveries) LOOP
        PERFORM fiducial.gateway_refresh(g, lane.destination, o);
      END LOOP;
    END IF;
    PERFORM fiducial.gateway_add_events(g, i, events);
    RETURN true;
  END $$;

  CREATE FUNCTION fiducial.gateway_claim(
    g integer, d text, holder text, now_ms bigint, until_ms bigint, wanted integer
  ) RETURNS SETOF fiducial.gateway_delivery LANGUAGE plpgsql AS $$
  DECLARE
    lane record;
    copy fiducial.gateway_delivery;
    barrier text;
    given integer := 0;
  BEGIN
    FOR lane IN
      SELECT order_key FROM fiducial.gateway_lane AS l
      WHERE gateway = g AND destination = d AND ready_at <= now_ms AND NOT EXISTS (
        SELECT 1 FROM fiducial.gateway_instance AS i
        WHERE i.gateway = g AND i.state = 'received' AND i.order_key = l.order_key AND i.id < l.head
      ) ORDER BY ready_at, head LIMIT wanted + 100
    LOOP
      EXIT WHEN given >= wanted;
      -- Somebody else is at this lane.
      CONTINUE WHEN NOT pg_try_advisory_xact_lock(fiducial.gateway_lane_lock(g, d, lane.order_key));
      SELECT min(id) INTO barrier FROM fiducial.gateway_instance
        WHERE gateway = g AND state = 'received' AND order_key = lane.order_key;
      FOR copy IN
        SELECT * FROM fiducial.gateway_delivery
        WHERE gateway = g AND destination = d AND order_key = lane.order_key AND state = 'waiting'
        ORDER BY instance, number LIMIT wanted - given
      LOOP
        EXIT WHEN copy.ready_at > now_ms OR copy.instance > barrier;
        UPDATE fiducial.gateway_delivery SET owner = holder, ready_at = until_ms
          WHERE gateway = g AND number = copy.number;
        given := given + 1;
        RETURN NEXT copy;
      END LOOP;
      PERFORM fiducial.gateway_refresh(g, d, lane.order_key);
    END LOOP;
  END $$;

  -- Several at once: each of a row of {number, holder, at, events}. Gives the numbers of those that were waited for.
  CREATE FUNCTION fiducial.gateway_sent(g integer, items json) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
  DECLARE
    numbers bigint[];
    lane record;
  BEGIN
    PERFORM pg_advisory_xact_lock(lock) FROM (
      SELECT DISTINCT fiducial.gateway_lane_lock(g, destination, order_key) AS lock
      FROM fiducial.gateway_delivery JOIN json_to_recordset(items) AS item (number bigint) USING (number)
      WHERE gateway = g ORDER BY lock
    ) AS locks;
    WITH changed AS (
      UPDATE fiducial.gateway_delivery AS d SET state = 'sent', sent_at = item.at, last_error = NULL, owner = NULL
      FROM json_to_recordset(items) AS item (number bigint, holder text, at bigint)
      WHERE d.gateway = g AND d.number = item.number AND d.state = 'waiting' AND d.owner = item.holder
      RETURNING d.number
    ) SELECT coalesce(array_agg(number), '{}') INTO numbers FROM changed;
    FOR lane IN
      SELECT DISTINCT destination, order_key FROM fiducial.gateway_delivery WHERE gateway = g AND number = ANY (numbers)
    LOOP
      PERFORM fiducial.gateway_refresh(g, lane.destination, lane.order_key);
    END LOOP;
    -- Of two last ones at the same time, the second sees the first; whoever changes several instances goes by their ids.
    PERFORM 1 FROM fiducial.gateway_instance WHERE gateway = g AND id IN (
      SELECT instance FROM fiducial.gateway_delivery WHERE gateway = g AND number = ANY (numbers)
    ) ORDER BY id FOR UPDATE;
    UPDATE fiducial.gateway_instance AS i SET state = 'done', done_at = last.at FROM (
      SELECT instance, max(sent_at) AS at FROM fiducial.gateway_delivery
      WHERE gateway = g AND number = ANY (numbers) GROUP BY instance
    ) AS last WHERE i.gateway = g AND i.id = last.instance AND i.state = 'forwarding' AND NOT EXISTS (
      SELECT 1 FROM fiducial.gateway_delivery AS other
      WHERE other.gateway = g AND other.instance = i.id AND other.state <> 'sent'
    );
    INSERT INTO fiducial.gateway_event (gateway, instance, news)
      SELECT g, d.instance, told.value
      FROM json_array_elements(items) WITH ORDINALITY AS item (value, place)
      JOIN fiducial.gateway_delivery AS d
        ON d.gateway = g AND d.number = (item.value->>'number')::bigint AND d.number = ANY (numbers)
      CROSS JOIN json_array_elements_text(item.value->'events') WITH ORDINALITY AS told (value, place)
      ORDER BY item.place, told.place;
    RETURN QUERY SELECT unnest(numbers);
  END $$;

  CREATE FUNCTION fiducial.gateway_failed(g integer, n bigint, holder text, code text, due bigint)
  RETURNS boolean LANGUAGE plpgsql AS $$
  DECLARE
    copy fiducial.gateway_delivery;
  BEGIN
    SELECT * INTO copy FROM fiducial.gateway_delivery WHERE gateway = g AND number = n;
    IF NOT FOUND THEN RETURN false; END IF;
    PERFORM pg_advisory_xact_lock(fiducial.gateway_lane_lock(g, copy.destination, copy.order_key));
    UPDATE fiducial.gateway_delivery SET state = CASE WHEN due IS NULL THEN 'dead' ELSE 'waiting' END,
        last_error = code, attempts = attempts + 1, owner = NULL,
        due_at = coalesce(due, due_at), ready_at = coalesce(due, ready_at)
      WHERE gateway = g AND number = n AND state = 'waiting' AND owner = holder;
    IF NOT FOUND THEN RETURN false; END IF;
    PERFORM fiducial.gateway_refresh(g, copy.destination, copy.order_key);
    RETURN true;
  END $$;

  -- Copies of lanes that are locked, to be sent from a moment on; from their own where there is none.
  CREATE FUNCTION fiducial.gateway_ready(g integer, numbers bigint[], from_state text, holder text, at bigint)
  RETURNS integer LANGUAGE plpgsql AS $$
  DECLARE
    changed integer;
    lane record;
  BEGIN
    PERFORM pg_advisory_xact_lock(lock) FROM (
      SELECT DISTINCT fiducial.gateway_lane_lock(g, destination, order_key) AS lock
      FROM fiducial.gateway_delivery WHERE gateway = g AND number = ANY (numbers) ORDER BY lock
    ) AS locks;
    UPDATE fiducial.gateway_delivery SET state = 'waiting', owner = NULL, due_at = coalesce(at, due_at),
        ready_at = coalesce(at, due_at), attempts = CASE WHEN from_state = 'dead' THEN 0 ELSE attempts END
      WHERE gateway = g AND number = ANY (numbers) AND state = from_state
        AND (from_state <> 'waiting' OR owner = holder OR (holder IS NULL AND owner IS NOT NULL));
    GET DIAGNOSTICS changed = ROW_COUNT;
    FOR lane IN
      SELECT DISTINCT destination, order_key FROM fiducial.gateway_delivery
      WHERE gateway = g AND number = ANY (numbers)
    LOOP
      PERFORM fiducial.gateway_refresh(g, lane.destination, lane.order_key);
    END LOOP;
    RETURN changed;
  END $$;

  CREATE FUNCTION fiducial.gateway_release(g integer, i text, confirmer text, at bigint, events json)
  RETURNS text LANGUAGE plpgsql AS $$
  DECLARE
    found_state text;
    asked text;
    numbers bigint[];
  BEGIN
    SELECT state, asked_by::json->>'id' INTO found_state, asked FROM fiducial.gateway_instance
      WHERE gateway = g AND id = i FOR UPDATE;
    IF NOT FOUND THEN RETURN 'instance_missing'; END IF;
    IF found_state <> 'quarantined' THEN RETURN 'instance_moved'; END IF;
    IF asked IS NULL OR asked = confirmer THEN RETURN 'approval_missing'; END IF;
    SELECT coalesce(array_agg(number), '{}') INTO numbers FROM fiducial.gateway_delivery
      WHERE gateway = g AND instance = i AND state = 'held';
    UPDATE fiducial.gateway_instance SET asked_by = NULL,
        state = CASE WHEN numbers = '{}' THEN 'done' ELSE 'forwarding' END,
        done_at = CASE WHEN numbers = '{}' THEN at END
      WHERE gateway = g AND id = i;
    PERFORM fiducial.gateway_ready(g, numbers, 'held', NULL, at);
    PERFORM fiducial.gateway_add_events(g, i, events);
    RETURN 'done';
  END $$;

  -- Out of quarantine without being forwarded: rejected, or received again.
  CREATE FUNCTION fiducial.gateway_take_out(g integer, i text, next_state text, at bigint, events json)
  RETURNS text LANGUAGE plpgsql AS $$
  DECLARE
    found_state text;
  BEGIN
    SELECT state INTO found_state FROM fiducial.gateway_instance WHERE gateway = g AND id = i FOR UPDATE;
    IF NOT FOUND THEN RETURN 'instance_missing'; END IF;
    IF found_state <> 'quarantined' THEN RETURN 'instance_moved'; END IF;
    UPDATE fiducial.gateway_instance SET state = next_state, asked_by = NULL, owner = NULL, done_at = at,
        judged_at = CASE WHEN next_state = 'received' THEN NULL ELSE judged_at END,
        attempts = CASE WHEN next_state = 'received' THEN 0 ELSE attempts END,
        ready_at = CASE WHEN next_state = 'received' THEN 0 ELSE ready_at END
      WHERE gateway = g AND id = i;
    DELETE FROM fiducial.gateway_delivery WHERE gateway = g AND instance = i;
    PERFORM fiducial.gateway_add_events(g, i, events);
    RETURN 'done';
  END $$;
`

/** A later step: copies that were sent and lost wait again, or are given up. */
export const GATEWAY_RESEND = `
  CREATE FUNCTION fiducial.gateway_resend(g integer, numbers bigint[], code text, at bigint, waits json)
  RETURNS TABLE (number bigint, instance text, is_dead boolean) LANGUAGE plpgsql AS $$
  #variable_conflict use_column
  DECLARE
    lost bigint[];
    lane record;
  BEGIN
    PERFORM pg_advisory_xact_lock(lock) FROM (
      SELECT DISTINCT fiducial.gateway_lane_lock(g, destination, order_key) AS lock
      FROM fiducial.gateway_delivery WHERE gateway = g AND number = ANY (numbers) ORDER BY lock
    ) AS locks;
    -- Whose files go now has them go, or keeps them: both do not happen.
    PERFORM 1 FROM fiducial.gateway_instance WHERE gateway = g AND id IN (
      SELECT instance FROM fiducial.gateway_delivery WHERE gateway = g AND number = ANY (numbers)
    ) ORDER BY id FOR UPDATE;
    WITH changed AS (
      UPDATE fiducial.gateway_delivery AS d SET attempts = attempts + 1, last_error = code, sent_at = NULL,
        state = CASE WHEN waits->>attempts IS NULL THEN 'dead' ELSE 'waiting' END,
        due_at = coalesce(at + (waits->>attempts)::bigint, due_at),
        ready_at = coalesce(at + (waits->>attempts)::bigint, ready_at)
      WHERE gateway = g AND number = ANY (numbers) AND state = 'sent' AND committed_at IS NULL AND EXISTS (
        SELECT 1 FROM fiducial.gateway_instance AS i WHERE i.gateway = g AND i.id = d.instance AND NOT i.is_forgotten
      ) RETURNING d.number
    ) SELECT coalesce(array_agg(changed.number), '{}') INTO lost FROM changed;
    UPDATE fiducial.gateway_instance SET state = 'forwarding', done_at = NULL
      WHERE gateway = g AND state = 'done' AND id IN (
        SELECT instance FROM fiducial.gateway_delivery WHERE gateway = g AND number = ANY (lost)
      );
    FOR lane IN
      SELECT DISTINCT destination, order_key FROM fiducial.gateway_delivery WHERE gateway = g AND number = ANY (lost)
    LOOP
      PERFORM fiducial.gateway_refresh(g, lane.destination, lane.order_key);
    END LOOP;
    RETURN QUERY SELECT number, instance, state = 'dead' FROM fiducial.gateway_delivery
      WHERE gateway = g AND number = ANY (lost);
  END $$;
`
