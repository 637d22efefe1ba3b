"""Rich text as it is sent, made into rich text as it is answered."""

from typing import Any

from integrations.sandbox.inputs import (
    MAX_URL,
    MISSING,
    Json,
    a_flag,
    a_text,
    an_array,
    an_id,
    an_object,
    one_of,
    only,
    wrong,
)

_HUES = ("gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red")
COLOURS = ("default", *_HUES, *(f"{hue}_background" for hue in _HUES))
_STYLES = ("bold", "italic", "strikethrough", "underline", "code")
# Clients may send back what they were answered, so the fields Notion works out itself are let pass.
_FIELDS = ("type", "text", "mention", "equation", "annotations", "plain_text", "href")


def rich_text_of(value: Any, where: str) -> list[Json]:
    """Return the runs of a rich text, complete with annotations and plain text."""
    return [_run(run, f"{where}[{i}]") for i, run in enumerate(an_array(value, where))]


def plain(runs: list[Json]) -> str:
    """Return the text of a rich text."""
    return "".join(run["plain_text"] for run in runs)


def colour_of(value: Any, where: str) -> str:
    """Return a colour Notion knows."""
    if value not in COLOURS:
        raise wrong(where, "a known color", value)
    return str(value)


def _run(value: Any, where: str) -> Json:
    given = only(an_object(value, where), _FIELDS, where)
    kind = one_of(given, ("text", "mention", "equation"), where)
    content, shown, href = _KINDS[kind](given[kind], f"{where}.{kind}")
    return {
        "type": kind,
        kind: content,
        "annotations": _annotations(given.get("annotations", {}), f"{where}.annotations"),
        "plain_text": shown,
        "href": href,
    }


def _annotations(value: Any, where: str) -> Json:
    given = only(an_object(value, where), (*_STYLES, "color"), where)
    styles: Json = {name: a_flag(given.get(name, False), f"{where}.{name}") for name in _STYLES}
    return {**styles, "color": colour_of(given.get("color", "default"), f"{where}.color")}


def _text(value: Any, where: str) -> tuple[Json, str, str | None]:
    given = only(an_object(value, where), ("content", "link"), where)
    content = a_text(given.get("content", MISSING), f"{where}.content")
    link = given.get("link")
    if link is None:
        return {"content": content, "link": None}, content, None
    url = a_text(an_object(link, f"{where}.link").get("url", MISSING), f"{where}.link.url", most=MAX_URL)
    return {"content": content, "link": {"url": url}}, content, url


def _mention(value: Any, where: str) -> tuple[Json, str, str | None]:
    given = an_object(value, where)
    kind = one_of(given, ("user", "page", "database", "data_source", "date"), where)
    target = an_object(given[kind], f"{where}.{kind}")
    if kind == "date":
        start = a_text(target.get("start", MISSING), f"{where}.date.start", most=40)
        date = {"start": start, "end": target.get("end"), "time_zone": target.get("time_zone")}
        return {"type": kind, kind: date}, start, None
    uuid = an_id(target.get("id", MISSING), f"{where}.{kind}.id")
    return {"type": kind, kind: {"id": uuid}}, "@Anonymous" if kind == "user" else "Untitled", None


def _equation(value: Any, where: str) -> tuple[Json, str, str | None]:
    given = only(an_object(value, where), ("expression",), where)
    expression = a_text(given.get("expression", MISSING), f"{where}.expression", most=1000)
    return {"expression": expression}, expression, None


_KINDS = {"text": _text, "mention": _mention, "equation": _equation}
