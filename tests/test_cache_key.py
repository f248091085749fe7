"""The key of prepared data: another setting that changes what is prepared is another entry, and an
entry that was damaged since is not used.

An entry that is used with other settings would give wrong numbers, and a test part that holds the
rows of training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.sources import SOURCES, read_source
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.compiler.spec.data_features import Feature, Pad
from modelspec.compiler.spec.data_split import Split
from modelspec.compiler.spec.number_format import NumberFormat
from modelspec.core.settings import Context
from modelspec.runtime.data import cache, prepare
from modelspec.runtime.data.columns import Binding, binding_of
from modelspec.runtime.data.sources import open_source
from modelspec.runtime.data.spec_facts import section
from modelspec.runtime.data.storage import Storage
from modelspec.runtime.data.table import Table

CHANGES = {
    "csv": (
        "t.csv",
        [
            {"delimiter": ";"},
            {"header": ("u", "v")},
            {"missing_values": ("x",)},
            {"decimal": ","},
            {"thousands": ","},
            {"encoding": "latin-1"},
            {"comment": "#"},
        ],
    ),
    "hdf5": ("t.h5", [{"rows": [0, 2]}, {"rows": [1, 3]}]),
    "text": ("lines.txt", [{"max_length": 3}]),
}


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import h5py

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))
    Path("t.csv").write_text("a;b\n1;2\n4;3\n")
    Path("lines.txt").write_text("one line\nanother\n")
    with h5py.File("t.h5", "w") as file:
        file["x"] = np.arange(4)


def settings_of(kind: str, value: Any) -> dict[str, Any]:
    here = Context(folder=Path.cwd(), project=Path.cwd())
    return dict(open_source(read_source({kind: value}, here), here).settings)


@pytest.mark.parametrize("kind", CHANGES)
def test_every_setting_of_a_source_is_part_of_the_key(kind: str) -> None:
    path, changes = CHANGES[kind]
    found = [settings_of(kind, path)]
    for change in changes:
        try:
            found.append(settings_of(kind, {"path": path, **change}))
        except Exception as error:  # noqa: BLE001  # shows which change the files do not fit
            pytest.fail(f"{change}: {error}")
    assert found[0] == {}, "defaults are left out, as in the keys of earlier versions"
    assert [set(one) for one in found[1:]] == [set(change) for change in changes]
    assert all(one != other for at, one in enumerate(found) for other in found[:at])


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_no_source_has_a_setting_that_the_key_leaves_out() -> None:
    """`path` is in the key by what its files hold; everything else by its value."""
    for kind in SOURCES.kinds():
        source = SOURCES.find(kind)
        assert source is not None
        for name in set(source.model_fields) - {"path"}:
            made = source.model_construct(**{name: "another value"})
            assert name in made.beside_path(), f"{name} of {kind}"


# The key of an entry ------------------------------------------------------------------------------


class OneTable(Table):
    """A source of which only its settings differ."""

    def __init__(self, settings: Any) -> None:
        super().__init__("one", ("a", "b", "y"), "fingerprint", None)
        self.settings = settings

    def read(self, name: str) -> Any:
        raise NotImplementedError

    def place(self, name: str, index: tuple[int, ...]) -> str:
        raise NotImplementedError


def compiled_of(inputs: Any, features: Any, **data: Any) -> Compiled:
    """A spec with these inputs; what is wrong with it changes no key."""
    spec = {
        "model": {"inputs": inputs, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
        "data": {"source": {"csv": "t.csv"}, "inputs": features, "targets": "y", **data},
        "training": {"loss": "mse"},
    }
    checked = compile_spec(spec)
    assert checked.value is not None and checked.value.data is not None, checked.diagnostics
    return checked.value


def key_with(compiled: Compiled, binding: Binding, settings: Any = ()) -> str:
    storage = Storage(compiled, section(compiled), binding, lambda: None)
    return storage.key(OneTable(dict(settings)), None).digest


def key_of(feature: Any, settings: Any = (), **data: Any) -> str:
    """The key of the entry of a spec with this feature."""
    compiled = compiled_of({"x": ["auto"]}, {"x": feature}, **data)
    return key_with(compiled, binding_of(compiled), settings)


def test_settings_of_a_source_are_in_the_key_of_an_entry() -> None:
    keys = {key_of("a"), *(key_of("a", change) for _, some in CHANGES.values() for change in some)}
    assert len(keys) == 1 + sum(len(some) for _, some in CHANGES.values())


def preparing() -> Iterator[tuple[Any, dict[str, Any]]]:
    """Every layer that prepares data, with the settings of an example of it that takes one
    tensor.
    """
    for kind in LAYERS.kinds():
        layer = LAYERS.find(kind)
        if layer is not None and layer.prepares_data:
            some = [dict(one.settings) for one in layer.examples if len(one.inputs) == 1]
            if some:
                yield layer, max(some, key=len)


def changes(layer: Any, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The settings, and each of the layer's left out where they have it, written out else."""
    yield settings
    for name, setting in layer.model_fields.items():
        rest = {one: value for one, value in settings.items() if one != name}
        default = setting.get_default(call_default_factory=True)
        yield rest if name in settings else {**rest, name: default}


