"""Specs of imported models as a person would write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelspec.importers.groups import grouped
from modelspec.importers.import_model import Options, import_model, typed
from modelspec.importers.statements import Local, Named, Statement
from modelspec.views.resolve.dump import dump

Layer = dict[str, Any]


def layer(kind: str, name: str, *sources: str, **config: Any) -> Layer:
    nodes = [[[source, 0, 0, {}] for source in sources]] if sources else []
    return {
        "class_name": kind,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": nodes,
    }


def model(layers: Sequence[Layer], *outputs: str) -> Layer:
    first = layer("InputLayer", "input_1", batch_input_shape=[None, 64, 8], dtype="float32")
    ends = [[name, 0, 0] for name in outputs]
    config = {"name": "m", "layers": [first, *layers], "output_layers": ends}
    config["input_layers"] = [["input_1", 0, 0]]
    return {"class_name": "Model", "config": config, "keras_version": "2.3.1"}


def spec_of(value: Layer) -> dict[str, Any]:
    found = import_model(value)
    assert found.ok and found.value is not None, [str(one) for one in found.diagnostics]
    return dict(found.value.spec)


def conv(name: str, source: str, **config: Any) -> Layer:
    given = {"filters": 8, "kernel_size": [3], "padding": "same", **config}
    return layer("Conv1D", name, source, **given)


def unit(number: int, source: str, dilation: int) -> list[Layer]:
    """A residual: normalization, activation and convolution, and the sum."""
    return [
        layer("BatchNormalization", f"batch_normalization_{number}", source),
        layer(
            "Activation", f"activation_{number}", f"batch_normalization_{number}", activation="relu"
        ),
        conv(f"conv1d_{10 * number}", f"activation_{number}", dilation_rate=[dilation]),
        layer("Add", f"add_{number}", f"conv1d_{10 * number}", source),
    ]


def with_skips() -> Layer:
    """Residuals whose sums are used again at the end, as in SpliceAI."""
    layers, before, ends = [conv("conv1d_1", "input_1")], "conv1d_1", []
    for stage, dilation in enumerate((1, 4, 10)):
        for number in range(4 * stage + 1, 4 * stage + 5):
            layers += unit(number, before, dilation)
            before = f"add_{number}"
        layers.append(conv(f"conv1d_{stage + 2}", before, kernel_size=[1]))
        ends.append(f"conv1d_{stage + 2}")
    layers.append(layer("Add", "add_99", *ends))
    return model(layers, "add_99")


def test_residuals_whose_sums_are_used_again_are_a_block_with_repeat() -> None:
    spec = spec_of(with_skips())
    assert list(spec["blocks"]) == ["residual"]
    uses = [one for one in spec["model"]["layers"] if "residual" in one]
    assert [one["residual"]["repeat"] for one in uses] == [4, 4, 4]
    assert [one["residual"]["dilation_rate"] for one in uses[1:]] == [4, 10]
    names = [one["residual"].get("name") for one in uses]
    assert names == ["residual_1", "residual_2", None]


def test_the_folded_spec_has_the_layers_of_the_flat_one() -> None:
    value = with_skips()
    folded, flat = (import_model(value, None, Options(folded=one)).value for one in (True, False))
    assert folded is not None and flat is not None
    graphs = [typed(one.spec) for one in (folded, flat)]
    kinds = [sorted(one.kind for one in graph.layers) for graph in graphs if graph is not None]
    assert len(kinds) == 2 and kinds[0] == kinds[1] and len(kinds[0]) == 1 + 12 * 4 + 3 + 1
    assert len(dump(folded.spec).splitlines()) < 0.5 * len(dump(flat.spec).splitlines())


def test_layers_after_a_join_are_folded_too() -> None:
    layers: list[Layer] = []
    before = "input_1"
    for number in range(1, 10):
        layers += [
            conv(f"conv1d_{number}", before),
            layer("BatchNormalization", f"batch_normalization_{number}", f"conv1d_{number}"),
            layer("LeakyReLU", f"leaky_re_lu_{number}", f"batch_normalization_{number}"),
        ]
        before = f"leaky_re_lu_{number}"
        if number == 5:
            layers.append(layer("Concatenate", "concatenate_1", before, "leaky_re_lu_2"))
            before = "concatenate_1"
    layers += [conv("conv1d_20", before), conv("conv1d_21", "leaky_re_lu_7")]
    spec = spec_of(model(layers, "conv1d_20", "conv1d_21"))
    assert dump(spec).count("BatchNormalization") == 1
    assert spec["model"]["outputs"] == ["conv1d_20", "conv1d_21"]


def test_a_chain_in_branches_is_written_with_repeat() -> None:
    layers = [conv("conv1d_1", "input_1")]
    layers += [conv(f"conv1d_{number}", f"conv1d_{number - 1}") for number in range(2, 8)]
    layers.append(layer("Add", "add_1", "conv1d_7", "conv1d_1"))
    (_, branches) = spec_of(model(layers, "add_1"))["model"]["layers"]
    (chain, empty) = branches["branches"]
    assert empty == [] and len(chain) == 1 and chain[0]["Conv1D"]["repeat"] == 6


def test_the_last_layer_of_a_loop_has_a_name_where_one_is_required() -> None:
    """Two consumers of the tensor that a loop gives."""
    layers, before = [], "input_1"
    for number in range(1, 6):
        layers += [
            conv(f"conv1d_{number}", before, filters=8 * number),
            layer("Dropout", f"dropout_{number}", f"conv1d_{number}", rate=0.5),
        ]
        before = f"dropout_{number}"
    layers += [conv("conv1d_8", before), conv("conv1d_9", before)]
    spec = spec_of(model(layers, "conv1d_8", "conv1d_9"))
    loop = next(one for one in spec["model"]["layers"] if "for" in one)
    assert loop["do"][-1]["Dropout"]["name"].startswith("dropout_$(")
    taken = [
        body["from"]
        for one in spec["model"]["layers"]
        for body in one.values()
        if isinstance(body, dict) and "from" in body
    ]
    assert "dropout_5" in taken


def test_outputs_inside_a_residual_keep_their_layer() -> None:
    """An output that is inside what would be branches needs a name."""
    layers = [
        conv("conv1d_1", "input_1"),
        conv("conv1d_2", "conv1d_1"),
        conv("conv1d_3", "conv1d_2"),
        layer("Add", "add_1", "conv1d_3", "conv1d_1"),
    ]
    spec = spec_of(model(layers, "conv1d_2", "add_1"))
    assert spec["model"]["outputs"] == ["conv1d_2", "add_1"]


def test_a_part_is_a_group_only_if_no_tensor_in_it_is_used_elsewhere() -> None:
    chain = (
        Statement("Dense", counted="a"),
        Statement("Dense", takes=Local(0), counted="b"),
        Statement("Add", takes=(Local(1), Local(0)), counted="c"),
        Statement("Dense", takes=Local(0), counted="d"),
        Statement("Add", takes=(Local(2), Local(3)), counted="e"),
        Statement("Multiply", takes=(Local(4), Named("other")), counted="f"),
    )
    made = grouped(chain, set())
    assert [one.counted for one in made] == ["a", "e", "f"] and made[1].inside is not None
    assert made[1].takes == Local(0) and made[2].takes == (Local(1), Named("other"))
    assert grouped(chain, {"b"}) == chain  # the name of `b` is used outside


def test_rounding_of_python_is_left_out_where_float32_is_equal() -> None:
    rates = [0.07500000000000001, 0.30000000000000004, 0.1, 1 / 3, 0.075000001]
    layers, before = [], "input_1"
    for number, rate in enumerate(rates):
        layers += [layer("Dropout", f"d{number}", before, rate=rate)]
        layers += [conv(f"conv1d_{number}", f"d{number}", kernel_size=[number + 1])]
        before = f"conv1d_{number}"
    written = import_model(model(layers, before), None, Options(folded=False)).value
    assert written is not None
    bodies = [one["Dropout"] for one in written.spec["model"]["layers"] if "Dropout" in one]
    assert [one["rate"] for one in bodies] == [0.075, 0.3, 0.1, 0.33333333, 0.075000001]
