#!/usr/bin/env python3
"""Writes Tests/GoldenTests/onnx-nodes.jsonl: node cases of the onnx package that have a row dimension.

Needs onnx 1.22.0. A case has rows where an input and all outputs have the same first dimension. Inputs of that dimension
and rank become inputs of any number of rows; the others become constants. One JSON object a line: the name, the operator,
the model in base64, and a list of cells a row for what goes in and for what comes out; null is NaN.
"""
import base64
import json
import pathlib
import warnings

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

FILE = pathlib.Path(__file__).resolve().parent.parent / "GoldenTests" / "onnx-nodes.jsonl"
SPARED = {"IsInf", "Dropout"}
OPERATORS = set("""
Abs Add And ArgMax ArgMin BatchNormalization Cast Ceil Clip Concat Constant ConstantOfShape Cos Div Elu Equal Erf Exp Expand
Flatten Floor Gather Gemm Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log
LogSoftmax LpNormalization MatMul Max Mean Min Mul Neg Not Or PRelu Pow Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Round Selu Shape Sigmoid Sign Sin Slice Softmax
Softplus Softsign Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu TopK Transpose Unsqueeze Where Xor
""".split())
TYPES = {np.dtype(t) for t in [np.float32, np.float64, np.int32, np.int64, np.bool_, np.object_]}
MOST_CELLS = 400


def cell(value):
    if isinstance(value, (bytes, np.bytes_)):
        return value.decode()
    if isinstance(value, (str, np.str_)):
        return str(value)
    number = float(value)
    return None if np.isnan(number) else number if np.isfinite(number) else "inf" if number > 0 else "-inf"


def cells(arrays, count):
    return [[cell(v) for a in arrays for v in np.asarray(a[row]).reshape(-1)] for row in range(count)]


def written(case):
    model = case.model
    if len(model.graph.node) != 1:
        return None
    proto = model.graph.node[0]
    if proto.domain != "ai.onnx.ml" and (proto.op_type not in OPERATORS or proto.op_type in SPARED):
        return None
    inputs, outputs = case.data_sets[0]
    arrays = [np.asarray(v) for v in [*inputs, *outputs]] if not any(isinstance(v, list) for v in [*inputs, *outputs]) else []
    if not arrays or any(a.dtype not in TYPES and a.dtype.kind not in "SU" for a in arrays) or not inputs:
        return None
    arrays = arrays[: len(inputs)]
    first = max(arrays, key=lambda a: a.ndim)
    if first.ndim < 1 or first.shape[0] < 2 or first.size > MOST_CELLS:
        return None
    count, rank = first.shape[0], first.ndim
    results = [np.asarray(v) for v in outputs]
    if any(r.ndim < 1 or r.shape[0] != count or r.size > MOST_CELLS for r in results):
        return None
    infos, constants, rows = [], [], []
    for info, array in zip(model.graph.input, arrays):
        if array.ndim == rank and array.shape[0] == count and 0 not in array.shape:
            shape = [None, *array.shape[1:]]
            infos.append(helper.make_tensor_value_info(info.name, info.type.tensor_type.elem_type, shape))
            rows.append(array)
        elif array.size <= MOST_CELLS and array.dtype.kind in "fib":
            constants.append(numpy_helper.from_array(array, info.name))
        else:
            return None
    if not infos:
        return None
    graph = helper.make_graph([proto], "case", infos, list(model.graph.output), constants)
    made = helper.make_model(graph, ir_version=10, opset_imports=list(model.opset_import))
    return {
        "name": case.name, "operator": proto.op_type, "model": base64.b64encode(made.SerializeToString()).decode(),
        "rows": cells(rows, count), "expected": cells(results, count)}


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    found = {}
    for case in collect_testcases(None):
        line = written(case)
        if line:
            found[line["name"]] = json.dumps(line, allow_nan=False)
    FILE.write_text("".join(found[name] + "\n" for name in sorted(found)))
    print(f"{len(found)} cases, {FILE.stat().st_size} bytes")
