"""Texts are equal where their bytes are: "é" as one character and as "e" with an accent behind it are two."""

import pytest
from onnx import TensorProto, helper
from serving import WATCHFUL, Server, bare_environment, run_verdict

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def model(node, width):
    graph = helper.make_graph(
        [node], "texts", [helper.make_tensor_value_info("s", TensorProto.STRING, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, width])])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


ENCODER = model(
    helper.make_node(
        "LabelEncoder", ["s"], ["y"], domain="ai.onnx.ml", keys_strings=[COMPOSED, DECOMPOSED], values_floats=[1.0, 2.0],
        default_float=9.0), 1)
ONE_HOT = model(
    helper.make_node("OneHotEncoder", ["s"], ["y"], domain="ai.onnx.ml", cats_strings=[COMPOSED, DECOMPOSED], zeros=1), 2)


@pytest.mark.parametrize(
    ("content", "results"), [(ENCODER, ["1.0", "2.0", "9.0"]), (ONE_HOT, ["1.0,0.0", "0.0,1.0", "0.0,0.0"])])
def test_categories_of_onnx_models(tmp_path, content, results):
    (tmp_path / "model.onnx").write_bytes(content)
    (tmp_path / "rows.csv").write_text(f"s\n{COMPOSED}\n{DECOMPOSED}\nzzz\n", encoding="utf-8")
    result = run_verdict("score", tmp_path / "model.onnx", "--input", tmp_path / "rows.csv", env=bare_environment())
    assert result.returncode == 0 and result.stdout.splitlines()[1:] == results, result


def test_features_of_a_request(tmp_path):
    (tmp_path / "sum" / "1").mkdir(parents=True)
    (tmp_path / "sum" / "1" / "model.pmml").write_text(
        f"""<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>
        <DataField name="{COMPOSED}" optype="continuous" dataType="double"/>
        <DataField name="{DECOMPOSED}" optype="continuous" dataType="double"/></DataDictionary>
        <RegressionModel functionName="regression"><MiningSchema><MiningField name="{COMPOSED}"/><MiningField name="{DECOMPOSED}"/>
        </MiningSchema><RegressionTable intercept="0"><NumericPredictor name="{COMPOSED}" coefficient="1"/>
        <NumericPredictor name="{DECOMPOSED}" coefficient="10"/></RegressionTable></RegressionModel></PMML>""",
        encoding="utf-8")
    with Server(tmp_path, *WATCHFUL) as server:
        answer = server.post("/predict/sum", {"features": {DECOMPOSED: 4, COMPOSED: 3}})
        assert answer.json["prediction"] == [43.0], answer
