"""What somebody new gets wrong: each mistake gets a sentence that says what is wrong, where, and what to do."""

import json
import os
import shutil
import socket
import zipfile

import graphs
import pytest
from identity_models import features, identity
from libraries import MODEL_FILES
from onnx import helper
from serving import EXAMPLES, ROOT, WATCHFUL, Server, bare_environment, run_verdict, until

CREDIT = EXAMPLES / "models" / "credit_score"


def messages(server, message):
    lines = [json.loads(line) for line in server.errors().splitlines()]
    return [line for line in lines if line["message"] == message]


# The repository.


def test_versions_that_are_too_deep_or_not_there_are_warned_of_and_fail_a_load(repository):
    shutil.copytree(CREDIT, repository.folder / "unpacked" / "credit_score")
    repository.add("fraud", 1, identity(0), manifest="versions: { serve: [1, 7] }\n")
    repository.add("loose", 1, identity(0))
    (repository.folder / "loose" / "1" / "model.json").rename(repository.folder / "loose" / "model.json")
    (repository.folder / "loose" / "1").rmdir()
    wanted = {
        "unpacked": "its versions are too deep, in 'unpacked/credit_score': move them up into 'unpacked'",
        "fraud": "model.yaml names this version, but its folder 'fraud/7' is not there",
        "loose": "the file 'loose/model.json' is in no version's folder: move it into 'loose/1'",
    }
    with Server(repository.folder, *WATCHFUL) as server:
        shown = {one["name"]: one["versions"][-1]["reason"] for one in server.get("/models").json["models"]}
        said = [line["data"]["reason"] for line in messages(server, "not there in the model repository")]
        assert len(said) == 3 and all(line["level"] == "warning" for line in messages(server, "not there in the model repository"))
        for name, sentence in wanted.items():
            assert sentence in shown[name]
            assert any(reason.startswith(f"{name}: ") and sentence in reason for reason in said), said
            answer = server.post(f"/v2/repository/models/{name}/load")
            assert answer.status == 400 and sentence in answer.json["error"], answer
        assert server.get("/health").json["versions"]["unavailable"] == 3
        # What is there serves all the same.
        assert server.post("/predict/fraud", {"features": features(5)}).json["prediction"] == [5]
    checked = run_verdict("check", repository.folder)
    assert checked.returncode == 1
    for sentence in wanted.values():
        assert sentence in checked.stdout


def test_a_repository_that_cannot_be_read_shows_in_the_health_until_it_can(repository, tmp_path):
    repository.add("m", 1, identity(0))
    with Server(repository.folder, *WATCHFUL) as server:
        assert "warning" not in server.get("/health").json
        for turn in (1, 2):
            repository.folder.rename(tmp_path / "away")
            until(lambda: "cannot be read" in server.get("/health").json.get("warning", ""), "the loss to be shown")
            assert server.get("/health").status == 200
            assert server.post("/predict/m", {"features": features(3)}).json["prediction"] == [3]
            (tmp_path / "away").rename(repository.folder)
            until(lambda: "warning" not in server.get("/health").json, "the end of the loss to be shown")
            until(lambda: len(messages(server, "the model repository can be read again")) == turn, "the line in the log")
            assert len(messages(server, "model repository scan failed")) == turn


def test_mistyped_names_in_requests_get_the_ones_that_were_meant(repository):
    repository.add("fraud", 1, identity(0), manifest="versions: { labels: { champion: 1 } }\n")
    repository.add("credit", 1, identity(0))
    body = {"features": features(3)}
    with Server(repository.folder) as server:
        for path, said in {
            "/predict/fruad": "unknown model 'fruad'; did you mean 'fraud'?",
            "/predict/batch/fruad": "unknown model 'fruad'; did you mean 'fraud'?",
            "/predict/fraud/versions/champoin": "model 'fraud' has no version 'champoin'; did you mean 'champion'?",
            "/predict/fraud/versions/2": "model 'fraud' has no version '2'; it has 1",
            "/predict/fraud/versions/01": "a version is a positive whole number, or a label",
        }.items():
            answer = server.post(path, [body] if "batch" in path else body)
            assert answer.status == 404 and said in answer.json["error"]["message"], answer
        assert "did you mean 'fraud'?" in server.get("/v2/models/fruad").json["error"]
        assert "did you mean 'credit'?" in server.get("/models/credti").json["error"]["message"]
        tensors = {"inputs": [{"name": "hihg", "shape": [1], "datatype": "FP64", "data": [1]}]}
        assert "did you mean 'high'?" in server.post("/v2/models/fraud/infer", tensors).json["error"]
        tensors = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 1]}], "outputs": [{"name": "predicton"}]}
        assert "did you mean 'prediction'?" in server.post("/v2/models/fraud/infer", tensors).json["error"]


