"""Writing databases, data sources, rows and their values, and querying them."""

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from integrations.sandbox import Capability, Kind, Sandbox, planted
from tests.integrations.sandbox.conftest import Api
from tests.integrations.sandbox.test_access import assert_error, with_capabilities
from tests.integrations.sandbox.test_content import biggest
from tests.integrations.sandbox.test_writing import NOWHERE, patch, words

PERSON = "11111111-0000-4000-8000-000000000000"
COLUMNS: dict[str, Any] = {
    "Action": {"title": {}},
    "Notes": {"rich_text": {}},
    "Result": {"select": {"options": [{"name": "success", "color": "green"}, {"name": "denied"}]}},
    "Tags": {"multi_select": {}},
    "When": {"date": {}},
    "Cost": {"number": {"format": "euro"}},
    "Done": {"checkbox": {}},
    "Who": {"people": {}},
    "Link": {"url": {}},
    "Mail": {"email": {}},
    "Made": {"created_time": {}},
    "Maker": {"created_by": {}},
}
VALUES: dict[str, Any] = {
    "Action": {"title": words("Signed in")},
    "Notes": {"rich_text": words("from the office")},
    "Result": {"select": {"name": "success"}},
    "Tags": {"multi_select": [{"name": "quiet"}, {"name": "new"}]},
    "When": {"date": {"start": "2026-09-30T10:00:00+02:00"}},
    "Cost": {"number": 12.5},
    "Done": {"checkbox": True},
    "Who": {"people": [{"id": PERSON}]},
    "Link": {"url": "https://example.com/1"},
    "Mail": {"email": "a@example.com"},
}


@pytest.fixture
def top(api: Api) -> str:
    return api.sandbox.visible(api.token, Kind.PAGE)[0]


@pytest.fixture
def source(api: Api, top: str) -> str:
    made = api.post(
        "/v1/databases",
        parent={"type": "page_id", "page_id": top},
        title=words("Audit mirror"),
        initial_data_source={"properties": COLUMNS},
    )
    assert made.status_code == 200, made.text
    return str(made.json()["data_sources"][0]["id"])


def add_row(api: Api, source: str, **values: Any) -> dict[str, Any]:
    reply = api.post("/v1/pages", parent={"data_source_id": source}, properties=values)
    assert reply.status_code == 200, reply.text
    row: dict[str, Any] = reply.json()
    return row


def found(api: Api, source: str, **wanted: Any) -> list[str]:
    return [row["id"] for row in api.every(f"/v1/data_sources/{source}/query", filter=wanted)]


def test_a_new_database_has_one_data_source_with_the_columns(api: Api, top: str, source: str) -> None:
    made = api.get(f"/v1/data_sources/{source}").json()
    database = api.get(f"/v1/databases/{made['parent']['database_id']}").json()
    assert database["parent"] == {"type": "page_id", "page_id": top}
    assert database["data_sources"] == [{"id": source, "name": "Audit mirror"}]
    assert {name: p["type"] for name, p in made["properties"].items()} == {
        name: next(iter(config)) for name, config in COLUMNS.items()
    }
    assert made["properties"]["Action"]["id"] == "title"
    assert [o["name"] for o in made["properties"]["Result"]["select"]["options"]] == ["success", "denied"]
    assert made["last_edited_by"]["id"] == api.get("/v1/users/me").json()["id"]
    assert [f["id"] for f in api.search(query="audit mirror")["results"]] == [source]
    child = api.get(f"/v1/blocks/{top}/children").json()["results"][-1]
    assert (child["type"], child["child_database"]["title"]) == ("child_database", "Audit mirror")


def test_a_database_without_columns_gets_a_title(api: Api, top: str) -> None:
    made = api.post("/v1/databases", parent={"page_id": top}).json()
    source = api.get(f"/v1/data_sources/{made['data_sources'][0]['id']}").json()
    assert {name: p["type"] for name, p in source["properties"].items()} == {"Name": "title"}


