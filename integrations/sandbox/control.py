"""Control routes under /_sandbox/: the switches, for people with curl and for other processes.

They exist on the sandbox only, answer JSON, and refuse what a web page could send from a browser: another
Host name (DNS rebinding) and any POST that is not JSON (a cross-site form).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.sandbox import arguments
from integrations.sandbox.errors import ApiError
from integrations.sandbox.fault_kinds import FAULTS
from integrations.sandbox.faults import Fault
from integrations.sandbox.ids import Kind
from integrations.sandbox.messages import Reply, Request
from integrations.sandbox.reddit import ACCOUNTS
from integrations.sandbox.shapes import dumps
from integrations.sandbox.tokens import EVERYTHING, Capability, TokenKind, new_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from integrations.sandbox.sandbox import Sandbox

_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_FAULT_FIELDS = ("match", "at", "times", "token", "body_has")


def answer(sandbox: Sandbox, request: Request) -> Reply:
    """Answer a control request."""
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    if host not in _LOCAL:
        return _reply(403, {"error": "Control requests are answered on localhost only."})
    if request.method == "POST" and "application/json" not in request.headers.get("content-type", ""):
        return _reply(415, {"error": "Send JSON, with the header Content-Type: application/json."})
    action = _ACTIONS.get((request.method, request.path.rstrip("/")))
    if action is None:
        known = sorted(f"{method} {path}" for method, path in _ACTIONS)
        return _reply(404, {"error": "No such control.", "known": known})
    try:
        return _reply(200, action(sandbox, arguments.json_object(request), request))
    except ApiError as error:
        return _reply(400, {"error": error.message})
    except (KeyError, TypeError, ValueError) as error:
        return _reply(400, {"error": str(error)})


def _reply(status: int, body: object) -> Reply:
    return Reply(status, dumps(body))


def _state(sandbox: Sandbox, body: dict[str, Any], request: Request) -> object:
    """Everything there is to know."""
    return {
        "url": sandbox.url,
        "settings": _settings(sandbox),
        "workspaces": {
            slug: {"name": w.name, "id": w.id, "pages": len(w.pages), "databases": len(w.databases)}
            for slug, w in sandbox.workspaces.items()
        },
        "tokens": sandbox.tokens,
        "oauth_client": {
            "client_id": sandbox.client.client_id,
            "client_secret": sandbox.client.client_secret,
            "redirect_uris": sandbox.client.redirect_uris,
        },
        "reddit_client": {
            "client_id": sandbox.reddit_client.client_id,
            "client_secret": sandbox.reddit_client.client_secret,
            "redirect_uris": sandbox.reddit_client.redirect_uris,
        },
        "faults_known": sorted(FAULTS),
        "faults_waiting": [_fault(f) for f in sandbox.faults.waiting()],
        "requests": sandbox.requests.total,
    }


def _settings(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "latency_ms": sandbox.latency_ms,
        "rate_limit": sandbox.limiter.limit,
        "rate_window_seconds": sandbox.limiter.window_seconds,
        "query_cap": sandbox.depths.query_cap,
        "search_dies_after": sandbox.depths.search_dies_after,
        "old_token_survives_refresh": sandbox.oauth.old_token_survives_refresh,
    }


def _set(sandbox: Sandbox, body: dict[str, Any], request: Request) -> object:
    """Change settings, all of them or none."""
    wrong = sorted(set(body) - set(_settings(sandbox)))
    if wrong:
        raise ValueError(f"Unknown settings: {', '.join(wrong)}.")
    for name, value in body.items():
        if name == "old_token_survives_refresh":
            _require(isinstance(value, bool), f"{name} is true or false.")
        else:
            optional = value is None and name not in ("latency_ms", "rate_window_seconds")
            number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
            _require(optional or number, f"{name} is a number from 0 up{'' if not optional else ' or null'}.")
    for name, value in body.items():
        owner, attribute = _setting(sandbox, name)
        setattr(owner, attribute, value)
    if {"rate_limit", "rate_window_seconds"} & set(body):
        sandbox.limiter.clear()
    return _settings(sandbox)


def _setting(sandbox: Sandbox, name: str) -> tuple[object, str]:
    places: dict[str, tuple[object, str]] = {
        "latency_ms": (sandbox, "latency_ms"),
        "rate_limit": (sandbox.limiter, "limit"),
        "rate_window_seconds": (sandbox.limiter, "window_seconds"),
        "query_cap": (sandbox.depths, "query_cap"),
        "search_dies_after": (sandbox.depths, "search_dies_after"),
        "old_token_survives_refresh": (sandbox.oauth, "old_token_survives_refresh"),
    }
    return places[name]


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise ValueError(sentence)


def _fault(fault: Fault) -> dict[str, Any]:
    shown = {name: getattr(fault, name) for name in ("name", *_FAULT_FIELDS, "seen", "fired")}
    return shown | {"options": {name: str(value) for name, value in fault.options.items()}}


def _add_fault(sandbox: Sandbox, body: dict[str, Any], request: Request) -> object:
    """Queue a fault; whatever is not one of a fault's own fields is an option."""
    if "name" not in body:
        raise ValueError("Name the fault.")
    name = str(body.pop("name"))
    _require(name != "act", "The fault act needs a function, so it works in process only.")
    return _fault(sandbox.faults.add(name, **body))