# Starting a server.


def check(*arguments):
    return run_verdict("serve", "--check", *arguments, env=bare_environment(), timeout=30)


def test_serve_check_ends_as_the_server_would(repository, tmp_path):
    """0: it would start. 1: the repository cannot be read. 2: a setting is wrong."""
    empty = check("--models", repository.folder)
    assert empty.returncode == 0 and "is empty" in empty.stderr and empty.stdout.startswith("models"), empty
    repository.add("m", 1, identity(0))
    sound = check("--models", repository.folder)
    assert sound.returncode == 0 and not sound.stderr, sound
    (tmp_path / "file").write_text("")
    for models in (tmp_path / "none", tmp_path / "file"):
        result = check("--models", models)
        assert result.returncode == 1 and result.stdout.startswith("models"), result
        assert f"the model repository '{models}' (--models) is no folder" in result.stderr
        served = run_verdict("serve", "--models", models, "--port", 0, env=bare_environment(), timeout=30)
        assert served.returncode == 1 and "is no folder" in served.stderr, served
    assert check("--models", repository.folder, "--port", "many").returncode == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="everything is readable to root")
def test_serve_check_finds_a_repository_that_may_not_be_read(repository):
    repository.folder.chmod(0o000)
    try:
        result = check("--models", repository.folder)
    finally:
        repository.folder.chmod(0o755)
    assert result.returncode == 1 and "cannot be listed: Permission denied" in result.stderr, result


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--chek"], "unknown option --chek; did you mean --check?"),
        (["--confg", "x"], "unknown option --confg; did you mean --config?"),
        (["--prot", "1"], "unknown option --prot; did you mean --port?"),
        (["-port", "1"], "unexpected argument '-port'; did you mean --port?"),
        (["--limits.drain", "1s"], "unknown option --limits.drain; did you mean --limits-drain?"),
        (["models"], "unexpected argument 'models'; the models' folder is named with --models"),
        (["--no-such-flag"], "unknown option --no-such-flag\n"),
    ],
)
def test_an_unknown_flag_of_serve_gets_the_nearest_one_and_the_right_help(arguments, said):
    result = run_verdict("serve", *arguments, env=bare_environment(), timeout=30)
    assert result.returncode == 2 and not result.stdout, result
    assert said in result.stderr and "See 'verdict serve --help'" in result.stderr, result


def test_keys_in_the_wrong_file_are_sent_to_the_right_one(repository, tmp_path):
    config = tmp_path / "verdict.yaml"
    config.write_text("http: { port: 0 }\npolicy: { block: 0.5 }\n")
    result = check("--models", repository.folder, "--config", config)
    assert result.returncode == 2, result
    assert f"{config}: line 2: unknown key 'policy': it belongs into the model's own file, models/NAME/model.yaml" in result.stderr
    repository.add("m", 1, identity(0), manifest="http: { port: 1 }\n")
    checked = run_verdict("check", repository.folder)
    assert "unknown key 'http': it belongs into the server's own file (--config)" in checked.stdout, checked


def failure(*arguments):
    result = run_verdict("serve", *arguments, env=bare_environment(), timeout=60)
    assert result.returncode == 1 and not result.stdout, result
    return json.loads(result.stderr.splitlines()[-1])["data"]["reason"]


def test_an_address_that_cannot_be_listened_on_is_explained(repository):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        taken = failure("--models", repository.folder, "--port", port)
    assert taken == (
        f"cannot listen on 127.0.0.1:{port}: another program listens on port {port} already; end it, or choose another port "
        "(http.port, --port), 0 for a free one"
    )
    # An address of documentation, which no machine has.
    foreign = failure("--models", repository.folder, "--host", "192.0.2.1", "--port", "0")
    assert "192.0.2.1 is no address of this machine" in foreign
    unknown = failure("--models", repository.folder, "--host", "no-such-host.invalid")
    assert unknown.startswith("cannot listen on no-such-host.invalid:8080: the host name is unknown"), unknown


