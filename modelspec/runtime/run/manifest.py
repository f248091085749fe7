"""`manifest.json`: the ingredients of a run, its machine, and how it ended."""

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
from modelspec.core.run_names import THRESHOLD
from modelspec.core.source.own_files import read_own

from ..data import Prepared, RunError
from ..history.edited_files import sealed
from ..history.fingerprint import fingerprint
from ..history.record import FORMAT
from ..history.used_plugins import used_plugins
from . import framework
from .atomic_files import digest, write_bytes
from .dependencies import dependencies
from .folder import HISTORY, MANIFEST, METRICS, MODEL, RESOLVED, SPEC, RunFolder
from .links import refuse_links
from .resolved_spec import paths_start, resolved_text
from .run_data import save_state
from .run_presets import save_presets
from .table_hashes import table_hashes

_MOST = 64 * 2**20
"""Maximum size of a manifest in bytes."""
_STOPPING = ("EarlyStopping", "TerminateOnNaN")
"""Callbacks that end a training before its last epoch."""
_OF_AN_END = ("faults", "signal", "ending", "sha256")
"""Entries about the end of a run, which are removed when it is resumed."""
_OF_A_PAUSE = ("outcome", "signal", "ended")
"""The entries of these that are kept, in addition to where the run was resumed."""


class Record:
    """The manifest of a run in progress; the file on disk is always complete."""

    def __init__(self, folder: RunFolder, compiled: Compiled) -> None:
        """The manifest of a new run, with a copy of the spec as it was written. Raises `RunError`
        (MS703).
        """
        spec = spec_bytes(compiled)
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
                "path": _path(compiled),
            },
            "fingerprint": _fingerprint(compiled),
            "seed": compiled.file.seed,
            "parameters": compiled.graph.parameters if compiled.graph else None,
            "versions": framework.versions(),
            "dependencies": dict(dependencies()),
            "plugins": {one.module: one.as_json() for one in used_plugins(compiled)},
            "machine": framework.machine(),
        }
        self._write()  # first: it marks the folder as that of a run, however the process ends
        write_bytes(folder.file(SPEC), spec)

    @classmethod
    def reopen(cls, folder: RunFolder, before: Manifest, **resumed: Any) -> Record:
        """The manifest of a resumed run; `resumed` records from where, and is kept permanently."""
        values = {key: value for key, value in before.values.items() if key not in _OF_AN_END}
        if resumed.get("inexact"):
            values["inexact"] = True
        if resumed.get("inexact") or _of_other_epochs(resumed):
            values["fingerprint"] = None  # its results are not those of a run of this spec
        earlier = values.get("resumed")
        left = {key: before.values[key] for key in _OF_A_PAUSE if before.values.get(key)}
        entry = {"at": _now(), "left": left, **resumed}
        entries = [*(earlier if isinstance(earlier, list) else []), entry]
        record = cls.__new__(cls)
        record.folder = folder
        record._values = {**values, "outcome": "running", "ended": None, "resumed": entries}
        record._write()
        return record

    @property
    def values(self) -> Mapping[str, Any]:
        """The current values of the manifest."""
        return self._values

    def data(self, prepared: Prepared) -> None:
        """Called when the data is open: records the data, and the resolved spec."""
        resolved = resolved_text(prepared).encode()
        save_state(prepared, self.folder.path)  # a run with a spec has the learned state
        save_presets(prepared.compiled, self.folder.path)
        write_bytes(self.folder.file(RESOLVED), resolved)
        self._values["spec"]["resolved_sha256"] = sha256(resolved).hexdigest()
        self._values["parameters"] = (
            prepared.compiled.graph.parameters if prepared.compiled.graph else None
        )
        self._values["data"] = data_facts(prepared)
        self._values["training"] = _planned(prepared.compiled)
        self._write()

    def starts_from(self, weights: Mapping[str, str]) -> None:
        """Records the SHA-256 of the initial weight files, by path."""
        self._values["weights"] = dict(weights)
        self._write()

    def logs_to(self, service: str, run_id: str) -> None:
        """Records the name of the run in a service, so that a resumed run continues it."""
        found = self._values.get("logging")
        self._values["logging"] = {**(found if isinstance(found, dict) else {}), service: run_id}
        self._write()

    def chose(self, choices: list[dict[str, Any]]) -> None:
        """Records at once whether XLA compiles the steps: a killed run continues with it."""
        found = self._values.get("execution")
        self._values["execution"] = {**(found if isinstance(found, dict) else {}), "jit": choices}
        self._write()

    def begin(self, **more: Any) -> None:
        """Called when the training begins."""
        self._values["backend"] = framework.backend()
        self._values["deterministic"] = framework.promise()
        self._values.update(more)
        self._write()

    def end(self, outcome: str, faults: tuple[Diagnostic, ...] = (), **more: Any) -> None:
        """Records `completed`, `failed` or `interrupted`, and the reason."""
        self._values.update(outcome=outcome, ended=_now(), **more)
        if faults:
            self._values["faults"] = [
                {"code": fault.code, "message": fault.message, "help": fault.help}
                for fault in faults
            ]
        files = {name: self.folder.file(name) for name in (MODEL, METRICS, HISTORY, THRESHOLD)}
        self._values["files"] = {name: digest(one) for name, one in files.items() if one.exists()}
        self._write()

    def _write(self) -> None:
        write_bytes(self.folder.file(MANIFEST), sealed(self._values))


