"""`lowercase` of a feature with numbers."""

from __future__ import annotations

from .case import Case
from .data_chains import features, is_text


def check(case: Case) -> None:
    """Check every input and target."""
    if case.data is None:
        return
    for key, feature in features(case.data):
        if feature.lowercase is not None and is_text(case.typed, key, feature) is False:
            what = "input" if key[0] == "inputs" else "the target of"
            case.report.error(
                "MS553",
                f"`lowercase` requires text, but {what} `{key[1]}` takes numbers",
                case.data.spans.get(("lowercase", *key)) or case.data.spans.get(key),
                help="leave `lowercase` out, or look up the words in a `transform`",
            )
