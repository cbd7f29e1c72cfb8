"""ONNX models through the built program: which engine, where its library is, and memory over many loads and runs."""

import csv
import json
import os
import shutil

import pytest
from faults import assert_settles
from serving import ROOT, WATCHFUL, Server, bare_environment, run_verdict

GOLDENS = ROOT / "Tests" / "GoldenTests" / "onnxruntime"
# Of the run-on-demand test; the one that always runs makes fewer.
RUNS = int(os.environ.get("ONNX_RUNS", 3000))


def model(name):
    return GOLDENS / name / "model.onnx"


def publish(repository, name, source, version=1, manifest=None):
    folder = repository / name / str(version)
    folder.mkdir(parents=True)
    shutil.copy(source, folder / "model.onnx")
    if manifest:
        (repository / name / "model.yaml").write_text(manifest)


def rows(name):
    with open(GOLDENS / name / "rows.csv", newline="") as file:
        return list(csv.DictReader(file))


def expected(name):
    with open(GOLDENS / name / "expected.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "models"


def test_inspect_says_which_engine_and_why():
    result = run_verdict("inspect", model("knn_classifier"), "--json", env=bare_environment())
    assert result.returncode == 0, result
    body = json.loads(result.stdout)
    assert body["engine"] == "onnxruntime 1.28.0"
    notes = "\n".join(body["notes"])
    assert "Evaluated by ONNX Runtime, because" in notes and "is not computed by the native engine" in notes
    assert "Inputs in the file: X float[?, 4]." in notes
    assert "Outputs in the file: output_label string[" in notes
    assert "Operators: ai.onnx" in notes and "Written by skl2onnx" in notes
    assert json.loads(run_verdict("inspect", model("passed_on"), "--json").stdout)["engine"] == "native"


def test_score_writes_what_onnxruntime_gives(tmp_path):
    result = run_verdict("score", model("knn_classifier"), "--input", GOLDENS / "knn_classifier" / "rows.csv", env=bare_environment())
    assert result.returncode == 0, result
    for got, wanted in zip(csv.DictReader(result.stdout.splitlines()), expected("knn_classifier"), strict=True):
        assert got.pop("label") == wanted["label"]
        for name, value in got.items():
            assert float(value) == pytest.approx(float(wanted[name]), rel=1e-5, abs=1e-6)


def test_without_its_library_the_command_says_how_to_get_it(tmp_path):
    environment = bare_environment(VERDICT_ONNXRUNTIME=str(tmp_path / "libonnxruntime.so"))
    result = run_verdict("score", model("knn_classifier"), "--input", GOLDENS / "knn_classifier" / "rows.csv", env=environment)
    assert result.returncode == 1
    assert "scripts/fetch-runtime onnxruntime" in result.stderr and "is not computed by the native engine" in result.stderr
    assert run_verdict("inspect", model("passed_on"), env=environment).returncode == 0
    # The variable that the message names is the way out.
    assert "VERDICT_ONNXRUNTIME" in result.stderr
    environment["VERDICT_ONNXRUNTIME"] = str(ROOT / ".runtime" / "onnxruntime")
    result = run_verdict("score", model("knn_classifier"), "--input", GOLDENS / "knn_classifier" / "rows.csv", env=environment)
    assert result.returncode == 0, result


def test_check_loads_with_the_options_of_model_yaml(folder, tmp_path):
    (tmp_path / "cache").mkdir()
    publish(folder, "knn", model("knn_classifier"), manifest=(
        "onnxruntime: { optimization: basic, threads: 2, execution: parallel, arena: false, "
        f"optimizedModelCache: {tmp_path / 'cache'} }}\n"))
    publish(folder, "forced", model("passed_on"), manifest="engine: onnxruntime\n")
    result = run_verdict("check", folder, env=bare_environment())
    assert result.returncode == 0, result
    assert len(list((tmp_path / "cache").iterdir())) == 1
    result = run_verdict("inspect", folder / "forced", env=bare_environment())
    assert "model.yaml asks for it" in result.stdout
    (folder / "knn" / "model.yaml").write_text("engine: native\n")
    assert run_verdict("check", folder, env=bare_environment()).returncode == 1


def test_a_server_answers_as_onnxruntime_does(folder):
    publish(folder, "pipeline", model("mlp_pipeline"), manifest="engine: onnxruntime\n")
    with Server(folder) as server:
        server.wait_for("pipeline", 1, "READY")
        connection = server.connect()
        for row, wanted in zip(rows("mlp_pipeline"), expected("mlp_pipeline"), strict=True):
            features = {"amount": float(row["amount"]), "age": float(row["age"]), "country": row["country"]}
            answer = connection.request("POST", "/predict/pipeline", json.dumps({"features": features}))
            assert answer.status == 200, answer
            assert answer.json["prediction"] == pytest.approx([float(wanted["probability(1)"])], rel=1e-5)
            assert answer.json["label"] == wanted["label"]
        missing = connection.request("POST", "/predict/pipeline", json.dumps({"features": {"amount": 1, "age": 2}}))
        assert missing.status == 400 and "country" in missing.text
        connection.close()


def test_a_server_without_the_library_serves_the_rest_and_finds_it_later(folder, tmp_path):
    library = tmp_path / "libraries"
    library.mkdir()
    publish(folder, "knn", model("knn_classifier"))
    publish(folder, "passed_on", model("passed_on"))
    with Server(folder, *WATCHFUL, "--onnxruntime", library) as server:
        server.wait_for("passed_on", 1, "READY")
        refused = server.wait_for("knn", 1, "UNAVAILABLE")
        assert "scripts/fetch-runtime onnxruntime" in refused["reason"] and "--onnxruntime" in refused["reason"]
        shutil.copy(ROOT / ".runtime" / "onnxruntime" / "libonnxruntime.so", library)
        assert server.post("/v2/repository/models/knn/load").status == 200
        server.wait_for("knn", 1, "READY")


def test_memory_stays_where_it_is_over_loads_and_runs(folder):
    publish(folder, "knn", model("knn_classifier"))
    body = json.dumps({"features": [0.5, -1, 0.25, 2]})
    with Server(folder) as server:
        server.wait_for("knn", 1, "READY")
        connection = server.connect()

        def predict(count):
            for _ in range(count):
                answer = connection.request("POST", "/predict/knn", body)
                assert answer.status == 200, answer

        def load(count):
            for _ in range(count):
                assert server.post("/v2/repository/models/knn/unload").status == 200
                assert server.post("/v2/repository/models/knn/load").status == 200
                predict(1)

        load(20)
        assert_settles(server, lambda: load(40), room=40 * 16384)
        predict(RUNS // 10)
        assert_settles(server, lambda: predict(RUNS), room=RUNS * 64)
        connection.close()
