"""Disks that are full or gone. The file systems are real ones of a few MB, in a mount namespace of the server's own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from faults import Load, descriptors, resident
from graphs import endless
from identity_models import Repository, features, identity
from serving import VERDICT, WATCHFUL, Server, until

OFFSET = 65536

# Root makes the namespace directly; others where the kernel lets them be root of one of their own.
NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
CAN_MOUNT = subprocess.run([*NAMESPACE, "mount", "-t", "tmpfs", "none", "/tmp"], capture_output=True).returncode == 0
mounting = pytest.mark.skipif(not CAN_MOUNT, reason="this user may not mount file systems, not even in a namespace of its own")


class Disk:
    """A server with a disk of a few MB mounted where its repository is, and the disk as the server sees it."""

    def __init__(self, place, megabytes, seeded, *arguments):
        self.place, self.megabytes = place, megabytes
        place.mkdir()
        # Filled before it is mounted there, since at the start a repository has to be there.
        command = (
            f"mount -t tmpfs -o size={megabytes}m,mode=755 verdict-test {place} && cp -r {seeded}/. {place}/ && "
            f"exec {VERDICT} serve --models {place} --port 0 \"$@\""
        )
        self.server = Server(place, *arguments, command=[*NAMESPACE, "sh", "-c", command, "sh"])
        self.process = self.server.process
        self.seen = Path(f"/proc/{self.process.pid}/root{place}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.kill()

    def inside(self, *command):
        entering = ["nsenter", "--mount", f"--target={self.process.pid}"]
        if os.geteuid() != 0:
            entering += ["--user", "--preserve-credentials"]
        subprocess.run([*entering, *map(str, command)], check=True, capture_output=True)

    def mount(self, content):
        """Puts a new disk with a copy of a folder in place, all at once."""
        self.inside("sh", "-c", f"""
            set -e
            mkdir -p {self.place}.next
            mount -t tmpfs -o size={self.megabytes}m,mode=755 verdict-test {self.place}.next
            cp -r {content}/. {self.place}.next/
            mount --move {self.place}.next {self.place}""")

    def fill(self):
        """Writes until nothing more fits. Returns the file that takes the room."""
        ballast = self.seen / ".ballast"
        with open(ballast, "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass
        return ballast


@pytest.fixture
def seeded(tmp_path):
    """What is copied to the disk before the server starts."""
    return Repository(tmp_path / "seeded")


@mounting
def test_a_version_that_is_half_copied_when_the_disk_fills_is_refused_until_it_is_whole(tmp_path, seeded):
    seeded.add("m", 1, identity(OFFSET))
    whole = identity(2 * OFFSET).encode()
    with Disk(tmp_path / "disk", 2, seeded.folder, *WATCHFUL) as disk, Load(disk.server, {"m": OFFSET}, clients=2) as load:
        server = disk.server
        disk.inside("touch", disk.place / "is-here")
        assert (disk.seen / "is-here").exists() and not (disk.place / "is-here").exists(), "the disk is not the server's own"
        ballast = disk.fill()
        with open(ballast, "r+b") as file:
            # Room for some pages, not for the model.
            file.truncate(ballast.stat().st_size - len(whole) // 2)
        folder = disk.seen / "m" / "2"
        folder.mkdir()
        with pytest.raises(OSError, match="No space left"), open(folder / "model.json", "wb", buffering=0) as copy:
            for start in range(0, len(whole), 4096):
                copy.write(whole[start : start + 4096])
        half = (folder / "model.json").stat().st_size
        assert 0 < half < len(whole)
        reason = server.wait_for("m", 2, "UNAVAILABLE")
        until(lambda: "end" in server.index()[("m", "2")]["reason"], f"a reason that says so instead of {reason}")
        assert server.index()[("m", "1")]["state"] == "READY"
        load.wait_for(200)
        # Somebody makes room and copies the rest: no order, no restart.
        load.__exit__(None)
        ballast.unlink()
        with open(folder / "model.json", "ab", buffering=0) as copy:
            copy.write(whole[half:])
        server.wait_for("m", 2, "READY")
        answer = server.post("/predict/m", {"features": features(7)}).json
        assert answer["prediction"] == [2 * OFFSET + 7] and answer["model_version"] == "2"


@mounting
def test_a_cache_of_optimised_graphs_on_a_full_disk_costs_the_time_it_would_save(tmp_path, seeded):
    seeded.add("m", 1, identity(OFFSET))
    place = tmp_path / "disk"
    manifest = f"engine: onnxruntime\nonnxruntime: {{ optimizedModelCache: {place}/.optimised, sizesFromRows: true }}\n"
    with Disk(place, 1, seeded.folder, *WATCHFUL) as disk:
        server = disk.server
        (disk.seen / ".optimised").mkdir()
        (disk.seen / "graph" / "1").mkdir(parents=True)
        (disk.seen / "graph" / "model.yaml").write_text(manifest)
        (disk.seen / "graph" / ".model.onnx").write_bytes(endless())
        ballast = disk.fill()
        (disk.seen / "graph" / ".model.onnx").rename(disk.seen / "graph" / "1" / "model.onnx")
        server.wait_for("graph", 1, "READY")
        assert server.post("/predict/graph", {"features": [-5]}).json["prediction"] == [-5]
        assert list((disk.seen / ".optimised").iterdir()) == []
        before = descriptors(server)
        for _ in range(20):
            assert server.post("/v2/repository/models/graph/load").status == 200
            assert server.post("/predict/graph", {"features": [-6]}).json["prediction"] == [-6]
        assert descriptors(server) <= before + 1
        # With room it is used, and what is in it is what the model says.
        ballast.unlink()
        assert server.post("/v2/repository/models/graph/load").status == 200
        assert [one.suffix for one in (disk.seen / ".optimised").iterdir()] == [".onnxcache"]
        assert server.post("/predict/graph", {"features": [-7]}).json["prediction"] == [-7]
        # A cache that was cut off, as a full disk leaves it, is not believed.
        cached = next((disk.seen / ".optimised").iterdir())
        os.truncate(cached, cached.stat().st_size // 2)
        assert server.post("/v2/repository/models/graph/load").status == 200
        assert server.post("/predict/graph", {"features": [-8]}).json["prediction"] == [-8]
        assert server.post("/predict/m", {"features": features(9)}).json["prediction"] == [OFFSET + 9]


def test_a_repository_that_is_renamed_away_and_back_is_served_throughout(repository, tmp_path):
    repository.add("m", 1, identity(OFFSET))
    away = tmp_path / "away"
    with Server(repository.folder, *WATCHFUL) as server, Load(server, {"m": OFFSET}, clients=2) as load:
        for turn in range(3):
            failures = server.errors().count("scan failed")
            repository.folder.rename(away)
            until(lambda: server.errors().count("scan failed") > failures, "the loss to be noticed")
            load.wait_for(300)
            assert server.index()[("m", "1")]["state"] == "READY" and server.get("/health/ready").status == 200
            assert server.post("/v2/repository/models/m/load").status >= 400
            load.wait_for(100)
            away.rename(repository.folder)
            # It is looked at again: what is new there is served.
            repository.add("n", turn + 1, identity(3 * OFFSET))
            server.wait_for("n", turn + 1, "READY")
        assert server.errors().count("scan failed") == 3, "each loss is logged once"
        assert server.errors().count("model version withdrawn") == 0


@mounting
def test_a_repository_that_is_unmounted_and_mounted_again_is_served_throughout(tmp_path, seeded):
    """What is left is an empty folder: not the same as an operator who removes every model."""
    seeded.add("m", 1, identity(OFFSET))
    with Disk(tmp_path / "disk", 4, seeded.folder, *WATCHFUL) as disk, Load(disk.server, {"m": OFFSET}, clients=2) as load:
        server = disk.server
        for turn in range(2):
            failures = server.errors().count("scan failed")
            disk.inside("umount", "--lazy", disk.place)
            until(lambda: server.errors().count("scan failed") > failures or load.failures, "the loss to be noticed")
            load.wait_for(300)
            assert server.index()[("m", "1")]["state"] == "READY" and server.get("/health/ready").status == 200
            before = descriptors(server), resident(server)
            load.wait_for(300)
            assert descriptors(server) <= before[0] + 1 and resident(server) < before[1] + (8 << 20)
            # Another disk with the same models, and one more.
            seeded.add("n", turn + 1, identity(3 * OFFSET))
            disk.mount(seeded.folder)
            server.wait_for("n", turn + 1, "READY")
        assert server.index()[("m", "1")]["state"] == "READY"
        assert server.errors().count("model version withdrawn") == 0


def test_an_operator_who_removes_every_model_is_obeyed(repository):
    repository.add("m", 1, identity(OFFSET))
    with Server(repository.folder, *WATCHFUL) as server:
        shutil.rmtree(repository.folder / "m")
        until(lambda: server.post("/predict/m", {"features": features(1)}).status in (404, 503), "the model to be gone")
