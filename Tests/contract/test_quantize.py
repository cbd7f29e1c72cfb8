"""verdict quantize: what it writes, held against a plain reading of the recipe and run in ONNX Runtime."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import json

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper
from serving import ROOT, run_verdict

PRODUCTS = ROOT / "Tests" / "GoldenTests" / "onnx-products"
METHODS = ["matmul-nbits", "per-row", "dynamic"]
NETWORKS = ["gemm", "gemm_opset_18", "gemm_ir_3", "gemm_turned", "gemm_scaled", "matmul", "shared", "zeros", "inner"]
ROWS = np.random.default_rng(8).normal(0, 2, (33, 40)).astype(np.float32)
ROWS[4] = 0
ROWS[7] *= 1000


def quantize(source, target, *arguments):
    result = run_verdict("quantize", source, target, *arguments)
    assert result.returncode == 0, result.stderr
    return result


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def score(run, rows):
    return run.run(["Y"], {"X": rows})[0]


def alone(run, rows):
    return np.concatenate([score(run, rows[index : index + 1]) for index in range(len(rows))])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", NETWORKS)
def test_the_quantized_network_scores_like_the_network(network, method, tmp_path):
    target = tmp_path / "small.onnx"
    quantize(PRODUCTS / f"{network}.onnx", target, "--method", method)
    onnx.checker.check_model(onnx.load(target)) if method != "matmul-nbits" else onnx.load(target)
    rows = ROWS if method != "dynamic" else ROWS[:4]
    before, after = score(session(PRODUCTS / f"{network}.onnx"), rows), score(session(target), rows)
    scale = np.abs(before).max()
    assert np.isfinite(after).all()
    # matmul-nbits rounds a row by blocks of 256, which one large value among small ones makes coarse.
    bound = 0.04 if method == "matmul-nbits" else 0.03
    assert np.abs(after - before).max() <= bound * max(scale, 1e-6), (before[:3], after[:3])


@pytest.mark.parametrize("method", ["matmul-nbits", "per-row"])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_row_scores_the_same_alone_and_in_company(network, method, tmp_path):
    target = tmp_path / "small.onnx"
    report = json.loads(quantize(PRODUCTS / f"{network}.onnx", target, "--method", method, "--json").stdout)
    run = session(target)
    expected = alone(run, ROWS)
    for count in (2, 5, 33):
        together = np.concatenate([score(run, ROWS[start : start + count]) for start in range(0, len(ROWS), count)])
        np.testing.assert_array_equal(together, expected)
    # A graph inside a node is not looked into.
    assert report["rows_independent"] is (network != "inner")


def test_dynamic_makes_rows_depend_on_one_another_and_says_so(tmp_path):
    target = tmp_path / "small.onnx"
    result = quantize(PRODUCTS / "gemm.onnx", target, "--method", "dynamic", "--json")
    report = json.loads(result.stdout)
    assert report["rows_independent"] is False
    assert "DynamicQuantizeLinear" in report["dependent_because"]
    run = session(target)
    assert np.abs(score(run, ROWS) - alone(run, ROWS)).max() > 1e-3
    help_text = " ".join(run_verdict("quantize", "--help").stdout.split())
    assert "A row's score then depends on which other rows share its batch" in help_text


def by_column(weights):
    scale = np.abs(weights).max(axis=0) / np.float32(127)
    scale[scale < np.finfo(np.float32).tiny] = 1
    return np.rint(weights / scale).astype(np.int32), scale


def test_per_row_is_the_recipe(tmp_path):
    """Bytes of weights by column, of inputs by row; an exact product of integers; both scales."""
    model = onnx.load(PRODUCTS / "gemm.onnx")
    constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    quantize(PRODUCTS / "gemm.onnx", tmp_path / "small.onnx", "--method", "per-row")
    x = ROWS
    for number in (1, 2):
        weights, scale = by_column(constants[f"W{number}"])
        most = np.maximum(np.abs(x).max(axis=1, keepdims=True), np.float32(1e-20))
        levels = np.clip(np.rint((x / most) / np.float32(1 / 127)), -128, 127).astype(np.int32)
        product = (levels @ weights).astype(np.float32) * (scale * np.float32(1 / 127)) * most
        x = np.maximum(product + constants[f"b{number}"], 0)
    expected = 1 / (1 + np.exp(-(x @ constants["W3"] + constants["b3"]).astype(np.float64)))
    np.testing.assert_allclose(score(session(tmp_path / "small.onnx"), ROWS), expected, rtol=0, atol=2e-5)


def test_matmul_nbits_is_the_recipe(tmp_path):
    """The bytes and scales in the file are those of blocks of a column, filled up with zeros."""
    constants = {one.name: numpy_helper.to_array(one) for one in onnx.load(PRODUCTS / "gemm.onnx").graph.initializer}
    quantize(PRODUCTS / "gemm.onnx", tmp_path / "small.onnx")
    model = onnx.load(tmp_path / "small.onnx")
    written = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    products = [node for node in model.graph.node if node.op_type == "MatMulNBits"]
    assert [node.name for node in products] == ["dense_1", "dense_2"]
    for node, (weights, bias, size) in zip(products, (("W1", "b1", 16), ("W2", "b2", 32))):
        attributes = {one.name: one.i for one in node.attribute}
        inputs, outputs = constants[weights].shape
        assert attributes == {"K": inputs, "N": outputs, "bits": 8, "block_size": size, "accuracy_level": 4}
        blocks = -(-inputs // size)
        padded = np.zeros((blocks * size, outputs), np.float32)
        padded[:inputs] = constants[weights]
        for block in range(blocks):
            levels, scale = by_column(padded[block * size : (block + 1) * size])
            np.testing.assert_array_equal(written[node.input[1]][:, block, :], (levels + 128).T)
            np.testing.assert_array_equal(written[node.input[2]][:, block], scale)
        np.testing.assert_array_equal(written[node.input[5]], constants[bias])


@pytest.mark.parametrize("method", METHODS)
def test_everything_else_in_the_file_is_kept(method, tmp_path):
    quantize(PRODUCTS / "gemm.onnx", tmp_path / "small.onnx", "--method", method)
    before, after = onnx.load(PRODUCTS / "gemm.onnx"), onnx.load(tmp_path / "small.onnx")
    for one in ("producer_name", "metadata_props", "ir_version", "doc_string"):
        assert getattr(after, one) == getattr(before, one)
    for one in ("name", "doc_string", "input", "output", "value_info"):
        assert getattr(after.graph, one) == getattr(before.graph, one)
    kept = [node for node in before.graph.node if node.name not in ("dense_1", "dense_2")]
    assert [node for node in after.graph.node if node in kept] == kept
    constants = {one.name: one for one in after.graph.initializer}
    for one in before.graph.initializer:
        if one.name in ("W3", "b3"):
            assert constants[one.name] == one
        else:
            assert one.name not in constants  # nothing uses it any more
    domains = {one.domain: one.version for one in after.opset_import}
    assert domains.get("com.microsoft") == (1 if method == "matmul-nbits" else None)
    assert domains[""] == 17


def test_shared_weights_are_written_once_and_kept_where_they_are_used_as_they_are(tmp_path):
    quantize(PRODUCTS / "shared.onnx", tmp_path / "small.onnx", "--method", "per-row")
    model = onnx.load(tmp_path / "small.onnx")
    products = [node for node in model.graph.node if node.op_type == "MatMulInteger"]
    assert len(products) == 4 and len({node.input[1] for node in products}) == 2
    assert len([node for node in model.graph.node if node.op_type == "QuantizeLinear"]) == 3  # X once
    assert {"W", "keep"} <= {one.name for one in model.graph.initializer}
    assert not [node for node in model.graph.node if node.op_type == "Constant"]


def test_weights_that_are_turned_renamed_and_converted_are_found(tmp_path):
    report = json.loads(quantize(PRODUCTS / "matmul.onnx", tmp_path / "small.onnx", "--json").stdout)
    assert [(one["node"], one["inputs"], one["outputs"]) for one in report["quantized"]] == [
        ("MatMul 'dense_1'", 40, 24), ("MatMul 'dense_2'", 24, 12)]
    model = onnx.load(tmp_path / "small.onnx")
    assert not {"Transpose", "Cast", "Identity"} & {node.op_type for node in model.graph.node}
    assert not {"V1", "H2"} & {one.name for one in model.graph.initializer}


def test_the_report_says_what_was_left_and_why(tmp_path):
    report = json.loads(quantize(PRODUCTS / "skipped.onnx", tmp_path / "small.onnx", "--json").stdout)
    assert [one["node"] for one in report["quantized"]] == ["Gemm 'dense_1'", "MatMul 'dense_2'", "Gemm 'adds_a_value'"]
    assert {one["node"]: one["reason"] for one in report["skipped"]} == {
        "MatMul 'weights_first'": "its first factor is a constant",
        "Gemm 'computed_weights'": "its weights are computed",
        "Gemm 'turned_input'": "it turns its input",
        "MatMul 'infinite_weights'": "its weights are not all finite",
        "Gemm 'last'": "it has one output: bytes would cost accuracy and save little",
    }
    assert report["method"] == "matmul-nbits"
    assert report["bytes_before"] == (PRODUCTS / "skipped.onnx").stat().st_size
    assert report["bytes_after"] == (tmp_path / "small.onnx").stat().st_size
    assert report["ratio"] == pytest.approx(report["bytes_before"] / report["bytes_after"])
    text = run_verdict("quantize", PRODUCTS / "skipped.onnx", tmp_path / "small.onnx").stdout
    assert "quantized 3 of 8 products" in text and "Gemm 'dense_1': 40 x 24" in text


@pytest.mark.parametrize(
    ("source", "arguments", "reason"),
    [
        ("nothing.onnx", [], "nothing to quantize: Gemm 'only': it has one output"),
        ("external.onnx", [], "'W1' lies in another file"),
        ("gemm_opset_9.onnx", ["--method", "per-row"], "needs version 11 of ONNX's operators, the model has 9"),
        ("no_such_file.onnx", [], "No such file"),
    ],
)
def test_what_cannot_be_quantized_is_refused_and_nothing_is_written(source, arguments, reason, tmp_path):
    result = run_verdict("quantize", PRODUCTS / source, tmp_path / "small.onnx", *arguments)
    assert result.returncode == 1, result
    assert reason in result.stderr and not result.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_reasons_of_many_products_are_counted(tmp_path):
    """Seven products of one output each: the first five are named."""
    kind, shape = onnx.TensorProto.FLOAT, [None, 1]
    names = [f"h{number}" for number in range(8)]
    nodes = [onnx.helper.make_node("MatMul", [a, "w"], [b], name=f"to_{b}") for a, b in zip(names, names[1:])]
    graph = onnx.helper.make_graph(
        nodes, "g", [onnx.helper.make_tensor_value_info("h0", kind, shape)], [onnx.helper.make_tensor_value_info("h7", kind, shape)],
        [onnx.helper.make_tensor("w", kind, [1, 1], [2.0])])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), tmp_path / "in.onnx")
    result = run_verdict("quantize", tmp_path / "in.onnx", tmp_path / "out.onnx")
    assert result.returncode == 1 and "'to_h5'" in result.stderr and "'to_h6'" not in result.stderr, result
    assert result.stderr.rstrip().endswith("; and 2 more")


@pytest.mark.parametrize("method", METHODS)
def test_a_quantized_model_is_not_quantized_again(method, tmp_path):
    quantize(PRODUCTS / "gemm.onnx", tmp_path / "small.onnx", "--method", method)
    result = run_verdict("quantize", tmp_path / "small.onnx", tmp_path / "smaller.onnx")
    assert result.returncode == 1 and "quantized already" in result.stderr
    assert not (tmp_path / "smaller.onnx").exists()


def test_a_file_that_is_no_model_leaves_the_old_one_in_place(tmp_path):
    (tmp_path / "damaged.onnx").write_bytes((PRODUCTS / "gemm.onnx").read_bytes()[:700])
    (tmp_path / "small.onnx").write_bytes(b"the one before")
    result = run_verdict("quantize", tmp_path / "damaged.onnx", tmp_path / "small.onnx")
    assert result.returncode == 1 and "truncated" in result.stderr
    assert (tmp_path / "small.onnx").read_bytes() == b"the one before"
    assert run_verdict("quantize", PRODUCTS / "gemm.onnx", tmp_path / "no" / "folder.onnx").returncode == 1


def test_a_model_can_replace_itself(tmp_path):
    (tmp_path / "model.onnx").write_bytes((PRODUCTS / "gemm.onnx").read_bytes())
    quantize(tmp_path / "model.onnx", tmp_path / "model.onnx")
    assert [one.name for one in tmp_path.iterdir()] == ["model.onnx"]
    assert score(session(tmp_path / "model.onnx"), ROWS).shape == (33, 1)


def write_sample(path, labels):
    names = [f"f{index}" for index in range(40)]
    lines = [",".join([*names, "fraud"])]
    lines += [",".join([*(repr(float(cell)) for cell in row), str(label)]) for row, label in zip(ROWS, labels)]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("method", METHODS)
def test_a_sample_shows_how_far_the_scores_move(method, tmp_path):
    labels = [index % 2 for index in range(len(ROWS))]
    write_sample(tmp_path / "rows.csv", labels)
    target = tmp_path / "small.onnx"
    result = quantize(
        PRODUCTS / "gemm.onnx", target, "--method", method, "--sample", tmp_path / "rows.csv", "--label", "fraud", "--json")
    sample = json.loads(result.stdout)["sample"]
    before = alone(session(PRODUCTS / "gemm.onnx"), ROWS).ravel().astype(float)
    after = alone(session(target), ROWS).ravel().astype(float)
    assert sample["rows"] == len(ROWS)
    assert sample["largest_change"] == pytest.approx(np.abs(after - before).max(), abs=1e-7)
    assert sample["mean_change"] == pytest.approx(np.abs(after - before).mean(), abs=1e-7)
    positives = np.array(labels) == 1
    for scores, shown in ((before, "auc_before"), (after, "auc_after")):
        pairs = scores[positives][:, None] - scores[~positives][None, :]
        assert sample[shown] == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean(), abs=1e-12)
    text = quantize(PRODUCTS / "gemm.onnx", target, "--sample", tmp_path / "rows.csv").stdout
    assert "sample    33 rows" in text and "change    largest" in text and "AUC" not in text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("f0,f1\n1,2\n", "no column 'fraud'"),
        ("f0,fraud\n1,maybe\n", "a label is 0, 1, false or true"),
        ("f0,fraud\n1,1\n", "rows of both outcomes"),
        ("f0,fraud\nx,1\n", "line 2"),
        ("", "the sample is empty"),
    ],
)
def test_a_sample_that_cannot_be_compared_on_is_refused(content, reason, tmp_path):
    (tmp_path / "rows.csv").write_text(content)
    result = run_verdict(
        "quantize", PRODUCTS / "gemm.onnx", tmp_path / "small.onnx", "--sample", tmp_path / "rows.csv", "--label", "fraud")
    assert result.returncode == 1 and reason in result.stderr, result
    assert not (tmp_path / "small.onnx").exists()


@pytest.mark.parametrize("arguments", [[], ["a.onnx"], ["a.onnx", "b.onnx", "--method", "int3"], ["a.onnx", "b.onnx", "--label", "y"]])
def test_wrong_usage_ends_with_status_2(arguments):
    assert run_verdict("quantize", *arguments).returncode == 2


def test_a_model_that_gets_larger_is_not_written_silently(tmp_path):
    """Two small products: the nodes and scales around their bytes take more than the bytes save."""
    weights = [np.full((4, 3), 0.5, np.float32), np.full((3, 4), 0.25, np.float32)]
    nodes = [
        onnx.helper.make_node("MatMul", ["X", "W0"], ["H"], name="first"),
        onnx.helper.make_node("MatMul", ["H", "W1"], ["Y"], name="second"),
    ]
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, "small", [tensor("X", onnx.TensorProto.FLOAT, ["N", 4])], [tensor("Y", onnx.TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(one, f"W{index}") for index, one in enumerate(weights)],
    )
    source, target = tmp_path / "tiny.onnx", tmp_path / "quantized.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), source)
    result = quantize(source, target, "--method", "per-row")
    before, after = source.stat().st_size, target.stat().st_size
    assert after > before
    assert f"Warning: the quantized model is not smaller: {before} bytes before, {after} after" in result.stderr, result
    assert "times larger" in result.stdout
    assert "Warning" in quantize(source, target, "--method", "per-row", "--json").stderr
    large = PRODUCTS / "gemm.onnx"
    if (quantized := quantize(large, target)) and target.stat().st_size < large.stat().st_size:
        assert "Warning" not in quantized.stderr
