"""The cells of recurrent layers, and the layer that runs any of them: LSTMCell, GRUCell,
SimpleRNNCell, RNN.
"""

from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator, ValidationInfo

from modelspec.core.diagnostics import Fault
from modelspec.core.registry import Registry
from modelspec.core.settings import Faults, Settings, context_of
from modelspec.core.shapes import Shape, Size, Tensor, needs, product, total

from . import LAYERS
from .common import (
    features,
    inside,
    name_of,
    names_of,
    need_equal,
    need_float,
    need_number,
    numbered,
    prefixed,
)
from .layer import Argument, Example, Inputs, Layer, Outputs, Weight, need_rank
from .recurrent import (
    CellSettings,
    GRUSettings,
    LSTMSettings,
    SimpleRNNSettings,
    check_sequences,
    check_stateful,
    need_state,
)
from .saved import Saved, together
from .setting_types import ListedLayers, read_layer

CELLS = ("LSTMCell", "GRUCell", "SimpleRNNCell", "StackedRNNCells")


def cell_arguments(states: int) -> tuple[Argument, ...]:
    """The call arguments of a cell with this number of states."""
    return (Argument("inputs"), Argument("states", many=True, least=states, most=states))


class Cell(CellSettings):
    """Base of LSTMCell, GRUCell and SimpleRNNCell: one step, with explicit states."""

    arguments: ClassVar[tuple[Argument, ...]] = cell_arguments(1)

    def output(self, inputs: Inputs) -> Outputs:
        x, states = inputs.one, inputs.list("states")
        need_number(self, x)
        need_rank(self, x, 2, argument=self.arguments[0].name)
        features(x)
        self.check_step(x)
        for state, name in zip(states, self.states, strict=True):
            self.check_state(state, name)
            need_equal(
                x.shape[0],
                state.shape[0],
                "the batch sizes of input and state",
                (x.shape, state.shape),
            )
        result = self.result((x.shape[0], self.units))
        return (result,) * (1 + len(states))

    def check_state(self, state: Tensor, name: str) -> None:
        """Raises MS403 to MS405 if the tensor cannot be the state of that name."""
        need_state(self, state, self.units, "states")
        needs(
            state.shape[-1],
            "the size of the state",
            f"set it to {self.units}, the `units`",
            argument="states",
        )
        if name == self.gated or (name == "hidden" and 0 < self.recurrent_dropout < 1):
            need_float(self, state, doing="keeps")

    def output_names(self, inputs: Inputs) -> tuple[str, ...]:
        return ("output", *self.states)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        return self.step_weights(inputs.one.shape[-1])

    def multiply_adds(self, inputs: Inputs) -> Size:
        return self.step_cost(inputs.one.shape[-1])

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return self.step_saved(self.like(inputs.one))


class SimpleRNNCell(SimpleRNNSettings, Cell):
    """One step of `SimpleRNN`.

    ```yaml
    - RNN: {cell: {SimpleRNNCell: 32}}
    ```

    Takes (batch, features) and a state (batch, units), gives (batch, units) and the next state:
    `name.output` and `name.hidden`.
    """

    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("sequence"),
        Argument("states", many=True, least=1, most=1),
    )

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"units": 4}, {"sequence": (None, 5), "states": ((None, 4),)}),
    )


