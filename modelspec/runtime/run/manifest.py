"""`manifest.json`: what a run was made of, on what machine, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.source.regular_files import read_regular

from ..data import Prepared, RunError
from ..history.record import FORMAT
from . import framework
from .atomic_files import digest, write_bytes
from .dependencies import dependencies
from .folder import MANIFEST, MODEL, RESOLVED, SPEC, RunFolder
from .resolved_spec import paths_start, resolved_text
from .run_data import save_state

_MOST = 64 * 2**20
"""Bytes of a manifest."""
_STOPPING = ("EarlyStopping", "TerminateOnNaN")
"""Callbacks that end a training before its last epoch."""
_OF_AN_END = ("faults", "signal", "ending")
"""What a manifest says of how a run ended, which is no longer so once it is resumed."""


class Record:
    """The manifest of a run in progress; on disk it is whole at every moment."""

    def __init__(self, folder: RunFolder, compiled: Compiled) -> None:
        """That of a run that begins, with the spec as it was written beside it. Raises `RunError`
        (MS703).
        """
        spec = spec_bytes(compiled)
        write_bytes(folder.file(SPEC), spec)
        self.folder = folder
        self._values: dict[str, Any] = {
            "format": FORMAT,
            "name": compiled.name,
            "outcome": "running",
            "started": _now(),
            "ended": None,
            "spec": {
                "file": _file(compiled),
                "folder": str(paths_start(compiled)),
                "sha256": sha256(spec).hexdigest(),
            },
            "seed": compiled.file.seed,
            "parameters": compiled.graph.parameters if compiled.graph else None,
            "versions": framework.versions(),
            "dependencies": dict(dependencies()),
            "machine": framework.machine(),
        }
        self._write()

    @classmethod
    def reopen(cls, folder: RunFolder, before: Manifest, **resumed: Any) -> Record:
        """The manifest of a run that goes on; `resumed` says from where, and stays in it for
        ever.
        """
        values = {key: value for key, value in before.values.items() if key not in _OF_AN_END}
        if resumed.get("inexact"):
            values["inexact"] = True
        earlier = values.get("resumed")
        entries = [*(earlier if isinstance(earlier, list) else []), {"at": _now(), **resumed}]
        record = cls.__new__(cls)
        record.folder = folder
        record._values = {**values, "outcome": "running", "ended": None, "resumed": entries}
        record._write()
        return record

    def data(self, prepared: Prepared) -> None:
        """The data is open: what it was, and the spec with all that followed from it."""
        resolved = resolved_text(prepared).encode()
        save_state(prepared, self.folder.path)  # a run with a spec has what it learned
        write_bytes(self.folder.file(RESOLVED), resolved)
        self._values["spec"]["resolved_sha256"] = sha256(resolved).hexdigest()
        self._values["parameters"] = (
            prepared.compiled.graph.parameters if prepared.compiled.graph else None
        )
        self._values["data"] = data_facts(prepared)
        self._values["training"] = _planned(prepared.compiled)
        self._write()

    def starts_from(self, weights: Mapping[str, str]) -> None:
        """The SHA-256 of the files of weights that are about to be read, by their paths."""
        self._values["weights"] = dict(weights)
        self._write()

    def begin(self, **more: Any) -> None:
        """Training begins."""
        self._values["backend"] = framework.backend()
        self._values["deterministic"] = framework.promise()
        self._values.update(more)
        self._write()

    def end(self, outcome: str, faults: tuple[Diagnostic, ...] = (), **more: Any) -> None:
        """`completed`, `failed` or `interrupted`, and why."""
        model = self.folder.file(MODEL)
        self._values.update(outcome=outcome, ended=_now(), **more)
        if faults:
            self._values["faults"] = [
                {"code": fault.code, "message": fault.message, "help": fault.help}
                for fault in faults
            ]
        if model.exists():
            self._values["files"] = {MODEL: digest(model)}
        self._write()

    def _write(self) -> None:
        write_bytes(
            self.folder.file(MANIFEST), (json.dumps(self._values, indent=2) + "\n").encode()
        )


def _planned(compiled: Compiled) -> dict[str, Any]:
    """How long the run is to train, and the callbacks that may stop it before."""
    training = compiled.training
    if training is None:
        return {}
    names = [
        one.settings if isinstance(one.settings, str) else one.settings.kind()
        for one in training.callbacks
    ]
    return {
        "epochs": training.epochs,
        "batch_size": training.batch_size,
        "stops": [name for name in names if name in _STOPPING],
    }


def data_facts(prepared: Prepared) -> dict[str, Any]:
    """What the data of every part is known by."""
    return {
        name: {
            "source": part.examples.table.name,
            "sha256": part.examples.table.fingerprint,
            "examples": len(part),
        }
        for name, part in prepared.parts.items()
    }


def spec_bytes(compiled: Compiled) -> bytes:
    """The spec as it was written, to the byte where the file still says what was read."""
    source = compiled.file.document.root.span.source
    path = Path(source.name)
    try:
        raw = path.read_bytes()
        if raw.decode("utf-8-sig") == source.text:
            return raw
    except (OSError, ValueError):
        pass
    return source.text.encode()


def _file(compiled: Compiled) -> str:
    return compiled.file.document.root.span.file


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Manifest:
    """A manifest that was read."""

    values: Mapping[str, Any]

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """Raises `RunError` (MS708) where the folder holds no run, or a manifest that cannot be
        read.
        """
        path = directory / MANIFEST
        try:
            values = json.loads(read_regular(path, _MOST))
        except (FileNotFoundError, NotADirectoryError):
            what = (
                "is no folder" if not directory.is_dir() else f"holds no run: it has no {MANIFEST}"
            )
            raise RunError.of(
                "MS708", f"`{directory}` {what}", help="`modelspec train` makes a run folder"
            ) from None
        except OSError as error:
            reason = (error.strerror or "unknown error").lower()
            raise RunError.of("MS708", f"`{path}` cannot be read: {reason}") from None
        except (ValueError, RecursionError):
            raise RunError.of("MS708", f"`{path}` is no JSON that can be read") from None
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise RunError.of("MS708", f"`{path}` is no manifest of a run (format {FORMAT})")
        return cls(values)

    @property
    def outcome(self) -> str:
        return str(self.values.get("outcome"))

    @property
    def model_hash(self) -> str | None:
        """SHA-256 of the model as it was saved."""
        found = self._below("files", MODEL)
        return found if isinstance(found, str) else None

    @property
    def spec_folder(self) -> Path | None:
        """Where the spec's paths started."""
        found = self._below("spec", "folder")
        return Path(found) if isinstance(found, str) else None

    def data_hash(self, part: str) -> str | None:
        """SHA-256 of the source of a part."""
        found = self._below("data", part, "sha256")
        return found if isinstance(found, str) else None

    def _below(self, *keys: str) -> Any:
        found: Any = self.values
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found