def test_a_row_answers_every_value_it_was_given(api: Api, source: str) -> None:
    row = add_row(api, source, **VALUES)
    assert row["parent"]["data_source_id"] == source
    shown = {name: p[p["type"]] for name, p in api.get(f"/v1/pages/{row['id']}").json()["properties"].items()}
    bot = {"object": "user", "id": api.get("/v1/users/me").json()["id"]}
    assert shown["Action"][0]["plain_text"] == "Signed in"
    assert shown["Notes"][0]["plain_text"] == "from the office"
    assert (shown["Result"]["name"], shown["Result"]["color"]) == ("success", "green")
    assert [option["name"] for option in shown["Tags"]] == ["quiet", "new"]
    assert shown["When"] == {"start": "2026-09-30T10:00:00+02:00", "end": None, "time_zone": None}
    assert (shown["Cost"], shown["Done"], shown["Link"]) == (12.5, True, "https://example.com/1")
    assert shown["Mail"] == "a@example.com"
    assert shown["Who"] == [{"object": "user", "id": PERSON}]
    assert (shown["Made"], shown["Maker"]) == (row["created_time"], bot)
    assert found(api, source, property="Action", title={"equals": "signed in"}) == [row["id"]]


def test_a_row_with_nothing_is_empty_in_every_column(api: Api, source: str) -> None:
    shown = {name: p[p["type"]] for name, p in add_row(api, source)["properties"].items()}
    assert {name: value for name, value in shown.items() if name not in ("Made", "Maker")} == {
        "Action": [], "Notes": [], "Result": None, "Tags": [], "When": None, "Cost": None, "Done": False,
        "Who": [], "Link": None, "Mail": None,
    }  # fmt: skip


def test_new_options_join_their_column(api: Api, source: str) -> None:
    add_row(api, source, **VALUES)
    add_row(api, source, Tags={"multi_select": [{"name": "new"}]}, Result={"select": {"name": "error"}})
    columns = api.get(f"/v1/data_sources/{source}").json()["properties"]
    assert [o["name"] for o in columns["Tags"]["multi_select"]["options"]] == ["quiet", "new"]
    assert [o["name"] for o in columns["Result"]["select"]["options"]] == ["success", "denied", "error"]


@pytest.mark.parametrize(
    ("condition", "is_found"),
    [
        ({"property": "Notes", "rich_text": {"contains": "office"}}, True),
        ({"property": "Notes", "rich_text": {"contains": "home"}}, False),
        ({"property": "Result", "select": {"equals": "success"}}, True),
        ({"property": "Result", "select": {"does_not_equal": "success"}}, False),
        ({"property": "Tags", "multi_select": {"contains": "new"}}, True),
        ({"property": "Tags", "multi_select": {"is_empty": True}}, False),
        ({"property": "When", "date": {"equals": "2026-09-30"}}, True),
        ({"property": "When", "date": {"after": "2026-09-30"}}, False),
        ({"property": "When", "date": {"is_empty": True}}, False),
        ({"property": "Cost", "number": {"greater_than": 12}}, True),
        ({"property": "Cost", "number": {"less_than": 12}}, False),
        ({"property": "Done", "checkbox": {"equals": True}}, True),
        ({"property": "Who", "people": {"contains": PERSON}}, True),
        ({"property": "Link", "url": {"starts_with": "https"}}, True),
        ({"property": "Made", "created_time": {"on_or_after": "2026-10-01"}}, True),
        ({"timestamp": "last_edited_time", "last_edited_time": {"before": "2026-10-01"}}, False),
    ],
)
def test_filters_find_by_value(api: Api, source: str, condition: dict[str, Any], is_found: bool) -> None:
    row = add_row(api, source, **VALUES)["id"]
    empty = add_row(api, source)["id"]
    assert (row in found(api, source, **condition)) is is_found
    if "is_empty" in str(condition):
        assert found(api, source, **condition) == [empty]


@pytest.mark.parametrize(
    "condition",
    [
        {"property": "Notes", "select": {"equals": "x"}},
        {"property": "Result", "select": {"near": "x"}},
        {"property": "Cost", "number": {"greater_than": "12"}},
        {"property": "Result"},
        {"property": "Maker", "people": {"contains": PERSON}},
        {"property": "When", "date": {"equals": "soon"}},
    ],
)
def test_filters_that_do_not_fit_are_refused(api: Api, source: str, condition: dict[str, Any]) -> None:
    reply = api.post(f"/v1/data_sources/{source}/query", filter=condition)
    assert_error(reply, 400, "validation_error")