def test_settings_of_a_transform_are_in_the_key_of_an_entry() -> None:
    """All as inputs of one model; a layer that cannot be without a setting has it in its example
    alone.
    """
    features = {
        f"x{number}": {"column": "a", "transform": [transform]}
        for number, transform in enumerate(
            {layer.kind(): changed}
            for layer, settings in preparing()
            for changed in changes(layer, settings)
        )
    }
    compiled = compiled_of({name: [1] for name in features}, features)
    keys = [
        key_with(compiled, Binding({"x0": bound}, {}))
        for bound in binding_of(compiled).inputs.values()
        if bound.chain is not None and bound.chain.complete
    ]
    assert len(set(keys)) == len(keys) > 300


def test_the_tokens_of_a_file_are_in_the_key_of_an_entry() -> None:
    keys = set()
    for words in ("one\ntwo\n", "one\nthree\n"):
        Path("words.txt").write_text(words)
        lookup = {"StringLookup": {"vocabulary": "words.txt", "output_mode": "one_hot"}}
        keys.add(key_of({"column": "a", "transform": [lookup]}))
    assert len(keys) == 2


OF_A_FEATURE: dict[str, tuple[Any, Any]] = {
    # two features that differ in one key
    "column": ({"column": "a"}, {"column": "b"}),
    "columns": ({"columns": ["a", "b"]}, {"columns": ["b", "a"]}),
    "dtype": ({"column": "a"}, {"column": "a", "dtype": "int64"}),
    "lowercase": ({"column": "a"}, {"column": "a", "lowercase": "unicode"}),
    "positive": ({"column": "a"}, {"column": "a", "positive": "yes"}),
    "missing": ({"column": "a", "missing": 0}, {"column": "a", "missing": "mean"}),
    "pad": ({"column": "a", "pad": 3}, {"column": "a", "pad": 4}),
    "separator": ({"column": "a", "pad": 3}, {"column": "a", "pad": 3, "separator": "|"}),
    "number": ({"column": "a"}, {"column": "a", "number": {"strip": "$"}}),
    "coordinates": ({"column": "a"}, {"column": "a", "coordinates": "xy"}),
    "read": ({"column": "a", "read": "image"}, {"column": "a", "read": "mask"}),
    **{
        name: ({"column": "a", "read": read}, {"column": "a", "read": read, name: value})
        for name, read, value in (
            ("size", "image", 4),
            ("color_mode", "image", "grayscale"),
            ("interpolation", "image", "area"),
            ("crop_to_aspect_ratio", "image", True),
            ("pad_to_aspect_ratio", "mask", True),
            ("mask_values", "mask", [0, 9]),
            ("max_pixels", "image", 100),
            ("sampling_rate", "audio", 8000),
            ("output_sequence_length", "audio", 100),
            ("channels", "audio", "stereo"),
            ("max_samples", "audio", 100),
        )
    },
    "transform": (
        {"column": "a", "transform": ["Normalization"]},
        {"column": "a", "transform": ["Flatten"]},
    ),
}
OF_PAD: dict[str, Any] = {"length": 9, "value": 7, "padding": "post", "truncating": "post"}
OF_A_SPLIT: dict[str, dict[str, Any]] = {
    # a split that differs in one key from another one of them, or from that of the test
    "validation": {"test": 0.1, "validation": 0.25},
    "test": {"test": 0.25},
    "stratify": {"test": 0.1, "stratify": "a"},
    "group": {"test": 0.1, "group": "a"},
    "order": {"test": 0.1, "order": "a"},
    "seed": {"test": 0.1, "seed": 7},
    "at": {"order": "a", "at": [3]},
    "column": {"column": "a"},
    "parts": {"column": "a", "parts": {"test": [2]}},
    "folds": {"folds": 3},
    "fold": {"folds": 3, "fold": 1},
}


def test_every_key_of_a_feature_is_in_the_key_of_an_entry() -> None:
    kept = set(Feature.model_fields) - {"random"}  # nothing is prepared of what is drawn
    assert set(OF_A_FEATURE) == kept
    for name, (one, other) in OF_A_FEATURE.items():
        assert key_of(one) != key_of(other), name
    assert set(OF_PAD) == set(Pad.model_fields)
    usual = {"column": "a", "pad": {"length": 3}}
    for name, value in OF_PAD.items():
        changed = {"column": "a", "pad": {"length": 3, name: value}}
        assert key_of(changed) != key_of(usual), name


