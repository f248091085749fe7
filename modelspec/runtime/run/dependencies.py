"""Every installed distribution that modelspec depends on, directly or indirectly, with
its version.
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
    """Versions by name, sorted by name. Read once per process, which also imports its packages only
    once.

    Conditional requirements of a distribution count if they are installed; requirements of its
    extras do not. If `root` itself is not installed (a checkout), the versions of TensorFlow and
    its dependencies.
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
