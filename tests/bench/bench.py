#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure imgc beside its peers. `./dev bench` builds, installs the peers and calls this; README.md
tells the rest."""
import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import inputs
import report
import rows
import services
import stats
import tools
from measure import CommandFailed, Runner, settle

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DIRECTORY = SOURCE / "build/bench"
DOCUMENT = SOURCE / "docs/performance.md"
PACKAGES = ["podman", "buildah", "containerd", "skopeo", "umoci", "crun", "runc", "bubblewrap",
            "docker-registry", "isal", "zstd", "curl", "openssl"]


class Bench:
    """One run: its rounds, its tools, and what was measured so far."""

    def __init__(self, args, scratch):
        self.imgc, self.rounds = os.path.abspath(args.imgc), args.rounds
        self.only = args.tools
        self.scratch = pathlib.Path(scratch)  # short paths, for sockets
        self.stores = DIRECTORY / "stores"
        self.inputs = inputs.Inputs(DIRECTORY / "inputs", self.scratch)
        self.registry = None
        self.policy = self.scratch / "policy.json"
        self.policy.write_text(tools.POLICY)
        self.runner = Runner(self.scratch, self._environment())
        self.data = {"titles": {}, "rows": {}, "notes": []}
        self.current = None
        self.current_rows = []
        self.forms = None

    def _environment(self):
        conf = self.scratch / "containers.conf"
        conf.write_text(tools.CONTAINERS_CONF)
        temporary = DIRECTORY / "tmp"  # where skopeo and podman may stage: the same file system
        temporary.mkdir(parents=True, exist_ok=True)
        return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": "/root", "LC_ALL": "C.UTF-8", "TMPDIR": str(temporary),
                "CONTAINERS_CONF": str(conf)}

    # The tools.

    def imgc_tools(self):
        """imgc in each form it has; the first is what the targets are about."""
        if self.forms is None:
            self.forms = self._find_forms()
        found = []
        for key, form in self.forms:
            tool = tools.Imgc(self, key, form)
            self.title(key, tool.title)
            if not self.only or key in self.only:
                found.append(tool)
        return found

    def _find_forms(self):
        text = self.runner.text([self.imgc, "--help"])
        if "--layers" not in text:
            self.note("this imgc has one form of layers only")
            return [("imgc", "")]
        probe = tools.Imgc(self, "imgc", "erofs")
        try:
            self.fresh(probe)
            probe.pull("debian:gzip")
            return [("imgc", "erofs"), ("imgc-directory", "directory")]
        except CommandFailed as e:
            self.note(f"no EROFS form here: {e}")
            return [("imgc", "directory")]
        finally:
            probe.wipe()

    def small_store(self):
        """Another store of imgc's first form."""
        return tools.Imgc(self, "small", self.forms[0][1])

    def peers(self, keys):
        found = []
        for key in keys:
            tool = tools.PEERS[key](self, key)
            if self.only and key not in self.only:
                continue
            self.title(key, tool.title)
            reason = tool.missing()
            if reason:
                for row in self.current_rows:
                    self.fail(row, tool, reason)
            else:
                found.append(tool)
        return found

    # The order of work.

    def use_rows(self, wanted):
        self.current_rows = wanted
        for row in wanted:
            self.data["rows"].setdefault(row, {"samples": {}, "failed": {}, "commands": {}})

    def row(self, name):
        """Commands from here on belong to this row."""
        self.current = name

    def turns(self, wanted, found, *, rounds=None, extra=0, once=()):
        """(turn, tool): all tools in each round, another one first each time; those that failed
        are left out, and after the first round those of once."""
        count = (rounds or self.rounds * rows.BY_NAME[wanted[0]].samples) + extra
        for turn in range(count):
            shift = turn % max(1, len(found))
            for tool in found[shift:] + found[:shift]:
                if turn > 0 and tool.key in once:
                    continue
                if all(tool.key in self.data["rows"][row]["failed"] for row in wanted):
                    continue
                if count <= 6:
                    self.say(f"  round {turn + 1} of {count}: {tool.title}")
                yield turn, tool

    @contextlib.contextmanager
    def attempt(self, wanted, tool, keep=False):
        """A tool that fails is reported, and the others go on. Its store goes, unless it is kept for
        more and did not fail."""
        done = False
        try:
            yield
            done = True
        except (CommandFailed, OSError, RuntimeError) as e:
            for row in wanted:
                self.fail(row, tool, str(e))
        finally:
            if not (keep and done):
                tool.wipe()

    def fresh(self, tool):
        """An empty store, and nothing left to write for others."""
        self.current = None
        tool.reset()
        self.settle()

    def settle(self):
        settle(DIRECTORY)

    # What is kept.

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def note(self, text):
        if text not in self.data["notes"]:
            self.data["notes"].append(text)
            self.say(f"bench: {text}")

    def title(self, key, text):
        self.data["titles"][key] = text

    def record(self, row, key, value):
        if row in self.data["rows"] and value is not None:
            self.data["rows"][row]["samples"].setdefault(key, []).append(value)

    def fail(self, row, tool, reason):
        self.say(f"bench: {row}: {tool.title}: {reason}")
        self.data["rows"][row]["failed"][tool.key] = reason[:300]

    def note_command(self, tool, argv):
        """The command of a row, the first time it is used, with the paths of this run named."""
        result = self.data["rows"].get(self.current)
        if result is None or tool.key in result["commands"]:
            return
        result["commands"][tool.key] = self.plain(" ".join(map(str, argv)), tool)

    def plain(self, text, tool):
        for path, word in ((tool.run_root, "RUN"), (tool.root, "ROOT"), (self.imgc, "imgc"),
                           (self.inputs.directory, "INPUTS"), (self.scratch, "SCRATCH"),
                           (tools.HERE, "."), (self.registry, "REGISTRY")):
            text = text.replace(str(path), word)
        return text

    def describe(self):
        """The machine, the versions, the images."""
        self.data["machine"] = machine()
        self.data["versions"] = {"imgc": self.version(), **package_versions()}
        self.data["images"] = [
            [image, str(len(self.inputs.layers(image))),
             *(f"{self.inputs.total(image, what):,}" for what in ("compressed", "size", "entries"))]
            for image in inputs.IMAGES]

    def version(self):
        head = subprocess.run(["git", "-C", str(SOURCE), "describe", "--always", "--dirty"],
                              capture_output=True, text=True, check=False).stdout.strip()
        return f"{self.runner.text([self.imgc, '--version']).splitlines()[0]} ({head or 'no git'})"

    def close(self):
        services.wipe(self.stores)