class GRUCell(GRUSettings, Cell):
    """One step of `GRU`.

    ```yaml
    - RNN: {cell: {GRUCell: 32}}
    ```

    Takes (batch, features) and a state (batch, units), gives (batch, units) and the next state:
    `name.output` and `name.hidden`.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"units": 4}, {"inputs": (None, 5), "states": ((None, 4),)}),
    )


class LSTMCell(LSTMSettings, Cell):
    """One step of `LSTM`.

    ```yaml
    - RNN: {cell: [{LSTMCell: 32}, {LSTMCell: 16}]}
    ```

    Takes (batch, features) and two states (batch, units), gives (batch, units) and the next states:
    `name.output`, `name.hidden` and `name.cell`.
    """

    arguments: ClassVar[tuple[Argument, ...]] = cell_arguments(2)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"units": 4}, {"inputs": (None, 5), "states": ((None, 4), (None, 4))}),
    )


def _one_cell(value: Any, info: ValidationInfo) -> Settings:
    cell = read_layer(value, info)
    if cell.kind() not in CELLS:
        instead = f"{cell.kind()}Cell"
        raise Faults(
            [
                Fault(
                    "MS205",
                    f"`{cell.kind()}` is not a cell, which computes one step of a sequence",
                    suggestion=instead if instead in CELLS else None,
                    help=(
                        f"use `{instead}`" if instead in CELLS else f"use one of {', '.join(CELLS)}"
                    ),
                )
            ]
        )
    return cell


def _cells(value: Any, info: ValidationInfo) -> tuple[Settings, ...]:
    """All cells of a list. Raises the faults of all of them together."""
    if not isinstance(value, (tuple, list)) or not value:
        raise Faults(
            [
                Fault(
                    "MS204",
                    "`cells` must be a list of at least one cell",
                    help="write `[{LSTMCell: 32}]`",
                )
            ]
        )
    made: list[Settings] = []
    faults: list[Fault] = []
    for index, item in enumerate(value):
        try:
            made.append(_one_cell(item, info))
        except Faults as error:
            faults += [fault.under(index) for fault in error.faults]
    if faults:
        raise Faults(faults)
    return tuple(made)


def _cell(value: Any, info: ValidationInfo) -> Settings:
    """A cell, or a list of cells, which becomes a stack."""
    if isinstance(value, (tuple, list)):
        return StackedRNNCells.build({"cells": _cells(value, info)}, context_of(info))
    return _one_cell(value, info)


class StackedRNNCells(Layer):
    """Stacks several cells into one: each takes the output of the cell before it.

    ```yaml
    - RNN: {cell: {StackedRNNCells: [{LSTMCell: 32}, {LSTMCell: 16}]}}
    - RNN: {cell: [{LSTMCell: 32}, {LSTMCell: 16}]}
    ```

    Both lines are equivalent. It is used in `RNN`; as an entry it takes (batch, features) and one
    state for each cell.
    """

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("inputs"), Argument("states", many=True))

    cells: Annotated[Any, PlainValidator(_cells, json_schema_input_type=ListedLayers)]

    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            {"cells": ({"GRUCell": 4}, {"SimpleRNNCell": 3})},
            {"inputs": (None, 5), "states": ((None, 4), (None, 3))},
        ),
    )

    @property
    def units(self) -> int:
        last: CellSettings = self.cells[-1]
        return last.units

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states; those of a second cell of three are `hidden_1`."""
        return numbered(name for cell in self.cells for name in cell.states)

    def state_sizes(self) -> tuple[int, ...]:
        return tuple(size for cell in self.cells for size in cell.state_sizes())

    def check_step(self, x: Tensor) -> None:
        """Raises MS404 if the first cell cannot apply dropout to a step."""
        self.cells[0].check_step(x)

    def step_weights(self, size: Size) -> tuple[Weight, ...]:
        made: list[Weight] = []
        for name, cell in zip(names_of(self.cells), self.cells, strict=True):
            made += prefixed(name, cell.step_weights(size), self.trainable)
            size = cell.units
        return tuple(made)

    def step_cost(self, size: Size) -> Size:
        costs: list[Size] = []
        for cell in self.cells:
            costs.append(cell.step_cost(size))
            size = cell.units
        return total(costs)

    def output(self, inputs: Inputs) -> Outputs:
        x, states = inputs.one, inputs.list("states")
        need_number(self, x)
        need_rank(self, x, 2)
        features(x)
        self.check_step(x)
        need_flat_states(self, "states", len(states))
        for state, cell in zip(states, self.cells, strict=True):
            cell.check_state(state, "hidden")
        last = self.cells[-1].result((x.shape[0], self.units))
        return (last, *(cell.result((x.shape[0], cell.units)) for cell in self.cells))

    def output_names(self, inputs: Inputs) -> tuple[str, ...]:
        return ("output", *self.states)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        return self.step_weights(inputs.one.shape[-1])

    def multiply_adds(self, inputs: Inputs) -> Size:
        return self.step_cost(inputs.one.shape[-1])

    def step_saved(self, x: Tensor) -> Saved:
        """The saved tensors of one step for `x`, (batch, features)."""
        found = list[Saved]()
        for cell in self.cells:
            found.append(cell.step_saved(x))
            x = cell.result((x.shape[0], cell.units))
        return together(found)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return self.step_saved(self.like(inputs.one))


