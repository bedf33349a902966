"""A model with its preparation of raw rows as one ONNX file.

Who uses this: `FittedPath.to_onnx` and the estimators. The file takes raw cells and gives
probabilities of the classes, or numbers in the target's unit. It is run on made rows, and answers
as the library does, before it is written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from shrinkage.datasets import Preprocessing, TargetEncoding
from shrinkage.datasets.dataset import RawRows
from shrinkage.paths.results.onnx_cells import UNSEEN_CODE, OnnxCells, TextColumn
from shrinkage.paths.results.onnx_model import RawModel
from shrinkage.paths.results.onnx_rows import cells_of, made_rows
from shrinkage.pytorch.onnx import OnnxFile, onnx_content, write_compared

AGREE = 1e-5
"""onnxruntime answers within this of the model, relative to the largest answer."""

EXAMPLE = """\
session = onnxruntime.InferenceSession({path!r})
columns = json.loads(session.get_modelmeta().custom_metadata_map["columns"])
{seconds}\
take = {{"tensor(double)": lambda own: own.to_numpy(float),
        "tensor(string)": lambda own: own.astype(object).fillna("").to_numpy()}}
answers = session.run(None, {{i.name: take[i.type](table[columns[i.name]])
                             for i in session.get_inputs()}})[0]"""
OF_DATES = """\
table = table.assign(**{{name: table[name].to_numpy("datetime64[us]").astype(float) / 1e6
                        for name in {}}})
"""

ML_OPSET = 2
"""Of ai.onnx.ml: the first whose LabelEncoder has a list of texts with a number each."""


@dataclass(frozen=True)
class ModelOnnx(OnnxFile):
    """An ONNX file of a model with its preparation.

    Attributes:
        columns: the raw columns that each input takes, (rows, columns), in the order of the inputs.
        kinds: what each column is given as: `number`, a float64, NaN where missing; `date`, the
            seconds since the start of 1970 as such a number; `text`, empty where missing.
        classes: what the probabilities are of; empty for numbers.
    """

    columns: dict[str, tuple[str, ...]]
    kinds: dict[str, str]
    classes: tuple[Any, ...] = ()

    @property
    def example(self) -> str:
        """Return lines of Python that ask it about `table`, a DataFrame of raw rows."""
        dates = [name for name, kind in self.kinds.items() if kind == "date"]
        seconds = OF_DATES.format(dates) if dates else ""
        return EXAMPLE.format(path=self.path.as_posix(), seconds=seconds)


def write_onnx(
    module: nn.Module,
    preprocessing: Preprocessing,
    encoding: TargetEncoding,
    path: str | Path,
    kept: Sequence[int] | None = None,
    rows: RawRows | None = None,
    read: Sequence[int] | None = None,
) -> ModelOnnx:
    """Write a model with its preparation, run the file, and compare.

    Args:
        module: the trained module.
        preprocessing: of its raw rows.
        encoding: of its target.
        path: the file to write.
        kept: places of the inputs that the module is called with; None: all.
        rows: raw rows to compare on, beside made ones with missing cells and unseen levels.
        read: places of the inputs that matter, whose columns alone the file takes; None: all
            columns.

    Raises:
        MissingExtra: the extra `onnx` is not installed.
        InputError: a column has no place in a file, the module cannot be exported, or onnxruntime
            answers otherwise.
    """
    cells = OnnxCells.of(preprocessing, read, rows)
    whole = RawModel(module.eval(), preprocessing, encoding, cells, kept)
    tables = [made_rows(preprocessing, cells), *([] if rows is None else [rows])]
    wanted = [_predicted(module, preprocessing, encoding, kept, own) for own in tables]
    given = [cells_of(own, preprocessing, cells) for own in tables]
    example = torch.zeros(2, len(cells.numbers) + len(cells.texts), dtype=torch.float64)
    with torch.random.fork_rng(devices=[]):
        content = onnx_content(whole, (example,))
    classes = tuple(encoding.classes) or (encoding.names if encoding.task == "multi-label" else ())
    content = _with_inputs(content, cells, {"classes": classes, "target": encoding.names})
    joined = {name: np.concatenate([own[name] for own in given]) for name in cells.inputs}
    file = write_compared(content, joined, [np.concatenate(wanted)], path, AGREE)
    plain = {field.name: getattr(file, field.name) for field in fields(file)}
    return ModelOnnx(**plain, columns=cells.inputs, kinds=cells.kinds, classes=classes)


def _predicted(
    module: nn.Module,
    preprocessing: Preprocessing,
    encoding: TargetEncoding,
    kept: Sequence[int] | None,
    rows: RawRows,
) -> np.ndarray:
    """Return what the library predicts for raw rows: probabilities, or numbers (rows, targets)."""
    kind = np.float64 if next(module.parameters()).dtype == torch.float64 else np.float32
    inputs = torch.from_numpy(preprocessing.transform(rows, kind))
    with torch.no_grad():
        outputs = module(inputs if kept is None else inputs[:, list(kept)]).double()
    if encoding.classes:
        return torch.softmax(outputs, dim=1).numpy()
    if encoding.task == "multi-label":
        return torch.sigmoid(outputs).numpy()
    return encoding.decode(outputs.numpy())


def _with_inputs(content: bytes, cells: OnnxCells, told: dict[str, Any]) -> bytes:
    """Return the file with an input for each column of text, and with what its inputs are."""
    import onnx

    model = onnx.load_from_string(content)
    if cells.texts:
        _take_texts(model, cells)
    facts = {"columns": cells.inputs, "kinds": cells.kinds, **told}
    onnx.helper.set_model_props(
        model, {key: json.dumps(own, ensure_ascii=False) for key, own in facts.items()}
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _take_texts(model: Any, cells: OnnxCells) -> None:
    """Put codes of texts in front of a graph whose one input is a matrix of numbers.

    LabelEncoder of `ai.onnx.ml` finds the code of a text; what was inside gets names that no column
    has. Source: https://onnx.ai/onnx/operators/onnx_aionnxml_LabelEncoder.html
    """
    from onnx import TensorProto, compose, helper

    inside, kinds = "model/", {cells.matrix: TensorProto.DOUBLE}
    while any(name.startswith(inside) for name in cells.inputs):
        inside += "/"
    compose.add_prefix(model, inside, inplace=True)
    graph = model.graph
    matrix, rows = graph.input[0].name, graph.input[0].type.tensor_type.shape.dim[0].dim_param
    pairs = [_coded(text, f"{inside}code {place}") for place, text in enumerate(cells.texts)]
    joined = [*cells.inputs][: bool(cells.numbers)] + [pair[-1].output[0] for pair in pairs]
    coded = [node for pair in pairs for node in pair]
    nodes = [*coded, helper.make_node("Concat", joined, [matrix], axis=1), *graph.node]
    del graph.input[:], graph.node[:]
    graph.node.extend(nodes)
    graph.input.extend(
        helper.make_tensor_value_info(name, kinds.get(name, TensorProto.STRING), [rows, len(own)])
        for name, own in cells.inputs.items()
    )
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", ML_OPSET))


def _coded(text: TextColumn, code: str) -> list[Any]:
    """Return the nodes that make numbers (rows, 1) of a column of text."""
    from onnx import TensorProto, helper

    encoder = helper.make_node(
        "LabelEncoder", [text.name], [code], domain="ai.onnx.ml",
        keys_strings=list(text.codes), values_int64s=list(text.codes.values()),
        default_int64=UNSEEN_CODE,
    )  # fmt: skip
    return [encoder, helper.make_node("Cast", [code], [f"{code}, float"], to=TensorProto.DOUBLE)]