def test_why_redis_is_away_is_said_in_plain_words(repository):
    repository.add("m", 1, identity(0), manifest="cache: { ttl: 5s }\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    away = "redis is away; rows that are not in memory are scored until it is back"
    with Server(repository.folder, "--redis-url", f"redis://127.0.0.1:{port}/0") as server:
        (line,) = until(lambda: messages(server, away), "the line in the log")
        assert line["data"]["reason"] == "connection refused: nothing listens on that port", line


# The command line.


def test_a_repository_given_for_a_model_gets_the_paths_to_give(repository, tmp_path):
    models = EXAMPLES / "models"
    for command in (["inspect", models], ["score", models, "--input", EXAMPLES / "transactions.csv"]):
        result = run_verdict(*command)
        assert result.returncode == 1, result
        assert "is a model repository, and a model is needed" in result.stderr
        assert f"'{models}/credit_score', '{models}/fraud_detection'" in result.stderr
    repository.add("m", 1, identity(0))
    empty = tmp_path / "empty"
    empty.mkdir()
    result = run_verdict("inspect", empty)
    assert result.returncode == 1 and "is a folder without a model" in result.stderr, result


def test_a_model_given_for_a_repository_gets_the_path_to_give():
    said = {
        CREDIT: "is the folder of the model 'credit_score', not a repository",
        f"{CREDIT}/": "is the folder of the model 'credit_score', not a repository",
        CREDIT / "1": "is the folder of version 1 of the model 'credit_score', not a repository",
        CREDIT / "1" / "model.pmml": "is no folder but a file of the model 'credit_score'",
        CREDIT / "model.yaml": "is no folder but a file of the model 'credit_score'",
    }
    for path, sentence in said.items():
        remedy = f"{sentence}; name the repository that it is in: '{EXAMPLES / 'models'}'"
        result = run_verdict("check", path)
        assert result.returncode == 1 and not result.stdout, result
        assert remedy in result.stderr
        for status in (check("--models", path), run_verdict("serve", "--models", path, "--port", 0, env=bare_environment(), timeout=30)):
            assert status.returncode == 1 and f"the model repository '{path}' (--models) {remedy}" in status.stderr, status


def test_a_file_on_its_own_given_for_a_repository_gets_a_place(tmp_path):
    file = tmp_path / "fraud.json"
    file.write_text(identity(0))
    for result in (check("--models", file), run_verdict("check", file)):
        assert result.returncode == 1 and "is no folder but a file: a repository is a folder with <model>/<version>/<file>" in result.stderr
        assert f"move it to '{tmp_path}/models/my_model/1/fraud.json' and name '{tmp_path}/models'" in result.stderr
    # Beside models the repository is the folder that it lies in, and its folder without models may become one.
    alone = check("--models", tmp_path)
    assert alone.returncode == 0 and "is empty, but for the file 'fraud.json', which belongs into a version's folder" in alone.stderr
    shutil.copytree(CREDIT, tmp_path / "credit_score")
    beside = check("--models", file)
    assert beside.returncode == 1 and f"a file beside the models; name the repository that it is in: '{tmp_path}'" in beside.stderr


def test_folders_that_could_be_models_or_versions_are_still_repositories(tmp_path):
    """A model may be called '1', and a repository as a model of its parent folder could be."""
    shutil.copytree(CREDIT, tmp_path / "fraud" / "1")
    assert check("--models", tmp_path / "fraud").returncode == 0
    assert "ok       1/1: PMML" in run_verdict("check", tmp_path / "fraud").stdout
    (tmp_path / "empty" / "1").mkdir(parents=True)
    assert check("--models", tmp_path / "empty").returncode == 0


def test_versions_by_other_names_and_settings_in_versions_are_named(repository):
    repository.add("fraud", 1, identity(0))
    (repository.folder / "fraud" / "1").rename(repository.folder / "fraud" / "v1")
    repository.add("credit", 1, identity(0))
    (repository.folder / "credit" / "1" / "model.yaml").write_text("policy: { block: 0.8 }\n")
    result = run_verdict("check", repository.folder)
    rule = "the folder 'v1' is no version: a version's folder is a positive whole number without leading zeros; rename it to '1'"
    place = "'credit/1/model.yaml' is in a version's folder and is not read there: settings are for all versions; move it into"
    assert result.returncode == 1 and f"refused  fraud/v1: {rule}" in result.stdout and place in result.stdout, result
    with Server(repository.folder) as server:
        assert rule in server.post("/predict/fraud", {"features": [1, 2]}).json["error"]["message"]
        assert place in server.post("/predict/credit", {"features": [1, 2]}).json["error"]["message"]


def test_what_cannot_be_read_is_named_with_its_path(tmp_path):
    missing = tmp_path / "deep" / "nothing.json"
    for command in (["inspect", missing], ["score", missing, "--input", EXAMPLES / "transactions.csv"], ["check", missing]):
        result = run_verdict(*command)
        assert result.returncode == 1, result
        assert f"'{missing}' cannot be read: No such file or directory" in result.stderr
    broken = tmp_path / "deep.json"
    broken.write_text("no model")
    result = run_verdict("score", broken, "--input", EXAMPLES / "transactions.csv")
    assert result.returncode == 1 and str(broken) in result.stderr, result


def test_numbers_in_other_forms_get_a_hint_and_are_not_repeated(tmp_path, examples):
    rows = tmp_path / "rows.csv"
    rows.write_text('amount;hour\n28,38;1\n"[1, 2]";1\nmany;1\n')
    result = run_verdict("score", MODEL_FILES["2"], "--input", rows)
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if line.startswith("row ")]
    assert lines[0].endswith("expected a number; it has a comma, and numbers have a decimal point and no separator of thousands")
    assert lines[1].endswith("expected a number; it is a list, and a feature takes one number")
    assert lines[2].endswith("expected a number") and "28" not in result.stderr
    answer = examples.post("/predict/fraud_detection", {"features": {"amount": "28,38"}})
    assert answer.status == 400 and "found a string; it has a comma" in answer.json["error"]["message"], answer


