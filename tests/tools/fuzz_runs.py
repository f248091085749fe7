"""Changes values in the files of a run folder, and calls every command that reads a run.

    python -m tests.tools.fuzz_runs [SEED [COUNT]]

Prints each change that ends in a traceback or in exit status 70, and a summary. Hashes in the files
are made to fit: a stranger would do the same.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.tools.crash_points import say

SPEC = """\
name: fuzzed
model:
  inputs: {x: [2], c: [1]}
  layers:
    - Concatenate: {from: [x, c]}
    - Dense: {units: 3, activation: softmax, name: y}
data:
  source: {csv: t.csv}
  inputs:
    x: {columns: [a, b], transform: [Normalization]}
    c: {column: c, transform: [StringLookup]}
  targets: {y: {column: t, transform: [{StringLookup: {num_oov_indices: 0}}]}}
  split: {test: 0.2, validation: 0.2}
training:
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: 2
  batch_size: 8
  callbacks: [{EarlyStopping: {patience: 5}}]
"""
WEIRD: tuple[Any, ...] = (
    *(None, True, -1, 0, 10**30, 1e308, float("nan"), float("inf"), "", "x", "/etc/hostname"),
    *("\x1b[31m", "\ud800", "../../x", [], {}, [[]], {"a": {"b": []}}, [None] * 3, "x" * 5000),
)
CHEAP = (
    ("runs", "{run}"),
    ("runs", "{run}", "--format", "json"),
    ("runs", "."),
    ("compare", "{run}", "good"),
    ("diff", "{run}", "good"),
    ("weights", "{run}", "good"),
    ("clean",),
)
"""Commands that load no framework."""
COSTLY = (
    ("evaluate", "{run}"),
    ("predict", "{run}", "--data", "t.csv"),
    ("resume", "{run}", "--set", "training.epochs=3"),
)
FILES = ("manifest.json", "metrics.json", "history.csv", "state", "index", "threshold.json")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values in plain JSON, containers too."""
    yield path
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield from leaves(item, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The value with one part replaced, or removed if `new` is `leaves`."""
    if not path:
        return new if new is not leaves else {}
    value = copy.deepcopy(value)
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    if new is leaves:
        del parent[path[-1]]
    else:
        parent[path[-1]] = new
    return value


def mutate(run: Path, file: str, rng: random.Random) -> str:
    """Changes one value of a file; returns a description."""
    if file == "history.csv":
        return _history(run / file, rng)
    if file == "threshold.json":
        (run / file).write_text(json.dumps({"version": 1, "thresholds": rng.choice(WEIRD)}))
        return file
    if file == "index":
        path, write = max(run.glob("checkpoints/0*")) / "index.json", _index
    elif file == "state":
        path, write = run / "preprocessing" / "state.json", _state
    else:
        path, write = run / file, _plain
    read = json.loads(path.read_bytes())
    where = rng.choice(list(leaves(read)))
    new = leaves if rng.random() < 0.2 and where else rng.choice(WEIRD)
    write(path, changed(read, where, new))
    return f"{file} {where} = {'removed' if new is leaves else repr(new)[:40]}"


def _history(path: Path, rng: random.Random) -> str:
    content = bytearray(path.read_bytes())
    at = rng.randrange(len(content))
    piece = rng.choice([b"\0", b"\xff", b'"', b",", b"\n", b"nan", b"1e999", b"\x1b[2J"])
    content[at : at + 1] = piece
    path.write_bytes(bytes(content))
    return f"history.csv {at} = {piece!r}"


def _plain(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))


def _state(path: Path, value: Any) -> None:
    if isinstance(value, dict) and "sha256" in value:
        text = json.dumps(value.get("features"), ensure_ascii=False, sort_keys=True)
        value["sha256"] = hashlib.sha256(text.encode(errors="replace")).hexdigest()
    path.write_text(json.dumps(value))


def _index(path: Path, value: Any) -> None:
    if isinstance(value, dict):
        value.pop("sha256", None)
    body = json.dumps(value, separators=(",", ":"))[:-1].encode()
    closing = f',"sha256":"{hashlib.sha256(body).hexdigest()}"}}'.encode()
    path.write_bytes(body + closing)


def call(arguments: tuple[str, ...], run: str) -> tuple[int, str]:
    """The exit status of a command in this process, and what it printed."""
    from click.testing import CliRunner

    from modelspec.cli import main

    def command() -> None:
        main(args=[one.format(run=run) for one in arguments])

    result = CliRunner().invoke(_called(command), [])
    error = result.exception
    status = 70 if error is not None and not isinstance(error, SystemExit) else result.exit_code
    return status, result.output + (repr(error) if status == 70 else "")


def _called(function: Callable[[], None]) -> Any:
    import click

    return click.Command("called", callback=function)


def prepare() -> None:
    """The data, the spec and a run of it, in the working directory."""
    rng = np.random.default_rng(0)
    rows = [
        f"{a:.3f},{b:.3f},{'uvw'[i % 3]},{'pqr'[i % 3]}"
        for i, (a, b) in enumerate(rng.normal(size=(40, 2)))
    ]
    Path("t.csv").write_text("a,b,c,t\n" + "\n".join(rows) + "\n")
    Path("s.yaml").write_text(SPEC)
    status, printed = call(("train", "s.yaml", "--run-dir", "good", "-q"), "")
    assert status == 0, printed


def fuzz(seed: int, count: int, *, costly: bool) -> list[str]:
    """Mutates `count` copies of a run; returns a description of each bug that was found."""
    rng, found = random.Random(seed), []
    for number in range(count):
        shutil.rmtree("bad", ignore_errors=True)
        shutil.copytree("good", "bad")
        file = FILES[number % len(FILES)]
        what = mutate(Path("bad"), file, rng)
        if rng.random() < 0.5:  # no model: the checkpoint is used
            Path("bad/model.keras").unlink()
        commands = (*CHEAP, *((rng.choice(COSTLY),) if costly else ()))
        for arguments in commands:
            status, printed = call(arguments, "bad")
            if status == 70 or "\x1b" in printed or "Traceback" in printed:
                found.append(f"{what}: {' '.join(arguments)}: {status} {printed[-600:]}")
    return found


def main() -> None:
    given = [int(one) for one in sys.argv[1:3]]
    seed, count = (*given, *(1, 200)[len(given) :])
    os.environ["MODELSPEC_CACHE"] = "cache"
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        prepare()
        found = fuzz(seed, count, costly=True)
        say("\n".join(found))
        say(f"{count} changed run folders, {len(found)} bugs")
        os.chdir("/")


if __name__ == "__main__":
    main()
