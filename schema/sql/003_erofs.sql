-- imgc index, version 3: EROFS views. docs/store-format.md explains each table.

-- The layers whose tars a view refers to: those of its whole stack. Such a layer stays as long as the
-- view, and its tar stays whole.
CREATE TABLE view_layer (
    chain_id TEXT NOT NULL,
    form TEXT NOT NULL, -- 'erofs'
    diff_id TEXT NOT NULL REFERENCES layer (diff_id),
    PRIMARY KEY (chain_id, form, diff_id),
    FOREIGN KEY (chain_id, form) REFERENCES view (chain_id, form) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX view_layer_diff_id ON view_layer (diff_id);

-- Stacks that a form cannot hold, so that it is not tried at each run.
CREATE TABLE view_refusal (
    chain_id TEXT NOT NULL,
    form TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (chain_id, form)
) STRICT, WITHOUT ROWID;

-- What was found about a host by trying.
CREATE TABLE probe (
    name TEXT PRIMARY KEY,
    host TEXT NOT NULL,   -- where it was tried: boot id, kernel, file system
    outcome TEXT NOT NULL -- '': it works; else why it does not
) STRICT, WITHOUT ROWID;

-- Images mounted on the host (imgc mount).
CREATE TABLE mount (
    image_id TEXT PRIMARY KEY REFERENCES image (id),
    path TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    mounted_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
