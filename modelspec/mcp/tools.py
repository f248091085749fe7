"""What an assistant may ask, as plain functions from arguments to JSON values. Nothing here knows
the protocol, writes a file or loads a framework.

Files are those below the folder of the server. It is the working directory, so it is also the
project of each spec, outside which no path of a spec may lead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Checked, Diagnostic
from modelspec.core.diagnostics.render import text as as_text
from modelspec.core.paths import context_for
from modelspec.core.source import kind_of, read_text

MOST: Final = 50
"""The most diagnostics, pages or runs in an answer; an assistant reads all of it."""
_UNSAVED: Final = "spec.yaml"
"""The name of a text that is not in a file."""
_RUNS: Final = "runs"
"""The folder of runs, which the first training creates."""
_BYTES: Final = 60_000
"""The most bytes of the schema in one answer."""


class Refused(ValueError):
    """A request that cannot be answered; the message states why and what to do."""


class Tools:
    """The answers about the files below one folder, which must be the working directory."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._one_at_a_time = Lock()

    def check(
        self,
        file: str | None = None,
        text: str | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Every error and warning of a spec, as `modelspec check` reports it. Raises `Refused`."""
        checked = self._compiled(file, text, overrides)
        found = checked.diagnostics
        answer: dict[str, Any] = {
            "ok": checked.ok,
            "summary": as_text.count(found),
            "diagnostics": [one.to_dict() for one in found[:MOST]],
            "report": _report(found),
        }
        if len(found) > MOST:
            answer["more"] = len(found) - MOST
        graph = checked.value.graph if checked.ok and checked.value is not None else None
        if graph is not None:
            answer |= {"layers": len(graph.layers), "parameters": graph.parameters}
        return answer

    def show(
        self,
        file: str | None = None,
        text: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        depth: int | None = None,
    ) -> str:
        """The layers with shapes, parameters and cost, and totals. Raises `Refused`, with the
        errors of the spec if it has any.
        """
        from modelspec.views.summary import memory_view, table

        checked = self._compiled(file, text, overrides)
        compiled = checked.value
        if not checked.ok or compiled is None or compiled.graph is None:
            raise Refused(_report(checked.diagnostics))
        stages = compiled.stage_graphs
        return table(
            compiled.name,
            compiled.graph,
            depth=depth,
            memory=memory_view(compiled.graph, compiled.training, stages),
            stages=stages,
            players=compiled.player_graphs,
        )

    def explain(self, topic: str | None = None) -> str:
        """The manual page of a topic as Markdown; the list of topics without one. Raises `Refused`
        for an unknown topic, with the nearest one.
        """
        from modelspec.views.manual import as_markdown, find, near, overview
        from modelspec.views.manual.search import page as search

        pages = [overview()] if topic is None else find(topic)
        if topic is not None and not pages and (found := search(topic, {})):
            pages = [found]
        if not pages:
            meant = near(topic or "")
            hint = f"; did you mean `{meant}`?" if meant else ""
            raise Refused(f"no page about `{topic}`{hint}")
        return "\n".join(as_markdown(one, level=1) for one in pages[:MOST])

    def schema(self, definition: str | None = None) -> dict[str, Any]:
        """A part of the JSON Schema: the sections of a spec and the names of the definitions
        without an argument, else one definition. Raises `Refused` for an unknown or too long one.
        """
        from modelspec.core.diagnostics import nearest
        from modelspec.views.schema import schema as whole

        found = whole()
        definitions = found.pop("$defs")
        if definition is None:
            return {**found, "definitions": sorted(definitions)}
        if definition not in definitions:
            meant = nearest(definition, definitions)
            hint = f"; did you mean `{meant}`?" if meant else ""
            raise Refused(f"the schema has no definition `{definition}`{hint}")
        answer: dict[str, Any] = definitions[definition]
        if len(json.dumps(answer)) > _BYTES:
            raise Refused(
                f"the definition `{definition}` is too long; ask for one of the definitions that it"
                " refers to, or for `explain`"
            )
        return answer

    def fix(self, file: str | None = None, text: str | None = None) -> dict[str, Any]:
        """The text of a spec with the old spellings rewritten, and the changes as a diff; the file
        is not changed. Raises `Refused`.
        """
        from modelspec.views.fix import fix_text

        name, content = self._text(file, text)
        with self._one_at_a_time:
            fixed = fix_text(content, name)
        if fixed.refused:
            raise Refused(fixed.refused)
        return {"changed": fixed.changed, "text": fixed.after, "diff": fixed.diff}

    def runs(self, path: str = _RUNS, sort: str | None = None) -> dict[str, Any]:
        """The runs in a folder with their metrics, the newest or the best first, or one run in
        detail. Raises `Refused`.
        """
        from modelspec.runtime.history import find, in_order, read_record
        from modelspec.runtime.history.formatting import for_json
        from modelspec.runtime.history.run_files import MANIFEST

        folder = self._below(path)
        if path == _RUNS and not folder.exists():
            return {"runs": [], "count": 0}
        if (folder / MANIFEST).is_file():
            read = read_record(folder)
            if read.value is None:
                raise Refused(_report(read.diagnostics))
            more = {"history": read.value.history, "by_part": read.value.by_part}
            found: dict[str, Any] = for_json({**read.value.as_json(), **more})
            return found
        listed = find(folder)
        records, said = listed.value, [*listed.diagnostics]
        if sort is not None and listed.ok:
            ordered = in_order(records, sort)
            records, said = ordered.value, [*said, *ordered.diagnostics]
        if any(one.severity == "error" for one in said):
            raise Refused(_report(said))
        answer = {"runs": [one.as_json() for one in records[:MOST]], "count": len(records)}
        shown: dict[str, Any] = for_json(answer)
        return shown

    def path(self, path: str) -> str:
        """A path below the folder, relative to it, with links resolved. Raises `Refused`."""
        return str(self._below(path))

    def _compiled(
        self, file: str | None, text: str | None, overrides: Mapping[str, Any] | None
    ) -> Checked[Compiled | None]:
        name, content = self._text(file, text)
        read = read_text(content, name, kind_of(name))
        with self._one_at_a_time:  # the plugins of a project are imported once
            return compile_spec(read, dict(overrides or {}), context_for(Path(name)))

    def _text(self, file: str | None, text: str | None) -> tuple[str, str]:
        """The name and the text of a spec: of a file, of a text, or of a text that is to replace a
        file. Raises `Refused`.
        """
        if file is None and text is None:
            raise Refused("pass `file`, or the `text` of a spec")
        path = self._below(file if file is not None else _UNSAVED)
        if text is not None:
            return str(path), text
        try:
            return str(path), path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise Refused(f"`{file}` cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError as error:
            raise Refused(f"`{file}` is not UTF-8: byte {error.start}") from None

    def _below(self, path: str) -> Path:
        """The path with links resolved, relative to the folder. Raises `Refused` for one outside
        it.
        """
        try:
            found = (self.root / path).resolve()
            found.exists()  # raises for a name that is too long
        except (OSError, ValueError) as error:
            raise Refused(f"`{path[:200]}` is not a path: {error}") from None
        if not found.is_relative_to(self.root):
            raise Refused(f"`{path[:200]}` is outside the folder of the server, {self.root}")
        return found.relative_to(self.root)


def _report(diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> str:
    """The diagnostics as `modelspec check` prints them."""
    return as_text.render(diagnostics[:MOST])
