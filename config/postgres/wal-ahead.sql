-- Makes the segments of WAL that an event will fill before it begins: psql -f wal-ahead.sql, as a superuser (or with pg_checkpoint,
-- pg_monitor, and EXECUTE on pg_switch_wal()). As many as min_wal_size holds; some 40,000 coupons fill one of 16 MiB.
--
-- A server that needs a segment and finds none makes it within a commit: it writes 16 MiB of zeros and has them made durable, and
-- whoever waits for that commit waits for this as well. A checkpoint keeps segments that are no longer needed for use again, so a
-- server that has been busy has enough of them; one that is new, or whose min_wal_size was raised, has not.
--
-- It writes min_wal_size once; a server whose disk has no room for that stops. Where WAL is archived, as many segments go there,
-- almost empty. Run twice, it does nothing the second time.
\set ON_ERROR_STOP on
CHECKPOINT;

DO $$
DECLARE
  wanted bigint := pg_size_bytes(current_setting('min_wal_size')) / pg_size_bytes(current_setting('wal_segment_size'));
  ahead bigint := (SELECT count(*) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' AND name > pg_walfile_name(pg_current_wal_insert_lsn()));
BEGIN
  -- The checkpoint keeps the current one too.
  IF ahead >= wanted - 1 THEN
    RETURN;
  END IF;
  FOR segment IN 1 .. wanted LOOP
    -- A segment with nothing in it is not left.
    PERFORM pg_logical_emit_message(false, 'openrun', 'WAL made ahead');
    PERFORM pg_switch_wal();
  END LOOP;
END
$$;

CHECKPOINT;
SELECT format('%s segments of %s are ready.', count(*), current_setting('wal_segment_size')) FROM pg_ls_waldir()
WHERE name ~ '^[0-9A-F]{24}$' AND name > pg_walfile_name(pg_current_wal_insert_lsn());
