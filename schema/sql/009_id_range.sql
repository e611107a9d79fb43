-- Which IDs of the host are a container's (store/id_range.h). docs/store-format.md explains it.
CREATE TABLE id_range (
    container_id TEXT NOT NULL REFERENCES container (id) ON DELETE CASCADE,
    kind INTEGER NOT NULL, -- 0: user IDs, 1: group IDs
    start INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (container_id, kind, start)
) STRICT, WITHOUT ROWID;
