PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
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
INSERT INTO instance VALUES(1,'01JGZ000000000000000000001','01JGY000100000000000000001',1001,X'83bf7fcd913e81d35f0d0e94ed1ec0611e8e3b4909c23b00ef9f076f205e67c6','{"protocol":"dimse","callingAet":"CT_1","calledAet":"FIDUCIAL","address":"192.0.2.1:104","peer":null}','CT_1',1893456060000,'1.2.840.10008.5.1.4.1.1.2','1.2.3.1','1.2.9','1.2.840.10008.1.2.1','study-1','1.2.3.1','1.2.9','forwarding',1,NULL,1893456360000,'all','[]','authentic','{"verdict":"authentic","level":"P2","content":"unchanged","policy":"gateway","sentence":"This “image” is – as far as anybody can say – unchanged.","isSynthetic":false,"failing":[{"subject":"seal","reason":"seal_missing"}]}','{"instance":{"sopClassUid":"1.2.840.10008.5.1.4.1.1.2","sopInstanceUid":"1.2.3.1","seriesInstanceUid":null,"studyInstanceUid":"1.2.9","transferSyntaxUid":"1.2.840.10008.1.2.1"},"digests":{"file":"3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80","dataset":"b277fd623676a525c29b9eb155afc8c9010681814ceafb2d7627f47b9a232576","pixels":null,"frames":{"count":"3","root":"594cfd2607d4f09e1ce6241203e418cacfed545063792bc5eab7afaadbf0c4e0"}}}',NULL,'[]',1893456360000,NULL,NULL,0);
INSERT INTO instance VALUES(2,'01JGZ000000000000000000002','01JGY000100000000000000002',1002,X'fe7f1034d4a63dde9192739732fb553a720788f422c5723ec7ca1c683280837e','{"protocol":"dimse","callingAet":"CT_1","calledAet":"FIDUCIAL","address":"192.0.2.1:104","peer":null}','CT_1',1893456120000,'1.2.840.10008.5.1.4.1.1.2','1.2.3.2','1.2.9','1.2.840.10008.1.2.1','study-1','1.2.3.2','1.2.9','quarantined',1,NULL,1893456360000,'all','["not_authentic"]','not_authentic','{"verdict":"not_authentic","level":"P2","content":"unchanged","policy":"gateway","sentence":"This “image” is – as far as anybody can say – unchanged.","isSynthetic":false,"failing":[{"subject":"seal","reason":"seal_missing"}]}',NULL,NULL,'[]',1893456360000,NULL,NULL,0);
INSERT INTO instance VALUES(3,'01JGZ000000000000000000003','01JGY000100000000000000003',1003,X'fb42102e0aac5286c9f0ba0c59cb5b2997d45867ee74c04ec499b2f0c632d8a5','{"protocol":"dimse","callingAet":"CT_1","calledAet":"FIDUCIAL","address":"192.0.2.1:104","peer":null}','CT_1',1893456180000,'1.2.840.10008.5.1.4.1.1.2','1.2.3.3','1.2.9','1.2.840.10008.1.2.1','study-1','1.2.3.3','1.2.9','done',1,NULL,1893456360000,'all','[]','authentic','{"verdict":"authentic","level":"P2","content":"unchanged","policy":"gateway","sentence":"This “image” is – as far as anybody can say – unchanged.","isSynthetic":false,"failing":[{"subject":"seal","reason":"seal_missing"}]}',NULL,NULL,'[]',1893456360000,1893456480000,NULL,0);
INSERT INTO instance VALUES(4,'01JGZ000000000000000000004','01JGY000100000000000000004',1004,X'03d46f2b62f47b7b03971079e623f4fa8e30cb0205e96b63ca03522c48a728c2','{"protocol":"dimse","callingAet":"CT_1","calledAet":"FIDUCIAL","address":"192.0.2.1:104","peer":null}','CT_1',1893456240000,'1.2.840.10008.5.1.4.1.1.2','1.2.3.4','1.2.9','1.2.840.10008.1.2.1','study-1','1.2.3.4','1.2.9','received',0,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
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
INSERT INTO delivery VALUES(1,'01JGZ000000000000000000001','study-1','PACS','01JGY000100000000000000001',X'2705b06cc01583ca56ee7fc9ab8de62b0c9cdf915fef55fa54ec09f234430cf5','1.2.840.10008.5.1.4.1.1.2','1.2.3.1','1.2.840.10008.1.2.1','waiting',0,1893456360000,1893456360000,NULL,NULL,NULL,NULL);
INSERT INTO delivery VALUES(2,'01JGZ000000000000000000002','study-1','PACS','01JGY000100000000000000002',X'b34893dcdce8ba6881b119cdd2e088d48ba2740b0c0887acb9732ab7689205ef','1.2.840.10008.5.1.4.1.1.2','1.2.3.2','1.2.840.10008.1.2.1','held',0,1893456360000,1893456360000,NULL,NULL,NULL,NULL);
INSERT INTO delivery VALUES(3,'01JGZ000000000000000000003','study-1','VNA','01JGY000100000000000000003',X'1cdbd83126bc1501c725eaa495de53644af266b390da9d57c8da7200a574aa79','1.2.840.10008.5.1.4.1.1.2','1.2.3.3','1.2.840.10008.1.2.1','sent',0,1893456360000,1893456480000,NULL,NULL,1893456480000,NULL);
CREATE TABLE lane (
    destination TEXT NOT NULL,
    order_key TEXT NOT NULL,
    ready_at INTEGER NOT NULL,
    head TEXT NOT NULL,
    PRIMARY KEY (destination, order_key)
  ) WITHOUT ROWID;
INSERT INTO lane VALUES('PACS','study-1',1893456360000,'01JGZ000000000000000000001');
CREATE TABLE event (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    instance TEXT NOT NULL,
    news TEXT NOT NULL,
    log_index INTEGER
  );
INSERT INTO event VALUES(1,'01JGZ000000000000000000001','{"text":"verified"}',NULL);
INSERT INTO event VALUES(2,'01JGZ000000000000000000002','{"text":"flagged"}',NULL);
INSERT INTO event VALUES(3,'01JGZ000000000000000000003','{"text":"verified"}',NULL);
INSERT INTO event VALUES(4,'01JGZ000000000000000000003','{"text":"forwarded"}',NULL);
CREATE TABLE spool_key (key TEXT PRIMARY KEY, instance TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO spool_key VALUES('01JGY000100000000000000001','01JGZ000000000000000000001');
INSERT INTO spool_key VALUES('01JGY000100000000000000002','01JGZ000000000000000000002');
INSERT INTO spool_key VALUES('01JGY000100000000000000003','01JGZ000000000000000000003');
INSERT INTO spool_key VALUES('01JGY000100000000000000004','01JGZ000000000000000000004');
CREATE TABLE tally (
    kind TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (kind, name)
  ) WITHOUT ROWID;
INSERT INTO tally VALUES('delivery','dead',0);
INSERT INTO tally VALUES('delivery','held',1);
INSERT INTO tally VALUES('delivery','sent',1);
INSERT INTO tally VALUES('delivery','waiting',1);
INSERT INTO tally VALUES('event','pending',4);
INSERT INTO tally VALUES('state','done',1);
INSERT INTO tally VALUES('state','forwarding',1);
INSERT INTO tally VALUES('state','quarantined',1);
INSERT INTO tally VALUES('state','received',1);
INSERT INTO tally VALUES('state','rejected',0);
INSERT INTO tally VALUES('verdict','authentic',2);
INSERT INTO tally VALUES('verdict','none',1);
INSERT INTO tally VALUES('verdict','not_authentic',1);
INSERT INTO tally VALUES('verdict','undetermined',0);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('delivery',3);
INSERT INTO sqlite_sequence VALUES('event',4);
CREATE INDEX instance_received ON instance (id, ready_at) WHERE state = 'received';
CREATE INDEX instance_order ON instance (order_key, id) WHERE state = 'received';
CREATE INDEX instance_uid ON instance (uid, id) WHERE uid IS NOT NULL;
CREATE INDEX instance_study ON instance (study_uid, id) WHERE study_uid IS NOT NULL;
CREATE INDEX instance_sender ON instance (calling_aet, id) WHERE calling_aet IS NOT NULL;
CREATE INDEX instance_state ON instance (state, id);
CREATE INDEX instance_verdict ON instance (verdict_word, id) WHERE verdict_word IS NOT NULL;
CREATE INDEX instance_owner ON instance (owner) WHERE owner IS NOT NULL;
CREATE INDEX instance_done ON instance (done_at, id) WHERE done_at IS NOT NULL AND is_forgotten = 0;
CREATE INDEX delivery_instance ON delivery (instance, number);
CREATE INDEX delivery_lane ON delivery (destination, order_key, instance, number) WHERE state = 'waiting';
CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 'waiting';
CREATE INDEX delivery_owner ON delivery (owner) WHERE owner IS NOT NULL;
CREATE INDEX delivery_dead ON delivery (destination) WHERE state = 'dead';
CREATE INDEX lane_ready ON lane (destination, ready_at, head);
CREATE INDEX event_pending ON event (number) WHERE log_index IS NULL;
CREATE INDEX event_instance ON event (instance) WHERE log_index IS NULL;
CREATE INDEX spool_key_instance ON spool_key (instance);
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
COMMIT;
PRAGMA user_version = 1;
