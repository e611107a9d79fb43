#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The suite's own logic: numbers, verdicts, tables, the running of commands. It measures nothing."""
import json
import pathlib
import sqlite3
import tempfile
import unittest
import unittest.mock

import bench
import inputs
import many
import measure
import report
import rows
import stats
import tools


def result(samples, failed=None, commands=None):
    return {"samples": samples, "failed": failed or {}, "commands": commands or {}}


def some_data():
    return {"titles": {"imgc": "imgc", "podman": "podman", "pipeline": "the bare pipe"},
            "rows": {"pull-big": result({"imgc": [1.0, 2.0, 3.0], "podman": [13.0],
                                         "pipeline": [1.0]},
                                        {"containerd": "a | b"}, {"imgc": "imgc pull"})},
            "machine": {"cores": "2"}, "versions": {"podman": "4"},
            "images": [["big", "6", "1", "2", "3"]], "notes": []}


class Runs(unittest.TestCase):
    def test_later_rows_are_named(self):
        first = {**some_data(), "machine": {"load before": "1"}, "versions": {"imgc": "old"}}
        later = {"titles": {"bwrap": "bwrap"}, "rows": {"run": result({"imgc": [1.0]})},
                 "machine": {"load before": "2"}, "versions": {"imgc": "new"}, "notes": ["a note"]}
        both = bench.combine(first, later)
        self.assertEqual(set(both["rows"]), {"pull-big", "run"})
        self.assertEqual(both["versions"]["imgc"], "old")
        self.assertEqual(both["notes"][0], "a note")
        for text in ("new", "`run`", "of 2"):
            self.assertIn(text, both["notes"][1])
        self.assertIn("* a note", report.markdown(both))


class Numbers(unittest.TestCase):
    def test_summary(self):
        self.assertEqual(stats.summary([3, 1, 2]), stats.Summary(2, 1, 3, 3))
        self.assertEqual(stats.summary([1, 2]).median, 1.5)
        self.assertIsNone(stats.summary([]))
        self.assertIsNone(stats.summary(None))

    def test_show(self):
        for value, unit, text in ((1.234, "s", "1.23 s"), (0.0045678, "s", "4.57 ms"),
                                  (0.25, "s", "250 ms"), (12.34, "s", "12.3 s"),
                                  (48 << 20, "B", "48.0 MiB"), (3 << 29, "B", "1.500 GiB")):
            self.assertEqual(stats.show(value, unit), text)

    def test_slower(self):
        target = stats.Target("slower", 6, "podman")
        self.assertEqual(stats.judge(target, {"imgc": [2], "podman": [12]}),
                         stats.Verdict(6, True))
        self.assertFalse(stats.judge(target, {"imgc": [2], "podman": [11]}).met)

    def test_within(self):
        target = stats.Target("within", 1.5, "pipeline")
        self.assertTrue(stats.judge(target, {"imgc": [3], "pipeline": [2]}).met)
        self.assertFalse(stats.judge(target, {"imgc": [3.1], "pipeline": [2]}).met)

    def test_below(self):
        self.assertTrue(stats.judge(stats.Target("below", 5), {"imgc": [1, 5, 9]}).met)
        self.assertFalse(stats.judge(stats.Target("below", 5, worst=True), {"imgc": [1, 5, 9]}).met)

    def test_missing(self):
        for target in (stats.Target("slower", 6, "podman"), stats.Target("within", 6, "podman")):
            self.assertIsNone(stats.judge(target, {"imgc": [1]}).met)
            self.assertIsNone(stats.judge(target, {"podman": [1]}).met)
        self.assertIsNone(stats.judge(stats.Target("below", 5), {}).met)


