-- How a container is stopped, and what the user has marked it with. A container that no process runs
-- has owner_pid 0: it was made for `start`, or has ended.

ALTER TABLE container ADD COLUMN stop_signal INTEGER NOT NULL DEFAULT 15;
ALTER TABLE container ADD COLUMN stop_timeout_s INTEGER NOT NULL DEFAULT 10; -- -1: no end
ALTER TABLE container ADD COLUMN labels TEXT NOT NULL DEFAULT '{}'; -- JSON: names and values
