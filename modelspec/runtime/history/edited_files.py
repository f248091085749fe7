"""Files of a run folder that changed after the run wrote them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import file_digest, sha256
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, cast

from modelspec.core.run_names import THRESHOLD
from modelspec.core.source.own_files import open_own, read_own

from .run_files import HISTORY, MANIFEST, METRICS, RESOLVED, SPEC

_HASHES: Final = {SPEC: "sha256", RESOLVED: "resolved_sha256"}
_RESULTS: Final = (METRICS, HISTORY, THRESHOLD)
"""Files whose hashes are recorded when a run ends, or when a threshold is chosen later."""
ENDED: Final = ("completed", "failed", "interrupted")
_SEAL: Final = re.compile(rb',\n  "([^\n]*)": "([^\n]{64})"\n\}\n\Z')
"""The last entry of a manifest, its hash: also with a damaged key."""
_MOST: Final = 2**26
_EDITED: Final = "was edited after the run wrote it"


def sealed(values: Mapping[str, Any]) -> bytes:
    """The text of a manifest, which ends with a hash of all before it."""
    text = json.dumps({key: one for key, one in values.items() if key != "sha256"}, indent=2)
    body = text.encode()
    seal = sha256(body).hexdigest()
    return body.removesuffix(b"\n}") + f',\n  "sha256": "{seal}"\n}}\n'.encode()


def is_unchanged(manifest: bytes) -> bool:
    """Whether the text of a manifest has the hash at its end; true for one of an earlier version,
    which has none.
    """
    found = _SEAL.search(manifest)
    if found is None:
        return True
    body = manifest[: found.start()] + b"\n}"
    return found[1] == b"sha256" and sha256(body).hexdigest().encode() == found[2]


def altered(folder: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """The changes of the files of a run, by name: `was deleted`, `was edited after the run wrote
    it`.

    A file without a hash in the manifest was never written.
    """
    known = manifest.get("spec")
    found: dict[str, str] = {}
    for name, key in _HASHES.items():
        expected = known.get(key) if isinstance(known, dict) else None
        if not isinstance(expected, str):
            continue
        try:
            if _digest(folder, name) != expected:
                found[name] = _EDITED
        except FileNotFoundError:
            found[name] = "was deleted"
        except OSError as error:
            found[name] = f"cannot be read: {(error.strerror or 'unknown error').lower()}"
    return {**found, **altered_results(folder, manifest)}


def altered_results(folder: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """The same of the manifest itself and of the results, whose hashes it has if the run ended."""
    found: dict[str, str] = {}
    try:
        if not is_unchanged(read_own(folder, MANIFEST, _MOST)):
            found[MANIFEST] = _EDITED
    except OSError:
        return {}
    known = manifest.get("files")
    if not isinstance(known, dict) or manifest.get("outcome") not in ENDED:
        return found
    for name in _RESULTS:
        expected = known.get(name)
        try:
            if isinstance(expected, str) and _digest(folder, name) != expected:
                found[name] = _EDITED
        except OSError:
            if name != THRESHOLD:  # the user may remove it: predictions use 0.5 again
                found[name] = "was deleted"
    return found


def _digest(folder: Path, name: str) -> str:
    with open_own(folder, name) as file:
        return file_digest(cast(BufferedReader, file), "sha256").hexdigest()
