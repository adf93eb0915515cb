-- What audits found, for those who look at the page (GET /v1/operations): `openrun audit` writes a row, and the reconciler after each
-- pass over all campaigns. Only the newest of a kind are kept. Nothing that decides reads it.
CREATE TABLE audit_result (
  id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind        text        COLLATE "C" NOT NULL CHECK (kind IN ('reconciler', 'audit', 'deep_audit')),
  done_by     text        COLLATE "C" NOT NULL,
  ended_at    timestamptz NOT NULL DEFAULT now(),
  took_ms     bigint      NOT NULL,
  partitions  bigint      NOT NULL,
  campaigns   bigint      NOT NULL,
  coupons     bigint      NOT NULL,
  found       bigint      NOT NULL,  -- findings in all
  not_checked bigint      NOT NULL,  -- things that could not be compared
  findings    text[]      COLLATE "C" NOT NULL  -- the first ones: invariant, text, invariant, text, ...
);
CREATE INDEX audit_result_newest ON audit_result (kind, id DESC);
