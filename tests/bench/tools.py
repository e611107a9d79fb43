# SPDX-License-Identifier: Apache-2.0
"""The tools that are compared, each with a store of its own below one directory.

A tool has the methods that the rows ask of it: reset() for an empty store, pull(), again(), remove(),
load() (import of a tar), run(), mount(). Those that measure return a measure.Usage."""
import json
import os
import pathlib
import subprocess

import services
from measure import CommandFailed, disk_usage, process_peak

HERE = pathlib.Path(__file__).resolve().parent
BUNDLE_ARGS = ["true"]
POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}'
# Debian's podman sets limits that need CAP_SYS_RESOURCE, which a container may lack.
CONTAINERS_CONF = "[containers]\ndefault_ulimits = []\n"


class Tool:
    """A store below bench.stores, made anew by reset()."""
    title = ""
    needs = ()       # programs
    again = None     # where a tool cannot do it, or it is not asked
    remove = None

    def __init__(self, bench, key):
        self.bench, self.key = bench, key
        self.root = bench.stores / key
        self.run_root = bench.scratch / key
        self.title = self.title or key

    def missing(self):
        """A reason why this tool cannot be measured here, or None."""
        for program in self.needs:
            if not services.which(program):
                return f"{program} is not installed"
        return None

    def reset(self):
        self.close()
        services.wipe(self.root)
        services.wipe(self.run_root)
        self.root.mkdir(parents=True)
        self.run_root.mkdir(parents=True)

    def close(self):
        """Stop what runs for this tool."""

    def reference(self, image):
        return f"{self.bench.registry}/bench/{image}"

    def measured(self, argv, **kwargs):
        self.bench.note_command(self, argv)
        return self.bench.runner.run(argv, **kwargs)

    def read_all(self, root):
        """Read a whole root file system, and count what tar makes of it. Not into /dev/null: tar
        would notice and read nothing."""
        output = self.bench.scratch / "count"
        usage = self.measured(["sh", "-c", f"tar -C {root} --one-file-system -cf - . | wc -c"],
                              output=output)
        return usage, int(output.read_text())

    def idle(self):
        """Wait for what the tool does after its answer."""

    def disk(self):
        return disk_usage(self.root)

    def wipe(self):
        self.close()
        services.wipe(self.root)
        services.wipe(self.run_root)


class Imgc(Tool):
    """imgc itself; form is 'erofs', 'directory', or '' where it has no such option."""

    def __init__(self, bench, key, form):
        self.form = form
        self.title = f"imgc, {form} form" if form else "imgc"
        super().__init__(bench, key)

    def command(self, *words):
        form = ["--layers", self.form] if self.form else []
        return [self.bench.imgc, "--root", self.root, "--runroot", self.run_root, *form, *words]

    def pull(self, image, **kwargs):
        return self.measured(self.command("pull", "-q", "--tls-verify=false",
                                          self.reference(image)), **kwargs)

    again = pull

    def idle(self):
        """The background process holds this lock, from before its command returns."""
        self.bench.runner.run(["flock", self.root / "background", "true"])

    def list(self):
        return self.measured(self.command("images", "-q"))

    def names(self):
        return self.bench.runner.text(self.command("images", "-q")).split()

    def remove(self, image):
        return self.measured(self.command("rmi", image))

    def load(self, path, name):
        return self.measured(self.command("import", path, name))

    def run(self, image, *command, network="none", prefix=()):
        return self.measured([*prefix, *self.command("run", "--rm", "--network", network, image,
                                                     *command)])

    bridge = "bridge"

    def mount(self, image):
        return self.bench.runner.text(self.command("mount", image))

    def unmount(self, image):
        self.bench.runner.run(self.command("umount", image))


class Podman(Tool):
    """podman with overlayfs, on this file system."""
    needs = ("podman",)
    program = "podman"

    def __init__(self, bench, key):
        super().__init__(bench, key)
        self.runtime = None

    def options(self):
        return ["--root", self.root, "--runroot", self.run_root / "run", "--tmpdir",
                self.run_root / "tmp", "--storage-driver", "overlay", "--cgroup-manager",
                "cgroupfs", "--events-backend", "none"]

    def command(self, *words):
        return [self.program, *self.options(), *words]

    def pull(self, image, **kwargs):
        return self.measured(self.command(
            "pull", "-q", "--tls-verify=false", "--signature-policy", self.bench.policy,
            self.reference(image)), **kwargs)

    again = pull

    def names(self):
        return self.bench.runner.text(self.command("images", "-q")).split()

    def remove(self, image):
        return self.measured(self.command("rmi", image))

    def load(self, path, name):
        return self.measured(self.command("import", "-q", path, name))

    def find_runtime(self, image):
        """The first OCI runtime that works here: crun wants pure cgroups v2."""
        if self.runtime:
            return self.runtime
        reasons = []
        for runtime in ("crun", "runc"):
            try:
                self.bench.runner.run(self.command("--runtime", runtime, "run", "--rm",
                                                   "--network", "none", image, "true"))
                self.runtime = runtime
                return runtime
            except (CommandFailed, FileNotFoundError) as e:
                reasons.append(f"{runtime}: {e}")
        raise CommandFailed("; ".join(reasons))

    def run(self, image, *command, network="none", prefix=()):
        return self.measured([*prefix, *self.command(
            "--runtime", self.find_runtime(image), "run", "--rm", "--network", network, image,
            *command)])

    bridge = "podman"

    def mount(self, image):
        return self.bench.runner.text(self.command("image", "mount", image))

    def unmount(self, image):
        self.bench.runner.run(self.command("image", "unmount", image))

    def bundle_config(self, image):
        """The OCI configuration that podman makes of `run --network none IMAGE true`."""
        runtime = self.find_runtime(image)
        self.bench.runner.run(self.command("--runtime", runtime, "run", "--name", "bundle",
                                           "--network", "none", image, *BUNDLE_ARGS))
        found = list(self.root.glob("overlay-containers/*/userdata/config.json"))
        config = json.loads(found[0].read_text())
        self.bench.runner.run(self.command("rm", "bundle"))
        return config


