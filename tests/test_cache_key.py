"""The key of prepared data: another setting of a source that changes what is read is another entry.

An entry that is used with other settings would give wrong numbers, and a test part that holds the
rows of training.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.catalog.sources import SOURCES, read_source
from modelspec.core.settings import Context
from modelspec.runtime.data.sources import open_source

CHANGES = {
    "csv": ("t.csv", [{"delimiter": ";"}, {"header": ("u", "v")}, {"missing_values": ("x",)}]),
    "hdf5": ("t.h5", [{"rows": [0, 2]}, {"rows": [1, 3]}]),
    "text": ("lines.txt", [{"max_length": 3}]),
}


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import h5py

    monkeypatch.chdir(tmp_path)
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


@pytest.mark.tensorflow
def test_a_test_part_does_not_hold_the_rows_of_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """`rows` of one file: what is kept on disk of one part is not that of the other."""
    import h5py

    import modelspec as ms
    from modelspec.runtime.data import prepare

    monkeypatch.setenv("MODELSPEC_CACHE", str(Path.cwd() / "cache"))
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
