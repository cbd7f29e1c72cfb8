"""Files that make a native library abort, end the process, spin or take memory without end: the server refuses them and serves on.

The library is the real ONNX Runtime behind a layer that misbehaves for files that say so (misbehaving_runtime.c)."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from graphs import constant, value
from identity_models import features, identity
from onnx import TensorProto, helper
from serving import ROOT, WATCHFUL, Server, bare_environment, run_verdict, until

REAL = ROOT / ".runtime" / "onnxruntime" / "libonnxruntime.so"


def embedding(ids=7, misbehaviour=""):
    """Scores the number that belongs to an identifier; others than those of the table fail."""
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "id"], ["y"], axis=0)], "embedding",
        [value("id", [None, 1], TensorProto.INT64)], [value("y", [None, 1])],
        [constant("table", [number / 2 for number in range(ids)])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if misbehaviour:
        model.doc_string = f"misbehave: {misbehaviour}"
    return model.SerializeToString()


def publish(folder, name, content, golden=""):
    version = folder / name / "1"
    version.mkdir(parents=True)
    (folder / name / "model.yaml").write_text("engine: onnxruntime\n")
    if golden:
        (version / "golden.csv").write_text(golden)
    # Last, so that what is found is complete.
    (version / "model.tmp").write_bytes(content)
    (version / "model.tmp").rename(version / "model.onnx")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert compiler, "the tests need a C compiler"
    target = tmp_path_factory.mktemp("library") / "libonnxruntime.so"
    source = Path(__file__).with_name("misbehaving_runtime.c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", f'-DREAL_LIBRARY="{REAL}"', "-o", target, source, "-ldl"], check=True, timeout=120)
    return target


def refusal(server, name):
    """Why version 1 is refused, once it is."""

    def found():
        entry = server.index().get((name, "1"))
        is_decided = entry and entry["state"] == "UNAVAILABLE" and "waiting until" not in entry["reason"]
        return entry["reason"] if is_decided else None

    return until(found, f"{name} to be refused")


@pytest.mark.parametrize(
    ("misbehaviour", "words"),
    [("abort", "signal 6"), ("exit", "ended by itself, with status 0"), ("grow", "signal 6")],
)
def test_a_file_that_ends_the_library_is_refused_and_the_server_serves_on(library, tmp_path, misbehaviour, words):
    publish(tmp_path, "sound", embedding())
    arguments = ["--onnxruntime", library, "--limits-max-load-bytes", 1 << 28]
    with Server(tmp_path, *WATCHFUL, *arguments) as server:
        publish(tmp_path, "hostile", embedding(misbehaviour=misbehaviour))
        why = refusal(server, "hostile")
        assert words in why and "limits.maxLoadBytes" in why
        assert "Backtrace" not in why
        assert server.post("/predict/sound", {"features": [3]}).json["prediction"] == [1.5]
        assert server.stop() == 0


def test_a_file_that_hangs_the_library_is_refused_and_occupies_no_loading_thread_for_good(library, tmp_path):
    for number in range(5):
        publish(tmp_path, f"hostile{number}", embedding(misbehaviour="spin"))
    (tmp_path / "native" / "1").mkdir(parents=True)
    (tmp_path / "native" / "1" / "model.json").write_text(identity(0))
    with Server(tmp_path, *WATCHFUL, "--onnxruntime", library, "--limits-max-load-time", "500ms") as server:
        for number in range(5):
            assert "limits.maxLoadTime" in refusal(server, f"hostile{number}")
        until(lambda: server.post("/predict/native", {"features": features(7)}).status == 200, "the native model to answer")
        children = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True)
        assert children.stdout == ""


def test_check_tries_files_in_a_process_of_their_own(library, tmp_path):
    publish(tmp_path, "hostile", embedding(misbehaviour="abort"))
    publish(tmp_path, "sound", embedding())
    result = run_verdict("check", tmp_path, "--json", env=bare_environment(VERDICT_ONNXRUNTIME=str(library)))
    assert result.returncode == 1, result
    found = {one["model"]: one for one in json.loads(result.stdout)["versions"]}
    assert "signal 6" in found["hostile"]["reason"] and found["sound"]["result"] == "ok"


@pytest.mark.parametrize("ids", [7, 12])
def test_made_up_identifiers_beyond_a_table_are_no_reason_to_refuse(ids, tmp_path):
    """A warm-up with golden rows uses those; without them it tells what it met."""
    publish(tmp_path, "golden", embedding(ids), golden="id,prediction\n0,0\n6,3\n")
    publish(tmp_path, "plain", embedding(ids))
    result = run_verdict("check", tmp_path, "--json", env=bare_environment())
    assert result.returncode == 0, result
    found = {one["model"]: one for one in json.loads(result.stdout)["versions"]}
    assert found["golden"]["notes"] == [] and found["golden"]["golden_rows"] == 2
    assert "made-up rows" in found["plain"]["notes"][0]


def test_a_trial_ends_with_its_server(library, tmp_path):
    publish(tmp_path, "sound", embedding())

    def trials():
        """Processes that were started for versions of this repository."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if b"try-version" in command and os.fsencode(tmp_path / "hostile") in command:
                    found.append(int(entry.name))
        return found

    with Server(tmp_path, *WATCHFUL, "--onnxruntime", library) as server:
        publish(tmp_path, "hostile", embedding(misbehaviour="spin"))
        until(trials, "the trial to start")
        server.kill()
        until(lambda: not trials(), "the trial to end with its server")


def test_a_graph_that_makes_gigabytes_of_constants_is_refused_by_the_trial(tmp_path):
    """ONNX Runtime goes on where it has no memory to compute a constant beforehand; only its runs fail."""
    graph = helper.make_graph(
        [
            helper.make_node("ConstantOfShape", ["shape"], ["matrix"]),
            helper.make_node("ReduceMax", ["matrix"], ["most"], keepdims=0),
            helper.make_node("Add", ["x", "most"], ["y"]),
        ],
        "large", [value("x")], [value("y")], [constant("shape", [20_000, 20_000], TensorProto.INT64)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    with Server(tmp_path, *WATCHFUL, "--limits-max-load-bytes", "512MiB") as server:
        publish(tmp_path, "large", model)
        assert "limits.maxLoadBytes" in refusal(server, "large")
        with open(f"/proc/{server.process.pid}/status") as file:
            peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        assert peak < 512 << 10
