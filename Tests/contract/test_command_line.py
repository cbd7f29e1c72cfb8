"""The command line: exit statuses, machine-readable output, configuration."""

import csv
import json
import socket

import pytest
from identity_models import identity
from libraries import MODEL_FILES
from serving import EXAMPLES, VERDICT, Server, bare_environment, run_verdict

CREDIT = EXAMPLES / "models" / "credit_score" / "1" / "model.pmml"


def test_help_explains_each_command():
    for command in ([], ["serve"], ["score"], ["inspect"], ["check"], ["quantize"], ["bench"]):
        result = run_verdict(*command, "--help")
        assert result.returncode == 0, result
        assert "USAGE" in result.stdout.upper()
    assert "--check" in run_verdict("serve", "--help").stdout
    for command in ("serve", "score", "inspect", "check", "quantize", "bench"):
        assert command in run_verdict("--help").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["score"],
        ["score", MODEL_FILES["1"]],
        ["inspect"],
        ["check"],
        ["serve", "--port", "many"],
        ["serve", "--port", "70000"],
        ["serve", "--no-such-flag"],
        ["inspect", "a", "b", "c"],
    ],
    ids=lambda arguments: " ".join(getattr(one, "name", one) for one in arguments),
)
def test_wrong_usage_ends_with_status_2_and_says_what_is_right(arguments):
    result = run_verdict(*arguments, env=bare_environment(), timeout=30)
    assert result.returncode == 2, result
    assert result.stderr and not result.stdout


def test_an_unknown_command_is_answered_with_those_that_are_for_users():
    result = run_verdict("frobnicate")
    assert "the commands are serve, score, inspect, check, quantize, bench, help" in result.stderr
    assert "did you mean" not in run_verdict("try-versoin").stderr
    assert "did you mean 'inspect'?" in run_verdict("inspct").stderr


@pytest.mark.parametrize("command", [["score", "{}", "--input", EXAMPLES / "transactions.csv"], ["inspect", "{}"], ["check", "{}"]])
def test_a_file_that_is_not_there_is_named(command, tmp_path):
    missing = tmp_path / "not_there"
    result = run_verdict(*(missing if one == "{}" else one for one in command))
    assert result.returncode in (1, 2), result
    assert "not_there" in result.stderr


def test_inspect_shows_what_a_model_takes_and_gives():
    for version, family in (("1", "XGBoost"), ("2", "LightGBM")):
        result = run_verdict("inspect", MODEL_FILES[version], "--json")
        assert result.returncode == 0, result.stderr
        body = json.loads(result.stdout)
        assert family in body["format"]
        header = (EXAMPLES / "transactions.csv").read_text().splitlines()[0]
        assert [one["name"] for one in body["inputs"]] == header.split(",")
        assert all(one["type"] for one in body["inputs"])
        assert body["trees"] == 120
        assert 1 <= body["depth"] <= 12
        assert body["outputs"]
        assert "bytes" in result.stdout.lower()
    body = json.loads(run_verdict("inspect", CREDIT, "--json").stdout)
    assert "PMML" in body["format"]
    assert {"score", "reason_1"} <= {one["name"] for one in body["outputs"]}


def test_inspect_is_readable_without_json():
    result = run_verdict("inspect", MODEL_FILES["2"])
    assert result.returncode == 0
    for word in ("LightGBM", "merchant_category", "120"):
        assert word in result.stdout


