-- What was removed and still has its files (store/trash.c). docs/store-format.md explains.
CREATE TABLE trash (
    path TEXT PRIMARY KEY, -- under the root
    kind TEXT NOT NULL,    -- 'blob', 'layer', 'view' or 'container'
    key TEXT NOT NULL,     -- the primary key that its row had
    settled INTEGER NOT NULL DEFAULT 0 -- 1: that the row is gone is on disk
) STRICT, WITHOUT ROWID;

-- Whether anything is to be synced, or was lost, must not cost a look at everything.
CREATE INDEX blob_unsynced ON blob (boot_id) WHERE synced <> 1;
CREATE INDEX layer_unsynced ON layer (boot_id) WHERE synced <> 1;
CREATE INDEX view_unsynced ON view (boot_id) WHERE synced <> 1;