class Buildah(Podman):
    """buildah pull: the same libraries as podman's, another version of them."""
    needs = ("buildah",)
    program = "buildah"
    again = None  # asks no registry
    remove = None

    def options(self):
        return ["--root", self.root, "--runroot", self.run_root / "run", "--storage-driver",
                "overlay"]


class Containerd(Tool):
    """containerd's daemon of our own, with the overlayfs snapshotter, through ctr."""
    needs = ("containerd", "ctr")
    title = "containerd (ctr)"

    def __init__(self, bench, key):
        super().__init__(bench, key)
        self.daemon = None

    def reset(self):
        super().reset()
        config = self.run_root / "config.toml"
        config.write_text(f"""version = 2
root = "{self.root}"
state = "{self.run_root}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{self.run_root}/sock"
""")
        self.daemon = services.Daemon(["containerd", "--config", str(config), "--log-level",
                                       "error"], self.bench.scratch / "containerd.log",
                                      dict(self.bench.runner.env))
        self.daemon.start()
        self.daemon.wait_until(self._answers, "containerd")

    def _answers(self):
        return subprocess.run([*map(str, self.command("version"))], check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def close(self):
        if self.daemon:
            self.daemon.stop()
            self.daemon = None

    def command(self, *words):
        return ["ctr", "--address", self.run_root / "sock", "--namespace", "bench", *words]

    def pull(self, image, **kwargs):
        usage = self.measured(self.command("images", "pull", "--plain-http", "--snapshotter",
                                           "overlayfs", self.reference(image)), **kwargs)
        if usage.rss is not None:  # the daemon does the work
            usage.rss = max(usage.rss, process_peak(self.daemon.process.pid))
        return usage

    again = pull

    def names(self):
        return self.bench.runner.text(self.command("images", "ls", "-q")).split()

    def remove(self, image):
        return self.measured(self.command("images", "rm", "--sync", image))


class SkopeoUmoci(Tool):
    """skopeo copy to an OCI layout, umoci unpack of it."""
    needs = ("skopeo", "umoci")
    title = "skopeo + umoci"

    def pull(self, image, **kwargs):
        script = (f"skopeo copy -q --insecure-policy --src-tls-verify=false"
                  f" docker://{self.reference(image)} oci:{self.root}/layout:it &&"
                  f" umoci unpack --image {self.root}/layout:it {self.root}/bundle")
        return self.measured(["sh", "-c", script], **kwargs)


class Pipeline(Tool):
    """curl | sha256 | inflate | sha256 > file, two layers at once."""
    needs = ("curl", "openssl", "igzip", "zstd", "bash")
    title = "curl, sha256, inflate, sha256"

    def pull(self, image, **kwargs):
        layers = sorted(self.bench.inputs.layers(image), key=lambda each: -each["compressed"])
        name, tag = image.split(":")
        return self.measured([HERE / "pipeline.bash",
                              f"http://{self.bench.registry}/v2/bench/{name}/blobs", self.root,
                              "zstd" if tag == "zstd" else "igzip",
                              *(layer["digest"] for layer in layers)], **kwargs)


class Igzip(Tool):
    """igzip -dc > file"""
    needs = ("igzip",)
    title = "igzip -dc > file"

    def load(self, path, _):
        return self.measured(["sh", "-c", f"igzip -dc {path} >{self.root}/tar"])


class PlainRoot(Tool):
    """Something that starts `true` in debian.tar unpacked: no image, no store."""

    def reset(self):
        super().reset()
        (self.root / "rootfs").mkdir()
        self.bench.runner.run(["tar", "-C", self.root / "rootfs", "--numeric-owner", "-xpf",
                               self.bench.inputs.directory / "debian.tar"])


class Bwrap(PlainRoot):
    """bubblewrap: namespaces and mounts, no cgroup, no seccomp, no state."""
    needs = ("bwrap",)
    title = "bwrap --unshare-all"

    def run(self, _, *command):
        return self.measured(["bwrap", "--unshare-all", "--bind", self.root / "rootfs", "/",
                              "--proc", "/proc", "--dev", "/dev", *command])


class OciRuntime(PlainRoot):
    """runc or crun with the configuration that podman makes, on a plain directory."""

    def __init__(self, bench, key):
        self.needs = (key,)
        super().__init__(bench, key)
        self.title = f"{key} run"

    def write_bundle(self, config):
        """config: podman's; what lies in podman's store is left out of it or replaced."""
        config["root"]["path"] = str(self.root / "rootfs")
        config["mounts"] = [m for m in config["mounts"] if m["type"] != "bind"]
        config["mounts"].append({"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
                                 "options": ["nosuid", "noexec", "nodev", "mode=1777"]})
        config["linux"]["cgroupsPath"] = f"/imgc-bench-{self.key}"
        for namespace in config["linux"]["namespaces"]:
            namespace.pop("path", None)
        config.pop("hooks", None)
        (self.root / "config.json").write_text(json.dumps(config))

    def run(self, _, *__):
        return self.measured([self.key, "--root", self.run_root, "run", "--bundle", self.root,
                              f"imgc-bench-{os.getpid()}"])


PEERS = {"podman": Podman, "containerd": Containerd, "skopeo-umoci": SkopeoUmoci,
         "buildah": Buildah, "pipeline": Pipeline, "igzip": Igzip, "bwrap": Bwrap,
         "runc": OciRuntime, "crun": OciRuntime}