def need_flat_states(cells: StackedRNNCells, argument: str, count: int) -> None:
    """Raises unless each cell of the stack has one state: Keras takes the states of an LSTM as a
    nested list.
    """
    if any(len(cell.states) > 1 for cell in cells.cells):
        raise Fault(
            "MS209",
            f"`{argument}` cannot be given to a stack that contains an `LSTMCell`",
            argument=argument,
            help="use one `RNN` for each cell",
        )
    if count != len(cells.cells):
        raise Fault(
            "MS310",
            f"the stack has {len(cells.cells)} cells, but {count} states are given",
            argument=argument,
        )


class RNN(Layer):
    """Runs a cell, or a stack of cells, over a sequence.

    ```yaml
    - RNN: {LSTMCell: 32}
    - RNN: {cell: [{LSTMCell: 32}, {GRUCell: 16}], return_sequences: true}
    ```

    Takes (batch, time, features), gives (batch, units of the last cell), or (batch, time, units)
    with `return_sequences`. With `return_state` the last states of all cells follow: `name.hidden`,
    `name.cell`, ...
    """

    supports_masking = True
    uses_mask_of = ("sequences",)
    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("sequences"),
        Argument("initial_state", required=False, many=True),
        Argument("mask", required=False),
    )

    cell: Annotated[Any, PlainValidator(_cell, json_schema_input_type=Any)]
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = False

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"cell": {"LSTMCell": 4}}, ((None, 6, 5),)),
        Example(
            {"cell": {"GRUCell": 4}, "return_state": True},
            {"sequences": (None, 6, 5), "initial_state": ((None, 4),)},
        ),
        Example(
            {
                "cell": ({"LSTMCell": 4}, {"GRUCell": 3}),
                "return_sequences": True,
                "return_state": True,
            },
            ((None, None, 5),),
        ),
        Example(
            {"cell": {"SimpleRNNCell": 4}, "zero_output_for_mask": True},
            {"sequences": (None, 6, 5), "mask": (None, 6)},
        ),
    )

    @classmethod
    def primary_family(cls) -> Registry | None:
        return LAYERS

    def mask_rank(self, rank: int) -> int | None:
        return 2

    def output(self, inputs: Inputs) -> Outputs:
        x, cell = inputs.one, self.cell
        need_rank(self, x, 3, argument="sequences")
        with inside("cell", cell.kind()):
            features(x)
            cell.check_step(x)
        if inputs.list("initial_state") and isinstance(cell, StackedRNNCells):
            need_flat_states(cell, "initial_state", len(inputs.list("initial_state")))
        check_sequences(self, inputs, cell.state_sizes())
        check_stateful(self.stateful, x)
        steps: Shape = (x.shape[1],) if self.return_sequences else ()
        result = self.result((x.shape[0], *steps, cell.units))
        if not self.return_state:
            return result
        return (result, *(self.result((x.shape[0], size)) for size in cell.state_sizes()))

    def output_names(self, inputs: Inputs) -> tuple[str, ...]:
        return ("output", *self.cell.states) if self.return_state else ()

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        cell = self.cell
        return prefixed(
            name_of(cell),
            cell.step_weights(inputs.one.shape[-1]),
            self.trainable and cell.trainable,
        )

    def multiply_adds(self, inputs: Inputs) -> Size:
        x = inputs.one
        return product((x.shape[1], self.cell.step_cost(x.shape[-1])))

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        x = self.like(inputs.one)
        step = x._replace(shape=(x.shape[0], x.shape[2]))
        saved: Saved = self.cell.step_saved(step)
        return saved.at_each(x.shape[1])
