"""Data at run time: sources are opened as named columns, columns become tensors, tensors are
checked, split and batched.

    open_source   source settings      -> Table     named columns that know where their values are
    bind          data section, Table  -> Binding   which columns feed which input and target
    scan          Table, Binding       -> Scan      columns scanned: kinds, missing values
    cut           seed, positions      -> parts     train, validation, test
    adapt         Scan, train          -> State     what transforms and `missing` learn
    materialise   Scan, State          -> arrays    prepared, arranged, cast to the inputs, checked
    storage       arrays               -> PreparedSource   in memory, or in the cache on disk
    batches       part, seed, epoch    -> tf.data   a new permutation for each epoch

Sources are read in blocks, as often as required, so they may be larger than memory. Only
`transforms`, `augment` and `batches` load TensorFlow: errors in the raw data are found before that,
and are raised together as one `DataError`.
"""

from .errors import DataError, RunError
from .examples import Examples, Part, Prepared
from .prepare import prepare, prepare_source
from .sources import open_source
from .table import Table

__all__ = [
    "DataError",
    "Examples",
    "Part",
    "Prepared",
    "RunError",
    "Table",
    "open_source",
    "prepare",
    "prepare_source",
]
