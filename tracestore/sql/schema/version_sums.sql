-- Which sets a request ran with besides its root's own, so that each version is counted without reading traces.
-- NULL: the root's alone. Sums of before know the root's only; `manage.py rebuild` makes them again.
ALTER TABLE request_rollup ADD COLUMN version_sets text;
