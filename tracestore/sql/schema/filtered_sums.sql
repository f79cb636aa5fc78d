-- Sums that answer filters, and quarters of an hour (grain_s 900) between minutes and hours.
-- What is kept as rows is summed again; of what is older only the root of a request is known.

-- What the spans of a request know together, as the text of an array; NULL: what the root knows alone. Models and operations
-- are NULL where they were summed before they were kept.
ALTER TABLE request_rollup
  ADD COLUMN services text,
  ADD COLUMN environments text,
  ADD COLUMN versions text,
  ADD COLUMN models text,
  ADD COLUMN operations text,
  ADD COLUMN error_requests bigint, -- with a span that failed
  ADD COLUMN unpriced_requests bigint; -- with a call that has tokens but no cost

ALTER TABLE call_rollup
  ADD COLUMN prompt_name text,
  ADD COLUMN prompt_version text;

-- Requests by the tools they called as well: quarters of an hour, hours and days.
CREATE TABLE request_tools_rollup (LIKE request_rollup INCLUDING DEFAULTS, tools text);
CREATE INDEX request_tools_rollup_start ON request_tools_rollup (project, grain_s, start_s);

-- All that is summed from rows that are kept is summed again.
INSERT INTO rollup_mark (project, grain_s, start_s)
SELECT r.project, marked.grain_s, r.start_s / marked.grain_s * marked.grain_s
FROM (
  SELECT project, start_s FROM request_rollup WHERE grain_s = 60
  UNION SELECT project, start_s FROM call_rollup WHERE grain_s = 60
  UNION SELECT project, start_s FROM tool_rollup WHERE grain_s = 60
  UNION SELECT project, start_s FROM usage_rollup WHERE grain_s = 60
) AS r
LEFT JOIN rollup_state AS state ON state.project = r.project
CROSS JOIN (VALUES (60), (900)) AS marked (grain_s)
WHERE marked.grain_s = 900 OR r.start_s >= coalesce(state.frozen_before_s, 0)
GROUP BY 1, 2, 3
ON CONFLICT DO NOTHING;
