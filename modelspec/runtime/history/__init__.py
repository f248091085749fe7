"""The results of runs on disk, read without a framework: one run, or a folder of runs, and their
summaries.

run_files      the files of a run folder, and whether a process is writing it
edited_files   files of a run folder that changed after the run wrote them
record         folder     -> Record      manifest, history and metrics, in any state
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
