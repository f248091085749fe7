"""A trained run as what others use: Keras files, weights, SavedModel, ONNX, LiteRT, and a Python
script.

    open_run     run folder        -> SavedRun     the resolved spec and the weights
    samples      its data          -> Samples      some rows: as the source has them, and as the model takes them
    preparing    Samples           -> Preparing    what stands between columns and model, as Keras layers
    FORMATS      Job, path         -> Written      a file beside the one asked for, and what it gives for the rows
    export       Written           -> Exported     compared with the run's own predictions, then renamed into place

Importing this package loads no framework.
"""

from .export_run import Exported, export
from .formats import FORMATS, QUANTIZATIONS, Format

__all__ = ["FORMATS", "QUANTIZATIONS", "Exported", "Format", "export"]
