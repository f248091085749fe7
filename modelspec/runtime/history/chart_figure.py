"""A pygal chart as an HTML figure: only the required parts, with the classes of one style sheet."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from html import escape
from typing import Any, Final
from xml.etree import ElementTree

from .html_parts import text

WIDTH: Final = 400
HEIGHT: Final = 250
"""The coordinates of a chart. It is as wide as its column, and text stays readable at 320
pixels.
"""
COLORS: Final = (
    "#2f7ae5", "#d95f0e", "#2a9455", "#9b5de5", "#d93d5e", "#0b8fa3", "#a8763e", "#7a828e",
)  # fmt: skip
"""Each has a contrast of at least 3 on white and on the dark background of the report."""
_DASHES: Final = ("none", "7 3", "2 3", "9 3 2 3", "none", "7 3", "2 3", "9 3 2 3")
"""Lines also differ without color, as in print."""
_FONT: Final = 12
_ACROSS, _DOWN = 40, 24
"""The most characters of an axis title."""
MOST_DOTS: Final = 60
"""The most entries of a curve for which each is a dot with its number as a title."""


def _style() -> str:
    rules = [
        f".ms-chart .c{at}{{stroke:{color};fill:{color};stroke-dasharray:{dash}}}"
        for at, (color, dash) in enumerate(zip(COLORS, _DASHES, strict=True))
    ]
    return _RULES + "\n".join(rules) + "\n"


_RULES: Final = """
.ms-chart{margin:0;min-width:0}
.ms-chart figcaption{font-weight:600}
.ms-chart svg{display:block;width:100%;height:auto;max-width:44rem}
.ms-chart text{font:12px ui-sans-serif,system-ui,sans-serif;fill:currentColor;stroke:none}
.ms-chart .axis.x text,.ms-chart .title{text-anchor:middle}
.ms-chart .axis.y text{text-anchor:end}
.ms-chart .axis path{stroke:currentColor;stroke-opacity:.16;fill:none}
.ms-chart .axis path.line:not(.guide){stroke-opacity:.5}
.ms-chart .axis.x text[transform]{text-anchor:start}
.ms-chart path.line{fill:none;stroke-width:2;stroke-linejoin:round}
.ms-chart .axis path.line{stroke-width:1}
.ms-chart .dot{stroke:none}
.ms-chart .points{fill-opacity:.45}
.ms-chart .rect{fill-opacity:.8;stroke:none}
.ms-bars .axis.x path{display:none}
.ms-chart .ms-mark{stroke:currentColor;stroke-width:1.5;stroke-dasharray:4 3}
.ms-chart .ms-mark.ms-stop{stroke-dasharray:1 4}
.ms-chart .ms-mark.ms-border{stroke-width:1;stroke-dasharray:none;opacity:.5}
.ms-chart .ms-diagonal{stroke:currentColor;stroke-opacity:.45;stroke-dasharray:4 4}
.ms-keys{display:flex;flex-wrap:wrap;gap:.1rem 1rem;margin:.1rem 0;padding:0;list-style:none}
.ms-keys li{display:flex;align-items:center;gap:.4rem;font-size:.85rem;overflow-wrap:anywhere}
.ms-keys svg{flex:none;width:1.6rem;height:.7rem}
.ms-charts{display:grid;gap:1.2rem 2rem;
  grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr))}
