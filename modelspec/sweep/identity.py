"""The identity of a sweep: what determines its trials. The same identity resumes it."""

from __future__ import annotations

import json
from hashlib import sha256

from modelspec.compiler.space import Space
from modelspec.compiler.space import identity as of_space
from modelspec.runtime.history.fingerprint import fingerprint


def identity(space: Space) -> str:
    """SHA-256 of the spec and its sweep, and of the data and plugins that it names.

    Versions and the machine are not part of it: whether a half-trained run may continue with others
    is decided when it is resumed.
    """
    found = fingerprint(space.compiled)
    more = {} if found is None else found.of("data", "plugins")
    text = json.dumps([of_space(space), more], sort_keys=True)
    return sha256(text.encode()).hexdigest()
