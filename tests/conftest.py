"""What every test relies on: a quiet TensorFlow without a GPU, tests that load it last, hypothesis
profiles.
"""

from __future__ import annotations

import os
from typing import Any

# Read by TensorFlow and Keras when they are imported, so they are set before any test module is.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["KERAS_BACKEND"] = "tensorflow"

import pytest
from hypothesis import HealthCheck, Phase, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
_COMMON: dict[str, Any] = {"deadline": None, "suppress_health_check": _SLOW}

# `ci`: the same examples at every run, so that a change is what makes a test fail, and told as they
# were drawn: making one smaller can take minutes where each asks Keras. `long`: new ones, to hunt
# with (`MODELSPEC_FUZZ=long pytest tests/oracle`).
settings.register_profile(
    "ci", derandomize=True, max_examples=40, phases=[Phase.explicit, Phase.generate], **_COMMON
)
settings.register_profile("long", max_examples=1000, print_blob=True, **_COMMON)
settings.load_profile("long" if os.environ.get("MODELSPEC_FUZZ") == "long" else "ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """TensorFlow last: a fault that needs none shows first, and nothing before sees it loaded."""
    items.sort(key=lambda item: item.get_closest_marker("tensorflow") is not None)
