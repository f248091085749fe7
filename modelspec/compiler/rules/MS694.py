"""Inputs and targets that stay unchanged while examples are mixed."""

from __future__ import annotations

from ..spec.augment_section import Joint
from ..spec.transform_layers import Chain
from .case import Case


def check(case: Case) -> None:
    """Check what every layer that mixes examples leaves out."""
    if case.typed is None or case.data is None:
        return
    for lead, chain in case.data.augment.items():
        use = next((use for use in chain.uses if use.layer and use.layer.mixes_examples), None)
        left = _left_out(lead, chain, case) if use is not None else []
        if use is None or not left:
            continue
        names = ", ".join(dict.fromkeys([*_chosen(lead, chain, case), *(one for one, _ in left)]))
        what = " and ".join(f"the {kind} `{name}`" for name, kind in left)
        report = case.report.warning if isinstance(chain, Joint) else case.report.error
        report(
            "MS694",
            f"`{use.kind}` mixes `{lead}` with that of another example, but {what}"
            f" {'stay' if len(left) > 1 else 'stays'} unchanged",
            use.kind_span,
            help=f"write `augment: {{layers: [...], on: [{names}]}}`",
        )


def _chosen(lead: str, chain: Chain, case: Case) -> list[str]:
    if isinstance(chain, Joint):
        return list(chain.on)
    return [lead, *(one.head.output for one in case.trained)]


def _left_out(lead: str, chain: Chain, case: Case) -> list[tuple[str, str]]:
    """The inputs and targets that are not mixed, each with its kind."""
    assert case.typed is not None and case.data is not None
    chosen = _chosen(lead, chain, case)
    features = case.data.inputs or {}
    inputs = [
        name
        for name in case.typed.inputs
        if name not in chosen and (name not in features or features[name].random is None)
    ]
    targets = [one.head.output for one in case.trained if one.head.output not in chosen]
    return [*((name, "input") for name in inputs), *((name, "target") for name in targets)]
