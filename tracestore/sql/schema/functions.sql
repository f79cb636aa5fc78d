-- A sum that ends at 2^61, so that a bigint holds it and the sum of two: one emitter of absurd numbers must not make
-- every query over its project fail. NULL stays NULL. tracestore.analysis.settled.SUM_MAX is the same bound.
CREATE FUNCTION bounded(total numeric) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN least(total, 2305843009213693952)::bigint;
