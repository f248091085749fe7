"""Texts of a run folder that are not what the run wrote."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

from modelspec.core.source.regular_files import require_regular

from .run_files import RESOLVED, SPEC

_HASHES: Final = {SPEC: "sha256", RESOLVED: "resolved_sha256"}


def altered(folder: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """What happened to `spec.yaml` and `resolved.yaml` since, by name: `is gone`, `was edited since
    the run wrote it`.

    What the manifest has no hash of was never written.
    """
    known = manifest.get("spec")
    found: dict[str, str] = {}
    for name, key in _HASHES.items():
        expected = known.get(key) if isinstance(known, dict) else None
        if not isinstance(expected, str):
            continue
        try:
            require_regular(folder / name)
            with (folder / name).open("rb") as file:
                if file_digest(file, "sha256").hexdigest() != expected:
                    found[name] = "was edited since the run wrote it"
        except FileNotFoundError:
            found[name] = "is gone"
        except OSError as error:
            found[name] = f"cannot be read: {(error.strerror or 'unknown error').lower()}"
    return found
