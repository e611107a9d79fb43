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

-- With a container of --rm go the volumes that were made for it and that no other one uses, whoever
-- deletes its row. Their files are the trash's.
CREATE TRIGGER volume_follow BEFORE DELETE ON container WHEN OLD.auto_remove = 1
BEGIN
    INSERT OR REPLACE INTO trash (path, kind, key, settled)
        SELECT 'volumes/' || v.name, 'volume', v.name, 0
        FROM volume_use AS u JOIN volume AS v ON v.name = u.volume
        WHERE u.container_id = OLD.id AND v.anonymous = 1
            AND NOT EXISTS (SELECT 1 FROM volume_use AS o
                            WHERE o.volume = v.name AND o.container_id <> OLD.id);
    DELETE FROM volume_use WHERE container_id = OLD.id
        AND volume IN (SELECT key FROM trash WHERE kind = 'volume');
    DELETE FROM volume WHERE anonymous = 1 AND name IN (SELECT key FROM trash WHERE kind = 'volume')
        AND NOT EXISTS (SELECT 1 FROM volume_use AS o WHERE o.volume = volume.name);
END;
