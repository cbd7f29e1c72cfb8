"""The model repository: broken entries, publishing, load and unload."""

import shutil

import pytest
from identity_models import Repository, features, identity, named_features
from serving import EXAMPLES, WATCHFUL, Server, bare_environment, run_verdict, until

GOLDEN = "low,high,prediction\n1,0,1\n3,2,515\n,,0\n"


def assert_scores(server, name, score, version=None, question=0):
    answer = server.post(f"/predict/{name}", {"features": features(question)})
    assert answer.status == 200, answer
    assert answer.json["prediction"] == [score]
    if version:
        assert answer.json["model_version"] == str(version)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A repository of two sound models among every kind of broken one."""
    repository = Repository(tmp_path_factory.mktemp("broken") / "models")
    repository.add("sound", 1, identity(0), golden=GOLDEN)
    repository.add("half_sound", 1, identity(1000))
    repository.add("half_sound", 2, identity(2000)[:-500])
    repository.add("truncated", 1, identity(0)[:20_000])
    repository.add("bad_yaml", 1, identity(0), manifest="policy: { block: 0.5\n  review")
    repository.add("misspelt_key", 1, identity(0), manifest="polcy: { block: 0.5 }\n")
    repository.add("bad_policy", 1, identity(0), manifest="policy: { block: 0.2, review: 0.5 }\n")
    repository.add("disagrees", 1, identity(0), golden=GOLDEN.replace("515", "516"))
    repository.add("bad_golden", 1, identity(0), golden="low,hihg,prediction\n1,0,1\n")
    repository.add("no_model_format", 1, "This is a poem,\nnot a model.\n", file="model.json")
    repository.add("pickle", 1, b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93.", file="model.pkl")
    repository.add("empty", 1, "", file="model.txt")
    (repository.folder / "no_versions").mkdir()
    (repository.folder / "version_without_files" / "1").mkdir(parents=True)
    (repository.folder / "notes.txt").write_text("A file beside the models is none.")
    shutil.copytree(EXAMPLES / "models" / "credit_score", repository.folder / "credit_score")
    with Server(repository.folder, *WATCHFUL) as server:
        yield server


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("truncated", "end"),
        ("bad_yaml", "model.yaml"),
        ("misspelt_key", "policy"),
        ("bad_policy", "review"),
        ("disagrees", "golden.csv"),
        ("bad_golden", "hihg"),
        ("no_model_format", "format"),
        ("pickle", ""),
        ("empty", ""),
    ],
)
def test_a_broken_model_is_reported_with_its_reason(broken, name, says):
    entry = broken.index()[(name, "1")]
    assert entry["state"] == "UNAVAILABLE"
    assert entry["reason"] and says in entry["reason"], entry
    answer = broken.post(f"/predict/{name}", {"features": [1, 2]})
    assert answer.status == 503, answer
    assert answer.json["success"] is False and answer.json["error"]["message"]


def test_the_sound_models_beside_broken_ones_serve(broken):
    assert broken.get("/health/ready").status == 200
    assert_scores(broken, "sound", 515, version=1, question=515)
    assert broken.post("/predict/credit_score", {"features": {"age": 40}}).status == 200
    index = broken.index()
    assert index[("sound", "1")]["state"] == index[("credit_score", "1")]["state"] == "READY"


def test_a_broken_version_leaves_the_one_before_it_serving(broken):
    assert_scores(broken, "half_sound", 1007, version=1, question=7)
    index = broken.index()
    assert index[("half_sound", "1")]["state"] == "READY"
    assert index[("half_sound", "2")]["state"] == "UNAVAILABLE" and index[("half_sound", "2")]["reason"]
    assert broken.post("/predict/half_sound/versions/2", {"features": [1, 2]}).status in (404, 503)


def test_the_server_says_on_its_error_output_what_it_could_not_load(broken):
    log = broken.errors()
    for name in ("truncated", "disagrees", "half_sound"):
        assert name in log


def test_the_list_of_models_names_those_that_serve(broken):
    answer = broken.get("/models")
    assert answer.status == 200
    assert "sound" in answer.text and "credit_score" in answer.text
    answer.json


def test_a_new_version_takes_over_and_a_removed_one_hands_back(repository):
    repository.add("growing", 1, identity(100))
    with Server(repository.folder, *WATCHFUL) as server:
        assert_scores(server, "growing", 100, version=1)
        second = repository.add("growing", 2, identity(200), golden="low,high,prediction\n1,0,201\n")
        server.wait_for("growing", 2, "READY")
        assert_scores(server, "growing", 200, version=2)
        repository.add("growing", 3, identity(300), golden="low,high,prediction\n1,0,999\n")
        server.wait_for("growing", 3, "UNAVAILABLE")
        assert_scores(server, "growing", 200, version=2)
        shutil.rmtree(second)

        def first_answers():
            return server.post("/predict/growing", {"features": [0, 0]}).json.get("model_version") == "1"

        until(first_answers, "version 1 to answer again")
        assert_scores(server, "growing", 100, version=1)


def test_a_new_model_is_picked_up_and_a_removed_one_is_gone(repository):
    repository.add("first", 1, identity(1))
    with Server(repository.folder) as server:
        repository.add("second", 7, identity(2))
        server.wait_for("second", 7, "READY")
        assert_scores(server, "second", 2, version=7)
        shutil.rmtree(repository.folder / "second")
        until(lambda: server.post("/predict/second", {"features": [0, 0]}).status == 404, "the model to be gone")
        assert_scores(server, "first", 1)


def test_a_repaired_model_serves(repository):
    folder = repository.add("patient", 1, identity(5)[:-100])
    repository.add("other", 1, identity(0))
    with Server(repository.folder, *WATCHFUL) as server:
        assert server.index()[("patient", "1")]["state"] == "UNAVAILABLE"
        staged = folder.parent.parent.parent / "repaired.json"
        staged.write_text(identity(5))
        staged.rename(folder / "model.json")
        server.wait_for("patient", 1, "READY")
        assert_scores(server, "patient", 5)


def test_a_changed_policy_is_taken_up(repository):
    repository.add("decides", 1, identity(0), manifest="policy: { block: 10, review: 5 }\n")
    with Server(repository.folder, *WATCHFUL) as server:

        def decision(score):
            return server.post("/predict/decides", {"features": features(score)}).json["decision"]

        assert [decision(score) for score in (5, 6, 10, 11)] == ["ALLOW", "REVIEW", "REVIEW", "BLOCK"]
        staged = repository.folder.parent / "model.yaml"
        staged.write_text("policy: { block: 5, review: 8, when: below }\n")
        staged.rename(repository.folder / "decides" / "model.yaml")
        until(lambda: decision(4) == "BLOCK", "the new policy")
        assert [decision(score) for score in (4, 5, 7, 8)] == ["BLOCK", "REVIEW", "REVIEW", "ALLOW"]


def test_only_the_versions_that_model_yaml_names_are_served(repository):
    for version in (1, 2, 3):
        repository.add("chosen", version, identity(version * 10), manifest="versions: { serve: [2] }\n")
    with Server(repository.folder, *WATCHFUL) as server:
        assert_scores(server, "chosen", 20, version=2)
        assert server.post("/predict/chosen/versions/3", {"features": [0, 0]}).status in (404, 503)


def test_unload_and_load_by_request(repository):
    repository.add("moving", 1, identity(1))
    repository.add("staying", 1, identity(2))
    with Server(repository.folder, *WATCHFUL) as server:
        answer = server.post("/v2/repository/models/moving/unload")
        assert answer.status == 200, answer
        server.wait_for("moving", 1, "UNAVAILABLE")
        assert server.post("/predict/moving", {"features": [0, 0]}).status == 503
        assert server.get("/v2/models/moving/ready").status != 200
        assert_scores(server, "staying", 2)
        # A new version does not bring back what an operator has unloaded.
        repository.add("moving", 2, identity(3))
        repository.add("staying", 2, identity(4))
        server.wait_for("staying", 2, "READY")
        assert server.post("/predict/moving", {"features": [0, 0]}).status == 503
        answer = server.post("/v2/repository/models/moving/load", "{}")
        assert answer.status == 200, answer
        assert_scores(server, "moving", 3, version=2)


def test_load_says_why_it_failed_and_leaves_what_serves(repository):
    repository.add("serving", 1, identity(1))
    with Server(repository.folder, *WATCHFUL) as server:
        repository.add("serving", 2, identity(2)[:9_000])
        answer = server.post("/v2/repository/models/serving/load")
        assert answer.status >= 400, answer
        assert isinstance(answer.json["error"], str) and answer.json["error"]
        assert_scores(server, "serving", 1, version=1)
        assert server.post("/v2/repository/models/nobody/load").status in (400, 404)
        assert server.post("/v2/repository/models/nobody/unload").status in (200, 400, 404)


def test_an_empty_repository_is_served_until_there_is_something(repository):
    with Server(repository.folder, *WATCHFUL) as server:
        assert server.post("/predict/late", {"features": [1, 1]}).status == 404
        repository.add("late", 1, identity(0))
        server.wait_for("late", 1, "READY")
        answer = server.post("/predict/late", {"features": named_features(257)})
        assert answer.json["prediction"] == [257]


def test_golden_rows_within_the_stated_tolerance_are_accepted(repository):
    golden = "low,high,prediction\n100,0,100.4\n"
    repository.add("strict", 1, identity(0), golden=golden)
    repository.add("lenient", 1, identity(0), golden=golden, manifest="golden: { tolerance: 0.01 }\n")
    with Server(repository.folder, *WATCHFUL) as server:
        index = server.index()
        assert index[("strict", "1")]["state"] == "UNAVAILABLE"
        assert index[("lenient", "1")]["state"] == "READY"


def test_a_fallback_that_is_not_there_is_an_error_where_it_is_written(repository):
    repository.add("asks", 1, identity(1), manifest="fallback: { model: hlps }\n")
    repository.add("zother", 1, identity(2))
    reason = "model.yaml: fallback.model: the repository has no model 'hlps'"
    checked = run_verdict("check", repository.folder)
    assert checked.returncode == 1, checked
    assert f"refused  asks/1: {reason}" in checked.stdout and "ok       zother/1" in checked.stdout
    with Server(repository.folder, *WATCHFUL) as server:
        entry = server.index()[("asks", "1")]
        assert entry["state"] == "UNAVAILABLE" and entry["reason"].startswith(reason), entry
        answer = server.post("/predict/asks", {"features": [0, 0]})
        assert answer.status == 503 and reason in answer.json["error"]["message"], answer
        assert server.errors().count(f"asks: {reason}") == 1, "the log says it once"
        assert_scores(server, "zother", 2)
        # The model that is named may come later.
        repository.add("hlps", 1, identity(3))
        server.wait_for("asks", 1, "READY")
        assert_scores(server, "asks", 1)


def test_a_fallback_version_that_is_not_there_is_an_error_where_it_is_written(repository):
    repository.add("asks", 2, identity(1), manifest="fallback: { version: 1 }\n")
    checked = run_verdict("check", repository.folder)
    assert checked.returncode == 1 and "fallback.version: the model has no version 1; it has 2" in checked.stdout, checked
    repository.add("asks", 1, identity(1))
    assert run_verdict("check", repository.folder).returncode == 0


def test_an_empty_repository_is_a_warning_and_shows_in_the_health(repository):
    with Server(repository.folder, *WATCHFUL, "--default-model", "later") as server:
        health = server.get("/health")
        assert health.status == 200 and health.json["warning"] == "the model repository is empty"
        assert '"level":"warning","message":"the model repository is empty"' in server.errors()
        repository.add("later", 1, identity(3))
        server.wait_for("later", 1, "READY")
        assert "warning" not in server.get("/health").json
        assert server.post("/predict", {"features": [0, 0]}).json["prediction"] == [3]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--default-model", "frist"], "defaultModel (--default-model): the repository '{}' has no model 'frist'; did you mean 'first'?"),
        (["--default-model", "zzzzzzz"], "has no model 'zzzzzzz'; it has first, second"),
        (["--onnxruntime", "/no/such/place"], "onnxruntime (--onnxruntime): there is no library or folder '/no/such/place'"),
    ],
)
def test_settings_that_name_what_is_not_there_keep_a_server_from_starting(repository, arguments, reason):
    repository.add("first", 1, identity(1))
    repository.add("second", 1, identity(2))
    for extra in ([], ["--check"]):
        command = ["serve", "--models", repository.folder, "--port", 0, *arguments, *extra]
        result = run_verdict(*command, env=bare_environment(), timeout=30)
        assert result.returncode == 2 and not result.stdout, result
        assert reason.format(repository.folder) in result.stderr


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("m/models.yaml", "settings are in model.yaml"), ("m/model.yaml.txt", "settings are in model.yaml"),
        ("m/golden.csv", "golden rows in golden.csv within a version"), ("m/1/Golden.csv", "must be named golden.csv"),
    ],
)
def test_files_that_were_meant_to_be_read_are_not_passed_over(repository, file, says):
    repository.add("m", 1, identity(0))
    (repository.folder / file).write_text("policy: { block: 0.5 }\n" if "yaml" in file else GOLDEN)
    checked = run_verdict("check", repository.folder)
    assert checked.returncode == 1 and says in checked.stdout, checked


def test_a_settings_file_beside_model_yaml_is_nobodys(repository):
    repository.add("m", 1, identity(0), manifest="policy: { block: 0.5 }\n")
    (repository.folder / "m" / "model.old.yaml").write_text("policy: {}\n")
    assert run_verdict("check", repository.folder).returncode == 0


def test_fallbacks_that_lead_in_a_circle_are_refused_alike_by_check_and_server(repository):
    for name, target in (("a", "b"), ("b", "a"), ("self", "self")):
        repository.add(name, 1, identity(0), manifest=f"fallback: {{ model: {target} }}\n")
    for number in range(5):
        repository.add(f"chain{number}", 1, identity(0), manifest=f"fallback: {{ model: chain{number + 1} }}\n")
    repository.add("chain5", 1, identity(0))
    circle, long = ("a", "b", "self"), ("chain0", "chain1")
    sound = ("chain2", "chain3", "chain4", "chain5")
    checked = run_verdict("check", repository.folder)
    lines = checked.stdout.splitlines()
    for name in circle:
        assert any(line.startswith(f"refused  {name}/1") and "in a circle" in line for line in lines), checked
    for name in long:
        assert any(line.startswith(f"refused  {name}/1") and "more than 3" in line for line in lines), checked
    for _ in range(2):
        with Server(repository.folder, *WATCHFUL) as server:
            states = {name: entry["state"] for (name, _), entry in server.index().items()}
            assert {name for name in states if states[name] == "UNAVAILABLE"} == {*circle, *long}
            assert {name for name in states if states[name] == "READY"} == set(sound)


def test_check_of_what_holds_no_model_is_an_error(repository, tmp_path):
    repository.folder.mkdir(exist_ok=True)
    checked = run_verdict("check", repository.folder)
    assert checked.returncode == 1 and "<folder>/<model>/<version>/<file>" in checked.stdout + checked.stderr, checked


def test_a_threshold_that_no_probability_crosses_is_refused(repository):
    model = (EXAMPLES / "models" / "fraud_detection" / "1" / "model.ubj").read_bytes()
    repository.add("percent", 1, model, file="model.ubj", manifest="policy: { block: 80, review: 0.5 }\n")
    checked = run_verdict("check", repository.folder)
    assert checked.returncode == 1 and "block: 80.0 is outside 0 to 1" in checked.stdout, checked