def test_rows_are_sorted_by_value(api: Api, source: str) -> None:
    rows = {
        n: add_row(api, source, Cost={"number": n}, Action={"title": words(str(n))})["id"] for n in (2, 3, 1)
    }
    blank = add_row(api, source)["id"]
    path = f"/v1/data_sources/{source}/query"
    up = [r["id"] for r in api.every(path, sorts=[{"property": "Cost", "direction": "ascending"}])]
    assert up == [rows[1], rows[2], rows[3], blank]
    down = [r["id"] for r in api.every(path, sorts=[{"property": "Action", "direction": "descending"}])]
    assert down == [rows[3], rows[2], rows[1], blank]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Nothing": {"checkbox": True}}, "Nothing is not a property that exists."),
        ({"Notes": {"select": {"name": "x"}}}, "Notes is expected to be rich_text."),
        ({"Notes": {}}, "body.properties.Notes.rich_text should be defined"),
        ({"Notes": {"rich_text": "x"}}, "body.properties.Notes.rich_text should be an array"),
        ({"Notes": {"rich_text": [], "colour": 1}}, "body.properties.Notes.colour should be not present"),
        ({"Tags": {"multi_select": [{"name": "x", "color": "mauve"}]}}, "color should be a known color"),
        ({"Cost": {"number": "12"}}, "body.properties.Cost.number should be a number"),
        ({"Done": {"checkbox": "yes"}}, "body.properties.Done.checkbox should be a boolean"),
        ({"When": {"date": {"start": "soon"}}}, "should be a valid ISO 8601 date string"),
        ({"Result": {"select": {"name": "a,b"}}}, "Invalid select option, commas not allowed: a,b"),
        ({"Result": {"select": {"id": "nope"}}}, 'Select option "nope" does not exist.'),
        ({"Tags": {"multi_select": [{"name": str(n)} for n in range(101)]}}, "should be ≤ `100`"),
        ({"Who": {"people": [{"id": "me"}]}}, "should be a valid uuid"),
        ({"Link": {"url": "x" * 2001}}, "should be ≤ `2000`"),
        ({"Made": {"created_time": "2026-01-01"}}, "body.properties.Made.created_time should be not present"),
    ],
)
def test_values_that_do_not_fit_are_named(
    api: Api, source: str, values: dict[str, Any], message: str
) -> None:
    reply = api.post("/v1/pages", parent={"data_source_id": source}, properties=values)
    assert message in assert_error(reply, 400, "validation_error")["message"]
    assert api.every(f"/v1/data_sources/{source}/query") == []


def test_a_generated_row_keeps_its_other_values_when_one_is_written(api: Api) -> None:
    source = next(
        s
        for s in api.every(filter={"property": "object", "value": "data_source"})
        if {"Owner", "Budget"} <= set(s["properties"]) and api.every(f"/v1/data_sources/{s['id']}/query")
    )
    row = api.every(f"/v1/data_sources/{source['id']}/query")[0]
    changed = patch(api, f"/v1/pages/{row['id']}", properties={"Budget": {"number": 7}}).json()
    assert changed["properties"]["Budget"]["number"] == 7
    others = {name: value for name, value in row["properties"].items() if name != "Budget"}
    assert {name: value for name, value in changed["properties"].items() if name != "Budget"} == others
    assert found(api, source["id"], property="Budget", number={"equals": 7}) == [row["id"]]


def test_a_new_row_of_a_generated_table_holds_nothing_planted(api: Api) -> None:
    source = biggest(api)
    row = add_row(api, source["id"])
    assert set(row["properties"]) == set(source["properties"])
    assert planted.VALUE not in str(row)
    computed = ("created_time", "created_by", "last_edited_time", "last_edited_by", "status", "formula")
    values = [p[p["type"]] for p in row["properties"].values() if p["type"] not in computed]
    assert [value for value in values if value not in (None, [], False)] == []
    assert api.get(f"/v1/blocks/{row['id']}/children").json()["results"] == []


