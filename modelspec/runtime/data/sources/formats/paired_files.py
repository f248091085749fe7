"""Matching files of two folders: those with the same path, apart from the extension."""

from __future__ import annotations

from pathlib import Path

from modelspec.core.diagnostics import Span
from modelspec.runtime.data.errors import Findings

from .class_folders import Member


def paired(
    shown: str,
    root: Path,
    images: list[Member],
    masks_shown: str,
    masks_root: Path,
    masks: list[Member],
    span: Span | None,
) -> tuple[list[Member], list[Member]]:
    """The images, in their order, and the mask of each. Raises `DataError` (MS676) with every file
    that has no match, or several.
    """
    findings = Findings()
    by_stem = _by_stem(images, root, findings, span)
    masks_by_stem = _by_stem(masks, masks_root, findings, span)
    for stem, one in by_stem.items():
        if stem not in masks_by_stem:
            findings.error(
                "MS676",
                f"the image `{one.shown}` has no mask",
                span,
                help=f"expected `{masks_shown}/{stem}.png`, or another extension",
            )
    for stem, one in masks_by_stem.items():
        if stem not in by_stem:
            findings.error(
                "MS676",
                f"the mask `{one.shown}` has no image",
                span,
                help=f"expected `{shown}/{stem}.png`, or another extension",
            )
    findings.stop_if_wrong()
    return images, [masks_by_stem[stem] for stem in by_stem]


def _by_stem(
    found: list[Member], root: Path, findings: Findings, span: Span | None
) -> dict[str, Member]:
    """The files by their paths below the folder, without extensions."""
    named: dict[str, Member] = {}
    for one in found:
        stem = one.path.relative_to(root).with_suffix("").as_posix()
        other = named.setdefault(stem, one)
        if other is not one:
            findings.error(
                "MS676",
                f"`{one.shown}` and `{other.shown}` have the same name, so their match is"
                " ambiguous",
                span,
                help="remove or rename one of them",
            )
    return named
