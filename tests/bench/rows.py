# SPDX-License-Identifier: Apache-2.0
"""What is measured: the rows of the report with their targets, and the scenarios that fill them. A
scenario fills several rows at once, for one pulled store serves them all."""
import dataclasses
import time

import many
import network
from measure import CommandFailed, drop_caches
from stats import Target

MEMORY = 48 << 20
GRACE = 0.8  # seconds
PYTHON = "import json, ssl, asyncio, email.message, http.client, sqlite3, decimal"


@dataclasses.dataclass
class Row:
    """One table of the report. rounds: how many samples at one round of the heavy rows."""
    name: str
    title: str
    unit: str
    targets: list
    samples: int = 1


ROWS = [
    Row("pull-big", "pull of the big image, gzip", "s",
        [Target("slower", 6, "podman"), Target("slower", 4, "containerd"),
         Target("within", 1.5, "pipeline")]),
    Row("pull-big-zstd", "pull of the big image, zstd", "s",
        [Target("slower", 6, "podman"), Target("slower", 4, "containerd"),
         Target("within", 1.5, "pipeline")]),
    Row("pull-debian", "pull of debian:bookworm", "s", [Target("slower", 6, "podman")], 2),
    Row("pull-again", "pull of the big image again, nothing changed", "s",
        [Target("below", 0.020)], 5),
    Row("import", "import of debian's rootfs.tar.gz", "s", [Target("within", 1.3, "igzip")], 3),
    Row("run", "run `true` in debian, with all protections", "s",
        [Target("within", 2, "bwrap"), Target("slower", 3, "runc"), Target("slower", 15, "podman")],
        10),
    Row("network", "a network from nothing: run `true` on a bridge, without what it takes without",
        "s", [Target("below", 0.015)], 5),
    Row("network-send", "1 GiB from a container to the host, over a bridge", "s",
        [Target("within", 1.1, "podman")], 2),
    Row("remove", "remove the big image", "s", [Target("slower", 30, "podman")]),
    Row("memory", "peak memory of the pull of the big image, gzip", "B",
        [Target("below", MEMORY, worst=True)]),
    Row("memory-zstd", "peak memory of the pull of the big image, zstd", "B",
        [Target("below", MEMORY, worst=True)]),
    Row("memory-2g", "peak memory of the pull of one layer of 2 GiB", "B",
        [Target("below", MEMORY, worst=True)]),
    Row("disk", "disk used by the big image", "B",
        [Target("within", 1.01, "layers"),
         Target("within", 1.05, "podman", subject="imgc-directory")]),
    Row("many-images", "`images -q` with 10 000 images", "s", [Target("below", 0.050)], 10),
    Row("many-run", "run `true` with 10 000 images in the store", "s",
        [Target("within", 1.2, "small")], 10),
    Row("many-remove", "`rmi` of a small image among 10 000", "s", [Target("below", 0.010)], 10),
    Row("read-warm", "`tar c` of the big image's root, in memory", "s",
        [Target("within", 1.1, "podman")], 2),
    Row("read-cold", "`tar c` of the big image's root, after drop_caches", "s", []),
    Row("python-warm", "start of python3 with some modules, in memory", "s",
        [Target("within", 1.1, "podman")], 10),
    Row("python-cold", "start of python3 with some modules, after drop_caches", "s", [], 2),
]
BY_NAME = {row.name: row for row in ROWS}


def big(bench, wanted):
    """The life of the big image in an empty store: pulled, again, weighed, removed."""
    peers = ["podman", "containerd"]
    if "pull-big" in wanted or "memory" in wanted:
        peers += ["skopeo-umoci", "buildah"]
    if "pull-big" in wanted:
        peers.insert(0, "pipeline")
    if "disk" in wanted:
        bench.title("layers", "sum of the uncompressed layers")
        bench.record("disk", "layers", bench.inputs.total("big:gzip", "size"))
    found = bench.imgc_tools() + bench.peers(peers)
    for turn, tool in bench.turns(wanted, found, once=("skopeo-umoci", "buildah")):
        with bench.attempt(wanted, tool):
            life(bench, wanted, turn, tool)


