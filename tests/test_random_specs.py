"""Whatever a file says, `check` answers with diagnostics, and soon: right specs made wrong at
random.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelspec as ms
from modelspec.core.source import plain, read

from .drawing import specs
from .mutating import mutated_text, mutated_values

LARGE = ("inceptionresnetv2", "inceptionv3", "resnet50", "xception")
"""Architectures of hundreds of layers, each slip of which takes a second; `mobilenet` and `vgg16`
are written alike.
"""
CONFIGS = sorted(
    path
    for path in (Path(__file__).parent.parent / "configs").glob("*.yaml")
    if path.stem not in LARGE
)
SLIPS = settings().max_examples
"""Slips in each config, in its text and in its values: 40, or 1,000 with `MODELSPEC_FUZZ=long`."""


def check(source: Path | Mapping[str, Any]) -> ms.Report:
    """The report. A raise is a bug, and passes through."""
    report = ms.check(source)
    for diagnostic in report.diagnostics:
        assert diagnostic.code and diagnostic.message, diagnostic
        str(diagnostic)
    return report


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_a_slip_in_the_text_is_told(config: Path, tmp_path: Path) -> None:
    text, path = config.read_text(encoding="utf-8"), tmp_path / "spec.yaml"
    for seed in range(SLIPS):
        path.write_bytes(mutated_text(text, seed).encode("utf-8", "surrogatepass"))
        try:
            check(path)
        except Exception as error:
            written = path.read_bytes().decode(errors="replace")
            raise AssertionError(f"{config.name}, seed {seed}:\n{written}") from error


@cache
def values_of(config: Path) -> dict[str, Any]:
    document = read(config).value
    assert document is not None
    values = _lists(plain(document.root))
    assert isinstance(values, dict)
    return values


def _lists(value: Any) -> Any:
    """The values with lists, which can be changed, for tuples."""
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_a_wrong_value_is_told(config: Path) -> None:
    values = values_of(config)
    for seed in range(SLIPS):
        _check_mutated(values, seed)


@settings(max_examples=settings().max_examples * 3 // 2)
@given(spec=specs(most=12), seed=st.integers(0, 2**32))
def test_a_wrong_value_in_a_drawn_spec_is_told(spec: dict[str, Any], seed: int) -> None:
    for offset in range(10):
        _check_mutated(spec, seed + offset)


def _check_mutated(values: dict[str, Any], seed: int) -> None:
    mutated = mutated_values(values, seed)
    try:
        check(mutated)
    except Exception as error:
        raise AssertionError(f"seed {seed}: {mutated!r}") from error


def test_slips_are_of_many_kinds() -> None:
    """What is drawn is worth drawing: most slips are faults, of many codes, and some go unseen."""
    reports = [
        check(mutated_values(values_of(config), seed)) for config in CONFIGS for seed in range(12)
    ]
    codes = Counter(code for report in reports for code in {d.code for d in report.diagnostics})
    assert len(codes) >= 25, codes
    assert 0.5 <= sum(not report.ok for report in reports) / len(reports) <= 0.98
