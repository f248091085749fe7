"""Data at run time: sources open to named columns, columns become tensors, tensors are checked,
split and batched.

    open_source   source settings      -> Table     named columns that know where their values are
    bind          data section, Table  -> Binding   which columns feed which input and target
    scan          Table, Binding       -> Scan      columns looked through: kinds, missing values
    cut           seed, positions      -> parts     train, validation, test
    adapt         Scan, train          -> State     what transforms and `missing` take from training
    materialise   Scan, State          -> arrays    prepared, arranged, cast to the inputs, checked
    storage       arrays               -> PreparedSource   in memory, or in the cache on disk
    batches       part, seed, epoch    -> tf.data   each epoch a permutation of its own

Sources are read in blocks, as often as needed, so that they may be larger than memory. Only
`transforms`, `augment` and `batches` load TensorFlow: what is wrong with the data as they are is
found before, and raised together as one `DataError`.
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
