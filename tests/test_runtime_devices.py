"""`runtime.devices`: values that `check` accepts and rejects."""

from __future__ import annotations

from typing import Any

import pytest

import modelspec as ms
from modelspec.runtime.distributed.supported import without_effect

SPEC = {
    "model": {"inputs": {"x": [4]}, "layers": [{"Dense": {"units": 1, "name": "y"}}]},
    "training": {"loss": "mse"},
}


def faults(devices: Any) -> list[str]:
    """The codes of a spec with these devices."""
    report = ms.check({**SPEC, "runtime": {"devices": devices}})
    return [one.code for one in report.diagnostics if one.severity == "error"]


@pytest.mark.parametrize("devices", ["auto", 1, 2, [0], [0, 1], [3, 1]])
def test_devices_are_accepted(devices: Any) -> None:
    assert faults(devices) == []


@pytest.mark.parametrize(
    ("devices", "code"),
    [
        (0, "MS205"),
        (-1, "MS205"),
        (True, "MS204"),
        (1.5, "MS204"),
        ("all", "MS205"),
        ([], "MS205"),
        ([0, 0], "MS205"),
        ([0, -1], "MS205"),
        ([0, "1"], "MS204"),
        ({"gpu": 1}, "MS204"),
    ],
)
def test_devices_are_rejected(devices: Any, code: str) -> None:
    assert faults(devices) == [code]


def test_the_place_of_a_device_that_is_listed_twice() -> None:
    report = ms.check({**SPEC, "runtime": {"devices": [0, 1, 0]}})
    [one] = report.diagnostics
    assert "`devices`" in one.message or "each device once" in one.message
    assert one.line is not None


@pytest.mark.parametrize(
    ("runtime", "by_check", "at_run"),
    [
        ({"jit": True, "deterministic": False, "devices": 2}, ["MS933"], []),
        ({"jit": True, "deterministic": False}, [], ["MS933"]),
        ({"jit": True, "devices": 2}, ["MS546"], []),
        ({"jit": True}, ["MS546"], []),
        ({"jit": "auto", "deterministic": False, "devices": 2}, [], []),
    ],
)
def test_jit_that_several_replicas_ignore_is_reported_once(
    runtime: Any, by_check: list[str], at_run: list[str]
) -> None:
    spec = {**SPEC, "runtime": runtime}
    codes = [one.code for one in ms.check(spec).diagnostics]
    assert [one for one in codes if one in ("MS546", "MS933")] == by_check
    assert [one.code for one in without_effect(ms.load_spec(spec).compiled)] == at_run
