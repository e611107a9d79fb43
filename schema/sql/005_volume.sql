-- imgc index: volumes. docs/store-format.md explains each table.
CREATE TABLE volume (
    name TEXT PRIMARY KEY,
    anonymous INTEGER NOT NULL,        -- 1: made for one container, and goes with it where that is asked
    filled INTEGER NOT NULL DEFAULT 0, -- 1: its content is the user's; nothing is copied into it any more
    labels TEXT NOT NULL,              -- a JSON object
    created_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The volumes of each container: they stay as long as it does.
CREATE TABLE volume_use (
    container_id TEXT NOT NULL REFERENCES container (id) ON DELETE CASCADE,
    volume TEXT NOT NULL REFERENCES volume (name),
    PRIMARY KEY (container_id, volume)
) STRICT, WITHOUT ROWID;
CREATE INDEX volume_use_volume ON volume_use (volume);