def _fingerprint(compiled: Compiled) -> dict[str, Any] | None:
    """None if it is unknown: data passed by a program."""
    found = fingerprint(compiled, table_hashes)
    return found.as_json() if found is not None else None


def _of_other_epochs(resumed: Mapping[str, Any]) -> bool:
    found = resumed.get("differences") or ()
    return any(str(one.get("what")).startswith("training.") for one in found)


def _planned(compiled: Compiled) -> dict[str, Any]:
    """The planned epochs of the run, and the callbacks that may stop it earlier."""
    training = compiled.training
    if training is None:
        return {}
    names = [
        one.settings if isinstance(one.settings, str) else one.settings.kind()
        for one in training.every_callback
    ]
    stages = [
        {
            "name": one.name,
            "epochs": one.training.epochs,
            "batch_size": one.training.batch_size,
        }
        for one in training.stages
    ]
    players = [
        {"name": one.name, "updates": one.updates, "optimizer": one.optimizer.kind()}
        for one in training.players
    ]
    return {
        **({"stages": stages} if stages else {}),
        **({"players": players} if players else {}),
        "epochs": training.epochs,
        "batch_size": training.batch_size,
        "stops": list(dict.fromkeys(name for name in names if name in _STOPPING)),
    }


def data_facts(prepared: Prepared) -> dict[str, Any]:
    """The identification of the data of every part."""
    return {
        name: {
            "source": part.examples.table.name,
            "sha256": part.examples.table.fingerprint,
            "examples": len(part),
        }
        for name, part in prepared.parts.items()
    }


def spec_bytes(compiled: Compiled) -> bytes:
    """The spec as it was written, to the byte if the file has not changed since it was read."""
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


def _path(compiled: Compiled) -> str | None:
    """The absolute path of the spec file; None if the spec has no file."""
    file = Path(_file(compiled))
    return str(file.resolve()) if not file.name.startswith("<") and file.is_file() else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Manifest:
    """A manifest that was read from a run folder."""

    values: Mapping[str, Any]

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """Raises `RunError`: MS708 if the folder does not contain a run, or if the manifest cannot
        be read; MS970 if a file of the run is a link.
        """
        path = directory / MANIFEST
        refuse_links(directory)
        try:
            values = json.loads(read_own(directory, MANIFEST, _MOST))
        except (FileNotFoundError, NotADirectoryError):
            what = (
                "is not a folder"
                if not directory.is_dir()
                else f"does not contain a run: it has no {MANIFEST}"
            )
            raise RunError.of(
                "MS708", f"`{directory}` {what}", help="`modelspec train` creates a run folder"
            ) from None
        except OSError as error:
            reason = (error.strerror or "unknown error").lower()
            raise RunError.of("MS708", f"`{path}` cannot be read: {reason}") from None
        except (ValueError, RecursionError):
            raise RunError.of("MS708", f"`{path}` is not valid JSON") from None
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise RunError.of("MS708", f"`{path}` is not a manifest of a run (format {FORMAT})")
        return cls(values)

    @property
    def spec_path(self) -> str | None:
        """The file of the spec when the run began; None if there was none."""
        spec = self.values.get("spec")
        found = spec.get("path") if isinstance(spec, dict) else None
        return found if isinstance(found, str) else None

    @property
    def outcome(self) -> str:
        return str(self.values.get("outcome"))

    @property
    def model_hash(self) -> str | None:
        """SHA-256 of the saved model file."""
        found = self._below("files", MODEL)
        return found if isinstance(found, str) else None

    @property
    def spec_folder(self) -> Path | None:
        """The folder that the paths of the spec are relative to."""
        found = self._below("spec", "folder")
        return Path(found) if isinstance(found, str) else None

    @property
    def reached(self) -> tuple[int, int]:
        """The last epoch of the run, from 0, and the number of its steps."""
        epochs, steps = (self.values.get(key) for key in ("epochs", "steps"))
        counts = [one if isinstance(one, int) and one > 0 else 0 for one in (epochs, steps)]
        return max(counts[0] - 1, 0), counts[1]

    def data_hash(self, part: str) -> str | None:
        """SHA-256 of the source of a part."""
        found = self._below("data", part, "sha256")
        return found if isinstance(found, str) else None

    def _below(self, *keys: str) -> Any:
        found: Any = self.values
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found
