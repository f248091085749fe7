"""What every test relies on: a quiet TensorFlow without a GPU, tests that load it last, hypothesis
profiles.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

# Read by TensorFlow and Keras when they are imported, so they are set before any test module is.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
if os.environ.get("MODELSPEC_GPU") != "1":
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["KERAS_BACKEND"] = "tensorflow"

import pytest
from hypothesis import HealthCheck, Phase, settings

from .thorough import LONG, LONGEST, LeftOut

_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
_COMMON: dict[str, Any] = {"deadline": None, "suppress_health_check": _SLOW}

# `ci`: the same examples at every run, so that a change is what makes a test fail, and told as they
# were drawn: making one smaller can take minutes where each asks Keras. `long`: new ones, to hunt
# with (`MODELSPEC_FUZZ=long pytest tests/oracle`).
settings.register_profile(
    "ci", derandomize=True, max_examples=40, phases=[Phase.explicit, Phase.generate], **_COMMON
)
settings.register_profile("long", max_examples=1000, print_blob=True, **_COMMON)
settings.load_profile("long" if LONG else "ci")


def pytest_configure() -> None:
    """No file is forced to disk: a killed process loses nothing without it, and on a slow disk it
    would be most of the time of a training. `test_checkpoints` watches the calls themselves.
    """
    os.fsync = _stay_in_memory


def _stay_in_memory(fd: object) -> None:
    """Does nothing."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """TensorFlow last: a fault that needs none shows first, and nothing before sees it loaded. Of
    its tests, long files come first.
    """
    skip = pytest.mark.skip(reason="it takes long: set MODELSPEC_FUZZ=long")
    left_out = LeftOut()
    for item in items:
        test = item.nodeid.removeprefix("tests/")
        uses_tensorflow = item.get_closest_marker("tensorflow") is not None
        if left_out.has_next(test, imports_tensorflow=uses_tensorflow):
            item.add_marker(skip)
    items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[bool, bool]:
    """Where a test comes."""
    file = item.nodeid.removeprefix("tests/").partition("::")[0]
    return item.get_closest_marker("tensorflow") is not None, file not in LONGEST


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keeps the garbage collector from walking through what stays until the end, the modules and
    thousands of tests, at every full collection: that is a third of the time of all tests.
    """
    session.config.stash[LOADED] = frozenset({"tensorflow", "keras"} & sys.modules.keys())
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 20)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The same for TensorFlow's modules, once a test has loaded them."""
    if "keras" in sys.modules and _FRAMEWORK not in item.session.stash:
        item.session.stash[_FRAMEWORK] = True
        gc.collect()
        gc.freeze()


LOADED = pytest.StashKey[frozenset[str]]()
"""The frameworks that modules of tests loaded when they were imported: none should be."""
_FRAMEWORK = pytest.StashKey[bool]()
"""Set once the modules of TensorFlow and Keras are frozen."""
