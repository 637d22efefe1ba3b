"""What each call takes, checked before anything is sent: ids, fields, and Notion's own bounds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from integrations.notion.address import checked_id
from integrations.notion.content import PAGE_SIZE
from notionscan.errors import Invalid

A = TypeVar("A", bound="Arguments")
# Source: developers.notion.com/reference/request-limits
MOST_BLOCKS = 1_000
MOST_IN_ARRAY = 100
MOST_BYTES = 500_000
_LONGEST_CURSOR = 4_096
_LONGEST_FIELD = 24
# Deeper than any page that Notion takes, and far from what a stack bears.
_DEEPEST = 40

Json = dict[str, Any]
NotionId = Annotated[str, AfterValidator(checked_id), Field(description="A UUID, as Notion gives them.")]
Cursor = Annotated[
    str | None,
    Field(
        default=None,
        min_length=1,
        max_length=_LONGEST_CURSOR,
        pattern=r"^[!-~]+$",
        description="nextCursor of the answer before.",
    ),
]
PageSize = Annotated[int, Field(default=PAGE_SIZE, ge=1, le=PAGE_SIZE, strict=True)]


class Arguments(BaseModel):
    """Names in camelCase, as the schemas show them, and none that is not known."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class OfNotion(BaseModel):
    """A piece of Notion's own vocabulary, with its own names."""

    model_config = ConfigDict(extra="forbid")


class KindFilter(OfNotion):
    property: Literal["object"] = "object"
    value: Literal["page", "data_source", "database"]


class Search(Arguments):
    query: str = Field(
        default="", max_length=1_000, description="Words of the title; empty finds everything."
    )
    filter: KindFilter | None = None
    cursor: Cursor = None
    page_size: PageSize = PAGE_SIZE


class ListDatabases(Arguments):
    cursor: Cursor = None
    page_size: PageSize = PAGE_SIZE


class OneDatabase(Arguments):
    id: NotionId


class Query(Arguments):
    id: NotionId
    data_source_id: NotionId | None = None
    filter: Json | None = Field(default=None, description="As in Notion's «Query a data source».")
    sorts: list[Json] | None = Field(default=None, max_length=MOST_IN_ARRAY)
    cursor: Cursor = None
    page_size: PageSize = PAGE_SIZE


class OnePage(Arguments):
    id: NotionId


class Blocks(Arguments):
    id: NotionId
    cursor: Cursor = None
    page_size: PageSize = PAGE_SIZE


class Parent(OfNotion):
    """Exactly one of the three ids."""

    type: Literal["page_id", "database_id", "data_source_id"] | None = None
    page_id: NotionId | None = None
    database_id: NotionId | None = None
    data_source_id: NotionId | None = None

    @model_validator(mode="after")
    def _one(self) -> Parent:
        given = [name for name in ("page_id", "database_id", "data_source_id") if getattr(self, name)]
        if len(given) != 1 or self.type not in (None, given[0]):
            raise ValueError("Give exactly one of page_id, database_id and data_source_id.")
        return self


class CreatePage(Arguments):
    parent: Parent
    properties: Json
    children: list[Json] | None = Field(default=None, max_length=MOST_IN_ARRAY)
    icon: Json | None = None


class UpdatePage(Arguments):
    id: NotionId
    properties: Json | None = None
    icon: Json | None = None
    cover: Json | None = None
    if_last_edited_time: datetime | None = Field(
        default=None, description="last_edited_time as you read it; an edit since then refuses the write."
    )

    @model_validator(mode="after")
    def _something(self) -> UpdatePage:
        if not self.model_fields_set & {"properties", "icon", "cover"}:
            raise ValueError("Give properties, icon or cover to change.")
        if "properties" in self.model_fields_set and self.properties is None:
            raise ValueError("properties is an object.")
        return self


class Append(Arguments):
    id: NotionId
    children: list[Json] = Field(min_length=1, max_length=MOST_IN_ARRAY)


class Trash(Arguments):
    id: NotionId


def parsed(kind: type[A], given: Mapping[str, Any]) -> A:
    """Return the arguments of a call.

    Raises: Invalid, naming the fields and never what is in them.
    """
    _check_size(given)
    try:
        arguments = kind.model_validate(dict(given))
    except ValidationError as problem:
        raise Invalid(_sentence(problem)) from None
    _check_blocks(getattr(arguments, "children", None) or [])
    return arguments


def _sentence(problem: ValidationError) -> str:
    errors = problem.errors(include_input=False, include_url=False)
    unknown = {_name(error) for error in errors if error["type"] == "extra_forbidden"}
    if unknown:
        return _unknown(unknown)
    wrong = sorted({_name(error) for error in errors})
    reasons = {
        str(error.get("ctx", {}).get("error", "")) for error in errors if error["type"] == "value_error"
    }
    return " ".join(
        [f"Correct these fields of the request: {', '.join(wrong)}.", *sorted(filter(None, reasons))]
    )


def check_query(names: Iterable[str], known: Iterable[str]) -> None:
    """Let an address ask for nothing that is not known.

    Raises: Invalid, naming what is not.
    """
    if unknown := set(names).difference(known):
        raise Invalid(_unknown({_cut(name) for name in unknown}))


def _unknown(names: set[str]) -> str:
    return f"Unknown fields: {', '.join(sorted(names))}. Leave them out."


def _name(error: Any) -> str:
    return ".".join(_cut(part) for part in error["loc"] if not isinstance(part, int)) or "body"


def _cut(part: object) -> str:
    # A name that long is no field's: it may be a secret in the wrong place.
    return str(part)[:_LONGEST_FIELD]


def _check_size(given: Mapping[str, Any]) -> None:
    if any(depth > _DEEPEST for depth, _ in _walk(given)):
        raise Invalid(f"The request is nested deeper than {_DEEPEST} levels; Notion takes no such thing.")
    try:
        sent = json.dumps(given, ensure_ascii=False, allow_nan=False, default=str).encode()
    except ValueError:
        # A lone surrogate, or a number that JSON has no form for.
        raise Invalid("The request holds text or numbers that cannot be sent to Notion.") from None
    if len(sent) > MOST_BYTES:
        raise Invalid(f"The request is larger than {MOST_BYTES // 1000} kB; send it in parts.")


def _check_blocks(children: list[Json]) -> None:
    count = 0
    arrays = [children]
    while arrays:
        blocks = arrays.pop()
        count += len(blocks)
        if len(blocks) > MOST_IN_ARRAY:
            raise Invalid(f"An array has at most {MOST_IN_ARRAY} blocks; append the rest in another request.")
        if count > MOST_BLOCKS:
            raise Invalid(
                f"A request has at most {MOST_BLOCKS:,} blocks; append the rest in another request."
            )
        for block in blocks:
            holders = [block, *block.values()] if isinstance(block, dict) else []
            nested = [holder.get("children") for holder in holders if isinstance(holder, dict)]
            arrays += [array for array in nested if isinstance(array, list)]


def _walk(value: Any) -> Iterator[tuple[int, Any]]:
    """Yield every structure in a value with its depth, without a stack of calls."""
    waiting = [(1, value)]
    while waiting:
        depth, here = waiting.pop()
        if isinstance(here, Mapping | list):
            yield depth, here
            if depth <= _DEEPEST:
                inner = here.values() if isinstance(here, Mapping) else here
                waiting += [(depth + 1, each) for each in inner]
