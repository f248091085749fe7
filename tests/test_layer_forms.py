"""How layers are read: the entries of manual pages, cells, vocabularies.

Forms, shapes and faults of layers in specs are in `cases/layers` and `cases/shapes`.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import modelspec as ms
from modelspec.catalog import library
from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Inputs, Layer
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Context, Faults, read_form
from modelspec.core.shapes import Shape, Tensor

RESERVED = ("from", "call", "when", "repeat")


def frozen(value: Any) -> Any:
    """Lists as the reader gives them: tuples."""
    if isinstance(value, list):
        return tuple(frozen(item) for item in value)
    return {key: frozen(item) for key, item in value.items()} if isinstance(value, dict) else value


def layer(written: Any, context: Context | None = None) -> Layer:
    made = read_form(LAYERS, frozen(written), context or Context())
    assert isinstance(made, Layer)
    return made


def faults(written: Any, context: Context | None = None) -> list[tuple[str, tuple[str | int, ...]]]:
    with pytest.raises(Faults) as caught:
        layer(written, context)
    return [(fault.code, fault.path) for fault in caught.value.faults]


def output(
    written: Any, *shapes: Shape, dtype: str = "float32", **more: Tensor | tuple[Tensor, ...]
) -> Any:
    made = layer(written)
    first = made.arguments[0]
    tensors = tuple(Tensor(shape, dtype) for shape in shapes)
    return made.output(Inputs({first.name: tensors if first.many else tensors[0], **more}))


def fault(
    written: Any, *shapes: Shape, dtype: str = "float32", **more: Tensor | tuple[Tensor, ...]
) -> Fault:
    with pytest.raises(Fault) as caught:
        output(written, *shapes, dtype=dtype, **more)
    return caught.value


def yaml_entries() -> list[Any]:
    """The entries that the manual pages show."""
    entries = []
    for kind in LAYERS.kinds():
        for block in re.findall(
            r"```yaml\n(.*?)```", inspect.getdoc(LAYERS.find(kind)) or "", re.DOTALL
        ):
            loaded = yaml.safe_load(block)
            for index, entry in enumerate(loaded if isinstance(loaded, list) else []):
                if "$(" in str(entry):  # an expression, which is worked out before layers are read
                    continue
                if "preset" in str(entry):  # a folder, which is read
                    continue
                entries.append(pytest.param(entry, id=f"{kind}-{index}"))
    return entries


@pytest.mark.parametrize("entry", yaml_entries())
def test_an_entry_of_a_manual_page_can_be_read(entry: Any) -> None:
    if any(name in str(entry) for name in library.kinds()):  # a model, unfolded before it is read
        frames = {"model": {"inputs": {"frames": [3, 32, 32, 3]}, "layers": [entry]}}
        assert ms.check(frames).ok
        return
    if isinstance(entry, dict):
        ((kind, body),) = entry.items()
        if isinstance(body, dict):
            body = {key: value for key, value in body.items() if key not in RESERVED}
        entry = {kind: body}
    layer(entry)


# Recurrent layers ---------------------------------------------------------------------------------


def test_cells_in_a_list_are_a_stack() -> None:
    listed = layer({"RNN": [{"LSTMCell": 4}, {"GRUCell": 3}]})
    assert listed == layer(
        {"RNN": {"cell": {"StackedRNNCells": [{"LSTMCell": 4}, {"GRUCell": 3}]}}}
    )
    call = Inputs.of(Tensor((None, 6, 5), "float32"))
    names = [weight.name for weight in listed.weights(call)]
    assert (
        names[0] == "stacked_rnn_cells/lstm_cell/kernel"
        and names[-1] == "stacked_rnn_cells/gru_cell/bias"
    )


def test_a_state_of_another_size_is_refused() -> None:
    state = Tensor((None, 7), "float32")
    found = fault({"GRU": 4}, (None, 6, 5), initial_state=(state,))
    assert (found.code, found.argument) == ("MS403", "initial_state")
    assert fault({"LSTM": 4}, (None, 6, 5), initial_state=(state,)).code == "MS310"


# Vocabularies -------------------------------------------------------------------------------------


def inside(folder: Path) -> Context:
    return Context(folder=folder, project=folder)


@pytest.mark.parametrize("kind", ["StringLookup", "IntegerLookup", "TextVectorization"])
@pytest.mark.parametrize(
    "path",
    [
        "/etc/hostname",
        "../secret.txt",
        "file:///etc/hostname",
        "http://127.0.0.1:9/words",
        "gs://bucket/words",
    ],
)
def test_a_vocabulary_outside_the_project_is_refused(kind: str, path: str, tmp_path: Path) -> None:
    assert faults({kind: {"vocabulary": path}}, inside(tmp_path)) == [
        ("MS210", (kind, "vocabulary"))
    ]


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "secret.txt").write_text("a\n")
    (tmp_path / "project" / "words.txt").symlink_to(tmp_path / "secret.txt")
    found = faults({"IntegerLookup": {"vocabulary": "words.txt"}}, inside(tmp_path / "project"))
    assert found == [("MS210", ("IntegerLookup", "vocabulary"))]


def test_a_vocabulary_file_is_not_opened(tmp_path: Path) -> None:
    made = layer({"StringLookup": {"vocabulary": "words.txt"}}, inside(tmp_path))
    assert getattr(made, "vocabulary") == tmp_path.resolve() / "words.txt"  # noqa: B009
    assert not (tmp_path / "words.txt").exists()