def test_inspect_says_what_prediction_is_of_several_classes():
    model = ROOT / "Tests" / "GoldenTests" / "trees" / "xgboost-3.2.0" / "softprob.json"
    note = "prediction is the list of the class probabilities in the order of the classes"
    assert note in run_verdict("inspect", model).stdout
    assert any(note in one for one in json.loads(run_verdict("inspect", model, "--json").stdout)["notes"])
    assert note not in run_verdict("inspect", MODEL_FILES["1"]).stdout


def test_prediction_of_several_classes_is_what_the_documentation_says(repository, tmp_path):
    """The probabilities in answers, the class in golden.csv, and no column of verdict score."""
    model = (ROOT / "Tests" / "GoldenTests" / "trees" / "xgboost-3.2.0" / "softprob.json").read_bytes()
    repository.add("m", 1, model)
    rows = tmp_path / "rows.csv"
    rows.write_text("f0,f1,f2\n1,1,1\n")
    scored = run_verdict("score", repository.folder / "m", "--input", rows).stdout.splitlines()
    assert scored[0] == "probability(0),probability(1),probability(2),label"
    *probabilities, label = scored[1].split(",")
    (repository.folder / "m" / "1" / "golden.csv").write_text(f"f0,f1,f2,prediction,label\n1,1,1,{label},{label}\n")
    with Server(repository.folder) as server:
        answer = server.post("/predict/m", {"features": {"f0": 1, "f1": 1, "f2": 1}}).json
        assert answer["prediction"] == [float(one) for one in probabilities] and answer["label"] == label
        assert server.index()[("m", "1")]["state"] == "READY"


def test_a_mistyped_flag_is_named_before_what_is_missing_for_it():
    for arguments, wrong, meant in [
        (("score", "m", "--inptu", "x.csv"), "--inptu", "--input"), (("quantize", "m.onnx", "--methdo", "x"), "--methdo", "--method"),
    ]:
        result = run_verdict(*arguments)
        assert result.returncode == 2 and f"Unknown option '{wrong}'. Did you mean '{meant}'?" in result.stderr, result


def test_a_pickle_given_to_quantize_is_called_one(tmp_path):
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04\x95" + b"x" * 40)
    result = run_verdict("quantize", tmp_path / "m.pkl", tmp_path / "out.onnx")
    assert result.returncode == 1 and "pickle" in result.stderr, result


