"""What is known of predictions, made up: every kind of section, and texts that would be markup."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from modelspec.runtime.history.findings import (
    Calibration,
    Classes,
    ClassRow,
    Example,
    Findings,
    Labels,
    Numbers,
    OutputFindings,
    Range,
)

BAD = "</p></td><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


def png() -> bytes:
    file = BytesIO()
    Image.new("RGB", (28, 28), (200, 30, 30)).save(file, "PNG")
    return file.getvalue()


def example(name: str, *, with_image: bool = False) -> Example:
    images = (("image", png()), (name, png())) if with_image else ()
    return Example("7", name, name, "off by 3", ((name, name * 3), ("empty", "")), images)


def classes(names: tuple[str, ...]) -> Classes:
    count = len(names)
    matrix = tuple(
        tuple(40 if at == other else (at + other) % 4 for other in range(count))
        for at in range(count)
    )
    rows = tuple(ClassRow(name, 42, 0.9, None, 0.85, None, 0.97, 0.9) for name in names)
    curve = ((0.0, 0.0), (0.1, 0.8), (1.0, 1.0))
    return Classes(
        "examples",
        42 * count,
        0.9,
        names,
        matrix,
        rows,
        count,
        roc=dict.fromkeys(names[:3], curve),
        precision_recall=dict.fromkeys(names[:3], curve),
        calibration=Calibration(((0.55, 0.5, 10), (0.9, 0.95, 100)), 0.05),
    )


def numbers(name: str) -> Numbers:
    points = tuple((float(at), at * 1.1 - 3) for at in range(100))
    ranges = tuple(Range(at * 10.0, at * 10.0 + 10, 10, at + 1.0, -at) for at in range(10))
    edges = tuple(at - 15.0 for at in range(31))
    return Numbers(
        name, 5_000, 812.77, 1234.5, 0.88, -3.5, points, edges, (3,) * 30, ranges, (1.0, 2.0, 4.0)
    )


def findings(names: tuple[str, ...] = ("cat", "dog", BAD)) -> Findings:
    """Three outputs; some names are hostile."""
    bad = names[-1]
    shown = tuple(example(bad, with_image=bool(at % 2)) for at in range(4))
    return Findings(
        "test",
        5_000,
        9_000,
        (
            OutputFindings(bad, classes(names), worst=shown, drawn=shown),
            OutputFindings("price", numbers=(numbers(bad), numbers("b")), worst=shown),
            OutputFindings("tags", labels=Labels(9, 0.5, classes(names).rows, 500)),
        ),
    )
