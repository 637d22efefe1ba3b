"""Property values as they are sent, checked against the columns they are for."""

from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from typing import Any

from integrations.sandbox.errors import invalid
from integrations.sandbox.inputs import (
    MAX_URL,
    MISSING,
    Json,
    a_flag,
    a_text,
    an_array,
    an_id,
    an_object,
    is_number,
    one_of,
    only,
    wrong,
)  # fmt: skip
from integrations.sandbox.richtext import colour_of, rich_text_of
from integrations.sandbox.tables import Column, Columns, find_column
from integrations.sandbox.values import user_ref

MAX_REFERENCES = 100  # people, relations and options in one value

LookUp = Callable[[str], object]  # raises the 404 where the caller sees no page of this id


class Values:
    """What a request wants to put into a row: values by column, and the columns with any new options."""

    def __init__(self, columns: Columns, look_up: LookUp) -> None:
        self.columns = columns
        self.title: list[Json] | None = None
        self.by_id: dict[str, Any] = {}
        self._look_up = look_up

    def read(self, given: Any, where: str) -> None:
        """Take a `properties` object in, or raise the refusal of what is wrong in it."""
        for name, value in an_object(given, where).items():
            column = find_column(self.columns, name)
            if column is None:
                raise invalid(f"{name} is not a property that exists.")
            self._read_one(column, value, f"{where}.{name}")

    def _read_one(self, column: Column, value: Any, where: str) -> None:
        if column.type == "title" and isinstance(value, list):  # Notion takes the bare rich text too
            value = {"title": value}
        given = an_object(value, where)
        if column.type not in given:
            if any(kind in given for kind in (*_READERS, *_OPTIONS, "title", "relation")):
                raise invalid(f"{column.name} is expected to be {column.type}.")
            raise wrong(f"{where}.{column.type}", "defined", MISSING)
        only(given, ("id", "type", "name", column.type), where)
        read = self._value(column, given[column.type], f"{where}.{column.type}")
        if column.type == "title":
            self.title = read
        else:
            self.by_id[column.id] = read

    def _value(self, column: Column, value: Any, where: str) -> Any:
        if column.type == "title":
            return rich_text_of(value, where)
        if column.type == "relation":
            return self._relation(value, where)
        if column.type in _OPTIONS:
            return self._chosen(column, value, where)
        if column.type not in _READERS:  # formulas, times and authors are Notion's own
            raise wrong(where, "not present", value)
        return _READERS[column.type](value, where)

    def _relation(self, value: Any, where: str) -> list[Json]:
        uuids = [
            an_id(an_object(item, f"{where}[{i}]").get("id", MISSING), f"{where}[{i}].id")
            for i, item in enumerate(an_array(value, where, most=MAX_REFERENCES))
        ]
        for uuid in uuids:
            self._look_up(uuid)
        return [{"id": uuid} for uuid in uuids]

    def _chosen(self, column: Column, value: Any, where: str) -> Any:
        if column.type == "multi_select":
            items = an_array(value, where, most=MAX_REFERENCES)
            return [self._option(column, item, f"{where}[{i}]") for i, item in enumerate(items)]
        if value is None:
            return None
        return self._option(column, value, where)

    def _option(self, column: Column, value: Any, where: str) -> Json:
        given = only(an_object(value, where), ("id", "name", "color", "description"), where)
        by = one_of({k: given[k] for k in ("name", "id") if given.get(k)} or given, ("name", "id"), where)
        wanted = a_text(given[by], f"{where}.{by}", most=100)
        known = next((o for o in self._options(column) if o[by] == wanted), None)
        if known is not None:
            return {name: known[name] for name in ("id", "name", "color")}
        if column.type == "status" or by == "id":
            raise invalid(
                f'Invalid {column.type} option. {column.type.capitalize()} option "{wanted}" does not exist.'
            )
        return self._new_option(column, wanted, colour_of(given.get("color", "default"), f"{where}.color"))

    def _options(self, column: Column) -> list[Json]:
        current = next(c for c in self.columns if c.id == column.id)
        options: list[Json] = current.config["options"]
        return options

    def _new_option(self, column: Column, name: str, color: str) -> Json:
        """Add the option to the column, as Notion does with names it has not met."""
        option = new_option(name, color)
        config = {**column.config, "options": [*self._options(column), option]}
        self.columns = tuple(c._replace(config=config) if c.id == column.id else c for c in self.columns)
        return option


def new_option(name: str, color: str) -> Json:
    """Return an option of a select, with an id of its own."""
    if "," in name:
        raise invalid(f"Invalid select option, commas not allowed: {name}")
    return {
        "id": blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest(),
        "name": name,
        "color": color,
    }


def _number(value: Any, where: str) -> Any:
    if value is None or is_number(value):
        return value
    raise wrong(where, "a number", value)


def _text_up_to(most: int) -> Callable[[Any, str], str | None]:
    def read(value: Any, where: str) -> str | None:
        return None if value is None else a_text(value, where, most=most)

    return read


def _date(value: Any, where: str) -> Json | None:
    if value is None:
        return None
    given = only(an_object(value, where), ("start", "end", "time_zone"), where)
    start = a_moment(given.get("start", MISSING), f"{where}.start")
    end = given.get("end")
    if end is not None:
        end = a_moment(end, f"{where}.end")
    return {"start": start, "end": end, "time_zone": given.get("time_zone")}


def a_moment(value: Any, where: str) -> str:
    """Return a date or time in ISO 8601."""
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise wrong(where, "a valid ISO 8601 date string", value) from error
    return str(value)


def _people(value: Any, where: str) -> list[Json]:
    return [
        user_ref(an_id(an_object(item, f"{where}[{i}]").get("id", MISSING), f"{where}[{i}].id"))
        for i, item in enumerate(an_array(value, where, most=MAX_REFERENCES))
    ]


def _files(value: Any, where: str) -> list[Json]:
    return [_file(item, f"{where}[{i}]") for i, item in enumerate(an_array(value, where))]


def _file(value: Any, where: str) -> Json:
    given = only(an_object(value, where), ("name", "type", "external"), where)
    one_of(given, ("external",), where)
    url = an_object(given["external"], f"{where}.external").get("url", MISSING)
    return {
        "name": a_text(given.get("name", MISSING), f"{where}.name", most=100),
        "type": "external",
        "external": {"url": a_text(url, f"{where}.external.url", most=MAX_URL)},
    }


_OPTIONS = ("select", "multi_select", "status")
_READERS: dict[str, Callable[[Any, str], Any]] = {
    "rich_text": rich_text_of,
    "number": _number,
    "checkbox": a_flag,
    "url": _text_up_to(MAX_URL),
    "email": _text_up_to(200),
    "phone_number": _text_up_to(200),
    "date": _date,
    "people": _people,
    "files": _files,
}