def test_statuses_must_exist(api: Api, person: Api) -> None:
    sources = person.every(filter={"property": "object", "value": "data_source"})
    source, column = next((s, p) for s in sources for p in s["properties"].values() if p["type"] == "status")
    known = column["status"]["options"][1]["name"]
    row = add_row(person, source["id"], **{column["name"]: {"status": {"name": known}}})
    assert row["properties"][column["name"]]["status"]["name"] == known
    reply = patch(person, f"/v1/pages/{row['id']}", properties={column["name"]: {"status": {"name": "Odd"}}})
    assert 'Status option "Odd" does not exist.' in assert_error(reply, 400, "validation_error")["message"]
    assert found(person, source["id"], property=column["name"], status={"equals": known})


def test_relations_must_point_to_pages_one_sees(api: Api, source: str) -> None:
    other = api.get(f"/v1/data_sources/{source}").json()
    patch(api, f"/v1/data_sources/{source}", properties={"Cause": {"relation": {"data_source_id": source}}})
    config = api.get(f"/v1/data_sources/{source}").json()["properties"]["Cause"]["relation"]
    assert (config["data_source_id"], config["database_id"]) == (source, other["parent"]["database_id"])
    first = add_row(api, source)["id"]
    second = add_row(api, source, Cause={"relation": [{"id": first}]})
    assert second["properties"]["Cause"]["relation"] == [{"id": first}]
    lost = api.post(
        "/v1/pages",
        parent={"data_source_id": source},
        properties={"Cause": {"relation": [{"id": NOWHERE}]}},
    )
    assert_error(lost, 404, "object_not_found")


def test_columns_can_be_added_renamed_retyped_and_removed(api: Api, source: str) -> None:
    row = add_row(api, source, **VALUES)["id"]
    notes = api.get(f"/v1/data_sources/{source}").json()["properties"]["Notes"]["id"]
    reply = patch(
        api,
        f"/v1/data_sources/{source}",
        title=words("Mirror"),
        properties={
            notes: {"name": "Remarks"},
            "Cost": None,
            "Place": {"rich_text": {}},
            "Link": {"email": {}},
        },
    )
    columns = reply.json()["properties"]
    assert reply.json()["title"][0]["plain_text"] == "Mirror"
    assert {"Remarks", "Place"} <= set(columns)
    assert {"Notes", "Cost"}.isdisjoint(columns)
    assert (columns["Remarks"]["id"], columns["Link"]["type"]) == (notes, "email")
    shown = api.get(f"/v1/pages/{row}").json()["properties"]
    assert shown["Remarks"]["rich_text"][0]["plain_text"] == "from the office"
    assert shown["Place"]["rich_text"] == []


def test_a_generated_data_source_can_get_a_column_and_keeps_its_values(api: Api) -> None:
    source = biggest(api)
    path = f"/v1/data_sources/{source['id']}"
    before = api.every(f"{path}/query")[0]
    patch(api, path, properties={"Place": {"rich_text": {}}})
    after = api.get(f"/v1/pages/{before['id']}").json()["properties"]
    assert after.pop("Place")["rich_text"] == []
    assert after == before["properties"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"Action": None}, "Cannot delete property Action because it is the title."),
        ({"Action": {"rich_text": {}}}, "Cannot change the type of property Action from or to title."),
        ({"Notes": {"title": {}}}, "Cannot change the type of property Notes from or to title."),
        ({"Nothing": None}, "Nothing is not a property that exists."),
        ({"Notes": {"colour": "red"}}, "body.properties.Notes.colour should be not present"),
        ({"Fresh": {}}, "should be defined"),
    ],
)
def test_columns_that_cannot_change_so_are_named(
    api: Api, source: str, columns: dict[str, Any], message: str
) -> None:
    reply = patch(api, f"/v1/data_sources/{source}", properties=columns)
    assert message in assert_error(reply, 400, "validation_error")["message"]
    assert set(api.get(f"/v1/data_sources/{source}").json()["properties"]) == set(COLUMNS)


def test_a_retyped_column_of_a_generated_table_starts_empty(api: Api) -> None:
    source = biggest(api)
    path = f"/v1/data_sources/{source['id']}"
    name = next(
        n for n, p in source["properties"].items() if p["type"] in ("rich_text", "url", "number", "date")
    )
    kind = "checkbox"
    changed = patch(api, path, properties={name: {kind: {}}}).json()["properties"][name]
    assert (changed["id"], changed["type"]) == (source["properties"][name]["id"], kind)
    rows = api.every(f"{path}/query")
    assert {row["properties"][name][kind] for row in rows} == {False}


