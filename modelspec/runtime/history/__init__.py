"""What runs left on disk, read back without a framework: one run, a folder of them, and what they
came to in words.

run_files      the files of a run folder, and whether a process writes it
edited_files   the texts of a run folder that are not what the run wrote
record         folder     -> Record      manifest, history and metrics, whatever state they are in
listing        folder     -> records     all runs below it, sorted
ending         how a training ended, why a run failed, whether `resume` helps
tables         records    -> tables for people
html_report    Record     -> `report.html`
"""

from __future__ import annotations

from .edited_files import altered
from .listing import find, in_order
from .record import Record, read_record

__all__ = ["Record", "altered", "find", "in_order", "read_record"]