"""
STYLE: Final = _style()
"""The style sheet of a page with charts, which are in an element of the class `ms-charts`."""


def cut(words: str, most: int) -> str:
    """A text on one line with so many characters: pygal never returns without room for one."""
    line = " ".join(words.split())
    return line if len(line) <= most else line[: most - 3] + "..."


def library() -> Any:
    """pygal. Its import adds a plugin finder to `sys.meta_path` in an outdated form: each later
    import of the program would warn of it.
    """
    is_new = "pygal" not in sys.modules
    import pygal.style

    if is_new:
        for one in [one for one in sys.meta_path if type(one).__module__ == "pygal"]:
            sys.meta_path.remove(one)
    return pygal


def settings(x_title: str, y_title: str | None) -> dict[str, Any]:
    sizes = {f"{one}_font_size": _FONT for one in ("label", "major_label", "title", "value")}
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "style": library().style.Style(**sizes),
        "show_legend": False,
        "margin": 6,
        "margin_right": 20,
        "spacing": 5,
        "x_title": cut(x_title, _ACROSS),
        "y_title": cut(y_title, _DOWN) if y_title else None,
        "js": [],
        "css": [],
        "value_formatter": lambda one: f"{one:,.4g}",
        "truncate_label": -1,
    }


def figure(
    title: str,
    chart: Any,
    classes: Mapping[int, str],
    about: str,
    keys: Mapping[str, str] | None = None,
    kind: str = "",
) -> str:
    """The chart with its title and legend; `classes` are those of its series by number."""
    given = chart.render(disable_xml_declaration=True, is_unicode=True)
    root = ElementTree.fromstring(_NOT_IN_XML.sub("\ufffd", given))  # noqa: S314  # made by pygal
    drawn = "".join(_written(one, classes) for one in root)
    if drawn.count("<title>") > 4 * MOST_DOTS:
        drawn = re.sub("<title>[^<]*</title>", "", drawn)
    label = text(f"{title}: {', '.join((keys or {}).values()) or about}")
    legend = "".join(
        f'<li><svg viewBox="0 0 26 10" aria-hidden="true"><path class="line {name}"'
        f' d="M1 5h24"/></svg><span>{text(words)}</span></li>'
        for name, words in (keys or {}).items()
    )
    return (
        f'<figure class="{f"ms-chart {kind}".strip()}"><figcaption>{text(title)}</figcaption>'
        + (f'<ul class="ms-keys">{legend}</ul>' if legend else "")
        + f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{drawn}</svg>'
        + "</figure>"
    )


_KEPT: Final = ("d", "x", "y", "width", "height", "cx", "cy", "r", "transform")
_DRAWN: Final = ("g", "path", "rect", "circle", "text")
_SERIES: Final = re.compile(r"\bserie-(\d+)\b")
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NUMBER: Final = re.compile(r"-?\d+\.\d+")
_WORDS: Final = frozenset(("axis", "x", "y", "line", "guide", "title", "dot", "rect"))
"""The classes that `STYLE` uses."""


def _written(node: ElementTree.Element, classes: Mapping[int, str], title: str = "") -> str:
    """The kept content of a part of a chart. A group has the class of its series, a point or a bar
    its number as a title, which browsers show on hover.
    """
    tag = str(node.tag).rpartition("}")[2]
    own = node.get("class", "").split()
    if tag not in _DRAWN or "background" in own or "tooltip" in own:
        return ""
    title = _value_of(node) or title
    inner = "".join(_written(one, classes, title) for one in node) + escape(node.text or "")
    if tag == "g" and not inner:
        return ""
    kept = [one for one in own if one in _WORDS]
    if found := _SERIES.search(node.get("class", "")):
        kept.append(classes.get(int(found[1]), "c0"))
    given = {key: value for key in _KEPT if (value := node.get(key)) is not None}
    if kept:
        given["class"] = " ".join(kept)
    if tag == "g" and not given:
        return inner
    if title and ("dot" in own or "rect" in own):
        inner = f"<title>{escape(title)}</title>"
    written = "".join(
        f' {key}="{_NUMBER.sub(_rounded, escape(value))}"' for key, value in given.items()
    )
    return f"<{tag}{written}>{inner}</{tag}>" if inner else f"<{tag}{written}/>"


def _value_of(node: ElementTree.Element) -> str:
    """The number of the point or bar of a group."""
    found = (one.text for one in node if one.get("class") == "value")
    return next(found, None) or ""


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found[0]):.1f}".removesuffix(".0")
