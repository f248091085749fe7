"""Flips bits of small data files of every format, and reads them.

    python -m tests.tools.flip_bits [FORMAT...]      every bit of the files

A file with a flipped bit is read, or its error names it. Anything else is printed: another
exception, an error without the name, columns of different lengths, a process that crashes. Each
format is read in a child process.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import struct
import sys
import tempfile
import wave
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from modelspec.runtime.data import DataError
from tests.sources import opened, write_records
from tests.tools.crash_points import say

TABLE: dict[str, list[Any]] = {"n": [1, 2, 3], "v": [0.5, -1.5, 2.25], "s": ["a", "bc", ""]}
RECORD = {"n": {"dtype": "int64"}, "v": {"dtype": "float32"}, "s": {"dtype": "string"}}
_CSV = b"n,v,s\n1,0.5,a\n2,-1.5,bc\n3,2.25,\n"


class Format(NamedTuple):
    """A format: the file whose bits are flipped, how it is written, and the source of it."""

    file: str
    write: Callable[[Path], None]
    source: Mapping[str, Any]


def _bytes(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return write


def _lines() -> bytes:
    rows = (dict(zip(TABLE, row, strict=True)) for row in zip(*TABLE.values(), strict=True))
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _parquet(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.table(TABLE), path)


def _arrow(path: Path) -> None:
    import pyarrow as pa

    table = pa.table(TABLE)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _npz(path: Path) -> None:
    np.savez_compressed(path, n=np.arange(3), v=np.ones((3, 2), "float32"))


def _npy(path: Path) -> None:
    np.save(path, np.arange(6.0).reshape(3, 2))


def _hdf5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file["n"] = np.arange(3)
        file["s"] = [b"a", b"bc", b""]


def _tfrecord(path: Path) -> None:
    rows = zip(TABLE["n"], TABLE["v"], TABLE["s"], strict=True)
    examples = [{"n": [n], "v": [v], "s": [str(s).encode()]} for n, v, s in rows]
    write_records(path, examples)


def _idx(path: Path) -> None:
    path.write_bytes(struct.pack(">BBBBII", 0, 0, 8, 2, 3, 4) + bytes(range(12)))


def _image(kind: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        from PIL import Image

        rng = np.random.default_rng(0)
        for folder in ("a", "b"):
            (path.parent.parent / folder).mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 255, (5, 4, 3)).astype("uint8")
            other = path.parent.parent / folder / path.name
            Image.fromarray(pixels).save(other, kind)

    return write


def _wav(path: Path) -> None:
    for folder in ("a", "b"):
        place = path.parent.parent / folder / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(place), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(np.arange(20, dtype="<i2").tobytes())


def _texts(path: Path) -> None:
    for folder in ("a", "b"):
        place = path.parent.parent / folder / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"some wörds of {folder}\n", encoding="utf-8")


def _images(extension: str, kind: str) -> Format:
    source = {"images": {"path": extension, "size": [4, 4]}}
    return Format(f"{extension}/a/one.{extension}", _image(kind), source)


FORMATS: dict[str, Format] = {
    "csv": Format("t.csv", _bytes(_CSV), {"csv": "t.csv"}),
    "gz": Format("t.csv.gz", _bytes(gzip.compress(_CSV, mtime=0)), {"csv": "t.csv.gz"}),
    "jsonl": Format("t.jsonl", _bytes(_lines()), {"jsonl": "t.jsonl"}),
    "parquet": Format("t.parquet", _parquet, {"parquet": "t.parquet"}),
    "arrow": Format("t.arrow", _arrow, {"arrow": "t.arrow"}),
    "npz": Format("t.npz", _npz, {"npz": "t.npz"}),
    "npy": Format("t.npy", _npy, {"npy": {"v": "t.npy"}}),
    "hdf5": Format("t.h5", _hdf5, {"hdf5": "t.h5"}),
    "tfrecord": Format(
        "t.tfrecord", _tfrecord, {"tfrecord": {"path": "t.tfrecord", "features": RECORD}}
    ),
    "idx": Format("t.idx", _idx, {"idx": {"v": "t.idx"}}),
    "png": _images("png", "PNG"),
    "jpg": _images("jpg", "JPEG"),
    "webp": _images("webp", "WEBP"),
    "tiff": _images("tiff", "TIFF"),
    "gif": _images("gif", "GIF"),
    "bmp": _images("bmp", "BMP"),
    "wav": Format("wav/a/one.wav", _wav, {"audio": {"path": "wav"}}),
    "text": Format("txt/a/one.txt", _texts, {"text": {"path": "txt"}}),
}


def every_bit(content: bytes) -> Iterator[tuple[int, int]]:
    """The place of every bit."""
    return ((at, bit) for at in range(len(content)) for bit in range(8))


def sample_of_bits(content: bytes, seed: int, most: int) -> list[tuple[int, int]]:
    """One bit of every byte; of a longer file, of `most` bytes."""
    rng = random.Random(seed)
    places = range(len(content))
    chosen = places if len(content) <= most else sorted(rng.sample(places, most))
    return [(at, rng.randrange(8)) for at in chosen]


def problem(chosen: Format, folder: Path) -> str | None:
    """What is wrong with the way in which a file is read; None if it is read or its error names
    it.
    """
    try:
        table = opened(chosen.source, folder)
        counts = {len(table.column(name)) for name in table.names}
        # Arrays of a file may differ in length; a spec that uses two of them is refused.
        fits = table.count is None or counts <= {table.count}
        return None if fits else f"columns of {counts} rows"
    except DataError as error:
        # The first folder of a source of files is part of every path of it.
        names = (Path(chosen.file).name, chosen.file.split("/")[0])
        said = [str(one) for one in error.diagnostics]
        return None if all(any(name in one for name in names) for one in said) else said[0]
    except Exception as error:  # noqa: BLE001 - this is what is searched for
        return repr(error)


def flipped(name: str, folder: Path, bits: Iterable[tuple[int, int]] | None) -> Iterator[str]:
    """What is wrong, for each bit of a format; all bits by default."""
    chosen = FORMATS[name]
    path = folder / chosen.file
    path.parent.mkdir(parents=True, exist_ok=True)
    chosen.write(path)
    whole = path.read_bytes()
    if (found := problem(chosen, folder)) is not None:
        yield f"{name} without a change: {found}"
    for at, bit in every_bit(whole) if bits is None else bits:
        content = bytearray(whole)
        content[at] ^= 1 << bit
        path.write_bytes(bytes(content))
        if (found := problem(chosen, folder)) is not None:
            yield f"{name} bit {bit} of byte {at}: {found}"
    path.write_bytes(whole)


def in_child(name: str, folder: Path) -> tuple[int, str]:
    """The number of problems of a format, and their lines; a crash is one."""
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(read)
        with os.fdopen(write, "w") as answers:
            for line in flipped(name, folder, None):
                answers.write(line + "\n")
                answers.flush()
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answers:
        printed = answers.read()
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    lines = printed.splitlines()
    lines += [f"{name}: the process ended with {status}"] if status else []
    return len(lines), "\n".join(lines)


def main() -> None:
    names, wrong = sys.argv[1:] or list(FORMATS), 0
    for name in names:
        with tempfile.TemporaryDirectory() as place:
            count, lines = in_child(name, Path(place))
            size = (Path(place) / FORMATS[name].file).stat().st_size
        wrong += count
        if lines:
            say(lines)
        say(f"{name}: {8 * size:,} bits of {size:,} bytes, {count} problems")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
