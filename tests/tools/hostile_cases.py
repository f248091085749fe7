"""Hostile files: specs, model files, data, run folders and projects of somebody who wants to read,
write, run or fetch what the user did not grant. Each case writes its files into an empty folder,
beside a folder `outside` with a secret.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from modelspec.core.run_names import OWN
from tests.run_folders import run_folder
from tests.test_source_files import BYTES, HOSTILE
from tests.tools.fuzz_runs import mutate

CSV = "a,b,y\n1,2,0\n3,4,1\n"
EXECUTED = "executed"
"""The file that code of a payload would write, in the folder of the case."""


class Case(NamedTuple):
    """One hostile input: how its files are written, and the command that is given them."""

    name: str
    write: Callable[[Path], None]
    command: tuple[str, ...]


def cases() -> list[Case]:
    """All of them, always in the same order."""
    found = [
        *_texts(),
        *_tags(),
        *_paths(),
        *_sizes(),
        *_models(),
        *_data(),
        *_runs(),
        *_projects(),
    ]
    assert len({one.name for one in found}) == len(found)
    return found


def _file(name: str, content: bytes | str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        (folder / name).write_bytes(raw)
        (folder / "t.csv").write_text(CSV)

    return write


# Specs --------------------------------------------------------------------------------------------


def _texts() -> Iterator[Case]:
    for name, (kind, text, _) in HOSTILE.items():
        file = f"s.{'json' if kind == 'json' else 'yaml'}"
        yield Case(f"text: {name}", _file(file, text), ("check", file))
    for name, raw, _ in BYTES:
        yield Case(f"bytes: {name}", _file("s.yaml", raw), ("check", "s.yaml"))


def _tags() -> Iterator[Case]:
    shell = f'["touch {EXECUTED}"]'
    for tag in (
        f"!!python/object/apply:os.system {shell}",
        f"!!python/object/new:os.system {shell}",
        "!!python/name:os.system ''",
        "!!python/module:os ''",
        f"!<tag:yaml.org,2002:python/object/apply:os.system> {shell}",
        f"!!python/object/apply:subprocess.check_output [[touch, {EXECUTED}]]",
        "!!binary aGVsbG8=",
        "!!set {a, b}",
        "$(__import__('os').system('touch executed'))",
        "$(open('/etc/hostname').read())",
    ):
        text = f"name: {tag}\nmodel: {{inputs: [2], layers: [{{Dense: 1}}]}}\n"
        yield Case(f"tag: {tag[:40]}", _file("s.yaml", text), ("check", "s.yaml"))


_PATHS = (
    *("../outside/secret.csv", "{outside}/secret.csv", "link.csv", "linked/secret.csv"),
    *("file:///etc/hostname", "http://127.0.0.1:9/x.csv", "gs://x/y.csv", "~/secret.csv"),
    *("sub/../../outside/secret.csv", "//127.0.0.1/share/x.csv", "s3://x/y.csv", "/etc/hostname"),
)
_USES: Mapping[str, tuple[str, Any]] = {
    "csv": ("data.source", {"csv": "PATH"}),
    "jsonl": ("data.source", {"jsonl": "PATH"}),
    "parquet": ("data.source", {"parquet": "PATH"}),
    "npz": ("data.source", {"npz": "PATH"}),
    "hdf5": ("data.source", {"hdf5": "PATH"}),
    "images": ("data.source", {"images": "PATH"}),
    "text": ("data.source", {"text": "PATH"}),
    "vocabulary": ("data.inputs.x", {"column": "a", "transform": [{"StringLookup": "PATH"}]}),
    "weights": ("training.weights", "PATH"),
    "logger": ("training.callbacks", [{"CSVLogger": "PATH"}]),
    "checkpoint": ("training.callbacks", [{"ModelCheckpoint": "PATH"}]),
    "extends": ("extends", "PATH"),
    "monitor": ("training.callbacks", [{"RemoteMonitor": "PATH"}]),
}


def _spec() -> dict[str, Any]:
    return {
        "model": {"inputs": {"x": [2]}, "layers": [{"Dense": 1}]},
        "data": {"source": {"csv": "t.csv"}, "inputs": {"x": ["a", "b"]}, "targets": "y"},
        "training": {"loss": "mse"},
    }


def _paths() -> Iterator[Case]:
    for use, (place, value) in _USES.items():
        for path in _PATHS:
            yield Case(
                f"{use}: {path}", _with_path(place, value, path), ("check", "--data", "s.yaml")
            )


def _with_path(place: str, value: Any, path: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        outside = folder.parent / "outside"
        (folder / "link.csv").symlink_to(outside / "secret.csv")
        (folder / "linked").symlink_to(outside)
        (folder / "t.csv").write_text(CSV)
        spec = _spec()
        parent, last = spec, place.split(".")[-1]
        for key in place.split(".")[:-1]:
            parent = parent[key]
        text = json.dumps(value).replace("PATH", path.format(outside=outside))
        parent[last] = json.loads(text)
        (folder / "s.yaml").write_text(yaml.safe_dump(spec))

    return write


def _sizes() -> Iterator[Case]:
    for layer in (
        {"Dense": 200_000_000},
        {"Dense": 10**12},
        {"Dense": 2**63},
        {"RepeatVector": 10**9},
        {"Reshape": [10**9, 10**9]},
        {"Embedding": {"input_dim": 10**12, "output_dim": 10**6}},
        {"repeat": {"times": 10**9, "layers": [{"Dense": 1}]}},
        {"Expression": "x" + " + x" * 50_000},
    ):
        spec = {**_spec(), "model": {"inputs": {"x": [2]}, "layers": [layer]}}
        text = yaml.safe_dump(spec)
        yield Case(f"size: {json.dumps(layer)[:50]}", _file("s.yaml", text), ("check", "s.yaml"))


# Model files --------------------------------------------------------------------------------------


def _layers() -> dict[str, Any]:
    """Descriptions of layers that run code, read files or fetch when Keras restores them."""
    function = {"class_name": "function", "config": "system", "module": "os"}
    fetch = {"module": "builtins", "class_name": "function", "config": "keras.utils.get_file"}
    return {
        "a lambda": (
            "Lambda",
            {"function": {"class_name": "__lambda__", "config": {"code": "4w=="}}},
        ),
        "a function of os": ("Lambda", {"function": function}),
        "a download": (
            "Lambda",
            {"function": fetch, "arguments": {"origin": "http://127.0.0.1:9"}},
        ),
        "a saved model": ("TFSMLayer", {"filepath": "../outside"}),
        "a module of torch": ("TorchModuleWrapper", {"module": "gASVAAAAAAAAAC4="}),
        "a layer of JAX": ("JaxLayer", {"call_fn": function}),
        "a layer of Flax": ("FlaxLayer", {"module": function}),
        "a vocabulary": ("StringLookup", {"vocabulary": "../outside/secret.csv"}),
        "a vocabulary by address": ("StringLookup", {"vocabulary": "http://127.0.0.1:9/v.txt"}),
        "texts": ("TextVectorization", {"vocabulary": "/etc/hostname"}),
        "a huge kernel": ("Dense", {"units": 10**12}),
        "a huge dtype": (
            "Dense",
            {"units": {"class_name": "__numpy__", "config": {"dtype": "S9e9"}}},
        ),
        "a name": ("Dense", {"units": 1, "name": "../../x"}),
        "no class": (None, {"units": 1}),
    }


def _architecture(kind: Any, config: Any) -> dict[str, Any]:
    inputs = {"class_name": "InputLayer", "config": {"batch_shape": [None, 2], "name": "x"}}
    layer = {"class_name": kind, "module": "keras.layers", "config": config}
    return {"class_name": "Sequential", "config": {"name": "m", "layers": [inputs, layer]}}


def _models() -> Iterator[Case]:
    for name, (kind, config) in _layers().items():
        text = json.dumps(_architecture(kind, config))
        command = ("import", "m.json", "-o", "new.yaml")
        yield Case(f"model json: {name}", _file("m.json", text), command)
        archive = _archive(
            {"config.json": text.encode(), "model.weights.h5": b"", "metadata.json": b"{}"}
        )
        command = ("import", "m.keras", "-o", "new.yaml")
        yield Case(f"model keras: {name}", _file("m.keras", archive), command)
    for name, parts in {
        "a member above": {"../../executed": b"x", "config.json": b"{}"},
        "a large member": {"config.json": b" " * 200_000_000},
        "2,000 members": {f"{at}": b"" for at in range(2000)},
        "a list": {"config.json": b"[]"},
        "deep": {"config.json": b"[" * 100_000},
        "not text": {"config.json": b"\xff\xfe"},
    }.items():
        command = ("import", "m.keras", "-o", "new.yaml")
        yield Case(f"archive: {name}", _file("m.keras", _archive(parts)), command)
    for name, write in _hdf5().items():
        yield Case(f"hdf5: {name}", write, ("weights", "w.weights.h5"))
        yield Case(f"hdf5 model: {name}", write, ("import", "w.weights.h5", "-o", "new.yaml"))


def _archive(parts: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def _hdf5() -> dict[str, Callable[[Path], None]]:
    import h5py

    def written(fill: Callable[[Any, Path], None]) -> Callable[[Path], None]:
        def write(folder: Path) -> None:
            with h5py.File(folder / "w.weights.h5", "w") as file:
                fill(file.create_group("layers/dense/vars"), folder.parent / "outside")

        return write

    def external(group: Any, outside: Path) -> None:
        secret = [(str(outside / "secret.csv"), 0, 8)]
        group.create_dataset("0", (2,), "float32", external=secret)

    def virtual(group: Any, outside: Path) -> None:
        layout = h5py.VirtualLayout((2,), "float32")
        layout[:] = h5py.VirtualSource(str(outside / "secret.h5"), "x", (2,))
        group.create_virtual_dataset("0", layout)

    def bomb(group: Any, outside: Path) -> None:
        sizes: dict[str, Any] = {"shape": (10**6, 1000), "chunks": (10**4, 1000)}
        group.create_dataset("0", dtype="float32", compression="gzip", fillvalue=1, **sizes)

    def linked(group: Any, outside: Path) -> None:
        group["0"] = h5py.ExternalLink(str(outside / "secret.h5"), "x")

    def cycle(group: Any, outside: Path) -> None:
        group["again"] = group.file["layers"]

    return {
        "external": written(external),
        "virtual": written(virtual),
        "bomb": written(bomb),
        "external link": written(linked),
        "soft link": written(lambda group, _: group.update({"0": h5py.SoftLink("/x")})),
        "cycle": written(cycle),
    }


# Data ---------------------------------------------------------------------------------------------


class _Runs:
    """Writes a file when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.system, (f"touch {EXECUTED}",)