def life(bench, wanted, turn, tool):
    image = "big:gzip"
    bench.fresh(tool)
    bench.row("pull-big")
    usage = tool.pull(image, measure_rss=True)
    bench.record("pull-big", tool.key, usage.wall)
    if tool.key != "pipeline":
        bench.record("memory", tool.key, usage.rss)
    tool.idle()
    bench.settle()
    if turn == 0 and "disk" in wanted and tool.remove:
        bench.record("disk", tool.key, tool.disk())
    if "pull-again" in wanted and tool.again:
        bench.row("pull-again")
        for _ in range(BY_NAME["pull-again"].samples):
            bench.record("pull-again", tool.key, tool.again(image).wall)
    if "remove" in wanted and tool.remove:
        bench.row("remove")
        bench.settle()
        bench.record("remove", tool.key, tool.remove(tool.reference(image)).wall)
        if tool.names():
            raise CommandFailed("the image is still listed after its removal")


def big_zstd(bench, wanted):
    peers = bench.peers(["pipeline", "podman", "containerd"])
    pulls(bench, wanted, "big:zstd", "pull-big-zstd", "memory-zstd", bench.imgc_tools() + peers)


def debian(bench, wanted):
    peers = bench.peers(["pipeline", "podman", "containerd", "skopeo-umoci", "buildah"])
    pulls(bench, wanted, "debian:gzip", "pull-debian", None, bench.imgc_tools() + peers)


def single(bench, wanted):
    tools = bench.imgc_tools() + bench.peers(["podman", "containerd"])
    pulls(bench, wanted, "single:gzip", None, "memory-2g", tools, rounds=1)


def pulls(bench, wanted, image, time_row, memory_row, tools, rounds=None):
    for _, tool in bench.turns(wanted, tools, rounds=rounds):
        with bench.attempt(wanted, tool):
            bench.fresh(tool)
            bench.row(time_row or memory_row)
            usage = tool.pull(image, measure_rss=True)
            bench.record(time_row, tool.key, usage.wall)
            if tool.key != "pipeline":
                bench.record(memory_row, tool.key, usage.rss)


def load(bench, wanted):
    for _, tool in bench.turns(wanted, bench.imgc_tools() + bench.peers(["igzip", "podman"])):
        with bench.attempt(wanted, tool):
            bench.fresh(tool)
            bench.row("import")
            usage = tool.load(bench.inputs.directory / "rootfs.tar.gz", "rootfs")
            bench.record("import", tool.key, usage.wall)


def run(bench, wanted):
    """Stores are filled once; then one start of each tool after the other."""
    image = "debian:gzip"
    tools = []
    config = {}
    for tool in bench.imgc_tools() + bench.peers(["podman", "bwrap", "runc", "crun"]):
        with bench.attempt(wanted, tool, keep=True):
            bench.fresh(tool)
            if hasattr(tool, "pull"):
                tool.pull(image)
            if tool.key == "podman":
                config = tool.bundle_config(tool.reference(image))
            if hasattr(tool, "write_bundle"):
                if not config:
                    raise CommandFailed("podman could not make its configuration")
                tool.write_bundle(config)
            bench.row("run")
            tool.run(tool.reference(image), "true")  # once before it counts
            tools.append(tool)
    bench.settle()
    bench.row("run")
    for _, tool in bench.turns(wanted, tools):
        with bench.attempt(wanted, tool, keep=True):
            bench.record("run", tool.key, tool.run(tool.reference(image), "true").wall)
    for tool in tools:
        tool.wipe()


def networks(bench, wanted):
    """In a network namespace of their own, one tool after the other."""
    image = "debian:gzip"
    tools = []
    with network.Host() as host:
        for tool in bench.imgc_tools()[:1] + bench.peers(["podman"]):
            with bench.attempt(wanted, tool, keep=True):
                bench.fresh(tool)
                tool.pull(image)
                tools.append(tool)
        bench.settle()
        for row, measured in (("network", set_up), ("network-send", send)):
            if row not in wanted:
                continue
            bench.row(row)
            for _, tool in bench.turns([row], tools):
                with bench.attempt([row], tool, keep=True):
                    bench.record(row, tool.key, measured(host, tool, tool.reference(image)))
    for tool in tools:
        tool.wipe()


