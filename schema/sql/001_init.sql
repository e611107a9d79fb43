-- imgc index, version 1. docs/store-format.md explains each table.
-- Digests are text, "sha256:<hex>". Times are ns since 1970. Sizes are bytes.

CREATE TABLE blob (
    digest TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    disk INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    -- 1: on disk. 0: perhaps only in memory. Below 0: a sync under way (store/sync.c).
    synced INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE layer (
    diff_id TEXT PRIMARY KEY,
    tar_size INTEGER NOT NULL,
    disk INTEGER NOT NULL,
    whole INTEGER NOT NULL DEFAULT 1, -- whether every byte of the tar is here
    boot_id TEXT NOT NULL,
    synced INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- The compressed blobs that a layer is known as.
CREATE TABLE layer_blob (
    digest TEXT PRIMARY KEY,
    diff_id TEXT NOT NULL REFERENCES layer (diff_id) ON DELETE CASCADE,
    size INTEGER NOT NULL,
    media_type TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX layer_blob_diff_id ON layer_blob (diff_id);

CREATE TABLE view (
    chain_id TEXT NOT NULL,
    form TEXT NOT NULL, -- 'directory'
    diff_id TEXT NOT NULL REFERENCES layer (diff_id) ON DELETE CASCADE,
    disk INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    synced INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (chain_id, form)
) STRICT, WITHOUT ROWID;
CREATE INDEX view_diff_id ON view (diff_id);

CREATE TABLE image (
    id TEXT PRIMARY KEY, -- digest of the config
    manifest TEXT NOT NULL,
    os TEXT NOT NULL,
    arch TEXT NOT NULL,
    variant TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    added_ns INTEGER NOT NULL,
    used_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE image_layer (
    image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
    position INTEGER NOT NULL, -- 0 is the bottom
    diff_id TEXT NOT NULL REFERENCES layer (diff_id),
    chain_id TEXT NOT NULL,
    PRIMARY KEY (image_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_layer_diff_id ON image_layer (diff_id);
CREATE INDEX image_layer_chain_id ON image_layer (chain_id);

CREATE TABLE image_blob (
    image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
    digest TEXT NOT NULL REFERENCES blob (digest),
    PRIMARY KEY (image_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_blob_digest ON image_blob (digest);

CREATE TABLE tag (
    name TEXT PRIMARY KEY, -- full: 'docker.io/library/debian:bookworm'
    image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
    top TEXT NOT NULL -- what the tag resolved to: digest of the index or manifest
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_image_id ON tag (image_id);

CREATE TABLE repo_digest (
    repository TEXT NOT NULL, -- full: 'docker.io/library/debian'
    digest TEXT NOT NULL,
    image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
    PRIMARY KEY (repository, digest, image_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX repo_digest_image_id ON repo_digest (image_id);

CREATE TABLE container (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image_id TEXT REFERENCES image (id), -- NULL: --rootfs; else the image cannot be removed
    image_name TEXT NOT NULL,
    command TEXT NOT NULL,
    spec_json TEXT NOT NULL,
    auto_remove INTEGER NOT NULL,
    init_pid INTEGER NOT NULL DEFAULT 0,
    init_start INTEGER NOT NULL DEFAULT 0,
    owner_pid INTEGER NOT NULL,
    owner_start INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    cgroup TEXT,
    exit_code INTEGER, -- NULL: has not exited, or not known
    oom_killed INTEGER NOT NULL DEFAULT 0,
    created_ns INTEGER NOT NULL,
    started_ns INTEGER NOT NULL DEFAULT 0,
    finished_ns INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX container_image_id ON container (image_id);

CREATE TABLE lease (
    id TEXT PRIMARY KEY,
    pid INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    created_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lease_item (
    lease_id TEXT NOT NULL REFERENCES lease (id) ON DELETE CASCADE,
    kind TEXT NOT NULL, -- 'blob' or 'layer'
    digest TEXT NOT NULL,
    PRIMARY KEY (lease_id, kind, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_item_digest ON lease_item (kind, digest);
