"""`Lags` and `RollingMean` in unsupported places."""

from __future__ import annotations

from ..spec.data_section import Feature, transform_of
from ..spec.entries import Use
from .case import Case
from .data_chains import features

_APART = {
    "pad": "sequences of different lengths have no earlier values",
    "lowercase": "lags of text are not supported",
    "separator": "labels have no numeric values",
    "number": "it is parsed from the cells of the current row",
    "read": "lags of images are not supported",
}
"""Keys of a feature that cannot be combined with these layers, and why."""


def check(case: Case) -> None:
    """Check every transform with a layer that reads earlier rows."""
    for (kind, name), feature in features(case.data) if case.data is not None else ():
        chain = transform_of(feature)
        past = [use for use in chain.uses if _reads_past(use)] if chain else []
        if chain is None or not past:
            continue
        if kind == "targets":
            _report(
                case, past[0], f"the target of `{name}` is the value of its own row", "leave it out"
            )
        elif not _reads_past(chain.uses[0]) or _behind(chain.uses):
            use = next(use for use in _behind(chain.uses) or past)
            _report(
                case,
                use,
                "it reads the column directly, so no other layer can come before it",
                f"move `{use.kind}` before `{_first_other(chain.uses).kind}`",
            )
        elif beside := _beside(feature):
            _report(
                case,
                past[0],
                f"it cannot be combined with `{beside}`: {_APART[beside]}",
                f"leave `{beside}` out",
            )
        elif feature.dtype == "string":
            _report(case, past[0], "lags of text are not supported", "leave `dtype: string` out")


def _behind(uses: tuple[Use, ...]) -> list[Use]:
    """The layers after a layer of another kind."""
    first = next((place for place, use in enumerate(uses) if not _reads_past(use)), len(uses))
    return [use for use in uses[first:] if _reads_past(use)]


def _first_other(uses: tuple[Use, ...]) -> Use:
    return next(use for use in uses if not _reads_past(use))


def _reads_past(use: Use) -> bool:
    return use.layer is not None and bool(use.layer.past_steps)


def _beside(feature: Feature) -> str | None:
    return next((key for key in _APART if getattr(feature, key, None) is not None), None)


def _report(case: Case, use: Use, why: str, help: str) -> None:
    case.report.error(
        "MS572", f"`{use.kind}` cannot be computed here: {why}", use.kind_span, help=help
    )
