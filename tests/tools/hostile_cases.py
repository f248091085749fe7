"""Hostile files: specs, model files, data, run folders and projects of somebody who wants to read,
write, run or fetch what the user did not grant. Each case writes its files into an empty folder,
beside a folder `outside` with a secret.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from modelspec.core.run_names import OWN
from tests.run_folders import run_folder
from tests.test_source_files import BYTES, HOSTILE
from tests.tools.fuzz_runs import mutate
from tests.tools.hostile_case import CSV, EXECUTED, Case, spec_of_table, with_file
from tests.tools.hostile_files import data, models


def cases() -> list[Case]:
    """All of them, always in the same order."""
    found = [
        *_texts(),
        *_tags(),
        *_paths(),
        *_sizes(),
        *models(),
        *data(),
        *_runs(),
        *_projects(),
    ]
    assert len({one.name for one in found}) == len(found)
    return found


# Specs --------------------------------------------------------------------------------------------


def _texts() -> Iterator[Case]:
    for name, (kind, text, _) in HOSTILE.items():
        file = f"s.{'json' if kind == 'json' else 'yaml'}"
        yield Case(f"text: {name}", with_file(file, text), ("check", file))
    for name, raw, _ in BYTES:
        yield Case(f"bytes: {name}", with_file("s.yaml", raw), ("check", "s.yaml"))


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
        yield Case(f"tag: {tag[:40]}", with_file("s.yaml", text), ("check", "s.yaml"))


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
        spec = spec_of_table()
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
        spec = {**spec_of_table(), "model": {"inputs": {"x": [2]}, "layers": [layer]}}
        text = yaml.safe_dump(spec)
        yield Case(
            f"size: {json.dumps(layer)[:50]}", with_file("s.yaml", text), ("check", "s.yaml")
        )


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
        spec = spec_of_table()
        spec["data"]["source"] = {"csv": "../outside/secret.csv"}
        (folder / "s.yaml").write_text(yaml.safe_dump(spec))

    return write