def test_inspect_prints_a_request_that_the_model_takes(examples, tmp_path):
    """A row of golden.csv where there is one, else made-up values of the inputs' kinds."""
    for model, name in ((EXAMPLES / "models" / "fraud_detection", "fraud_detection"), (CREDIT, "credit_score")):
        result = run_verdict("inspect", model, "--request")
        assert result.returncode == 0, result
        with (CREDIT.parent if model == CREDIT else model / "2").joinpath("golden.csv").open() as file:
            rows = list(csv.DictReader(file))
        features = json.loads(result.stdout)["features"]
        assert len(features) >= 8

        def is_of(row):
            return all(row[key] == value if isinstance(value, str) else row[key] and float(row[key]) == value for key, value in features.items())

        assert any(map(is_of, rows)), features
        assert examples.post(f"/predict/{name}", result.stdout.strip()).status == 200
    alone = tmp_path / "model.txt"
    alone.write_bytes(MODEL_FILES["2"].read_bytes())
    features = json.loads(run_verdict("inspect", alone, "--request").stdout)["features"]
    header = (EXAMPLES / "transactions.csv").read_text().splitlines()[0]
    assert list(features) == header.split(",") and isinstance(features["country"], str) and features["amount"] == 1


def test_inspect_of_what_is_no_model_fails_with_the_reason(tmp_path):
    for name, content in (("poem.txt", b"roses are red"), ("cut.ubj", MODEL_FILES["1"].read_bytes()[:5000])):
        (tmp_path / name).write_bytes(content)
        result = run_verdict("inspect", tmp_path / name)
        assert result.returncode == 1, result
        assert name in result.stderr


def test_check_accepts_the_examples():
    result = run_verdict("check", EXAMPLES / "models")
    assert result.returncode == 0, result
    for name in ("fraud_detection", "credit_score"):
        assert name in result.stdout
    json.loads(run_verdict("check", EXAMPLES / "models", "--json").stdout)


def test_check_refuses_what_the_server_would_refuse(repository):
    repository.add("fine", 1, identity(0), golden="low,high,prediction\n1,1,257\n")
    repository.add("wrong", 1, identity(0), golden="low,high,prediction\n1,1,258\n")
    result = run_verdict("check", repository.folder)
    assert result.returncode == 1, result
    assert "wrong" in result.stdout + result.stderr and "golden.csv" in result.stdout + result.stderr
    json.loads(run_verdict("check", repository.folder, "--json").stdout)