def set_up(host, tool, image):
    """imgc leaves a bridge for half a second to who comes next: after that it is gone."""
    time.sleep(GRACE)
    with_bridge = tool.run(image, "true", network=tool.bridge, prefix=host.prefix()).wall
    return with_bridge - tool.run(image, "true", prefix=host.prefix()).wall


def send(host, tool, image):
    return host.receive(lambda command: tool.run(image, *command, network=tool.bridge,
                                                 prefix=host.prefix()))


def many_images(bench, wanted):
    """A store of 10 000 images beside one of a single image."""
    full, small = bench.imgc_tools()[0], bench.small_store()
    bench.title("small", "imgc with one image")
    with bench.attempt(wanted, full):
        for tool in (full, small):
            bench.fresh(tool)
            tool.load(bench.inputs.directory / "debian.tar", "debian")
        bench.say(f"  {many.COUNT} images for the store")
        many.fill(full, many.COUNT)
        many_rows(bench, wanted, full, small)
    full.wipe()
    small.wipe()


def many_rows(bench, wanted, full, small):
    settled = False
    for n in range(bench.rounds * 10):
        if "many-images" in wanted:
            bench.row("many-images")
            bench.record("many-images", full.key, full.list().wall)
        if "many-run" in wanted:
            bench.row("many-run")
            for tool in (full, small) if n % 2 else (small, full):
                key = "small" if tool is small else full.key
                bench.record("many-run", key, tool.run("debian", "true").wall)
        if "many-remove" in wanted:
            bench.row("many-remove")
            if not settled:
                bench.settle()
            settled = True
            bench.record("many-remove", full.key, full.remove(many.name(n)).wall)


def reading(bench, wanted):
    """The root file system of the big image, read through each tool's mount of it."""
    image = "big:gzip"
    roots = {}
    tools = []
    for tool in bench.imgc_tools() + bench.peers(["podman"]):
        with bench.attempt(wanted, tool, keep=True):
            bench.fresh(tool)
            tool.pull(image)
            roots[tool.key] = tool.mount(tool.reference(image))
            tools.append(tool)
    sizes = {}
    for rows in (["read-warm"], ["read-cold"], ["python-warm"], ["python-cold"]):
        if rows[0] in wanted:
            read_rows(bench, rows[0], tools, roots, sizes)
    if len(set(sizes.values())) > 1:
        bench.note(f"the roots are not the same to tar: {sizes}")
    for tool in tools:
        with bench.attempt([], tool):
            tool.unmount(tool.reference(image))


def read_rows(bench, row, tools, roots, sizes):
    cold = row.endswith("cold")
    bench.row(row)
    for turn, tool in bench.turns([row], tools, extra=0 if cold else 1):
        with bench.attempt([row], tool, keep=True):
            root = roots[tool.key]
            if cold:
                drop_caches()
            if row.startswith("read"):
                usage, size = tool.read_all(root)
                sizes[tool.key] = size
            else:
                usage = tool.measured(["chroot", root, "python3", "-B", "-c", PYTHON])
            if cold or turn > 0:  # the first time fills the caches
                bench.record(row, tool.key, usage.wall)


# Scenario -> the rows that it fills, in the order of running.
SCENARIOS = [
    (big, ["pull-big", "memory", "disk", "pull-again", "remove"]),
    (big_zstd, ["pull-big-zstd", "memory-zstd"]),
    (debian, ["pull-debian"]),
    (load, ["import"]),
    (run, ["run"]),
    (networks, ["network", "network-send"]),
    (many_images, ["many-images", "many-run", "many-remove"]),
    (single, ["memory-2g"]),
    (reading, ["read-warm", "read-cold", "python-warm", "python-cold"]),
]


def select(names):
    """The rows that the names mean: a row's name, else the start of several ('pull', 'many')."""
    if not names:
        return [row.name for row in ROWS]
    chosen = []
    for name in names:
        found = [name] if name in BY_NAME else [
            row.name for row in ROWS if row.name.startswith(name + "-")]
        if not found:
            raise KeyError(name)
        chosen += found
    return chosen
