"""A row's score is its own, also where a graph would mix rows: over HTTP, in batches, with a cache, and offline."""

import csv

import pytest
from onnx import TensorProto, helper
from serving import WATCHFUL, Server, bare_environment, run_verdict


def mixing(with_log=False):
    """Scores x - mean(x) over all rows of a run, which is 0 for a row by itself; or log(x) of that plus one."""
    value = helper.make_tensor_value_info
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["x", "mean"], ["difference"]),
        helper.make_node("Log" if with_log else "Identity", ["x"], ["part"]),
        helper.make_node("Add", ["difference", "part"], ["y"]) if with_log else helper.make_node("Identity", ["difference"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "mixing", [value("x", TensorProto.FLOAT, [None, 1])], [value("y", TensorProto.FLOAT, [None, 1])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def publish(folder, name, content, manifest):
    (folder / name / "1").mkdir(parents=True)
    (folder / name / "1" / "model.onnx").write_bytes(content)
    (folder / name / "model.yaml").write_text("engine: onnxruntime\n" + manifest)


def batch(server, name, rows):
    answer = server.post(f"/predict/batch/{name}", [{"features": [row]} for row in rows])
    assert answer.status == 200, answer
    return [one["prediction"][0] if one.get("prediction") else one for one in answer.json["results"]]


def alone(server, name, row):
    answer = server.post(f"/predict/{name}", {"features": [row]})
    assert answer.status == 200, answer
    return answer.json["prediction"][0]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    publish(folder, "apart", mixing(), "")
    publish(folder, "cached", mixing(), "cache: { ttl: 60s }\n")
    publish(folder, "together", mixing(), "rows: together\n")
    publish(folder, "both", mixing(), "rows: together\ncache: { ttl: 60s }\n")
    publish(folder, "logarithm", mixing(with_log=True), "")
    with Server(folder, *WATCHFUL) as server:
        yield server


@pytest.mark.parametrize("name", ["apart", "cached"])
def test_a_row_has_the_score_that_it_has_alone(server, name):
    for rows in ([1, 5], [5, 1, 1], [7]):
        assert batch(server, name, rows) == [0] * len(rows)
    assert [alone(server, name, row) for row in (1, 5, 1)] == [0, 0, 0]


def test_rows_together_are_computed_together_and_never_kept(server):
    for _ in range(2):
        assert batch(server, "together", [1, 5]) == [-2, 2]
        assert alone(server, "together", 1) == 0
    answer = server.post("/predict/batch/together", [{"features": [1]}] * 1025)
    assert answer.status == 400 and "1024" in answer.text, answer


def test_rows_together_with_a_cache_are_refused(server):
    answer = server.get("/models/both")
    assert "must not be kept" in answer.text, answer


def test_a_row_without_a_score_leaves_the_others_as_they_are(server):
    """The logarithm of a negative number is NaN, which a mean over the run would carry to every row."""
    first, second, third = batch(server, "logarithm", [1, -1, 1])
    assert (first, third) == (0, 0)
    assert second != 0


def test_offline_scores_are_those_of_the_server(tmp_path):
    publish(tmp_path, "apart", mixing(), "")
    (tmp_path / "rows.csv").write_text("x\n1\n5\n9\n")
    result = run_verdict("score", tmp_path / "apart", "--input", tmp_path / "rows.csv", env=bare_environment())
    assert result.returncode == 0, result
    assert [float(cell) for row in list(csv.reader(result.stdout.splitlines()))[1:] for cell in row] == [0, 0, 0]


@pytest.mark.parametrize("count", [3, 600, 1024])
def test_offline_a_table_and_golden_rows_of_rows_together_are_one_request(server, tmp_path, count):
    """In parts the means, and with them the scores, would be others."""
    publish(tmp_path, "together", mixing(), "rows: together\n")
    rows = [float(row) for row in range(count)]
    wanted = batch(server, "together", rows)
    assert wanted[0] == -(count - 1) / 2
    table = tmp_path / "rows.csv"
    table.write_text("x\n" + "".join(f"{row}\n" for row in rows))
    result = run_verdict("score", tmp_path / "together", "--input", table, env=bare_environment())
    assert result.returncode == 0, result
    assert [float(line) for line in result.stdout.split()[1:]] == wanted
    golden = tmp_path / "together" / "1" / "golden.csv"
    golden.write_text("x,prediction\n" + "".join(f"{row},{score}\n" for row, score in zip(rows, wanted)))
    checked = run_verdict("check", tmp_path, env=bare_environment())
    assert checked.returncode == 0 and f"{count} golden rows agree" in checked.stdout, checked


def test_offline_too_many_rows_for_one_request_are_refused_as_by_the_server(tmp_path):
    publish(tmp_path, "together", mixing(), "rows: together\n")
    (tmp_path / "rows.csv").write_text("x\n" + "1\n" * 1025)
    result = run_verdict("score", tmp_path / "together", "--input", tmp_path / "rows.csv", env=bare_environment())
    assert result.returncode == 1 and "at most 1024 of them" in result.stderr, result
    assert result.stderr.splitlines()[-1] == "1025 of 1025 rows could not be scored"


def test_rows_together_has_no_meaning_for_models_that_keep_rows_apart(tmp_path):
    (tmp_path / "plain" / "1").mkdir(parents=True)
    (tmp_path / "plain" / "model.yaml").write_text("rows: together\n")
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "plain",
        [value("x", TensorProto.FLOAT, [None, 1])], [value("y", TensorProto.FLOAT, [None, 1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    (tmp_path / "plain" / "1" / "model.onnx").write_bytes(model.SerializeToString())
    result = run_verdict("check", tmp_path)
    assert result.returncode == 1, result
    assert "rows: together" in result.stdout + result.stderr