def test_rows_that_cannot_be_read_are_reported_one_by_one(tmp_path):
    """A bad cell, a row that is too short and a broken byte cost their rows only."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"id,amount,hour\na,1,2\nb,many,3\nc,1\nd\xff,1,2\ne,1,2\n")
    result = run_verdict("score", MODEL_FILES["2"], "--input", path, "--keep", "id")
    assert result.returncode == 1, result
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [one["id"] for one in rows] == ["a", "b", "c", "", "e"]
    assert [bool(one["prediction"]) for one in rows] == [True, False, False, False, True]
    lines = [one for one in result.stderr.splitlines() if not one.startswith("Note")]
    assert [one.split(":")[0] for one in lines[:-1]] == ["row 2 (line 3)", "row 3 (line 4)", "row 4 (line 5)"]
    assert "amount" in lines[0] and "UTF-8" in lines[2]
    assert lines[-1] == "3 of 5 rows could not be scored"


def test_of_many_bad_rows_twenty_are_shown_and_all_are_counted(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("amount\n" + "x\n1\n" * 5000)
    result = run_verdict("score", MODEL_FILES["2"], "--input", path)
    assert result.returncode == 1, result
    assert result.stderr.count("row ") == 20 and "4980 more rows" in result.stderr
    assert result.stderr.splitlines()[-1] == "5000 of 10000 rows could not be scored"
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [bool(one["prediction"]) for one in rows] == [False, True] * 5000


@pytest.mark.parametrize(("separator", "arguments"), [(";", []), ("\t", []), (";", ["--sep", "semicolon"]), ("|", ["--sep", "|"])])
def test_the_separator_is_found_or_given(separator, arguments, tmp_path):
    path = tmp_path / "rows.csv"
    wanted = run_scores(path, "amount,hour,country\n1.5,2,NL\n,,\n")
    assert run_scores(path, "amount,hour,country\n1.5,2,NL\n,,\n".replace(",", separator), *arguments) == wanted
    quoted = f'"a,b,c,d"{separator}amount{separator}hour{separator}country\n{separator}1.5{separator}2{separator}NL\n{separator * 3}\n'
    assert run_scores(path, quoted, *arguments) == wanted


def run_scores(path, table, *arguments):
    path.write_text(table)
    result = run_verdict("score", MODEL_FILES["2"], "--input", path, *arguments)
    assert result.returncode == 0, result
    return result.stdout


def test_the_words_of_pandas_for_missing_values_are_missing(tmp_path):
    path = tmp_path / "rows.csv"
    words = ["NA", "N/A", "NULL", "None", "nan", "NaN", "<NA>", "#N/A", "null", "n/a", "#NA", "-nan", "-NaN", "1.#IND", "-1.#IND"]
    wanted = run_scores(path, "amount,country\n,\n").splitlines()[1]
    assert set(run_scores(path, "amount,country\n" + "".join(f"{one},{one}\n" for one in words)).splitlines()[1:]) == {wanted}
    assert run_scores(path, "amount,country\n-999,unknown\n", "--na", "-999", "--na", "unknown").splitlines()[1] == wanted


CATEGORIES = """<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><DataDictionary>
    <DataField name="x" optype="continuous" dataType="double"/>
    <DataField name="c" optype="categorical" dataType="string"><Value value="None"/><Value value="b"/></DataField>
    <DataField name="y" optype="continuous" dataType="double"/></DataDictionary>
    <RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/>
    <MiningField name="c"/><MiningField name="y" usageType="target"/></MiningSchema>
    <RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/>
    <CategoricalPredictor name="c" value="None" coefficient="10"/></RegressionTable></RegressionModel></PMML>"""


def test_a_listed_category_called_none_stays_one_and_truth_values_are_numbers(repository, tmp_path):
    table = "x,c,prediction\nTrue,None,13\nFalse,b,1\n1,None,13\n"
    repository.add("none", 1, CATEGORIES.encode(), golden=table, file="model.pmml")
    checked = run_verdict("check", repository.folder)
    assert checked.returncode == 0 and "3 golden rows" in checked.stdout, checked
    path = tmp_path / "rows.csv"
    path.write_text(table)
    result = run_verdict("score", repository.folder / "none", "--input", path)
    assert result.returncode == 0, result
    assert result.stdout.split() == ["prediction,y", "13.0,13.0", "1.0,1.0", "13.0,13.0"]


def test_kept_columns_begin_the_rows_and_decisions_end_them(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('id,amount,day\n"a,1",1,mon\nb,100000,tue\n')
    fraud = EXAMPLES / "models" / "fraud_detection"
    result = run_verdict("score", fraud, "--input", path, "--keep", "id,day")
    assert result.returncode == 0, result
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert list(rows[0])[:2] == ["id", "day"] and list(rows[0])[-1] == "decision"
    assert [(one["id"], one["day"]) for one in rows] == [("a,1", "mon"), ("b", "tue")]
    for one in rows:
        score = float(one["prediction"])
        assert one["decision"] == ("BLOCK" if score > 0.53 else "REVIEW" if score > 0.10 else "ALLOW")
    for keep, hint in (("dya", "'day'"), ("zzzzzzzz", "'amount'")):
        result = run_verdict("score", fraud, "--input", path, "--keep", keep)
        assert result.returncode == 1 and hint in result.stderr, result


FRAUD_OR_OK = """<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><DataDictionary>
    <DataField name="x" optype="continuous" dataType="double"/>
    <DataField name="y" optype="categorical" dataType="string"><Value value="fraud"/><Value value="ok"/></DataField>
    </DataDictionary><TreeModel functionName="classification"><MiningSchema><MiningField name="x"/>
    <MiningField name="y" usageType="target"/></MiningSchema><Node id="0"><True/>
    <Node id="1" score="fraud"><SimplePredicate field="x" operator="greaterThan" value="0"/>
    <ScoreDistribution value="fraud" recordCount="9"/><ScoreDistribution value="ok" recordCount="1"/></Node>
    <Node id="2" score="ok"><SimplePredicate field="x" operator="lessOrEqual" value="0"/>
    <ScoreDistribution value="fraud" recordCount="2"/><ScoreDistribution value="ok" recordCount="8"/></Node>
    </Node></TreeModel></PMML>"""


def test_a_policy_on_words_needs_to_say_which_class_it_is_about(repository, tmp_path):
    """Without it the policy would block the good customers: the usual score is the probability of the second class."""
    model = tmp_path / "model.pmml"
    model.write_text(FRAUD_OR_OK)
    assert "prediction = probability(ok)" in run_verdict("inspect", model).stdout
    assert json.loads(run_verdict("inspect", model, "--json").stdout)["score"] == ["probability(ok)"]
    repository.add("silent", 1, FRAUD_OR_OK, file="model.pmml", manifest="policy: { block: 0.5 }\n")
    manifest = "policy: { block: 0.5 }\nscore: probability(fraud)\n"
    golden = "x,prediction,decision\n1,0.9,BLOCK\n-1,0.2,ALLOW\n"
    repository.add("clear", 1, FRAUD_OR_OK, file="model.pmml", manifest=manifest, golden=golden)
    result = run_verdict("check", repository.folder)
    assert result.returncode == 1, result
    clear, silent = result.stdout.splitlines()[:2]
    assert clear.startswith("ok") and "2 golden rows agree, decides against high probability(fraud)" in clear
    assert silent.startswith("refused") and "'score: probability(fraud)' or 'score: probability(ok)'" in silent
    assert "prediction = probability(fraud)" in run_verdict("inspect", repository.folder / "clear").stdout
    inspected = run_verdict("inspect", repository.folder / "silent")
    assert inspected.returncode == 0 and "problem" in inspected.stdout, inspected
    rows = tmp_path / "rows.csv"
    rows.write_text("x\n1\n-1\n")
    result = run_verdict("score", repository.folder / "clear", "--input", rows)
    scored = list(csv.DictReader(result.stdout.splitlines()))
    assert [(one["prediction"], one["decision"]) for one in scored] == [("0.9", "BLOCK"), ("0.2", "ALLOW")]
    assert run_verdict("score", repository.folder / "silent", "--input", rows).returncode == 1


@pytest.mark.parametrize(
    ("start", "hint"),
    [(b"PAR1", "Parquet"), (b"\x1f\x8b\x08", "gunzip"), (b"PK\x03\x04", "Excel"), (b"\xff\xfea\x00", "UTF-16")],
)
def test_tables_of_other_kinds_get_a_sentence_on_what_to_do(start, hint, tmp_path):
    path = tmp_path / "rows"
    path.write_bytes(start + bytes(range(256)))
    result = run_verdict("score", MODEL_FILES["2"], "--input", path)
    assert result.returncode == 1 and result.stdout == "", result
    assert hint in result.stderr


def test_score_passes_over_other_columns_but_not_over_a_misspelt_one(tmp_path):
    """A file may carry more than the model takes; a slip must not turn a feature into a missing one."""
    path = tmp_path / "rows.csv"
    path.write_text("payment_id,amount,is_chargeback\np1,1,0\n")
    result = run_verdict("score", MODEL_FILES["2"], "--input", path)
    assert result.returncode == 0, result
    assert len(result.stdout.splitlines()) == 2
    path.write_text("payment_id,amount,huor\np1,1,2\n")
    result = run_verdict("score", MODEL_FILES["2"], "--input", path)
    assert result.returncode == 1, result
    assert "huor" in result.stderr and "hour" in result.stderr


@pytest.mark.parametrize("header", ["betrag,stunde", "amount|hour"])
def test_score_refuses_a_table_without_any_input(header, tmp_path):
    """Every row would be scored as if all values were missing."""
    path = tmp_path / "rows.csv"
    path.write_text(f"{header}\n" + header.translate(str.maketrans("abcdefghijklmnopqrstuvwxyz", "1" * 26)) + "\n")
    result = run_verdict("score", MODEL_FILES["2"], "--input", path)
    assert result.returncode == 1, result
    assert "no column" in result.stderr and "'amount'" in result.stderr
    assert ("--sep pipe" in result.stderr) == ("|" in header)
    assert result.stdout == ""


def test_score_names_the_inputs_that_have_no_column(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("amount\n1\n")
    result = run_verdict("score", MODEL_FILES["2"], "--input", path)
    assert result.returncode == 0, result
    assert "hour" in result.stderr and "amount" not in result.stderr


def test_a_row_that_the_model_refuses_has_empty_cells(tmp_path):
    """The second row fails at its invalid category; the first and the third are scored."""
    model = tmp_path / "model.pmml"
    model.write_text(
        """<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><DataDictionary>
        <DataField name="x" optype="continuous" dataType="double"/>
        <DataField name="c" optype="categorical" dataType="string"><Value value="a"/><Value value="b"/></DataField>
        <DataField name="prediction" optype="continuous" dataType="double"/></DataDictionary>
        <RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/>
        <MiningField name="c" invalidValueTreatment="returnInvalid"/><MiningField name="prediction" usageType="target"/></MiningSchema>
        <RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/>
        <CategoricalPredictor name="c" value="a" coefficient="10"/></RegressionTable></RegressionModel></PMML>"""
    )
    path = tmp_path / "rows.csv"
    path.write_text("x,c\n1,a\n2,zz\n3,b\n")
    result = run_verdict("score", model, "--input", path)
    assert result.returncode == 1, result
    assert "row 2" in result.stderr
    # An empty line would be passed over by readers of CSV.
    assert result.stdout.split("\n")[1:-1] == ["13.0", '""', "7.0"], result


def test_score_takes_quoted_fields_empty_cells_and_any_order(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('"country",amount,"merchant_category"\r\n"NL",10.5,"travel"\r\n,10.5,\r\n')
    result = run_verdict("score", MODEL_FILES["2"], "--input", path)
    assert result.returncode == 0, result.stderr
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert len(rows) == 2 and rows[0]["prediction"] != rows[1]["prediction"]


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("http: { prot: 8080 }\n", "port"),
        ("modles: ./models\n", "models"),
        ("limits: { maxBodyByte: 10 }\n", "maxBodyBytes"),
        ("http: { port: many }\n", "port"),
        ("http: [", "verdict.yaml"),
    ],
)
def test_a_wrong_configuration_is_refused_with_what_was_meant(tmp_path, content, hint):
    config = tmp_path / "verdict.yaml"
    config.write_text(content)
    result = run_verdict(
        "serve", "--models", EXAMPLES / "models", "--port", 0, "--config", config, env=bare_environment(), timeout=30
    )
    assert result.returncode == 2, result
    assert hint in result.stderr, result.stderr


@pytest.mark.parametrize(("word", "meant"), [("scroe", "'score'"), ("Serve", "'serve'"), ("inspct", "'inspect'"), ("zzzzzzzz", "quantize")])
def test_a_mistyped_command_gets_the_one_that_was_meant(word, meant):
    result = run_verdict(word, "--input", "x")
    assert result.returncode == 2 and not result.stdout, result
    assert word in result.stderr and meant in result.stderr


def test_serve_check_prints_the_settings_and_where_they_came_from(tmp_path):
    config = tmp_path / "verdict.yaml"
    config.write_text("limits: { drain: 90s }\nredis: { url: 'redis://:secret@cache:6380/2' }\nhttp: { port: 1 }\nlog: { level: debug }\n")
    arguments = ["serve", "--check", "--config", config, "--port", "7000", "--limits-max-body-bytes", "1024"]
    arguments += ["--models", EXAMPLES / "models"]
    result = run_verdict(*arguments, env={**bare_environment(), "VERDICT_LOG_LEVEL": "error"}, timeout=30)
    assert result.returncode == 0, result
    lines = {one.split(maxsplit=1)[0]: one.split(maxsplit=2)[1:] for one in result.stdout.splitlines()}
    assert lines["limits.drain"] == ["90s", f"{config} line 1"]
    assert lines["redis.url"] == ["redis://:***@cache:6380/2", f"{config} line 2"]
    assert lines["http.port"] == ["7000", "--port"]
    assert lines["limits.maxBodyBytes"] == ["1KiB", "--limits-max-body-bytes"]
    assert lines["log.level"] == ["error", "VERDICT_LOG_LEVEL"]
    assert lines["scanInterval"] == ["1s", "default"] and lines["defaultModel"] == ["none", "default"]
    assert "secret" not in result.stdout
    result = run_verdict("serve", "--check", "--port", "many", env=bare_environment(), timeout=30)
    assert result.returncode == 2 and not result.stdout, result


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_flags_win_over_the_environment_and_that_over_the_file(repository, tmp_path):
    repository.add("m0", 1, identity(0))
    in_file, in_environment, in_flag = (free_port() for _ in range(3))
    config = tmp_path / "verdict.yaml"
    config.write_text(f"models: {repository.folder}\nhttp: {{ port: {in_file} }}\n")
    from_file = ["serve", "--config", str(config)]
    for arguments, environment, port in (
        (from_file, {}, in_file),
        (from_file, {"VERDICT_HTTP_PORT": str(in_environment)}, in_environment),
        ([*from_file, "--port", str(in_flag)], {"VERDICT_HTTP_PORT": str(in_environment)}, in_flag),
    ):
        with Server(None, command=[str(VERDICT), *arguments], **environment) as server:
            assert server.port == port
            assert server.post("/predict", {"features": [3, 0]}).json["prediction"] == [3]


def test_a_result_never_replaces_its_input(tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("age\n30\n")
    (tmp_path / "link.csv").symlink_to(rows)
    for output in (rows, tmp_path / "link.csv"):
        result = run_verdict("score", CREDIT, "--input", rows, "--output", output)
        assert result.returncode == 2 and "name another one" in result.stderr, result
    assert rows.read_text() == "age\n30\n"


def test_kept_columns_of_a_row_with_too_few_cells_are_kept(tmp_path):
    (tmp_path / "rows.csv").write_text("id;age;annual_income;other\n9;30\n")
    result = run_verdict("score", CREDIT, "--input", tmp_path / "rows.csv", "--keep", "id")
    assert result.returncode == 1 and result.stdout.splitlines()[1].startswith("9,"), result


def test_inspect_lists_prediction_as_model_yaml_makes_it(repository, tmp_path):
    """Of a tree model of three classes it is the class, unless `score` names a number."""
    xgboost = pytest.importorskip("xgboost")
    rows = [[float(number % 3), float(number)] for number in range(30)]
    data = xgboost.DMatrix(rows, [number % 3 for number in range(30)], feature_names=["a", "b"])
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "max_depth": 2}, data, 2)
    booster.save_model(tmp_path / "model.json")
    content = (tmp_path / "model.json").read_bytes()
    repository.add("plain", 1, content)
    repository.add("chosen", 1, content, manifest="score: probability(1)\n")
    (tmp_path / "rows.csv").write_text("a,b\n1,1\n")
    for model, kind in (("plain", "category"), ("chosen", "number")):
        outputs = json.loads(run_verdict("inspect", repository.folder / model, "--json").stdout)["outputs"]
        assert [one["type"] for one in outputs if one["name"] == "prediction"] == [kind]
        lines = run_verdict("inspect", repository.folder / model).stdout.splitlines()
        assert [line.split() for line in lines if line.startswith("  prediction")] == [["prediction", kind]]
    table = run_verdict("score", repository.folder / "chosen", "--input", tmp_path / "rows.csv").stdout.splitlines()
    with Server(repository.folder) as server:
        (score,) = server.post("/predict/chosen", {"features": [1, 1]}).json["prediction"]
    assert float(table[1].split(",")[table[0].split(",").index("prediction")]) == score
