-- Layers whose tar has lost data to the layer's directory (store/punched.h). Such a layer has
-- whole = 0.
CREATE TABLE punch (
    diff_id TEXT PRIMARY KEY REFERENCES layer (diff_id) ON DELETE CASCADE,
    chain_id TEXT NOT NULL, -- the directory view that has the data; it stays as long as the layer
    done INTEGER NOT NULL DEFAULT 0 -- 1: all of it is punched out, and layer.disk counts that
) STRICT, WITHOUT ROWID;