def _data() -> Iterator[Case]:
    for name, file, write in _data_files():
        spec = _spec()
        kind = file.rsplit(".", maxsplit=1)[-1]
        kind = {"gz": "csv", "h5": "hdf5", "png": "images"}.get(kind, kind)
        source = {
            kind: "." if kind == "images" else {"x": file} if kind in ("npy", "idx") else file
        }
        spec["data"] = {"source": source}
        text = yaml.safe_dump(
            {**spec, "model": {"inputs": {"x": ["auto"]}, "layers": [{"Dense": 1}]}}
        )

        def both(folder: Path, write: Any = write, text: str = text) -> None:
            write(folder)
            (folder / "s.yaml").write_text(text)

        yield Case(f"data: {name}", both, ("check", "--data", "s.yaml"))


def _data_files() -> Iterator[tuple[str, str, Callable[[Path], None]]]:
    objects = io.BytesIO()
    np.save(objects, np.array([_Runs()], dtype=object), allow_pickle=True)
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 2000000), }"
    huge = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head
    yield "pickled npz", "p.npz", _file("p.npz", pickle.dumps(_Runs()))
    yield "objects in npz", "o.npz", _file("o.npz", _archive({"x.npy": objects.getvalue()}))
    yield "objects in npy", "o.npy", _file("o.npy", objects.getvalue())
    yield "16 TB in npy", "h.npy", _file("h.npy", huge)
    yield "16 TB in npz", "h.npz", _file("h.npz", _archive({"x.npy": huge}))
    yield "a bomb in npz", "b.npz", _file("b.npz", _archive({"x.npy": b"\0" * 300_000_000}))
    yield "a bomb in gzip", "b.csv.gz", _file("b.csv.gz", gzip.compress(b"1" * 300_000_000))
    yield "pickled csv", "p.csv", _file("p.csv", pickle.dumps(_Runs()))
    yield "pickled parquet", "p.parquet", _file("p.parquet", pickle.dumps(_Runs()))
    yield "pickled arrow", "p.arrow", _file("p.arrow", pickle.dumps(_Runs()))
    yield "pickled hdf5", "p.h5", _file("p.h5", pickle.dumps(_Runs()))
    yield "a million columns", "m.csv", _file("m.csv", "," * 10**6 + "\n" + "," * 10**6 + "\n")
    yield "controls", "c.csv", _file("c.csv", "\x1b]0;x\x07,b\n\x1b[2J,\x9b31m\n")
    yield "deep jsonl", "d.jsonl", _file("d.jsonl", "[" * 100_000)
    yield "huge idx", "h.idx", _file("h.idx", struct.pack(">BBBBII", 0, 0, 8, 2, 2**31, 2**31))
    yield "a large picture", "a.png", _pictures
    yield "a pipe", "pipe.csv", lambda folder: os.mkfifo(folder / "pipe.csv")
    yield "a device", "zero.csv", lambda folder: (folder / "zero.csv").symlink_to("/dev/zero")
    yield "a folder", "f.csv", lambda folder: (folder / "f.csv").mkdir()
    yield "a long name", f"{'x' * 5000}.csv", lambda folder: None


