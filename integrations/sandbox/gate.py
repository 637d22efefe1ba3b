"""From a request to a reply: who calls, whether they may, what a fault makes of it, and the log entry."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from integrations.sandbox import arguments, control
from integrations.sandbox.call import Call
from integrations.sandbox.errors import ApiError, OAuthError, invalid, unknown_route
from integrations.sandbox.fault_kinds import FAULTS, Moment
from integrations.sandbox.messages import Reply, Request, Wire
from integrations.sandbox.reddit import PREFIX
from integrations.sandbox.requestlog import Entry
from integrations.sandbox.routes import route
from integrations.sandbox.shapes import VERSIONS, dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from integrations.sandbox.faults import Fault
    from integrations.sandbox.sandbox import Sandbox
    from integrations.sandbox.tokens import Token


class Gate:
    """Answers every request of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def answer(self, request: Request, wire: Wire) -> Reply:
        """Return the reply to a request, after the latency that was asked for."""
        sandbox = self._sandbox
        if request.path.startswith("/_sandbox"):
            return control.answer(sandbox, request)
        arrived = time.time()
        token = self._caller(request)
        label = token.label if token else None
        if sandbox.latency_ms:
            wire.wait(sandbox.latency_ms / 1000)
        reply = self._decide(request, token, label)
        if request.method == "HEAD":
            reply.body = b""
        sandbox.requests.add(
            Entry(
                arrived,
                request.method,
                request.path,
                request.query_string,
                label,
                reply.status,
                reply.fault,
                len(reply.body),
            )
        )
        return reply

    def _caller(self, request: Request) -> Token | None:
        try:
            return self._sandbox.registry.authenticate(request.headers.get("authorization"))
        except ApiError:
            return None

    def _decide(self, request: Request, token: Token | None, label: str | None) -> Reply:
        request_id = str(uuid.uuid4())

        def refuse(error: ApiError) -> Reply:
            return _json(error.status, error.body(request_id), request_id, error.headers)

        def normal(*, empty_page: bool = False) -> Reply:
            try:
                return self._normal(request, request_id, empty_page=empty_page)
            except ApiError as error:
                return refuse(error)
            except OAuthError as error:
                return _json(error.status, error.body(request_id), request_id, {})

        if label is not None:
            try:
                self._sandbox.limiter.check(label)
            except ApiError as error:
                return refuse(error)
        fault = self._sandbox.faults.due(request, label)
        if fault is None:
            return normal()
        return self._faulty(fault, request_id, normal=normal, refuse=refuse, token=token)

    def _faulty(
        self,
        fault: Fault,
        request_id: str,
        *,
        normal: Callable[..., Reply],
        refuse: Callable[[ApiError], Reply],
        token: Token | None,
    ) -> Reply:
        moment = Moment(
            fault=fault,
            request_id=request_id,
            normal=normal,
            refuse=refuse,
            revoke=lambda: self._sandbox.oauth.kill(token) if token else None,
        )
        reply = FAULTS[fault.name](moment)
        reply.fault = fault.name
        return reply

    def _normal(self, request: Request, request_id: str, *, empty_page: bool) -> Reply:
        if request.path.startswith("/v1/oauth/"):
            return self._oauth(request, request_id)
        if request.path.startswith(PREFIX):
            return self._sandbox.reddit.answer(request)
        handler, params = route(request.method, request.path)
        token = self._sandbox.registry.authenticate(request.headers.get("authorization"))
        version = _version(request.headers)
        call = Call(
            request=request,
            request_id=request_id,
            token=token,
            view=self._sandbox.views.of(token),
            version=version,
            sessions=self._sandbox.sessions,
            depths=self._sandbox.depths,
            params=params,
            empty_page=empty_page,
        )
        return Reply(200, handler(call), headers={"x-notion-request-id": request_id})

    def _oauth(self, request: Request, request_id: str) -> Reply:
        if request.path == "/v1/oauth/authorize" and request.method in ("GET", "POST"):
            return self._sandbox.consent.answer(request)
        actions = {
            "/v1/oauth/token": self._sandbox.oauth.token,
            "/v1/oauth/introspect": self._sandbox.oauth.introspect,
            "/v1/oauth/revoke": self._sandbox.oauth.revoke,
        }
        action = actions.get(request.path)
        if action is None or request.method != "POST":
            raise unknown_route()
        client = self._sandbox.oauth.authenticate(request.headers.get("authorization"))
        try:
            body = arguments.json_object(request)
        except ApiError as error:
            raise OAuthError("invalid_request", description=error.message) from error
        return _json(200, action(client, body, request_id), request_id, {})


def _version(headers: Mapping[str, str]) -> str:
    version = headers.get("notion-version")
    if not version:
        raise ApiError(
            "missing_version",
            "Notion-Version header failed validation: Notion-Version header should be defined, "
            "instead was `undefined`.",
        )
    if version not in VERSIONS:
        raise invalid(
            f"Notion-Version header failed validation: the sandbox serves {' and '.join(VERSIONS)}."
        )
    return version


def _json(status: int, body: object, request_id: str, headers: Mapping[str, str]) -> Reply:
    return Reply(status, dumps(body), headers={"x-notion-request-id": request_id, **headers})
