"""Every installed distribution that modelspec stands on, directly or through another, with its
version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from types import MappingProxyType

from modelspec import __version__

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FOR_AN_EXTRA = re.compile(r";.*\bextra\b")


@cache
def dependencies(root: str = "modelspec") -> Mapping[str, str]:
    """Versions by name, in the order of the names. Read once for a process, which imports its
    packages once too.

    What a distribution asks for under conditions counts where it is installed; what only its extras
    ask for does not. Where `root` itself is not installed (a checkout), TensorFlow and what it
    stands on.
    """
    found: dict[str, str] = {}
    waiting = [root]
    while waiting:
        name = _normal(waiting.pop())
        if name in found:
            continue
        try:
            one = distribution(name)
        except PackageNotFoundError:
            if name == root:
                waiting += _OF_A_CHECKOUT
            continue
        found[name] = __version__ if name == "modelspec" else one.version
        for required in one.requires or ():
            match = _NAME.match(required)
            if match and not _FOR_AN_EXTRA.search(required):
                waiting.append(match[0])
    return MappingProxyType(dict(sorted(found.items())))


_OF_A_CHECKOUT = (
    "tensorflow",
    "keras",
    "numpy",
    "h5py",
    "scikit-learn",
    "pyarrow",
    "pillow",
    "pydantic",
    "pyyaml",
    "click",
    "rich",
)


def _normal(name: str) -> str:
    """As package indexes compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