class Tables(unittest.TestCase):
    def test_rows_are_whole(self):
        pseudo = {"layers", "small"}
        filled = [name for _, names in rows.SCENARIOS for name in names]
        self.assertEqual(sorted(filled), sorted(row.name for row in rows.ROWS))
        for row in rows.ROWS:
            for target in row.targets:
                self.assertTrue(not target.tool or target.tool in tools.PEERS
                                or target.tool in pseudo, target)

    def test_select(self):
        self.assertEqual(len(rows.select([])), len(rows.ROWS))
        self.assertEqual(rows.select(["run"]), ["run"])
        self.assertEqual(rows.select(["pull-big"]), ["pull-big"])
        self.assertEqual(rows.select(["many"]), ["many-images", "many-run", "many-remove"])
        with self.assertRaises(KeyError):
            rows.select(["nothing"])

    def test_terminal(self):
        text = report.terminal(some_data())
        self.assertIn("target podman ≥ 6 times slower: 6.50 times, met", text)
        self.assertIn("target ≤ 1.5 times the bare pipe: 2.00 times, NOT MET", text)
        self.assertIn("target containerd ≥ 4 times slower: not measured, open", text)
        self.assertRegex(text, r"podman +13\.0 s +13\.0 s +13\.0 s +6\.50 +1\n")

    def test_our_own_tools_come_first(self):
        data = some_data()
        samples = data["rows"]["pull-big"]["samples"]
        samples["imgc"] = samples.pop("imgc")
        lines = report.row_lines(rows.BY_NAME["pull-big"], data["rows"]["pull-big"], data["titles"])
        self.assertEqual([line[0] for line in lines], ["imgc", "the bare pipe", "podman",
                                                       "containerd"])

    def test_markdown(self):
        text = report.markdown(some_data())
        self.assertIn("| podman ≥ 6 times slower | 6.50 times | yes |", text)
        self.assertIn("| ≤ 1.5 times the bare pipe | 2.00 times | **no** |", text)
        self.assertIn("| containerd | not measured: a \\| b |", text)
        self.assertIn("imgc pull    # imgc\n", text)

    def test_insert(self):
        text = f"head\n{report.BEGIN}\nold\n{report.END}\ntail\n"
        new = report.insert(text, "new")
        self.assertEqual(new, f"head\n{report.BEGIN}\n\nnew\n{report.END}\ntail\n")
        self.assertEqual(report.insert(new, "new"), new)
        with self.assertRaises(ValueError):
            report.insert("no marks", "new")

    def test_document_has_marks(self):
        report.insert(bench.DOCUMENT.read_text(encoding="utf-8"), "")


class FakeTool(tools.Tool):
    """Does nothing, and says how long that took."""

    def pull(self, *_, **__):
        self.bench.note_command(self, [self.key, "pull", self.root])
        return measure.Usage(1.0, 1.0, 1 << 20)

    bridge = "bridge"
    load = run = list = again = remove = measured = pull

    def names(self):
        return []

    def reset(self):
        self.bench.events.append(("reset", self.key))

    def wipe(self):
        self.bench.events.append(("wipe", self.key))

    def disk(self):
        return 1

    def mount(self, _):
        return "/nowhere"

    unmount = mount

    def read_all(self, root):
        return self.measured(), len(root)

    def bundle_config(self, _):
        return {}


