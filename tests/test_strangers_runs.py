"""A run folder of somebody else: its links are not followed, its files are checked before use, and
its model file is read by the reader for weight files.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.core.run_names import OWN
from modelspec.runtime.history.edited_files import is_unchanged, sealed
from modelspec.runtime.run.folder import RunFolder
from modelspec.runtime.run.manifest import Manifest
from modelspec.runtime.run.snapshot_form import has_form
from tests.run_folders import run_folder
from tests.tools.fuzz_runs import CHEAP, call, mutate

WEIRD: tuple[Any, ...] = (None, -1, "x", [], {"python": 1}, [[]], 10**30)


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the user with a file, beside the working directory."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / "precious").write_text("precious")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield place
    assert (place / "precious").read_text() == "precious"
    assert [one.name for one in place.iterdir()] == ["precious"]


def code(error: pytest.ExceptionInfo[ms.RunError]) -> str:
    return error.value.diagnostics[0].code


@pytest.mark.parametrize("name", sorted(OWN))
def test_links_among_the_files_of_a_run_are_refused(name: str, outside: Path) -> None:
    run = run_folder("r", outcome="interrupted")
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(outside if "." not in name else outside / "precious")
    for use in (ms.open_run, ms.resume):
        with pytest.raises(ms.RunError) as error:
            use(run)
        assert code(error) == "MS970"


@pytest.mark.parametrize("name", ["logs", "a/b/events", "checkpoints/000001-step-1"])
def test_a_run_with_any_link_is_not_resumed(name: str, outside: Path) -> None:
    run = run_folder("r", outcome="interrupted")
    (run / name).parent.mkdir(parents=True, exist_ok=True)
    (run / name).symlink_to(outside)
    with pytest.raises(ms.RunError) as error:
        RunFolder.reopen(run)
    assert code(error) == "MS970"


def test_a_folder_whose_lock_is_a_link_is_not_written(outside: Path) -> None:
    Path("new").mkdir()
    Path("new/.lock").symlink_to(outside / "precious")
    with pytest.raises(ms.RunError) as error:
        RunFolder.create("m", Path("new"))
    assert code(error) == "MS703"


def test_a_run_may_be_reached_by_a_link(outside: Path) -> None:
    run_folder("r")
    Path("latest").symlink_to("r")
    assert Manifest.read(Path("latest")).outcome == "completed"


def test_whatever_is_in_the_files_of_a_run_ends_in_a_diagnostic(outside: Path) -> None:
    rng = random.Random(11)
    run_folder("good")
    for number in range(60):
        run = run_folder(f"bad/{number}")
        what = mutate(run, ("manifest.json", "metrics.json", "history.csv")[number % 3], rng)
        status, printed = call(rng.choice(CHEAP), str(run))
        assert status in (0, 1, 2, 3), (what, printed)
        assert "\x1b" not in printed and "Traceback" not in printed, what


def test_every_flipped_bit_of_a_manifest_is_found() -> None:
    text = sealed({"format": 1, "outcome": "completed", "epochs": 3, "metrics": {"loss": 0.25}})
    assert is_unchanged(text)
    for at in range(len(text)):
        for bit in range(8):
            changed = bytearray(text)
            changed[at] ^= 1 << bit
            if not is_unchanged(bytes(changed)):
                continue
            with pytest.raises(ValueError, match=r"."):  # else it is not JSON any more
                json.loads(bytes(changed))


def test_changed_results_are_reported(outside: Path) -> None:
    from modelspec.runtime.history import read_record

    run_folder("r/1")
    metrics = Path("r/1/metrics.json").read_bytes()
    manifest: dict[str, Any] = json.loads(Path("r/1/manifest.json").read_text())
    manifest["files"] = {"metrics.json": hashlib.sha256(metrics).hexdigest()}
    Path("r/1/manifest.json").write_bytes(sealed(manifest))
    assert read_record(Path("r/1")).diagnostics == ()
    Path("r/1/metrics.json").write_bytes(metrics.replace(b"0.9", b"0.8"))
    (found,) = read_record(Path("r/1")).diagnostics
    assert (found.code, found.severity) == ("MS777", "warning")


def test_a_changed_threshold_is_reported(outside: Path) -> None:
    from modelspec.runtime.history import altered
    from modelspec.runtime.run.thresholds import Stored

    run = run_folder("r")
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_bytes(sealed({**manifest, "files": {}}))
    Stored("f1", "validation", 8, {"y": (0.3,)}, {"y": (0.9,)}).save(run)
    manifest = json.loads((run / "manifest.json").read_text())
    assert list(manifest["files"]) == ["threshold.json"]
    before = altered(run, manifest)
    text = (run / "threshold.json").read_text()
    (run / "threshold.json").write_text(text.replace("0.3", "0.4"))
    changed = {"threshold.json": "was edited after the run wrote it"}
    assert altered(run, manifest) == {**before, **changed}
    (run / "threshold.json").unlink()  # as the help of MS736 says
    assert altered(run, manifest) == before
    edited = (run / "manifest.json").read_bytes().replace(b"completed", b"failed")
    (run / "manifest.json").write_bytes(edited)
    Stored("f1", "validation", 8, {"y": (0.5,)}, {"y": (0.9,)}).save(run)
    assert (run / "manifest.json").read_bytes() == edited  # the edit can still be seen


def test_a_state_of_another_form_is_refused() -> None:
    import numpy as np

    words = np.zeros(625, "uint64")
    state: dict[str, Any] = {
        "epoch": 1,
        "step": 2,
        "seconds": 0.5,
        "history": {"rows": ['{"loss":{"float":"nan"}}'], "seconds": [0.1], "running": 0.0},
        "numbers": {"left_out": [[0, 1]], "in_a_row": 0},
        "callbacks": [{"name": "EarlyStopping", "files": None, "values": {"wait": 0}}],
        "random": {"python": [3, None]},
    }
    assert has_form(state, {"random/python": words}, 3)
    assert not has_form(state, {}, 3)
    for key in state:
        for weird in WEIRD:
            changed = {**state, key: weird}
            if (key, weird) not in (("callbacks", []), ("seconds", -1)):
                is_large = key == "seconds" and weird == 10**30
                assert has_form(changed, {"random/python": words}, 3) == is_large, (key, weird)


@pytest.mark.tensorflow
def test_an_array_that_claims_more_than_it_has_is_refused(tmp_path: Path) -> None:
    """The file and its hash in the manifest are by the same person."""
    import numpy as np

    folder = tmp_path
    np.savez(folder / "d.npz", x=np.zeros((8, 2), "float32"), y=np.zeros((8, 1), "float32"))
    spec = {
        "model": {"inputs": {"x": [2]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
        "data": {"source": {"npz": str(folder / "d.npz")}, "inputs": {"x": "x"}, "targets": "y"},
        "training": {"loss": "mse"},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run = ms.load_spec(spec).train(run_dir="r").directory
        before = [weight.numpy() for weight in ms.open_run("r").model.weights]
        for rows, wanted in ((1_000_000, "MS751"), (3, "MS752"), (2, None)):
            _replace(folder / run, rows, compressed=rows > 3)
            if wanted is None:
                found = [weight.numpy() for weight in ms.open_run("r").model.weights]
                assert [one.shape for one in found] == [one.shape for one in before]
                assert (found[0] == 1).all()
                continue
            with pytest.raises(ms.RunError) as error:
                _ = ms.open_run("r").model
            assert code(error) == wanted


def _replace(run: Path, rows: int, *, compressed: bool) -> None:
    """Replaces the kernel in the model file by one of so many rows, and the hash in the manifest."""
    import h5py

    with zipfile.ZipFile(run / "model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    file = io.BytesIO(parts["model.weights.h5"])
    settings: dict[str, Any] = {"compression": "gzip", "chunks": (1000, 1)} if compressed else {}
    with h5py.File(file, "r+") as opened:
        group = opened["layers/dense/vars"]
        del group["0"]
        kernel = group.create_dataset("0", (rows, 1), "float32", fillvalue=1, **settings)
        if not compressed:
            kernel[...] = 1
    parts["model.weights.h5"] = file.getvalue()
    with zipfile.ZipFile(run / "model.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    manifest = json.loads((run / "manifest.json").read_text())
    digest = hashlib.sha256((run / "model.keras").read_bytes()).hexdigest()
    manifest["files"] = {"model.keras": digest}
    (run / "manifest.json").write_text(json.dumps(manifest))
