"""What Keras answers about bare layers and components of plugins: from a cache, or from a separate
process.

The process runs `modelspec.runtime.backend.plugin_probe`. It is started on the first question that
the cache cannot answer, and ends with this one. An entry of the cache belongs to the hash of the
code of the plugin and to the version of Keras. `Answers` asks other processes in the same way.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock, Timer
from typing import Any, Final

from .. import sandbox
from ..diagnostics import Fault
from ..project import cache_folder

ANSWER_SECONDS: Final = 180.0
"""The time limit of one answer, which may include loading a framework."""
_FORMAT: Final = 2
_TYPES: Final[dict[str, type]] = {"int": int, "float": float, "bool": bool, "str": str}


class _Probe:
    """The other process."""

    def __init__(self, module: str) -> None:
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        self._process = sandbox.start(module, stdin=pipe, stdout=pipe, stderr=nothing)

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer; None if the process ends, or has not answered after the time limit."""
        assert self._process.stdin is not None and self._process.stdout is not None
        timer = Timer(ANSWER_SECONDS, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            return None
        finally:
            timer.cancel()
        found = json.loads(line) if line.endswith(b"\n") else None
        return found if isinstance(found, dict) else None

    def end(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()


_lock = Lock()
_probes: dict[str, _Probe] = {}
"""The processes that run, by their modules."""


@atexit.register
def end_probe() -> None:
    """Ends the processes that run."""
    while _probes:
        _probes.popitem()[1].end()


class Answers:
    """Answers of a module that reads questions and writes answers, one JSON value a line: from a
    cache, or from its process.
    """

    def __init__(self, module: str, part: str) -> None:
        self._module = module
        self._part = part
        """The folder of the cache."""

    def to(
        self, question: Mapping[str, Any], key: Mapping[str, Any], *, fresh: bool = False
    ) -> dict[str, Any] | None:
        """The answer to a question; None if the process crashed or took too long. The cache keeps
        it under `key`, unless it is a `fault`; with `fresh` the process is always asked.
        """
        name = sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        file = cache_folder(self._part) / f"{name}.json"
        found = None if fresh else _read(file)
        if found is None:
            with _lock:
                found = _asked(question, self._module)
            if found is None:
                end_probe()
            elif "fault" not in found:
                _write(file, found)
        return found


_OF_PLUGINS: Final = Answers("modelspec.runtime.backend.plugin_probe", "plugins")


def answer(noun: str, path: str, digest: str, **question: Any) -> dict[str, Any]:
    """The answer to a question about the class at an import path, e.g. of a `layer`. Raises `Fault`
    (MS855) if there is none.
    """
    key = {"path": path, "code": digest, "keras": _keras(), "format": _FORMAT, **question}
    found = _OF_PLUGINS.to({"path": path, "places": sys.path, **question}, key)
    if found is None:
        raise Fault(
            "MS855",
            f"Keras gives no answer about the {noun} `{path}` of a plugin: the process crashed,"
            f" or took more than {ANSWER_SECONDS:g} seconds",
            help=f'try `python -c "import {path.partition(":")[0]}"`',
        )
    if "fault" in found:
        place = found.get("place")
        raise Fault(
            "MS855",
            f"the {noun} `{path}` of a plugin cannot be used: {found['fault']}",
            (),
            (f"raised in {place}",) if place else (),
            help="correct the plugin",
        )
    return found


def field_of(parameter: Mapping[str, Any]) -> tuple[Any, Any]:
    """The type and the default of the setting of a parameter, as answered for a signature."""
    annotation: Any = _TYPES.get(parameter["type"] or "", Any)
    if parameter["required"]:
        return annotation, ...
    default = parameter.get("default")
    return (annotation if default is not None else annotation | None), default


def _asked(question: Mapping[str, Any], module: str) -> dict[str, Any] | None:
    if module in _probes and not _probes[module].runs:
        _probes.pop(module).end()
    if module not in _probes:
        _probes[module] = _Probe(module)
    return _probes[module].ask(question)


def _keras() -> str:
    try:
        return version("keras")
    except PackageNotFoundError:
        return ""


def _read(file: Path) -> dict[str, Any] | None:
    """An entry of the cache; None if it does not exist or is damaged."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _write(file: Path, found: Mapping[str, Any]) -> None:
    """Writes an entry, complete or not at all. Without a cache the process is asked again."""
    beside = file.with_name(f".{os.getpid()}-{file.name}")
    with suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside.write_text(json.dumps(found), encoding="utf-8")
        beside.replace(file)
