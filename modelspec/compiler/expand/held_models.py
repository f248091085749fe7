"""A model written inside a wrapper: `TimeDistributed: {MobileNetV2: {include_top: false}}`.

A library model, a block, a model with its own `layers`, and a list that is more than a chain of
plain layers become sub-models with their own weights; the entry is then a wrapper around the name
of a sub-model, as around any shared name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.library import is_kind
from modelspec.core.source import Entry, Mapping, Node, Sequence

from ..spec.shared_steps import makes_mask
from ..spec.wrapped_models import held_by, is_model_wrapper
from .entry_paths import kind_of
from .identifiers import RESERVED
from .items import Call, LibraryUse

if TYPE_CHECKING:
    from .unroll import Unroller


_UNNAMED: Final = "time_distributed"
"""The default name of a list or a model: the name that Keras gives to the wrapper."""


class HeldModel(NamedTuple):
    """A model inside wrappers, as written."""

    node: Node
    base: str
    """The default name of the entry."""
    around: tuple[str, ...]
    """The kinds of the wrappers, the outermost first."""
    beside: dict[str, Entry]
    """The other settings of the outermost one."""


def held_model(call: Call, home: Unroller) -> HeldModel | None:
    """The model inside the wrappers of an entry; None if they hold a layer or a shared name."""
    if call.body is None or not is_model_wrapper(call.kind):
        return None
    held = held_by(call.body)
    if held is None:
        return None
    found = _model_in(held.node, home)
    if found is None:
        return None
    return found._replace(around=(call.kind, *found.around), beside=held.beside)


def sub_model(call: Call, held: HeldModel, home: Unroller, level: int) -> LibraryUse:
    """The entry as the call of its own sub-model, through wrappers."""
    from .expand_model import ModelExpander

    expander = ModelExpander(home.values, home.blocks, call.scope, home.instantiate, level + 1)
    node = expander.within(home).held(held.base, held.node, home.shared)
    if not isinstance(node, Mapping):
        node = Mapping({"layers": Entry(node.span, node)}, node.span)
    body = Mapping(held.beside, call.span) if held.beside else None
    return LibraryUse(replace(call, body=body), node, held.base, held.around)


def _model_in(node: Node, home: Unroller) -> HeldModel | None:
    if isinstance(node, Sequence):
        plain = not node.items or all(_is_plain(item, home) for item in node.items)
        return None if plain else HeldModel(node, _UNNAMED, (), {})
    if isinstance(node, Mapping) and "layers" in node.entries:
        return HeldModel(node, _UNNAMED, (), {})
    kind = kind_of(node)
    if kind is None or kind in home.shared:
        return None
    if kind in home.blocks or (kind not in LAYERS and is_kind(kind)):
        return HeldModel(node, kind.lower() if is_kind(kind) else kind, (), {})
    if not isinstance(node, Mapping) or not is_model_wrapper(kind):
        return None
    inner = held_by(node.entries[kind].value)
    found = _model_in(inner.node, home) if inner is not None and not inner.beside else None
    return found and found._replace(around=(kind, *found.around))


def _is_plain(item: Node, home: Unroller) -> bool:
    """Whether an entry of a list is a layer that takes the entry before it, and nothing else."""
    kind = kind_of(item)
    if kind is None or kind not in LAYERS or kind in home.shared or kind in home.blocks:
        return False
    body = item.entries[kind].value if isinstance(item, Mapping) else None
    settings = body.entries if isinstance(body, Mapping) else {}
    if any(key in settings for key in RESERVED if key != "name"):
        return False
    return not makes_mask(kind, body, dict(settings)) and (
        not is_model_wrapper(kind) or _model_in(item, home) is None
    )
