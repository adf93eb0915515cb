-- runs-beside: 0004_audit_results
-- A batch moves its checkpoint by a plain UPDATE now; advance_checkpoint() stays for the issuers of the release before.

-- Called where that UPDATE found no row. It raises, so that nothing sent behind it in the same pipeline can take effect for a
-- writer that has lost its partition. OR001 is told apart by the adapter. Never folded into a plan, because it is volatile.
CREATE FUNCTION refuse_fenced_writer() RETURNS integer LANGUAGE plpgsql VOLATILE AS $function$
BEGIN
  RAISE EXCEPTION 'this writer no longer owns the partition' USING ERRCODE = 'OR001';
END
$function$;
