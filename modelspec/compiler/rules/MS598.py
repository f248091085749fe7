"""A pretrained model that gets the tokens of another vocabulary than its own."""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Note

from ..graph import Call
from .case import Case
from .data_chains import features, layers_of


def check(case: Case) -> None:
    """Check every input whose tokens are numbers of a pretrained vocabulary."""
    if case.data is None or case.typed is None:
        return
    for key, feature in features(case.data):
        chain = layers_of(feature)
        uses = chain.uses if chain is not None else ()
        for use in uses[-1:]:
            given = use.layer.vocabulary_given if use.layer is not None else None
            taken = _takers(case, key[1]) if given is not None and key[0] == "inputs" else []
            for call in taken:
                assert isinstance(call.callee, Layer)
                own = call.callee.vocabulary_taken
                if own is None or own == given:
                    continue
                case.report.warning(
                    "MS598",
                    f"`{call.name}` was trained with another vocabulary than that of the tokens of"
                    f" `{key[1]}`: the same numbers mean other words",
                    use.kind_span,
                    notes=[Note("the model is here", call.use.kind_span)],
                    help="use the tokenizer of the preset of the model",
                )


def _takers(case: Case, name: str) -> list[Call]:
    """The calls of layers that take an input of the model."""
    assert case.typed is not None
    return [
        call
        for call in case.typed.graph.calls
        if isinstance(call.callee, Layer) and name in {ref.producer for ref in call.refs()}
    ]
