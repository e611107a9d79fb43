-- A name stands for the images of several platforms where an index has them (store/image.h).
CREATE TABLE tag_of_platform (
    name TEXT NOT NULL, -- full: 'docker.io/library/debian:bookworm'
    image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
    top TEXT NOT NULL, -- what the tag resolved to: digest of the index or manifest; one for each name
    PRIMARY KEY (name, image_id)
) STRICT, WITHOUT ROWID;
INSERT INTO tag_of_platform SELECT name, image_id, top FROM tag;
DROP TABLE tag;
ALTER TABLE tag_of_platform RENAME TO tag;
CREATE INDEX tag_image_id ON tag (image_id);