class FakeHost:
    """No network at all."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def prefix(self):
        return []

    def receive(self, send):
        return send(["true"]).wall


class FakeBench(bench.Bench):
    """All of the scenarios with tools that do nothing."""

    def __init__(self, directory):
        super().__init__(bench.parse(["-n", "2"]), directory)
        self.events, self.registry = [], "registry"
        self.inputs.facts = {"images": {name: [{"size": 5}] for name in inputs.IMAGES}}

    def imgc_tools(self):
        self.forms = [("imgc", "")]
        return [FakeTool(self, "imgc"), FakeTool(self, "imgc-directory")]

    def small_store(self):
        return FakeTool(self, "small")

    def peers(self, keys):
        return [FakeTool(self, key) for key in keys]

    def settle(self):
        pass

    def say(self, text):
        pass


class Scenarios(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        for module, name in ((many, "fill"), (rows, "drop_caches"), (rows.time, "sleep")):
            patcher = unittest.mock.patch.object(module, name, lambda *_: None)
            patcher.start()
            self.addCleanup(patcher.stop)
        patcher = unittest.mock.patch.object(rows.network, "Host", FakeHost)
        patcher.start()
        self.addCleanup(patcher.stop)
        self.bench = FakeBench(directory.name)

    def run_all(self):
        for scenario, filled in rows.SCENARIOS:
            self.bench.use_rows(filled)
            scenario(self.bench, filled)

    def test_every_row_is_filled(self):
        self.run_all()
        for row in rows.ROWS:
            result_of = self.bench.data["rows"][row.name]
            samples = result_of["samples"]["imgc"]
            once = row.name in ("disk", "memory-2g")
            self.assertEqual(len(samples), 1 if once else 2 * row.samples, row.name)
            for target in row.targets:
                self.assertIsNotNone(stats.judge(target, result_of["samples"]).met, row.name)
        self.assertEqual(self.bench.data["rows"]["pull-big"]["commands"]["podman"],
                         "podman pull ROOT")

    def test_every_store_is_removed(self):
        self.run_all()
        last = dict((key, what) for what, key in self.bench.events)
        self.assertEqual(set(last.values()), {"wipe"}, last)

    def test_failure_is_reported_and_the_others_go_on(self):
        def fail(tool, *_, **__):
            if tool.key == "podman":
                raise measure.CommandFailed("podman: no space")
            return measure.Usage(1.0, 1.0, 1)

        with unittest.mock.patch.object(FakeTool, "pull", fail):
            self.bench.use_rows(["pull-debian"])
            rows.debian(self.bench, ["pull-debian"])
        row = self.bench.data["rows"]["pull-debian"]
        self.assertEqual(row["failed"], {"podman": "podman: no space"})
        self.assertEqual(len(row["samples"]["imgc"]), 4)
        self.assertNotIn("podman", row["samples"])
        self.assertEqual(self.bench.events.count(("reset", "podman")), 1)


class Running(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.runner = measure.Runner(self.directory.name, {"PATH": "/usr/bin:/bin"})

    def test_runs(self):
        usage = self.runner.run(["sleep", "0.05"])
        self.assertGreaterEqual(usage.wall, 0.05)
        self.assertLess(usage.cpu, 0.05)
        self.assertEqual(self.runner.text(["echo", "hello"]), "hello")

    def test_failure_tells_why(self):
        with self.assertRaisesRegex(measure.CommandFailed, "status 3: the reason"):
            self.runner.run(["sh", "-c", "echo the reason >&2; exit 3"])

    def test_timeout_kills_the_children_too(self):
        with self.assertRaisesRegex(measure.CommandFailed, "-9"):
            self.runner.run(["sh", "-c", "sleep 60; true"], timeout=0.1)

    def test_disk_usage(self):
        root = pathlib.Path(self.directory.name) / "tree"
        root.mkdir()
        empty = measure.disk_usage(root)
        (root / "file").write_bytes(b"x" * 100000)
        (root / "link").hardlink_to(root / "file")
        grown = measure.disk_usage(root) - empty
        self.assertGreaterEqual(grown, 100000)
        self.assertLess(grown, 200000)


class Images(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.root = pathlib.Path(self.directory.name)

    def test_layout(self):
        layout = inputs.Layout.new(self.root / "layout")
        config = layout.put("application/json", b"{}")
        layout.tag("one", config, [])
        self.assertEqual(layout.manifest("one")["config"], config)
        with self.assertRaises(KeyError):
            layout.manifest("two")

    def test_copies_of_an_image(self):
        """Each copy has digests of its own that are those of its files."""
        tar = many.template_tar()
        diff = many.sha256(tar)
        config = json.dumps({"rootfs": {"diff_ids": [diff]}}).encode()
        image = many.sha256(config)
        (self.root / "blobs/sha256").mkdir(parents=True)
        (self.root / "blobs" / image.replace(":", "/")).write_bytes(config)
        layer = self.root / "layers" / diff.split(":")[1]
        layer.mkdir(parents=True)
        (layer / "tar").write_bytes(tar)
        db = sqlite3.connect(":memory:")
        for table in many.TABLES:
            db.execute(f"CREATE TABLE {table} (name TEXT, image_id TEXT, digest TEXT)")
        db.execute("INSERT INTO tag VALUES ('localhost/many:template', ?, '')", (image,))
        db.execute("INSERT INTO image_blob VALUES ('', ?, ?)", (image, image))
        template = many.Template(self.root, db, tar)
        for n in range(3):
            template.copy(db, n)
        names = [row[0] for row in db.execute("SELECT name FROM tag ORDER BY name")]
        self.assertEqual(names, [f"localhost/many:{n}" for n in (0, 1, 2)] +
                         ["localhost/many:template"])
        self.assertEqual(len(list((self.root / "layers").iterdir())), 4)
        for place in (self.root / "layers").iterdir():
            self.assertEqual(many.sha256((place / "tar").read_bytes()), "sha256:" + place.name)
        for blob in (self.root / "blobs/sha256").iterdir():
            self.assertEqual(many.sha256(blob.read_bytes()), "sha256:" + blob.name)


if __name__ == "__main__":
    unittest.main()
