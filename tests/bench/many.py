# SPDX-License-Identifier: Apache-2.0
"""Fill a store with thousands of tiny images. One is imported by imgc; the others are copies of its
files and rows, with a layer of their own each and every digest as it must be."""
import hashlib
import io
import os
import pathlib
import sqlite3
import tarfile

COUNT = 10000
MARK = b"0123456789"  # the content of the only file, replaced by each image's number
TABLES = ("blob", "layer", "layer_blob", "view", "image", "image_layer", "image_blob", "tag",
          "repo_digest")


def name(n):
    return f"many:{n}"


def template_tar():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        info = tarfile.TarInfo("number")
        info.size = len(MARK)
        tar.addfile(info, io.BytesIO(MARK))
    return data.getvalue()


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def replace(text, mapping):
    """text with all digests exchanged, as 'sha256:HEX' and as HEX."""
    for old, new in mapping.items():
        text = text.replace(old, new)
    return text


class Template:
    """What the store holds of the imported image."""

    def __init__(self, root, db, tar):
        self.root, self.tar = pathlib.Path(root), tar
        self.diff_id = sha256(tar)
        full, self.image = db.execute("SELECT name, image_id FROM tag WHERE name LIKE '%many:template'"
                                      ).fetchone()
        self.tag_prefix = full[:-len("template")]
        digests = [row[0] for row in db.execute(
            "SELECT digest FROM image_blob WHERE image_id = ?", (self.image,))]
        # The config before the manifest that names it.
        digests.sort(key=lambda digest: digest != self.image)
        self.blobs = {digest: (self.root / "blobs" / digest.replace(":", "/")).read_bytes()
                      for digest in digests}
        known = [self.diff_id, *self.blobs]
        self.rows = {table: [row for row in db.execute(f"SELECT * FROM {table}")
                             if any(str(value) in known or value == full for value in row)]
                     for table in TABLES}
        self.full = full
        self.files = self._files(self.diff_id.split(":")[1])

    def _files(self, hexes):
        """Path -> (stat, content) of what belongs to the layer; no content for a directory."""
        found = {}
        for place in (self.root / "layers" / hexes, self.root / "views" / hexes):
            for path in [place, *sorted(place.rglob("*"))]:
                if path.exists():
                    found[str(path)] = (path.stat(),
                                        None if path.is_dir() else path.read_bytes())
        return found

    def copy(self, db, n):
        """Image number n."""
        number = b"%010d" % n
        mapping = {}
        self._map(mapping, self.diff_id, sha256(self.tar.replace(MARK, number)))
        for digest, data in self.blobs.items():
            data = replace(data.decode(), mapping).encode()
            self._map(mapping, digest, sha256(data))
            with open(self.root / "blobs" / mapping[digest].replace(":", "/"), "xb") as f:
                f.write(data)
        made = []
        for path, (st, data) in self.files.items():
            path = replace(path, mapping)
            made.append((path, st))
            if data is None:
                os.mkdir(path)
                continue
            with open(path, "xb") as f:
                f.write(data.replace(MARK, number))
        for path, st in reversed(made):  # a directory after what is in it
            os.chmod(path, st.st_mode & 0o7777)
            os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))
        mapping[self.full] = self.tag_prefix + str(n)
        for table, rows in self.rows.items():
            for row in rows:
                values = [replace(v, mapping) if isinstance(v, str) else v for v in row]
                marks = ",".join("?" * len(values))
                db.execute(f"INSERT INTO {table} VALUES ({marks})", values)

    @staticmethod
    def _map(mapping, old, new):
        mapping[old] = new
        mapping[old.split(":")[1]] = new.split(":")[1]


def fill(tool, count):
    """count images many:0 and so on, in the store of an imgc."""
    tar = template_tar()
    path = tool.run_root / "template.tar"
    path.write_bytes(tar)
    tool.load(path, "many:template")
    umask = os.umask(0o077)
    db = sqlite3.connect(tool.root / "imgc.db", isolation_level=None)
    try:
        template = Template(tool.root, db, tar)
        db.execute("BEGIN IMMEDIATE")
        db.execute("PRAGMA defer_foreign_keys = ON")
        for n in range(count):
            template.copy(db, n)
        db.execute("COMMIT")
    finally:
        db.close()
        os.umask(umask)
    there = len(tool.names())
    if there < count:
        raise RuntimeError(f"only {there} of {count} images are listed")
