"""The operators that may get values without elements from a row: ONNX Runtime survives it, measured with the cases of the onnx package."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "Sources/Engines/ONNX/RowControl/EmptyValues.swift"

PROBE = r"""
import itertools, json, os, sys
import numpy, onnx, onnxruntime
from onnx import numpy_helper

safe = set(json.load(sys.stdin))
folder = os.path.join(os.path.dirname(onnx.__file__), "backend/test/data/node")
onnxruntime.set_default_logger_severity(4)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1


def emptied(values):
    # Each operand alone, two and all of them, without elements along one dimension or all.
    places = range(len(values))
    sets = {chosen for size in (1, 2, len(values)) for chosen in itertools.combinations(places, size)}
    for chosen in sorted(sets):
        for axis in [*range(max(values[place].ndim for place in chosen)), None]:
            given = list(values)
            for place in chosen:
                shape = list(values[place].shape)
                if axis is None or axis < len(shape):
                    shape = [0] * len(shape) if axis is None else [*shape[:axis], 0, *shape[axis + 1:]]
                    given[place] = numpy.zeros(shape, values[place].dtype)
            yield given


tried = set()
for name in sorted(os.listdir(folder)):
    path = os.path.join(folder, name)
    model = onnx.load(os.path.join(path, "model.onnx"))
    kinds = {(node.domain, node.op_type) for node in model.graph.node}
    if len(model.graph.node) != 1 or not {operation for domain, operation in kinds if domain != "ai.onnx.preview.training"} & safe:
        continue
    if not all(value.type.HasField("tensor_type") for value in model.graph.input):
        continue
    for value in [*model.graph.input, *model.graph.output]:
        element = value.type.tensor_type.elem_type
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.Clear()
            value.type.tensor_type.elem_type = element
    values = []
    for place in range(len(model.graph.input)):
        with open(os.path.join(path, "test_data_set_0", f"input_{place}.pb"), "rb") as file:
            values.append(numpy_helper.to_array(onnx.TensorProto.FromString(file.read())))
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception:
        continue
    names = [value.name for value in model.graph.input]
    for given in emptied(values) if values else ():
        print(name, [value.shape for value in given], file=sys.stderr, flush=True)
        try:
            session.run(None, dict(zip(names, given)))
        except Exception:
            pass
        tried.add(model.graph.node[0].op_type)
print(json.dumps(sorted(tried)))
"""


def lists():
    """The three lists of the source: standard operators, those of ai.onnx.ml, those of com.microsoft."""
    found = re.findall(r"Set<String> = \[(.*?)\]", SOURCE.read_text(), re.S)
    assert len(found) == 3
    return [set(re.findall(r'"(\w+)"', text)) for text in found]


def test_operators_called_safe_survive_values_without_elements():
    standard, learned, _ = lists()
    result = subprocess.run(
        [sys.executable, "-c", PROBE], input=json.dumps(sorted(standard | learned)), capture_output=True, text=True,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"}, timeout=600)
    assert result.returncode == 0, "ONNX Runtime ended at " + result.stderr[-500:]
    tried = set(json.loads(result.stdout))
    # These compute nothing with elements.
    assert standard - tried <= {"Constant", "SequenceConstruct", "SequenceLength"}, sorted(standard - tried)
