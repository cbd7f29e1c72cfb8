#!/usr/bin/env python3
"""Writes Tests/GoldenTests/onnx-products: small networks as exporters write them, for the tests of quantization.

Needs onnx 1.22.0 and numpy. The values are random; what the files differ in is how they hold their weights.
"""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "GoldenTests" / "onnx-products"
RANDOM = np.random.default_rng(5)
FLOAT = TensorProto.FLOAT
node = helper.make_node


def constant(name, values, kind=np.float32):
    return numpy_helper.from_array(np.ascontiguousarray(values, dtype=kind), name)


def weights(rows, columns):
    return RANDOM.normal(0, (1 / rows) ** 0.5, (rows, columns))


def save(name, nodes, constants, opset=17, width=40, output=1, ir_version=8, inputs=(), functions=()):
    graph = helper.make_graph(
        nodes, "network", [helper.make_tensor_value_info("X", FLOAT, ["N", width]), *inputs],
        [helper.make_tensor_value_info("Y", FLOAT, ["N", output])], constants,
        value_info=[helper.make_tensor_value_info("h1", FLOAT, ["N", None])], doc_string="kept")
    model = helper.make_model(graph, producer_name="verdict-tests", ir_version=ir_version, opset_imports=[helper.make_opsetid("", opset)])
    helper.set_model_props(model, {"trained": "2026", "owner": "risk"})
    onnx.save(model, FOLDER / f"{name}.onnx")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    first, second, last = weights(40, 24), weights(24, 12), weights(12, 1)
    biases = [constant("b1", RANDOM.normal(size=24)), constant("b2", RANDOM.normal(size=12)), constant("b3", [0.1])]
    tail = [node("Gemm", ["r2", "W3", "b3"], ["g3"], name="last"), node("Sigmoid", ["g3"], ["Y"], name="score")]

    def network(one, two):
        return [one, node("Relu", ["h1"], ["r1"]), two, node("Relu", ["h2"], ["r2"]), *tail]

    gemm = network(node("Gemm", ["X", "W1", "b1"], ["h1"], name="dense_1"), node("Gemm", ["r1", "W2", "b2"], ["h2"], name="dense_2"))
    plain = [constant("W1", first), constant("W2", second), constant("W3", last), *biases]
    save("gemm", gemm, plain)
    save("gemm_opset_18", gemm, plain, opset=18)
    save("gemm_opset_9", gemm, plain, opset=9)
    save("gemm_ir_3", gemm, plain, ir_version=3, inputs=[helper.make_tensor_value_info(c.name, FLOAT, c.dims) for c in plain])
    # As torch.nn.Linear is exported.
    save("gemm_turned", network(
        node("Gemm", ["X", "W1", "b1"], ["h1"], name="dense_1", transB=1), node("Gemm", ["r1", "W2", "b2"], ["h2"], name="dense_2", transB=1)),
        [constant("W1", first.T), constant("W2", second.T), constant("W3", last), *biases])
    save("gemm_scaled", network(
        node("Gemm", ["X", "W1", "b1"], ["h1"], name="dense_1", alpha=0.5, beta=2.0),
        node("Gemm", ["r1", "W2", "c2"], ["h2"], name="dense_2", beta=0.5)),
        [constant("c2", [[0.25]]), *plain])
    # As scikit-learn's networks are converted, with weights that are turned, renamed and converted on the way.
    save("matmul", [
        node("Transpose", ["V1"], ["W1"], perm=[1, 0]), node("Cast", ["H2"], ["C2"], to=FLOAT), node("Identity", ["C2"], ["W2"]),
        node("MatMul", ["X", "W1"], ["m1"], name="dense_1"), node("Add", ["m1", "b1"], ["h1"]), node("Relu", ["h1"], ["r1"]),
        node("MatMul", ["r1", "W2"], ["m2"], name="dense_2"), node("Add", ["m2", "b2"], ["h2"]), node("Relu", ["h2"], ["r2"]), *tail],
        [constant("V1", first.T), constant("H2", second, np.float16), constant("W3", last), *biases])
    # Two products of the same input with the same weights, which a third node uses as they are.
    save("shared", [
        node("MatMul", ["X", "W"], ["h1"], name="left"), node("MatMul", ["X", "W"], ["h2"], name="right"), node("Add", ["h1", "h2"], ["s"]),
        node("Relu", ["s"], ["r"]), node("Constant", [], ["S"], name="square", value=constant("value", weights(40, 40))),
        node("MatMul", ["r", "S"], ["t"], name="square_product"), node("Mul", ["t", "keep"], ["k"]), node("MatMul", ["k", "W"], ["u"], name="again"),
        node("Gather", ["W", "zero"], ["row"], axis=0), node("Add", ["u", "row"], ["a"]), node("Gemm", ["a", "L"], ["Y"], name="last")],
        [constant("W", weights(40, 40)), constant("keep", RANDOM.normal(size=40)), constant("zero", 0, np.int64), constant("L", weights(40, 1))])
    # What is left alone: each product for a reason of its own.
    save("skipped", [
        node("MatMul", ["V", "X"], ["left"], name="weights_first"),
        node("Gemm", ["X", "X"], ["computed"], name="computed_weights", transB=1),
        node("Gemm", ["X", "T", "t"], ["turned"], name="turned_input", transA=1),
        node("MatMul", ["X", "I"], ["infinite"], name="infinite_weights"),
        node("Gemm", ["X", "W1", "b1"], ["h1"], name="dense_1"), node("Gemm", ["h1", "W2", "h3"], ["h2"], name="adds_a_value"),
        node("MatMul", ["h1", "W2"], ["h3"], name="dense_2"), node("Gemm", ["h2", "W3", "b3"], ["Y"], name="last")][:5] + [
        node("MatMul", ["h1", "W2"], ["h3"], name="dense_2"), node("Gemm", ["h1", "W2", "h3"], ["h2"], name="adds_a_value"),
        node("Gemm", ["h2", "W3", "b3"], ["Y"], name="last")],
        [constant("V", weights(3, 7)), constant("T", weights(7, 3)), constant("t", [0.0]),
         constant("I", np.full((40, 4), np.inf)), constant("W1", first), constant("W2", second), constant("W3", last), biases[0], biases[2]])
    save("nothing", [node("Gemm", ["X", "W", "b3"], ["Y"], name="only")], [constant("W", weights(40, 1)), biases[2]])
    save("zeros", [node("Gemm", ["X", "W1", "b1"], ["h1"], name="dense_1"), node("Relu", ["h1"], ["r1"]),
                   node("MatMul", ["r1", "W2"], ["r2"], name="dense_2"), *tail],
         [constant("W1", np.where(np.arange(24) % 3 == 0, 0, first)), constant("W2", np.full((24, 12), 1e-44)), constant("W3", last), biases[0], biases[2]])
    # A graph inside a node uses weights of the graph around it.
    branch = helper.make_graph([node("MatMul", ["r2", "W1t"], ["inner"])], "then", [], [helper.make_tensor_value_info("inner", FLOAT, None)])
    other = helper.make_graph([node("Identity", ["h1"], ["outer"])], "else", [], [helper.make_tensor_value_info("outer", FLOAT, None)])
    save("inner", [
        node("Gemm", ["X", "W1", "b1"], ["h1"], name="dense_1"), node("Relu", ["h1"], ["r1"]),
        node("MatMul", ["r1", "W1t"], ["r2x"], name="back"), node("MatMul", ["r2x", "W1"], ["r2w"], name="forth"),
        node("Identity", ["r2x"], ["r2"]), node("If", ["yes"], ["z"], then_branch=helper.make_graph(
            [node("MatMul", ["r2", "W1"], ["inner"])], "then", [], [helper.make_tensor_value_info("inner", FLOAT, None)]), else_branch=other),
        node("Add", ["z", "r2w"], ["s"]), node("MatMul", ["s", "W4"], ["Y"], name="last")],
        [constant("W1", first), constant("W1t", first.T), constant("yes", True, np.bool_), constant("W4", weights(24, 1)), biases[0]])
    external = onnx.load(FOLDER / "gemm.onnx")
    tensor = external.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    (FOLDER / "external.onnx").write_bytes(external.SerializeToString())


if __name__ == "__main__":
    main()