def test_relations_need_a_data_source_one_sees(api: Api, top: str, source: str) -> None:
    lost = {"Action": {"title": {}}, "Cause": {"relation": {"data_source_id": NOWHERE}}}
    reply = api.post("/v1/databases", parent={"page_id": top}, initial_data_source={"properties": lost})
    assert_error(reply, 404, "object_not_found")
    reply = patch(api, f"/v1/data_sources/{source}", properties={"Cause": lost["Cause"]})
    assert_error(reply, 404, "object_not_found")


def test_options_that_come_side_by_side_all_stay(api: Api, source: str) -> None:
    def write(number: int) -> None:
        with requests.Session() as session:
            client = Api(api.sandbox, api.token, session=session)
            add_row(client, source, Tags={"multi_select": [{"name": f"tag {number}"}]})

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # otherwise threads hardly ever meet inside so short a write
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(80)))
    finally:
        sys.setswitchinterval(interval)
    options = api.get(f"/v1/data_sources/{source}").json()["properties"]["Tags"]["multi_select"]["options"]
    assert {o["name"] for o in options} == {f"tag {number}" for number in range(80)}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"parent": {"workspace": True}}, "workspace-level private pages is not supported"),
        ({"parent": {"page_id": "abc"}}, "should be a valid uuid"),
        ({"properties": {}}, "body.properties should be not present"),
        ({"initial_data_source": {"properties": {"A": {"rich_text": {}}}}}, "Title is not provided"),
        (
            {"initial_data_source": {"properties": {"A": {"title": {}}, "B": {"title": {}}}}},
            "Title is not provided",
        ),
        ({"initial_data_source": {"properties": {"A": {"magic": {}}}}}, "should be defined"),
        (
            {"initial_data_source": {"properties": {"A": {"title": {"x": 1}}}}},
            "A.title.x should be not present",
        ),
        ({"title": "Mirror"}, "body.title should be an array"),
    ],
)
def test_what_is_wrong_in_a_new_database_is_named(
    api: Api, top: str, body: dict[str, Any], message: str
) -> None:
    reply = api.post("/v1/databases", **({"parent": {"page_id": top}} | body))
    assert message in assert_error(reply, 400, "validation_error")["message"]


def test_databases_need_the_capability_and_a_page_one_sees(sandbox: Sandbox, api: Api, top: str) -> None:
    assert_error(api.post("/v1/databases", parent={"page_id": NOWHERE}), 404, "object_not_found")
    limited = with_capabilities(sandbox, Capability.READ_CONTENT, Capability.UPDATE_CONTENT)
    assert_error(limited.post("/v1/databases", parent={"page_id": top}), 403, "restricted_resource")
    patch(api, f"/v1/pages/{top}", in_trash=True)
    reply = api.post("/v1/databases", parent={"page_id": top})
    assert "archived" in assert_error(reply, 400, "validation_error")["message"]


def test_the_older_version_takes_a_database_with_one_data_source_as_parent(
    sandbox: Sandbox, api: Api, source: str
) -> None:
    older = Api(sandbox, api.token, version="2025-09-03")
    database = api.get(f"/v1/data_sources/{source}").json()["parent"]["database_id"]
    row = older.post("/v1/pages", parent={"database_id": database}, properties={}).json()
    assert row["parent"]["data_source_id"] == source
    assert row["archived"] is False
    newer = api.post("/v1/pages", parent={"database_id": database}, properties={})
    assert (
        "body.parent.data_source_id should be defined"
        in assert_error(newer, 400, "validation_error")["message"]
    )
    doubled = next(
        d["id"]
        for s in api.every(filter={"property": "object", "value": "data_source"})
        if len((d := api.get(f"/v1/databases/{s['parent']['database_id']}").json())["data_sources"]) > 1
    )
    reply = older.post("/v1/pages", parent={"database_id": doubled}, properties={})
    assert "Databases with multiple data sources" in assert_error(reply, 400, "validation_error")["message"]
