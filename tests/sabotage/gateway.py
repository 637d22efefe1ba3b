"""The guards of governed access to Notion."""

from __future__ import annotations

from tests.sabotage.guard import Guard

_GATEWAY = ("tests/integrations/gateway/test_policy.py", "tests/integrations/gateway/test_calls.py")
_PERFORM = ("tests/integrations/gateway/test_perform.py",)
_HOSTILE = ("tests/integrations/gateway/test_hostile.py",)
GOVERNED = [
    Guard(
        "of a session and a key the key decides",
        "notionscan/api.py",
        "auth=[ServiceAccountKey(), Session(csrf=True)]",
        "auth=[Session(csrf=True), ServiceAccountKey()]",
        _HOSTILE,
    ),
    Guard(
        "a key that is none is not passed over for a session",
        "tenants/keys.py",
        're.compile(r"Bearer(?: +(.*))?", re.IGNORECASE | re.DOTALL)',
        're.compile(r"Bearer +(\\S+)", re.IGNORECASE)',
        _HOSTILE,
    ),
    Guard(
        "a token is refreshed once in a call",
        "integrations/services/calls.py",
        "            if held.can_refresh and not is_fresh:",
        "            if held.can_refresh:",
        _HOSTILE,
    ),
    Guard(
        "a cursor is a word",
        "integrations/gateway/arguments.py",
        '        pattern=r"^[!-~]+$",\n',
        "",
        _HOSTILE,
    ),
    Guard(
        "each call asks for its permission",
        "integrations/gateway/perform.py",
        "    policy.authorize(caller, operation.permission, everywhere=False)\n",
        "",
        _PERFORM,
    ),
    Guard(
        "an agent stays below its roots",
        "tenants/policy.py",
        "    if roots and roots.isdisjoint(lineage):",
        "    if False:",
        _GATEWAY,
    ),
    Guard(
        "an agent names nothing outside its roots in what it writes",
        "integrations/gateway/access.py",
        "            for kind, object_id in sorted(references_of(bodies)):",
        "            for kind, object_id in ():",
        _GATEWAY,
    ),
    Guard(
        "what a write names is bounded",
        "integrations/gateway/references.py",
        "    if len(found) > MOST_REFERENCES:",
        "    if False:",
        _GATEWAY,
    ),
    Guard(
        "parents are checked before they are followed",
        "integrations/notion/content.py",
        '    _check_parent(reply.get("parent") or {})\n',
        "",
        _GATEWAY,
    ),
    Guard(
        "data sources are checked before they are followed",
        "integrations/notion/content.py",
        '    _check_sources(reply.get("data_sources") or [])\n',
        "",
        _GATEWAY,
    ),
    Guard(
        "a key in an address is not kept in the log",
        "tenants/denials.py",
        "label(without_keys(path))",
        "label(path)",
        _GATEWAY,
    ),
    Guard(
        "lists hold what is below the roots alone",
        "integrations/gateway/access.py",
        "        return [found for found in results if self._is_allowed(found)]",
        "        return results",
        _GATEWAY,
    ),
    Guard(
        "an id is a UUID before it becomes part of an address",
        "integrations/gateway/arguments.py",
        "AfterValidator(checked_id)",
        "AfterValidator(str)",
        _GATEWAY,
    ),
    Guard(
        "unknown fields are refused",
        "integrations/gateway/arguments.py",
        'alias_generator=to_camel, extra="forbid"',
        "alias_generator=to_camel",
        _GATEWAY,
    ),
    Guard(
        "names that no schema shows are refused",
        "integrations/gateway/arguments.py",
        'alias_generator=to_camel, extra="forbid"',
        'alias_generator=to_camel, populate_by_name=True, extra="forbid"',
        _GATEWAY,
    ),
    Guard(
        "an address asks for nothing that is not known",
        "integrations/gateway/api.py",
        '    check_query(request.GET, given.keys() - {"id"})\n',
        "",
        _GATEWAY,
    ),
    Guard(
        "a request's size is bounded",
        "integrations/gateway/arguments.py",
        "    if len(sent) > MOST_BYTES:",
        "    if False:",
        _GATEWAY,
    ),
    Guard(
        "blocks are counted",
        "integrations/gateway/arguments.py",
        "        if count > MOST_BLOCKS:",
        "        if False:",
        _GATEWAY,
    ),
    Guard(
        "the intent of a write is on record before it",
        "integrations/gateway/perform.py",
        "        if self._writes:\n            self._intend()\n",
        "",
        _GATEWAY,
    ),
    Guard(
        "all calls of one request end together",
        "integrations/http/retry.py",
        "        if self.until is not None:",
        "        if False:",
        _PERFORM,
    ),
    Guard(
        "a write begins only with time for its answer",
        "integrations/gateway/perform.py",
        "        if self._deadline.left() < _WRITE_SECONDS:",
        "        if False:",
        _PERFORM,
    ),
    Guard(
        "what was read is on record before it is given out",
        "integrations/gateway/perform.py",
        '        self._record(Result.SUCCESS, step="outcome", bytes=size)\n',
        "",
        _GATEWAY,
    ),
    Guard(
        "parameters are recorded as a keyed hash",
        "integrations/gateway/perform.py",
        '    return salted_hmac(salt, text, algorithm="sha256").hexdigest()[:32]',
        "    return text",
        _GATEWAY,
    ),
    Guard(
        "a stale write is refused",
        "integrations/gateway/writes.py",
        "        if seen is not None and _instant(edited) != seen:",
        "        if False:",
        _GATEWAY,
    ),
    Guard(
        "a write that Notion may have saved is not repeated",
        "integrations/notion/content.py",
        '        return self._call("PATCH", path, _object, body=changes, logged_as="pages/{id}", is_read=False)',
        '        return self._call("PATCH", path, _object, body=changes, logged_as="pages/{id}")',
        _GATEWAY,
    ),
    Guard(
        "strangers are told nothing of what is wrong with a body",
        "integrations/gateway/api.py",
        """    caller = access.caller(request, slug, operation.permission, everywhere=False)
    body = _body(request) if request.method in ("POST", "PATCH") else {}
""",
        """    body = _body(request) if request.method in ("POST", "PATCH") else {}
    arguments.parsed(operation.takes, body | given)
    caller = access.caller(request, slug, operation.permission, everywhere=False)
""",
        _GATEWAY,
    ),
]