def test_an_archive_or_a_folder_that_no_format_reads_is_refused_with_what_to_do(repository, tmp_path):
    with zipfile.ZipFile(tmp_path / "model.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(CREDIT / "model.yaml", "inside/model.yaml")
    hint = "is of no format that this version reads (XGBoost, LightGBM, PMML, ONNX): it is a zip archive: unpack it and give the model inside"
    # Whole and damaged.
    for cut in (0, 10):
        content = (tmp_path / "model.zip").read_bytes()
        (tmp_path / "cut.zip").write_bytes(content[: len(content) - cut])
        result = run_verdict("inspect", tmp_path / "cut.zip")
        assert result.returncode == 1 and f"'cut.zip' {hint}" in result.stderr, result
    (repository.folder / "saved" / "1" / "model" / "variables").mkdir(parents=True)
    (repository.folder / "saved" / "1" / "model" / "variables" / "data").write_bytes(b"x")
    said = run_verdict("check", repository.folder).stdout
    assert "'model' is of no format that this version reads (XGBoost, LightGBM, PMML, ONNX)" in said, said


def test_a_model_file_beside_the_models_is_named(repository):
    repository.add("m", 1, identity(0))
    (repository.folder / "loose.ubj").write_bytes(b"{")
    assert "the file 'loose.ubj' is in no version's folder" in run_verdict("check", repository.folder).stdout


def test_scores_of_a_folder_are_those_of_the_version_that_serves(repository, tmp_path):
    for version in (1, 2, 3):
        repository.add("m", version, identity(1000 * version), manifest="versions: { serve: [1], shadow: [3] }\n")
    (tmp_path / "rows.csv").write_text("low,high\n1,0\n")
    assert run_verdict("score", repository.folder / "m", "--input", tmp_path / "rows.csv").stdout.splitlines()[1] == "1001.0"


@pytest.mark.parametrize(("settings", "reason"), [
    ("grpc: true", "'grpc' is not supported by this version"),
    ("limits: { deadline: 10us }", "must be 100us to 1h"),
    ("limits: { concurrency: 4, leastConcurrency: 8 }", "is beyond limits.concurrency (4)"),
    ("policy:\n\tblock: 0.5", "spaces, not with tabs"),
    ("deadline: 50ms", "did you mean 'limits.deadline'?"),
])
def test_settings_that_cannot_be_say_why(repository, settings, reason):
    repository.add("m", 1, identity(0), manifest=settings + "\n")
    result = run_verdict("check", repository.folder)
    assert result.returncode == 1 and reason in result.stdout + result.stderr, result


def test_what_python_writes_for_missing_values_gets_a_hint(repository):
    repository.add("m", 1, identity(0))
    with Server(repository.folder, *WATCHFUL) as server:
        for path, start in [("/predict/m", '{"features": [0, '), ("/v2/models/m/infer", '{"inputs": [')]:
            answer = server.post(path, (start + "NaN]}").encode())
            assert answer.status == 400 and "NaN, which is not JSON; send null" in answer.body.decode(), answer


def test_a_version_that_is_not_to_be_served_does_not_say_why_it_was_refused_before(repository):
    repository.add("m", 1, identity(0))
    repository.add("m", 2, identity(0), golden="low,high,prediction\n1,0,7\n")
    with Server(repository.folder, *WATCHFUL) as server:
        until(lambda: "golden.csv" in server.index()[("m", "2")]["reason"], "the version to be refused")
        (repository.folder / "m" / "model.yaml").write_text("versions: { serve: [1] }\n")
        until(lambda: server.index()[("m", "2")]["reason"] == "not among the versions that model.yaml serves", "the reason")


def test_inspect_without_the_library_blames_no_model_yaml(repository):
    """Which outputs there are is known with the library only."""
    repository.add("m", 1, graphs.model([helper.make_node("Sqrt", ["x"], ["y"])]), manifest="engine: onnxruntime\npolicy: { block: 0.5 }\n")
    shown = run_verdict("inspect", repository.folder / "m", env=bare_environment(VERDICT_ONNXRUNTIME="/nowhere"))
    assert shown.returncode == 0 and "problem" not in shown.stdout and "ONNX Runtime" in shown.stdout, shown
