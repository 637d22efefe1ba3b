"""Property schemas of data sources and property values of rows, as Notion writes them.

The values hold planted text: a product that keeps titles only must never store any of it.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from integrations.sandbox import planted
from integrations.sandbox.schemas import SCHEMAS

Json = dict[str, Any]

_OPTION_COLOURS = ("gray", "blue", "green", "orange", "red")


class RowFacts:
    """What the value of a row's property may depend on."""

    __slots__ = ("author", "created", "dice", "edited", "editor", "number", "related", "source")

    def __init__(
        self,
        *,
        dice: bytes,
        number: int,
        created: str,
        edited: str,
        author: Json,
        editor: Json,
        related: list[str],
        source: int,
    ) -> None:
        self.dice = dice
        self.number = number
        self.created = created
        self.edited = edited
        self.author = author
        self.editor = editor
        self.related = related
        self.source = source


def user_ref(uuid: str) -> Json:
    """Return the partial user that objects name their authors with."""
    return {"object": "user", "id": uuid}


def rich_text(text: str, *, split: bool = False) -> list[Json]:
    """Return rich text; split in two runs where asked, because real titles come in pieces."""
    if not text:
        return []
    if split and len(text) > 3:
        middle = len(text) // 2
        return [_run(text[:middle]), _run(text[middle:], bold=True)]
    return [_run(text)]


def _run(text: str, *, bold: bool = False) -> Json:
    annotations = {
        "bold": bold,
        "italic": False,
        "strikethrough": False,
        "underline": False,
        "code": False,
        "color": "default",
    }
    return {
        "type": "text",
        "text": {"content": text, "link": None},
        "annotations": annotations,
        "plain_text": text,
        "href": None,
    }


@cache
def _options(schema: int, column: int) -> list[Json]:
    return [
        {"id": f"{schema:02x}{column:02x}{i:04x}", "name": f"{planted.OPTION} {i + 1}", "color": colour}
        for i, colour in enumerate(_OPTION_COLOURS)
    ]


def schema_config(schema: int, column: int) -> Json:
    """Return the configuration of a generated column; a relation's target is the caller's to add."""
    kind = SCHEMAS[schema].columns[column][1]
    configs: dict[str, Callable[[], Json]] = {
        "select": lambda: {"options": _options(schema, column)},
        "multi_select": lambda: {"options": _options(schema, column)},
        "status": lambda: _status_config(_options(schema, column)[:3]),
        "number": lambda: {"format": "number"},
        "formula": lambda: {"expression": f'if(prop("Budget") > 0, "{planted.FORMULA}", "")'},
        "relation": lambda: {"type": "single_property", "single_property": {}},
        "unique_id": lambda: {"prefix": "BUG"},
    }
    return configs[kind]() if kind in configs else {}


def _status_config(options: list[Json]) -> Json:
    groups = [
        {"id": f"g-{label}", "name": label, "color": option["color"], "option_ids": [option["id"]]}
        for label, option in zip(("To-do", "In progress", "Complete"), options, strict=True)
    ]
    return {"options": [{**option, "description": None} for option in options], "groups": groups}


def generated_value(schema: int, column: int, facts: RowFacts) -> Any:
    """Return a generated row's value in a column other than the title."""
    return _MAKERS[SCHEMAS[schema].columns[column][1]](schema, column, facts)


def _roll(column: int, facts: RowFacts) -> int:
    return facts.dice[8 + column]


def _option(schema: int, column: int, facts: RowFacts) -> Json | None:
    roll = _roll(column, facts)
    return None if roll % 6 == 5 else _options(schema, column)[roll % 6]


def _status(schema: int, column: int, facts: RowFacts) -> Json:
    return _options(schema, column)[_roll(column, facts) % 3]


def _multi(schema: int, column: int, facts: RowFacts) -> list[Json]:
    return _options(schema, column)[: _roll(column, facts) % 4]


def _date(schema: int, column: int, facts: RowFacts) -> Json | None:
    if _roll(column, facts) % 4 == 0:
        return None
    return {"start": facts.created[:10], "end": None, "time_zone": None}


def _number(schema: int, column: int, facts: RowFacts) -> int | None:
    return None if _roll(column, facts) % 5 == 0 else _roll(column, facts) * 100


def _note(schema: int, column: int, facts: RowFacts) -> list[Json]:
    return [] if _roll(column, facts) % 3 == 0 else rich_text(f"{planted.VALUE} {facts.number}")


def _files(schema: int, column: int, facts: RowFacts) -> list[Json]:
    if _roll(column, facts) % 2:
        return []
    url = f"https://files.example/{planted.VALUE}-{facts.number}.pdf?X-Amz-Signature=expired"
    return [
        {"name": f"{planted.VALUE}.pdf", "type": "file", "file": {"url": url, "expiry_time": facts.edited}},
    ]


def _people(schema: int, column: int, facts: RowFacts) -> list[Json]:
    return [] if _roll(column, facts) % 4 == 0 else [facts.author]


def _relation(schema: int, column: int, facts: RowFacts) -> list[Json]:
    return [{"id": uuid} for uuid in facts.related]


def _formula(schema: int, column: int, facts: RowFacts) -> Json:
    if facts.number % 50 == 49:  # since August 2026 some formulas are reported like this
        return {"type": "unsupported", "unsupported": {}}
    return {"type": "string", "string": planted.FORMULA}


_MAKERS: dict[str, Callable[[int, int, RowFacts], Any]] = {
    "select": _option,
    "status": _status,
    "multi_select": _multi,
    "date": _date,
    "number": _number,
    "rich_text": _note,
    "files": _files,
    "people": _people,
    "relation": _relation,
    "formula": _formula,
    "checkbox": lambda s, c, f: bool(_roll(c, f) % 2),
    "url": lambda s, c, f: f"https://{planted.VALUE}-{f.number}.example",
    "email": lambda s, c, f: f"{planted.VALUE}-{f.number}@mail.example",
    "phone_number": lambda s, c, f: f"+49 30 {planted.VALUE} {f.number}",
    "created_by": lambda s, c, f: f.author,
    "created_time": lambda s, c, f: f.created,
    "last_edited_by": lambda s, c, f: f.editor,
    "last_edited_time": lambda s, c, f: f.edited,
    "unique_id": lambda s, c, f: {"prefix": "BUG", "number": f.number},
}