def test_every_key_of_a_number_is_in_the_key_of_an_entry() -> None:
    values = {
        "thousands": " ",
        "decimal": ",",
        "strip": "$",
        "percent": True,
        "accounting": True,
    }
    assert set(values) == set(NumberFormat.model_fields)
    keys = {key_of({"column": "a", "number": {name: one}}) for name, one in values.items()}
    assert len(keys | {key_of({"column": "a"})}) == len(values) + 1


def test_what_is_expected_is_in_the_key_of_an_entry() -> None:
    expected = [{}, {"a": {"min": 1}}, {"a": {"max": 1}}, {"b": {"min": 1}}]
    assert len({key_of("a", expect=one) for one in expected}) == len(expected)


def test_every_key_of_a_split_is_in_the_key_of_what_is_learned() -> None:
    assert set(OF_A_SPLIT) == set(Split.model_fields)
    learned = {"column": "a", "transform": ["Normalization"]}
    keys = {key_of(learned, split={"test": 0.1})}
    keys |= {key_of(learned, split=split) for split in OF_A_SPLIT.values()}
    assert len(keys) == 1 + len(OF_A_SPLIT)
    once = {key_of("a", split=split) for split in OF_A_SPLIT.values()}
    assert len(once) == 1, "nothing is learned, so that all of them share one entry"


# Entries ------------------------------------------------------------------------------------------


def kept(**data: Any) -> Any:
    spec = {
        "model": {"inputs": {"x": [1]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
        "data": {
            "source": {"csv": "numbers.csv"},
            "cache": "disk",
            "inputs": {"x": {"column": "a", "missing": "mean"}},
            "targets": "y",
            **data,
        },
        "training": {"loss": "mse", "batch_size": 2},
    }
    checked = compile_spec(spec)
    assert checked.ok and checked.value is not None, checked.diagnostics
    return prepare(checked.value)


@pytest.mark.parametrize("damage", ["a byte of an array", "what was learned", "no checksum"])
def test_an_entry_that_was_damaged_is_made_anew(damage: str, tmp_path: Path) -> None:
    Path("numbers.csv").write_text("a,y\n1,0\n2,1\n,1\n")
    (entry,) = (tmp_path / "cache" / kept().cache[0].key,)
    assert kept().cache[0].used
    if damage == "a byte of an array":
        array = np.load(entry / "0.npy")
        array[1] = 1e6
        np.save(entry / "0.npy", array)
    else:
        read = json.loads((entry / "entry.json").read_text())
        if damage == "no checksum":
            del read["sha256"]
        else:
            read["facts"]["state"]["inputs"]["x"]["fill"]["a"] = 1e6
        (entry / "entry.json").write_text(json.dumps(read))
    again = kept()
    assert (again.cache[0].used, again.cache[0].damaged) == (False, True)
    assert again.parts["train"].examples.inputs["x"].tolist() == [[1], [2], [1.5]]
    assert kept().cache[0].used


def test_an_entry_of_a_version_without_checksums_is_read() -> None:
    key = cache.Key("t.csv", {"source": "abc"})
    folder = cache.folder() / key.digest
    folder.mkdir(parents=True)
    np.save(folder / "0.npy", np.arange(3))
    entry = {"source": "t.csv", "parts": key.parts, "facts": {}}
    arrays = {"inputs/x": ["0.npy", [3], "int64"]}
    (folder / "entry.json").write_text(json.dumps({**entry, "arrays": arrays}))
    found = cache.find(key)
    assert found is not None and found.arrays["inputs/x"].tolist() == [0, 1, 2]


@pytest.mark.tensorflow
def test_a_test_part_does_not_hold_the_rows_of_training() -> None:
    """`rows` of one file: what is kept on disk of one part is not that of the other."""
    import h5py

    import modelspec as ms

    with h5py.File("d.h5", "w") as file:
        file["x"] = np.arange(20, dtype="float32").reshape(20, 1)
        file["y"] = np.arange(20) % 2
    spec = ms.load_spec(
        {
            "model": {
                "inputs": {"x": [1]},
                "layers": [{"Dense": {"units": 1, "activation": "sigmoid"}}],
            },
            "data": {
                "train": {"hdf5": {"path": "d.h5", "rows": [0, 10]}},
                "test": {"hdf5": {"path": "d.h5", "rows": [10, None]}},
                "cache": "disk",
                "inputs": {"x": "x"},
                "targets": "y",
            },
            "training": {"loss": "binary_crossentropy"},
        }
    )
    parts = prepare(spec.compiled).parts
    first = {name: float(np.asarray(parts[name].examples.inputs["x"])[0, 0]) for name in parts}
    assert first == {"train": 0.0, "test": 10.0}
