-- What operators do with dead letters (`openrun dlq`).

-- An open dead letter is one that no replay has resolved. What an operator gave up stays open here: deciding the log again must not
-- depend on what stands outside of it, and a replay that was in the log before is still decided.
DROP INDEX dead_letter_open;
CREATE INDEX dead_letter_open ON dead_letter (partition, "offset") WHERE final_offset IS NULL;

-- Every replay record that the log has acknowledged. Rows are only added, so writing one never waits for an issuer that is just
-- resolving the origin. dead_letter.replays and replayed_at repeat what stands here.
CREATE TABLE dead_letter_replay (
  partition     integer     NOT NULL,
  origin_offset bigint      NOT NULL,
  replay_offset bigint      NOT NULL,  -- in the same partition
  action_id     bigint      NOT NULL,  -- dead_letter_action
  sent_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (partition, origin_offset, replay_offset)
);

-- A campaign never moves. Its row says where it lives; a record that would write it from another partition is at fault (class 22: the
-- issuer finds the record and keeps it as a dead letter).
CREATE FUNCTION same_partition(stored integer, given integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $function$
BEGIN
  IF stored = given THEN RETURN stored; END IF;
  RAISE EXCEPTION 'the campaign lives in partition %, and this record stands in %', stored, given USING ERRCODE = '22023';
END
$function$;
