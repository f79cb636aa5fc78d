-- The conservation law: sent = accepted + deduplicated + rejected, for every project and signal.
-- Grain: one row a batch, appended in the batch's transaction; settle folds it into minutes and deletes it.
CREATE TABLE ingest_ledger (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project integer NOT NULL,
  signal text NOT NULL CHECK (signal IN ('traces', 'logs', 'metrics')),
  received_ns bigint NOT NULL,
  sent integer NOT NULL,
  accepted integer NOT NULL,
  deduplicated integer NOT NULL,
  rejected jsonb -- {reason: n}, NULL when nothing was
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE TABLE ledger_minute (
  project integer NOT NULL,
  signal text NOT NULL,
  minute bigint NOT NULL, -- Unix seconds / 60
  sent bigint NOT NULL,
  accepted bigint NOT NULL,
  deduplicated bigint NOT NULL,
  rejected jsonb NOT NULL,
  PRIMARY KEY (project, signal, minute)
);
-- Requests that could not be decoded or were refused, outside `sent`. project 0: the key was not known.
CREATE TABLE ledger_refusal (
  project integer NOT NULL,
  signal text NOT NULL,
  minute bigint NOT NULL,
  reason text NOT NULL,
  requests bigint NOT NULL,
  PRIMARY KEY (project, signal, minute, reason)
);