def _pictures(folder: Path) -> None:
    """A PNG file that claims 100,000 x 100,000 pixels, in the folder of each class."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "1.png").write_bytes(content + chunk(b"IEND", b""))


# Run folders and projects -------------------------------------------------------------------------


def _runs() -> Iterator[Case]:
    for number in range(45):
        file = ("manifest.json", "metrics.json", "history.csv")[number % 3]
        commands = (("runs", "r"), ("compare", "r", "good"), ("diff", "r", "good"))
        yield Case(f"run {number}: {file}", _mutated(file, number), commands[number // 3 % 3])
    for name in sorted(OWN):
        for command in ("evaluate", "resume"):
            yield Case(f"run: a link {name}: {command}", _linked(name), (command, "r"))


def _mutated(file: str, seed: int) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        run_folder(folder / "good")
        mutate(run_folder(folder / "r"), file, random.Random(seed))

    return write


def _linked(name: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        run = run_folder(folder / "r", outcome="interrupted")
        path, outside = run / name, folder.parent / "outside"
        path.unlink(missing_ok=True)
        path.symlink_to(outside if "." not in name else outside / "secret.csv")

    return write


def _projects() -> Iterator[Case]:
    for name, section in {
        "a plugin": 'plugins = ["evil"]',
        "a plugin of the library": 'plugins = ["os", "evil"]',
        "a data root": 'data_roots = ["../outside"]',
        "the whole disk": 'data_roots = ["/"]',
        "hosts": 'allow_hosts = ["127.0.0.1:9"]',
        "all of it": 'plugins = ["evil"]\ndata_roots = ["/"]\nallow_hosts = ["127.0.0.1"]',
        "numbers": "plugins = 1\ndata_roots = {a = 1}",
        "not TOML": "plugins = [",
        "controls": 'plugins = ["\\u001b[2J"]',
        "a long list": "plugins = [" + '"evil", ' * 50_000 + "]",
    }.items():
        yield Case(f"project: {name}", _project(section), ("check", "--data", "s.yaml"))


def _project(section: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "pyproject.toml").write_text(f"[tool.modelspec]\n{section}\n")
        (folder / "evil.py").write_text(f"open('{EXECUTED}', 'w')\n")
        spec = _spec()
        spec["data"]["source"] = {"csv": "../outside/secret.csv"}
        (folder / "s.yaml").write_text(yaml.safe_dump(spec))

    return write
