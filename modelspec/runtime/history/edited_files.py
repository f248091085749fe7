"""Files of a run folder that changed after the run wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

from modelspec.core.source.regular_files import require_regular

from .run_files import RESOLVED, SPEC

_HASHES: Final = {SPEC: "sha256", RESOLVED: "resolved_sha256"}


def altered(folder: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """The changes of `spec.yaml` and `resolved.yaml`, by name: `was deleted`, `was edited after the
    run wrote it`.

    A file without a hash in the manifest was never written.
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
                    found[name] = "was edited after the run wrote it"
        except FileNotFoundError:
            found[name] = "was deleted"
        except OSError as error:
            found[name] = f"cannot be read: {(error.strerror or 'unknown error').lower()}"
    return found
