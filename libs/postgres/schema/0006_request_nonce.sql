-- runs-beside: 0004_audit_results
-- Which request won the coupon: the same one may stand in the log twice, and is told of this coupon then. 32 bits without a sign;
-- 0 where it can't be told, as of all coupons before this step. Builds from before it don't know of it, and write none.
ALTER TABLE coupon ADD COLUMN request_nonce integer NOT NULL DEFAULT 0;
