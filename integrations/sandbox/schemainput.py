"""Columns as they are sent with a new database or data source, made into columns as they are kept."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from integrations.sandbox.errors import invalid
from integrations.sandbox.inputs import MISSING, Json, a_text, an_array, an_id, an_object, one_of, only, wrong
from integrations.sandbox.richtext import colour_of
from integrations.sandbox.tables import Column, Columns, find_column
from integrations.sandbox.valueinput import new_option

TITLE = Column("title", "Name", "title", {})
_ALPHABET = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ:@;<>^_"


def new_columns(given: Any, where: str) -> Columns:
    """Return the columns of a new data source; exactly one is the title's."""
    if given is MISSING:
        return (TITLE,)
    columns: Columns = ()
    for name, value in an_object(given, where).items():
        columns = (*columns, _column(columns, name, value, f"{where}.{name}"))
    if sum(column.type == "title" for column in columns) != 1:
        raise invalid("Title is not provided" if columns else f"body failed validation: {where} is empty.")
    return columns


def changed_columns(columns: Columns, given: Any, where: str) -> Columns:
    """Return columns with some added, renamed, retyped, or (null) removed."""
    for name, value in an_object(given, where).items():
        old = find_column(columns, name)
        if value is None:
            columns = _without(columns, old, name)
        elif old is None:
            columns = (*columns, _column(columns, name, value, f"{where}.{name}"))
        else:
            new = _changed(old, value, f"{where}.{name}")
            columns = tuple(new if c is old else c for c in columns)
    return columns


def _without(columns: Columns, old: Column | None, name: str) -> Columns:
    if old is None:
        raise invalid(f"{name} is not a property that exists.")
    if old.type == "title":
        raise invalid(f"Cannot delete property {name} because it is the title.")
    return tuple(c for c in columns if c is not old)


def _changed(old: Column, value: Any, where: str) -> Column:
    given = an_object(value, where)
    name = a_text(given.get("name", old.name), f"{where}.name", most=100)
    if not any(kind in given for kind in _CONFIGS):
        only(given, ("id", "type", "name", "description"), where)
        return old._replace(name=name)
    new = _column((), name, value, where)
    if (old.type == "title") != (new.type == "title"):
        raise invalid(f"Cannot change the type of property {old.name} from or to title.")
    return new._replace(id=old.id, generated=old.generated if new.type == old.type else None)


def _column(columns: Columns, name: str, value: Any, where: str) -> Column:
    given = an_object(value, where)
    kind = one_of(given, tuple(_CONFIGS), where)
    only(given, ("id", "type", "name", "description", kind), where)
    config = _CONFIGS[kind](an_object(given[kind], f"{where}.{kind}"), f"{where}.{kind}")
    return Column(
        "title" if kind == "title" else _new_id(columns, name), a_text(name, where, most=100), kind, config
    )


def _new_id(columns: Columns, name: str) -> str:
    """Return four arbitrary characters that no other column of the table has."""
    taken = {column.id for column in columns}
    attempt = 0
    while True:
        digest = blake2b(f"{name}/{attempt}".encode("utf-8", "surrogatepass"), digest_size=4).digest()
        made = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest)
        if made not in taken:
            return made
        attempt += 1


def _plain(given: Json, where: str) -> Json:
    return only(given, (), where)


def _number(given: Json, where: str) -> Json:
    only(given, ("format",), where)
    return {"format": a_text(given.get("format", "number"), f"{where}.format", most=40)}


def _options(given: Json, where: str) -> Json:
    only(given, ("options",), where)
    options = []
    for i, item in enumerate(an_array(given.get("options", []), f"{where}.options")):
        place = f"{where}.options[{i}]"
        option = only(an_object(item, place), ("id", "name", "color", "description"), place)
        name = a_text(option.get("name", MISSING), f"{place}.name", most=100)
        options.append(
            new_option(name, colour_of(option.get("color", "default"), f"{place}.color"))
            | ({"id": option["id"]} if "id" in option else {})
        )
    return {"options": options}


def _relation(given: Json, where: str) -> Json:
    only(given, ("data_source_id", "type", "single_property"), where)
    target = an_id(given.get("data_source_id", MISSING), f"{where}.data_source_id")
    if given.get("single_property", {}) != {}:
        raise wrong(f"{where}.single_property", "an empty object", given["single_property"])
    return {"data_source_id": target, "type": "single_property", "single_property": {}}


def _formula(given: Json, where: str) -> Json:
    only(given, ("expression",), where)
    return {"expression": a_text(given.get("expression", MISSING), f"{where}.expression")}


_CONFIGS: dict[str, Callable[[Json, str], Json]] = {
    "number": _number,
    "select": _options,
    "multi_select": _options,
    "relation": _relation,
    "formula": _formula,
    **dict.fromkeys(
        (
            "title", "rich_text", "date", "people", "files", "checkbox", "url", "email", "phone_number",
            "created_time", "created_by", "last_edited_time", "last_edited_by",
        ),
        _plain,
    ),
}  # fmt: skip
