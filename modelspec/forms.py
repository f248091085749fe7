"""How a setting that is a component or a layer says so to the JSON Schema."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import WithJsonSchema

from .catalogue import Catalogue

FAMILY: Final = "x-modelspec-family"
"""Stands in the schema that pydantic makes, with the family's noun, until it becomes a reference to the family."""


def member_of(family: Catalogue) -> Any:
    """For `json_schema_input_type`: a member of the family in any of the written forms. `float | member_of(SCHEDULES)`."""
    return Annotated[Any, WithJsonSchema({FAMILY: family.noun})]
