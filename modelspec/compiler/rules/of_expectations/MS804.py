"""An expectation of a part of the data, or of a training, that the spec does not have."""

from __future__ import annotations

from ...spec.expect_section import PREFIXES, Expectation
from ..case import Case
from ..missing_folds import lacks_folds


def check(case: Case) -> None:
    """Check every key with a known metric whose part of the data does not exist."""
    seen: set[str] = set()
    without_folds = lacks_folds(case)
    for one in case.expected:
        key = one.expectation.key
        if without_folds and one.expectation.part == "test":  # MS905: a fold is the test part
            continue
        if key not in seen and one.is_absent(case):
            seen.add(key)
            case.report.error(
                "MS804",
                _message(case, one.expectation),
                one.expectation.key_span,
                help=_help(case, one.expectation),
            )


def _message(case: Case, expectation: Expectation) -> str:
    if case.training is None:
        return f"`{expectation.key}` requires a training, but the spec has no `training`"
    return f"`{expectation.key}` is not measured: `data` has no {expectation.part} part"


def _help(case: Case, expectation: Expectation) -> str:
    if case.training is None:
        return "add `training` and `data`, or remove the expectation"
    others = [front for front in PREFIXES if front in case.quantities.parts]
    other = f"{others[-1]}{expectation.key.partition('_')[2]}"
    return f"add `split: {{{expectation.part}: 0.2}}` to `data`, or expect `{other}`"
