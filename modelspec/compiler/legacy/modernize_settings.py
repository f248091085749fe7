"""Rewrites the old settings of one mapping: the mapping with current spellings, and a warning and
edits for each.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from typing import Any

from modelspec.core.diagnostics import Collector, Diagnostic, Edit, Span
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

from .table_rows import LEFT_OUT, Dropped, Packed, Renamed, Reworded, Row, Split, Wrapped
from .text_edits import Layout, is_json, value_text, word, written

REWRITE = "`modelspec check --fix` rewrites the file"


class LegacyCollector(Collector):
    """Collects the warnings, with the edits that write the current spellings."""

    def warn(
        self,
        code: str,
        message: str,
        span: Span,
        help: str,
        suggestion: str | None = None,
        edits: tuple[Edit | None, ...] = (),
    ) -> None:
        """A warning; its edits are included only if all of them could be made."""
        made = tuple(edit for edit in edits if edit is not None)
        made = made if len(made) == len(edits) else ()
        help = f"{help}; {REWRITE}" if made else help
        self.add(Diagnostic(code, "warning", message, span, (), help, suggestion, made))

    def both(self, kind: str, old: str, new: str, span: Span) -> None:
        """An old and a current word for one setting."""
        message = f"`{old}` of `{kind}` is now `{new}`, which is set as well"
        self.error("MS208", message, span, help=f"remove `{old}`")


class Rewriting:
    """One mapping of settings, while it is rewritten. `kind` is the name of its owner in
    messages.
    """

    def __init__(self, kind: str, mapping: Mapping, notes: LegacyCollector) -> None:
        self.kind = kind
        self.original = mapping
        self.entries = dict(mapping.entries)
        self.layout = Layout(mapping)
        self.notes = notes

    @property
    def mapping(self) -> Mapping:
        """The mapping, as far as it is rewritten."""
        unchanged = self.entries == self.original.entries
        return self.original if unchanged else Mapping(self.entries, self.original.span)

    def pack(self, packed: Packed) -> None:
        """Several numbers become one list, in the place of the first."""
        parts = [self.entries[name] for name in packed.old if name in self.entries]
        if len(parts) < len(packed.old) or self._clashes(packed.old[0], packed.new):
            return
        self._warn_of_packed(packed, parts)
        first, *rest = packed.old
        value = Sequence(tuple(entry.value for entry in parts), parts[0].value.span)
        self._put(first, {packed.new: Entry(parts[0].key_span, value)})
        for name in rest:
            del self.entries[name]

    def _warn_of_packed(self, packed: Packed, parts: list[Entry]) -> None:
        first, *rest = packed.old
        texts = [value_text(entry) for entry in parts]
        edit = None
        if None not in texts:
            text = f"[{', '.join(map(str, texts))}]"
            edit = self.layout.replace(first, [(packed.new, text)])
        shown = ", ".join(str(plain(entry.value)) for entry in parts)
        old = " and ".join(f"`{name}`" for name in packed.old)
        self.notes.warn(
            "MS221",
            f"{old} of `{self.kind}` are now `{packed.new}`",
            parts[0].key_span,
            f"write `{packed.new}: [{shown}]`",
            None,
            (edit, *self.layout.remove_all(rest)),
        )

    def apply(self, rows: MappingType[str, Row], inside: str | None = None) -> None:
        """Every setting that has a row; `inside` is the wrapper around the layer."""
        for old, entry in list(self.entries.items()):
            row = rows.get(old)
            if isinstance(row, Renamed):
                self._rename(old, entry, row)
            elif isinstance(row, Split):
                self._split(old, entry, row)
            elif isinstance(row, Wrapped):
                self._wrap(old, entry, row)
            elif isinstance(row, Reworded):
                self._reword(old, entry, row)
            elif isinstance(row, Dropped) and old in self.entries:
                self.drop(old, row, inside)

    def drop(self, old: str, row: Dropped, inside: str | None = None) -> None:
        """Remove a setting that has no effect."""
        entry = self.entries[old]
        if (
            row.only is not None
            and not (row.inside and row.inside == inside)
            and not _among(plain(entry.value), row.only)
        ):
            return
        self.notes.warn(
            "MS223",
            f"`{old}` of `{self.kind}` has no effect: {row.because}",
            entry.key_span,
            "remove it",
            None,
            (self.layout.remove(old),),
        )
        del self.entries[old]

    def _rename(self, old: str, entry: Entry, row: Renamed) -> None:
        if self._clashes(old, row.new):
            return
        value, scalar = entry.value, plain(entry.value)
        new = _looked_up(scalar, row.values)
        if new is LEFT_OUT:
            self.drop(old, Dropped(f"{describe(scalar)} is the current behavior"))
            return
        edits = [word(entry.key_span, old, row.new)]
        shown = row.new
        if new is not None and isinstance(value, Scalar):
            edits.append(_value_edit(value, new))
            shown = f"{row.new}: {written(new, False)}"
            value = Scalar(new, value.span, value.plain)
        self.notes.warn(
            "MS221",
            f"`{old}` of `{self.kind}` is now `{row.new}`",
            entry.key_span,
            f"write `{shown}`",
            edits[0].text if edits[0] else row.new,
            tuple(edits),
        )
        self._put(old, {row.new: Entry(entry.key_span, value)})

    def _split(self, old: str, entry: Entry, row: Split) -> None:
        if any(self._clashes(old, name) for name in row.new):
            return
        text = value_text(entry)
        edit = self.layout.replace(old, [(name, text) for name in row.new]) if text else None
        names = " and ".join(f"`{name}`" for name in row.new)
        self.notes.warn(
            "MS221",
            f"`{old}` of `{self.kind}` is now {names}",
            entry.key_span,
            f"write {names}",
            None,
            (edit,),
        )
        self._put(old, dict.fromkeys(row.new, entry))

    def _wrap(self, old: str, entry: Entry, row: Wrapped) -> None:
        if self._clashes(old, row.new):
            return
        number = plain(entry.value)
        value: Node = entry.value
        edits: tuple[Edit | None, ...] = (word(entry.key_span, old, row.new),)
        shown = row.new
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            text = value_text(entry)
            name = f'"{row.component}"' if is_json(entry.key_span) else row.component
            edits = (*edits, Edit(value.span, f"{{{name}: {text}}}") if text else None)
            shown = f"{row.new}: {{{row.component}: {number}}}"
            value = Mapping({row.component: Entry(value.span, value)}, value.span)
        self.notes.warn(
            "MS221",
            f"`{old}` of `{self.kind}` is now `{row.new}`",
            entry.key_span,
            f"write `{shown}`",
            None,
            edits,
        )
        self._put(old, {row.new: Entry(entry.key_span, value)})

    def _reword(self, old: str, entry: Entry, row: Reworded) -> None:
        value = plain(entry.value)
        new = _looked_up(value, row.values)
        if new is None or not isinstance(entry.value, Scalar):
            return
        edit = word(entry.value.span, str(value), new)
        self.notes.warn(
            "MS222",
            f"`{value}` for `{old}` of `{self.kind}` is now `{new}`",
            entry.value.span,
            f"write `{new}`",
            edit.text if edit else new,
            (edit,),
        )
        self.entries[old] = Entry(entry.key_span, Scalar(new, entry.value.span, entry.value.plain))

    def add(self, values: MappingType[str, Any]) -> tuple[list[tuple[str, str]], bool]:
        """Settings that are not written yet, added first; returns their keys and texts, for the
        edit.
        """
        missing = {key: value for key, value in values.items() if key not in self.entries}
        span = self.original.span
        made = {
            key: Entry(
                span._replace(end=span.start), Scalar(value, span._replace(end=span.start), True)
            )
            for key, value in missing.items()
        }
        self.entries = {**made, **self.entries}
        return [(key, written(value, False)) for key, value in missing.items()], bool(missing)

    def _clashes(self, old: str, new: str) -> bool:
        """Whether the current word is beside the old one: an error, and the old one is removed."""
        if new not in self.entries:
            return False
        self.notes.both(self.kind, old, new, self.entries[old].key_span)
        del self.entries[old]
        return True

    def _put(self, old: str, new: MappingType[str, Entry]) -> None:
        """Replaces one entry with others."""
        changed: dict[str, Entry] = {}
        for key, entry in self.entries.items():
            changed.update(new if key == old else {key: entry})
        self.entries = changed


def _among(value: Any, values: tuple[Any, ...]) -> bool:
    """Whether a value is one of some; `0` and `false` are different."""
    return any(
        value == one and isinstance(value, bool) == isinstance(one, bool)
        for one in values
        if not isinstance(value, (tuple, dict))
    )


def _looked_up(value: Any, values: MappingType[Any, Any]) -> Any:
    return values.get(value) if isinstance(value, str) else None


def _value_edit(value: Scalar, new: Any) -> Edit | None:
    if isinstance(new, str):
        return word(value.span, str(value.value), new)
    return Edit(value.span, written(new, False)) if word(value.span, str(value.value), "") else None
