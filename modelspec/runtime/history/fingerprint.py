"""The fingerprint of a run: everything that determines its numbers, in named parts.

    spec/model         a section of the spec after expansion; without name, description, `expect`
    data/penguins.csv  a file in the spec: data, vocabularies, weights
    plugins/ourlab     the code of the plugins that the spec uses
    versions/keras     installed packages
    machine/threads    the class of the machine

Two runs with equal fingerprints have equal results. It is computed without a framework, and before
any data are opened, except for data whose files are known only then (`needs_opening`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeAlias

from modelspec.compiler.expand.rebase import named_paths
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.file_reading import file_columns
from modelspec.core.places import is_address
from modelspec.core.plugins.declared import Declared
from modelspec.views.resolve import resolved

from .file_hashes import hash_of
from .machine import class_of_machine, versions_of_results
from .used_packages import package_versions
from .used_plugins import plugin_hashes

_NO_NUMBERS: Final = ("name", "description", "expect")
"""Sections of a spec that affect no number of a run."""
_OF_A_PROGRAM: Final = ("python", "given")
"""Sources whose data come from a Python program."""
Opened: TypeAlias = Callable[[Compiled], Mapping[str, str] | None]
"""Opens the data of a spec and returns a hash of each of its sources; None if they are invalid."""


@dataclass(frozen=True)
class Fingerprint:
    """The parts of a fingerprint by name, each with its hash or its value."""

    parts: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of all parts."""
        return _hash(sorted(self.parts.items()))

    def differences(self, other: Fingerprint) -> tuple[str, ...]:
        """The names of the parts that differ from another one, sorted."""
        names = sorted({*self.parts, *other.parts})
        return tuple(name for name in names if self.parts.get(name) != other.parts.get(name))

    def of(self, *groups: str) -> dict[str, str]:
        """The parts of some groups: `of("data")`."""
        return {
            name: value for name, value in self.parts.items() if name.partition("/")[0] in groups
        }

    def as_json(self) -> dict[str, Any]:
        """For a manifest or a baseline."""
        return {"sha256": self.digest, "parts": dict(self.parts)}

    @classmethod
    def read(cls, value: object) -> Fingerprint | None:
        """The fingerprint in a manifest or a baseline; None for anything else."""
        parts = value.get("parts") if isinstance(value, dict) else None
        if not isinstance(parts, dict) or not parts:
            return None
        if not all(isinstance(one, str) for one in parts.values()):
            return None
        return cls({str(name): one for name, one in parts.items()})


def fingerprint(compiled: Compiled, opened: Opened | None = None) -> Fingerprint | None:
    """The fingerprint of a run of a spec here and now; None if it is unknown: a file is missing, or
    data come from a program.

    `opened` is called if the data have to be opened for it (`needs_opening`).
    """
    data = _data(compiled, opened)
    if data is None:
        return None
    return Fingerprint(
        {
            **_grouped("spec", dict(_spec(compiled))),
            **_grouped("data", data),
            **_grouped("plugins", plugin_hashes(compiled)),
            **_grouped("versions", {**versions_of_results(), **package_versions(compiled)}),
            **_grouped("machine", class_of_machine()),
        }
    )


def paths_of(compiled: Compiled) -> tuple[str, ...]:
    """Every path, pattern and address that a spec reads, as written."""
    found = dict.fromkeys(named_paths(compiled.file.document.root))
    for source in _sources(compiled):
        files = getattr(source, "files", ())
        found |= dict.fromkeys([files] if isinstance(files, str) else dict(files).values())
    return tuple(found)


def needs_opening(compiled: Compiled) -> bool:
    """Whether the data have to be opened to determine the files: they are at an address, or listed
    in a table, or the source of a plugin reads them.
    """
    data = compiled.data
    if data is None:
        return False
    return (
        any(is_address(one) for one in paths_of(compiled))
        or any(isinstance(source, Declared) for source in _sources(compiled))
        or any(getattr(source, "csv", None) for source in _sources(compiled))
        or bool(file_columns(data.inputs or {}) or file_columns(data.targets or {}))
    )


def _spec(compiled: Compiled) -> Iterator[tuple[str, str]]:
    yield "seed", str(compiled.file.seed)
    for key, value in resolved(compiled).items():
        if key == "runtime" and isinstance(value, dict) and "logging" in value:
            value = {name: one for name, one in value.items() if name != "logging"}
            if not value:
                continue
        if key not in (*_NO_NUMBERS, "seed"):
            yield key, _hash(value)


def _data(compiled: Compiled, opened: Opened | None) -> dict[str, str] | None:
    if any(one.kind() in _OF_A_PROGRAM for one in _sources(compiled)):
        return None
    found: dict[str, str] = {}
    covered = _covered(compiled)
    for written in paths_of(compiled):
        if is_address(written) or written in covered:
            continue  # its hash is among those of the opened data
        content = hash_of(written, compiled.file.context)
        if content is None:
            return None
        found[written] = content
    if needs_opening(compiled):
        more = opened(compiled) if opened is not None else None
        if more is None:
            return None
        found |= {f"opened {name}": content for name, content in more.items()}
    return found


def _covered(compiled: Compiled) -> set[str]:
    """Folders with files listed in a table: their hash is part of the opened data."""
    return {one.root for one in _sources(compiled) if getattr(one, "csv", None) and one.root}


def _sources(compiled: Compiled) -> tuple[Any, ...]:
    return tuple(compiled.data.sources.values()) if compiled.data is not None else ()


def _grouped(group: str, parts: Mapping[str, str]) -> dict[str, str]:
    return {f"{group}/{name}": value for name, value in parts.items()}


def _hash(value: Any) -> str:
    return sha256(json.dumps(value, ensure_ascii=False, default=str).encode()).hexdigest()