def machine():
    cpu = [line.split(":")[1].strip() for line in
           pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) >> 10
    file_system = subprocess.run(["findmnt", "-no", "FSTYPE,OPTIONS", "-T", str(DIRECTORY)],
                                 capture_output=True, text=True, check=False).stdout.split()
    return {"processor": f"{cpu[0] if cpu else services.machine()}, {os.cpu_count()} cores",
            "memory": f"{memory} MiB", "kernel": os.uname().release,
            "file system": " ".join(file_system),
            "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
            "date": time.strftime("%Y-%m-%d", time.gmtime())}


def package_versions():
    found = {}
    for package in PACKAGES:
        query = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package],
                               capture_output=True, text=True, check=False)
        found[package] = query.stdout.strip() or "not installed"
    return found


def run(bench, wanted):
    """All scenarios that fill a wanted row."""
    bench.inputs.make(bench.say)
    with services.Registry(bench.inputs.directory / "registry", bench.scratch) as registry:
        bench.registry = registry.address
        bench.inputs.warm()
        bench.describe()
        for scenario, filled in rows.SCENARIOS:
            part = [row for row in filled if row in wanted]
            if part:
                began = time.monotonic()
                bench.say(f"bench: {' '.join(part)}")
                bench.use_rows(part)
                scenario(bench, part)
                bench.say(f"  took {time.monotonic() - began:.0f} s")


def save(data, path):
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(data, indent=1))
    temporary.rename(path)


def write_document(data):
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(report.insert(text, report.markdown(data)), encoding="utf-8")


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="./dev bench", description="Measure imgc beside its peers.",
        epilog="Rows: " + " ".join(row.name for row in rows.ROWS))
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help="a row, or the start of several ('pull'); without one: all")
    parser.add_argument("-n", "--rounds", type=int, default=3,
                        help="rounds of the heavy rows; light ones take a multiple (3)")
    parser.add_argument("-t", "--tools", type=lambda text: text.split(","), metavar="TOOL,...",
                        help="only these: imgc imgc-directory " + " ".join(tools.PEERS))
    parser.add_argument("--write", action="store_true",
                        help="write the figures into docs/performance.md")
    parser.add_argument("--from", dest="source", metavar="JSON",
                        help="measure nothing, report an earlier run")
    parser.add_argument("--later", metavar="JSON",
                        help="with --from: rows of this run stand for those of the first, with a note")
    parser.add_argument("--imgc", default=str(SOURCE / "build/release/imgc"), help="the binary")
    args = parser.parse_args(argv)
    if args.rounds < 1:
        parser.error("at least one round")
    try:
        args.rows = rows.select(args.names)
    except KeyError as e:
        parser.error(f"no such row: {e.args[0]}")
    if args.later and not args.source:
        parser.error("--later is for --from")
    if args.write and (args.names or args.tools):
        parser.error("--write is for a run of all rows with all tools")
    return args


def combine(data, later):
    """data with the rows of a later run, which a note names."""
    names = " ".join(f"`{name}`" for name in later["rows"])
    note = (f"Of a later run, with {later['versions']['imgc']} and a load before of"
            f" {later['machine']['load before']}: {names}. All other rows are of one run.")
    return {**data, "titles": {**data["titles"], **later["titles"]},
            "rows": {**data["rows"], **later["rows"]},
            "notes": [*data["notes"], *later["notes"], note]}


def read(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


def measure(args):
    """Run, and give the data; whatever ends it, nothing stays behind but inputs and results."""
    if os.geteuid() != 0:
        sys.exit("bench: needs root, as the peers do")
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(open(DIRECTORY / "lock", "w", encoding="ascii"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("bench: another one is running")
        services.wipe(DIRECTORY / "stores")
        services.wipe(DIRECTORY / "tmp")
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="imgc-bench."))
        stack.callback(services.unmount_below, scratch)
        bench = Bench(args, scratch)
        stack.callback(services.wipe, DIRECTORY / "tmp")
        stack.callback(bench.close)
        try:
            run(bench, args.rows)
        finally:
            path = DIRECTORY / f"results-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.json"
            save(bench.data, path)
            print(f"bench: raw samples in {path.relative_to(SOURCE)}", file=sys.stderr)
        return bench.data


def main(argv):
    args = parse(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if args.source:
        data = read(args.source)
        if args.later:
            data = combine(data, read(args.later))
    else:
        data = measure(args)
    print(report.terminal(data), end="")
    if args.write:
        write_document(data)
    failed = [row for row, result in data["rows"].items() if "imgc" in result["failed"]]
    unmet = sum(stats.judge(target, data["rows"][row.name]["samples"]).met is False
                for row in rows.ROWS if row.name in data["rows"] for target in row.targets)
    print(f"\n{unmet} targets not met" + (f"; imgc failed in: {' '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
