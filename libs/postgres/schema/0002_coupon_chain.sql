-- One digest that stands for all coupons of a campaign in their order (libs/crypto, coupon_chain.hpp): a later change of any
-- coupon no longer fits it, and the results topic holds it too, where nobody can edit it.

CREATE FUNCTION coupon_chain(chained_campaign integer) RETURNS bytea LANGUAGE plpgsql STABLE AS $function$
DECLARE
  head bytea := sha256(convert_to('openrun coupon chain 1', 'UTF8') || int4send(chained_campaign));
  link record;
BEGIN
  FOR link IN SELECT sequence, request_partition, request_offset, (extract(epoch FROM issued_at) * 1000)::bigint AS issued_ms,
                     coalesce((extract(epoch FROM valid_until) * 1000)::bigint, -1) AS valid_ms, convert_to(user_id, 'UTF8') AS user_bytes,
                     convert_to(idempotency_key, 'UTF8') AS key_bytes, convert_to(code, 'UTF8') AS code_bytes
                FROM coupon WHERE campaign_id = chained_campaign ORDER BY sequence
  LOOP
    head := sha256(head || int8send(link.sequence) || int4send(link.request_partition) || int8send(link.request_offset)
                   || int8send(link.issued_ms) || int8send(link.valid_ms) || int4send(octet_length(link.user_bytes)) || link.user_bytes
                   || int4send(octet_length(link.key_bytes)) || link.key_bytes || int4send(octet_length(link.code_bytes)) || link.code_bytes);
  END LOOP;
  RETURN head;
END
$function$;

ALTER TABLE campaign ADD COLUMN digest bytea;
UPDATE campaign SET digest = coupon_chain(id);
ALTER TABLE campaign ALTER COLUMN digest SET NOT NULL, ADD CHECK (octet_length(digest) = 32);
