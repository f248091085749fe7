"""Hostile model files and data files."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.tools.hostile_case import EXECUTED, Case, spec_of_table, with_file

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


def models() -> Iterator[Case]:
    """Model files, given to `import`, and weight files."""
    for name, (kind, config) in _layers().items():
        text = json.dumps(_architecture(kind, config))
        command = ("import", "m.json", "-o", "new.yaml")
        yield Case(f"model json: {name}", with_file("m.json", text), command)
        archive = _archive(
            {"config.json": text.encode(), "model.weights.h5": b"", "metadata.json": b"{}"}
        )
        command = ("import", "m.keras", "-o", "new.yaml")
        yield Case(f"model keras: {name}", with_file("m.keras", archive), command)
    for name, parts in {
        "a member above": {"../../executed": b"x", "config.json": b"{}"},
        "a large member": {"config.json": b" " * 200_000_000},
        "2,000 members": {f"{at}": b"" for at in range(2000)},
        "a list": {"config.json": b"[]"},
        "deep": {"config.json": b"[" * 100_000},
        "not text": {"config.json": b"\xff\xfe"},
    }.items():
        command = ("import", "m.keras", "-o", "new.yaml")
        yield Case(f"archive: {name}", with_file("m.keras", _archive(parts)), command)
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


def data() -> Iterator[Case]:
    """Data files, each with a spec that reads it."""
    for name, file, write in _data_files():
        spec = spec_of_table()
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


def _npz_bomb(folder: Path) -> None:
    with_file("b.npz", _archive({"x.npy": b"\0" * 300_000_000}))(folder)


def _gzip_bomb(folder: Path) -> None:
    with_file("b.csv.gz", gzip.compress(b"1" * 300_000_000))(folder)


def _data_files() -> Iterator[tuple[str, str, Callable[[Path], None]]]:
    objects = io.BytesIO()
    np.save(objects, np.array([_Runs()], dtype=object), allow_pickle=True)
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 2000000), }"
    huge = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head
    yield "pickled npz", "p.npz", with_file("p.npz", pickle.dumps(_Runs()))
    yield "objects in npz", "o.npz", with_file("o.npz", _archive({"x.npy": objects.getvalue()}))
    yield "objects in npy", "o.npy", with_file("o.npy", objects.getvalue())
    yield "16 TB in npy", "h.npy", with_file("h.npy", huge)
    yield "16 TB in npz", "h.npz", with_file("h.npz", _archive({"x.npy": huge}))
    yield "a bomb in npz", "b.npz", _npz_bomb
    yield "a bomb in gzip", "b.csv.gz", _gzip_bomb
    yield "pickled csv", "p.csv", with_file("p.csv", pickle.dumps(_Runs()))
    yield "pickled parquet", "p.parquet", with_file("p.parquet", pickle.dumps(_Runs()))
    yield "pickled arrow", "p.arrow", with_file("p.arrow", pickle.dumps(_Runs()))
    yield "pickled hdf5", "p.h5", with_file("p.h5", pickle.dumps(_Runs()))
    yield "a million columns", "m.csv", with_file("m.csv", "," * 10**6 + "\n" + "," * 10**6 + "\n")
    yield "controls", "c.csv", with_file("c.csv", "\x1b]0;x\x07,b\n\x1b[2J,\x9b31m\n")
    yield "deep jsonl", "d.jsonl", with_file("d.jsonl", "[" * 100_000)
    yield "huge idx", "h.idx", with_file("h.idx", struct.pack(">BBBBII", 0, 0, 8, 2, 2**31, 2**31))
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
