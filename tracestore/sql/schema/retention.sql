-- Retention; see tracestore/jobs/partitions.py and docs/decisions/0010-retention-by-rewriting-a-day.md.

-- permitted_at: when a person said that a large removal is meant. held_reason: why nothing is removed now ('' = nothing is
-- due), since held_since.
ALTER TABLE partition_clock
  ADD COLUMN permitted_at timestamptz,
  ADD COLUMN held_reason text NOT NULL DEFAULT '',
  ADD COLUMN held_since timestamptz,
  ADD COLUMN held_days integer NOT NULL DEFAULT 0;

-- Of which projects does a partition hold nothing any more? Grain: one row a partition that was looked through.
-- inserted: the server's own count of rows put into it by then. A row that comes later raises it, and it is looked through again.
CREATE TABLE retention_check (
  relation text PRIMARY KEY,
  gone integer[] NOT NULL,
  inserted bigint NOT NULL
);

-- Users whose data somebody asked to erase; the row goes when it is done. The user's id stands nowhere else by then.
CREATE TABLE erasure_request (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project integer NOT NULL,
  user_id text NOT NULL,
  actor text NOT NULL,
  requested_at timestamptz NOT NULL
);

-- From which day on nothing of a project's traces was removed by retention. Raised before the day goes, under the project's
-- settle lock: whoever adds up traces under that lock knows which minutes may lack some, whatever the clock says.
CREATE TABLE retention_floor (
  project integer PRIMARY KEY,
  kept_from date NOT NULL
);