def _clear_faults(sandbox: Sandbox, body: dict[str, Any], request: Request) -> object:
    sandbox.faults.clear()
    return []


def _list_faults(sandbox: Sandbox, body: dict[str, Any], request: Request) -> object:
    return [_fault(f) for f in sandbox.faults.waiting()]


def _requests(sandbox: Sandbox, body: dict[str, Any], request: Request) -> object:
    """The request log, oldest first; ?match=, ?token=, ?status= and ?limit= narrow it."""
    query = {name: values[-1] for name, values in request.query().items()}
    status = int(query["status"]) if "status" in query else None
    found = sandbox.requests.entries(query.get("match", "*"), token=query.get("token"), status=status)
    limit = max(1, int(query.get("limit", 1000)))
    return {"total": len(found), "requests": [entry._asdict() for entry in found[-limit:]]}


def _clear_requests(sandbox: Sandbox, body: dict[str, Any], request: Request) -> object:
    sandbox.requests.clear()
    return []


def _add_token(sandbox: Sandbox, body: dict[str, Any], request: Request) -> object:
    """Mint a token: workspace, kind, label, capabilities, share (page ids)."""
    workspace = sandbox.workspaces[body["workspace"]] if "workspace" in body else sandbox.workspace
    token = sandbox.add_token(
        workspace,
        TokenKind(body.get("kind", "internal")),
        secret=new_secret("ntn_"),
        label=body.get("label"),
        capabilities=frozenset(Capability(c) for c in body.get("capabilities", EVERYTHING)),
        share=body.get("share"),
    )
    return {"token": token.secret, "label": token.label, "bot_id": token.bot_id}


def _with_token(act: Callable[[Sandbox, dict[str, Any]], None]) -> Action:
    def action(sandbox: Sandbox, body: dict[str, Any], request: Request) -> object:
        act(sandbox, body)
        return {"token": sandbox.registry.find(body["token"]).label}

    return action


def _with_account(act: Callable[[Sandbox, str], None]) -> Action:
    def action(sandbox: Sandbox, body: dict[str, Any], request: Request) -> object:
        _require(body.get("account") in ACCOUNTS, f"`account` is one of: {', '.join(ACCOUNTS)}.")
        act(sandbox, body["account"])
        return {"account": body["account"]}

    return action


_VERBS = (
    "trash",
    "restore",
    "delete",
    "edit",
    "move",
    "publish",
    "hide_from_search",
    "add_page",
    "add_user",
    "set_parent_json",
    "advance",
)


def _change(sandbox: Sandbox, body: dict[str, Any], request: Request) -> object:
    """Change a workspace: {"workspace", "do", ...} with one of the workspace's verbs and its arguments."""
    verb = body.pop("do", None)
    _require(verb in _VERBS, f"`do` is one of: {', '.join(_VERBS)}.")
    workspace = sandbox.workspaces[body.pop("workspace")] if "workspace" in body else sandbox.workspace
    subject = [body.pop("id")] if "id" in body else []
    return {"result": getattr(workspace, str(verb))(*subject, **body)}


def _ids(sandbox: Sandbox, body: dict[str, Any], request: Request) -> object:
    """What a token's searches report: counts, and the first ids of each."""
    token = request.query().get("token", [next(iter(sandbox.tokens))])[0]
    found = {
        f"{kind.name.lower()}s{'_in_trash' if trashed else ''}": sandbox.visible(
            token, kind, in_trash=trashed
        )
        for kind in (Kind.PAGE, Kind.DATA_SOURCE)
        for trashed in (False, True)
    }
    return {name: {"count": len(ids), "first": ids[:20]} for name, ids in found.items()}


def _reset(sandbox: Sandbox, body: dict[str, Any], request: Request) -> object:
    sandbox.reset()
    return _state(sandbox, body, request)


if TYPE_CHECKING:
    Action = Callable[[Sandbox, dict[str, Any], Request], object]

_ACTIONS: dict[tuple[str, str], Action] = {
    ("GET", "/_sandbox"): _state,
    ("POST", "/_sandbox/settings"): _set,
    ("GET", "/_sandbox/faults"): _list_faults,
    ("POST", "/_sandbox/faults"): _add_fault,
    ("DELETE", "/_sandbox/faults"): _clear_faults,
    ("GET", "/_sandbox/requests"): _requests,
    ("DELETE", "/_sandbox/requests"): _clear_requests,
    ("POST", "/_sandbox/tokens"): _add_token,
    ("POST", "/_sandbox/revoke"): _with_token(lambda s, b: s.revoke(b["token"])),
    ("POST", "/_sandbox/expire"): _with_token(lambda s, b: s.expire(b["token"])),
    ("POST", "/_sandbox/reddit/expire"): _with_account(lambda s, account: s.reddit.expire(account)),
    ("POST", "/_sandbox/reddit/withdraw"): _with_account(lambda s, account: s.reddit.withdraw(account)),
    ("POST", "/_sandbox/share"): _with_token(lambda s, b: s.share(b["token"], b["id"])),
    ("POST", "/_sandbox/unshare"): _with_token(lambda s, b: s.unshare(b["token"], b["id"])),
    ("GET", "/_sandbox/objects"): _ids,
    ("POST", "/_sandbox/change"): _change,
    ("POST", "/_sandbox/reset"): _reset,
}
