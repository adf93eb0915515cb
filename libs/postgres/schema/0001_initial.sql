-- The contract's tables (section 5) and what the daemons need beside them. Text is compared byte by byte (COLLATE "C").
-- No foreign keys: one writer per partition keeps the rows consistent, and each would cost the hot path a look-up a row.

CREATE TABLE partition_checkpoint (
  partition        integer     PRIMARY KEY CHECK (partition >= 0),
  epoch            bigint      NOT NULL,
  next_offset      bigint      NOT NULL CHECK (next_offset >= 0),
  log_time         timestamptz NOT NULL,
  fingerprint      bigint      NOT NULL,  -- of record next_offset - 1; 64 bits without a sign
  decision_version integer     NOT NULL
) WITH (fillfactor = 10);  -- one row, rewritten with every batch: stay on one page

CREATE TABLE campaign (
  id              integer     PRIMARY KEY CHECK (id > 0),
  name            text        COLLATE "C" NOT NULL,
  description     text        COLLATE "C" NOT NULL,
  stock           bigint      NOT NULL CHECK (stock BETWEEN 0 AND 4294967295),
  issued          bigint      NOT NULL CHECK (issued >= 0),
  starts_at       timestamptz NOT NULL,
  ends_at         timestamptz,
  -- What a reader sees apart from the times: closed > paused > sold_out > open.
  state           text        COLLATE "C" NOT NULL CHECK (state IN ('open', 'paused', 'sold_out', 'closed')),
  paused          boolean     NOT NULL,
  closed          boolean     NOT NULL,
  partition       integer     NOT NULL,
  policy          jsonb       NOT NULL,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,  -- log time of the last command that changed it
  terms_offset    bigint      NOT NULL,  -- offset of that command
  counters_offset bigint      NOT NULL,  -- last offset of the last batch that touched it: stock and issued are as of there
  touched_at      timestamptz NOT NULL,  -- when that batch was written, by this server's clock
  CHECK (issued <= stock)
) WITH (fillfactor = 50);
CREATE INDEX campaign_partition ON campaign (partition);

CREATE TABLE coupon (
  campaign_id       integer     NOT NULL,
  sequence          bigint      NOT NULL CHECK (sequence > 0),
  user_id           text        COLLATE "C" NOT NULL,
  idempotency_key   text        COLLATE "C" NOT NULL,  -- '' where max_per_user is 1
  code              text        COLLATE "C" NOT NULL,
  status            text        COLLATE "C" NOT NULL DEFAULT 'UNUSED' CHECK (status IN ('UNUSED', 'USED')),
  issued_at         timestamptz NOT NULL,
  valid_until       timestamptz,
  used_at           timestamptz,
  redeem_key        text        COLLATE "C",           -- the Idempotency-Key of the call that redeemed it
  request_partition integer     NOT NULL,
  request_offset    bigint      NOT NULL,
  PRIMARY KEY (campaign_id, sequence),
  UNIQUE (user_id, campaign_id, idempotency_key)
);

CREATE TABLE campaign_command (
  campaign_id     integer  NOT NULL,
  idempotency_key text     COLLATE "C" NOT NULL,
  request_offset  bigint   NOT NULL,
  outcome         smallint NOT NULL,
  -- Not by key: a key that the machine has forgotten may be used again.
  PRIMARY KEY (campaign_id, request_offset)
);

CREATE SEQUENCE campaign_id AS integer MINVALUE 1 MAXVALUE 2147483647 NO CYCLE;
CREATE TABLE campaign_reservation (
  campaign_id     integer     PRIMARY KEY,
  idempotency_key text        COLLATE "C" NOT NULL UNIQUE,
  partition       integer     NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE outbox (
  partition    integer     NOT NULL,
  first_offset bigint      NOT NULL,
  last_offset  bigint      NOT NULL,
  payload      bytea       NOT NULL,  -- a ResultBatch, byte for byte as it is published
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (partition, first_offset) INCLUDE (last_offset),
  CHECK (last_offset >= first_offset)
);
-- Packed already: compression would cost time and win little.
ALTER TABLE outbox ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE TABLE relay_progress (
  partition         integer PRIMARY KEY,
  published_through bigint  NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE dead_letter (
  id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  partition       integer     NOT NULL,
  "offset"        bigint      NOT NULL,
  log_time        timestamptz NOT NULL,
  key             bytea       NOT NULL,
  value           bytea       NOT NULL,
  headers         bytea[]     NOT NULL,  -- name, value, name, value, ...: bytes, because nothing may refuse a dead letter
  reason          text        COLLATE "C" NOT NULL,
  error           text        COLLATE "C" NOT NULL,
  replays         integer     NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  exported_at     timestamptz,
  replayed_at     timestamptz,           -- when an operator last sent it back into the log
  discarded_at    timestamptz,           -- when an operator gave it up
  final_partition integer,               -- where a replay was decided
  final_offset    bigint,
  UNIQUE (partition, "offset")
);
CREATE INDEX dead_letter_open ON dead_letter (partition, "offset") WHERE final_offset IS NULL AND discarded_at IS NULL;
CREATE INDEX dead_letter_unexported ON dead_letter (partition, "offset") WHERE exported_at IS NULL;

-- `openrun dlq accept`: these offsets may become dead letters, however many they are.
CREATE TABLE dead_letter_acceptance (
  id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  partition    integer     NOT NULL,
  first_offset bigint      NOT NULL,
  last_offset  bigint      NOT NULL,
  accepted_by  text        COLLATE "C" NOT NULL DEFAULT current_user,
  accepted_at  timestamptz NOT NULL DEFAULT now(),
  CHECK (last_offset >= first_offset)
);

-- What operators did with dead letters: who, when, which filter, how many.
CREATE TABLE dead_letter_action (
  id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  action      text        COLLATE "C" NOT NULL,
  filter      jsonb       NOT NULL,
  done_by     text        COLLATE "C" NOT NULL,
  planned     bigint      NOT NULL,
  done        bigint      NOT NULL DEFAULT 0,
  started_at  timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);

CREATE TABLE dispatch (
  partition  integer PRIMARY KEY CHECK (partition >= -1),  -- -1: every partition without a row of its own
  per_second bigint  NOT NULL CHECK (per_second >= 0)      -- 0: as fast as possible
);

CREATE TABLE deployment (
  only_row             boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
  code_key_fingerprint text        COLLATE "C" NOT NULL,
  created_at           timestamptz NOT NULL DEFAULT now()
);

-- The compare-and-swap that every batch begins with. It raises, so that nothing sent behind it in the same pipeline can take
-- effect for a writer that has lost its partition. OR001 is told apart by the adapter.
CREATE FUNCTION advance_checkpoint(writer_partition integer, writer_epoch bigint, expected_offset bigint, new_offset bigint,
                                   new_log_time timestamptz, new_fingerprint bigint, new_decision_version integer)
RETURNS void LANGUAGE plpgsql AS $function$
BEGIN
  UPDATE partition_checkpoint
     SET next_offset = new_offset, log_time = new_log_time, fingerprint = new_fingerprint,
         decision_version = new_decision_version
   WHERE partition = writer_partition AND epoch = writer_epoch AND next_offset = expected_offset;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'this writer no longer owns the partition' USING ERRCODE = 'OR001';
  END IF;
END
$function$;
