"""Reddit's door against the stand-in: what Reddit's own code answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from integrations.http.oauth import Account, TokenGrant, TokenHint
from integrations.reddit.errors import (
    RedditAppRefused,
    RedditOAuthRefused,
    RedditRateLimited,
    RedditUnauthorized,
)
from integrations.reddit.oauth import RedditApp
from integrations.sandbox import DEMO_REDDIT_CLIENT, Sandbox
from notionscan.secret import Secret
from tests.integrations.notion.doors import FakeTime


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def served(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(pages=5, clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def app(served: Sandbox) -> RedditApp:
    return RedditApp(
        client_id=DEMO_REDDIT_CLIENT.client_id,
        client_secret=Secret(DEMO_REDDIT_CLIENT.client_secret),
        redirect_uri=DEMO_REDDIT_CLIENT.redirect_uris[0],
        www_base_url=served.url,
        oauth_base_url=served.url,
        user_agent="web:notionscan:v1 (by tests)",
        retry=FakeTime().retry(),
    )


def answered(app: RedditApp, **changes: Any) -> requests.Response:
    """Answer the consent page as a person would."""
    url = urlsplit(app.authorize_url("the-state"))
    form = {name: values[0] for name, values in parse_qs(url.query).items()}
    form |= {"account": "acme_atlas", "authorize": "allow"} | changes
    return requests.post(
        f"{url.scheme}://{url.netloc}{url.path}",
        data={name: value for name, value in form.items() if value is not None},
        allow_redirects=False,
        timeout=5,
    )


def returned(reply: requests.Response) -> dict[str, str]:
    assert reply.status_code == 303, reply.text
    return {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["Location"]).query).items()}


def consent(app: RedditApp, account: str = "acme_atlas") -> TokenGrant:
    return app.exchange(returned(answered(app, account=account))["code"])


def test_a_consent_gives_tokens_whose_account_is_told(app: RedditApp) -> None:
    grant = consent(app, "globex_works")
    assert grant.expires_in == 3600
    assert grant.refresh_token is not None
    assert app.account(grant.access_token) == Account(id="4d5e6f", name="globex_works")


def test_the_page_names_what_is_asked_for(app: RedditApp) -> None:
    page = requests.get(app.authorize_url('"><b>'), timeout=5).text
    assert "Access your Reddit username" in page
    assert "stands in for Reddit" in page
    assert '"><b>' not in page


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"authorize": None}, "access_denied"),
        ({"account": "nobody"}, "access_denied"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "identity,submit"}, "invalid_scope"),
    ],
)
def test_a_refused_consent_comes_back_with_its_error(
    app: RedditApp, changes: dict[str, Any], error: str
) -> None:
    assert returned(answered(app, **changes)) == {"error": error, "state": "the-state"}


@pytest.mark.parametrize("changes", [{"client_id": "x"}, {"redirect_uri": "https://evil.example/"}])
def test_an_unknown_client_or_place_is_never_redirected_to(app: RedditApp, changes: dict[str, str]) -> None:
    assert answered(app, **changes).status_code == 400


def test_a_code_serves_once_and_for_ten_minutes(app: RedditApp, clock: Clock) -> None:
    code, late = (returned(answered(app))["code"] for _ in range(2))
    app.exchange(code)
    with pytest.raises(RedditOAuthRefused):
        app.exchange(code)
    clock.now += 601
    with pytest.raises(RedditOAuthRefused):
        app.exchange(late)


def test_a_code_is_bound_to_its_place(app: RedditApp) -> None:
    code = returned(answered(app))["code"]
    with pytest.raises(RedditOAuthRefused):
        replace(app, redirect_uri="https://other.example/").exchange(code)


def test_without_permanent_there_is_no_refresh_token(app: RedditApp) -> None:
    grant = app.exchange(returned(answered(app, duration="temporary"))["code"])
    assert grant.refresh_token is None


def test_a_token_runs_out_and_is_refreshed_by_one_that_serves_again(app: RedditApp, clock: Clock) -> None:
    grant = consent(app)
    assert grant.refresh_token is not None
    clock.now += 3600
    with pytest.raises(RedditUnauthorized):
        app.account(grant.access_token)
    for _ in range(2):
        fresh = app.refresh(grant.refresh_token)
        assert fresh.refresh_token == grant.refresh_token
        assert app.account(fresh.access_token).name == "acme_atlas"


def test_a_revoked_refresh_token_takes_its_access_tokens_along(app: RedditApp) -> None:
    grant, other = consent(app), consent(app)
    assert grant.refresh_token is not None
    fresh = app.refresh(grant.refresh_token)
    app.revoke(grant.refresh_token, TokenHint.REFRESH)
    app.revoke(grant.refresh_token, TokenHint.REFRESH)
    for token in (grant.access_token, fresh.access_token):
        with pytest.raises(RedditUnauthorized):
            app.account(token)
    with pytest.raises(RedditOAuthRefused):
        app.refresh(grant.refresh_token)
    # Each consent is an authorization of its own.
    assert app.account(other.access_token).name == "acme_atlas"


def test_a_revoked_access_token_leaves_its_refresh_token_alone(app: RedditApp) -> None:
    grant = consent(app)
    assert grant.refresh_token is not None
    app.revoke(grant.access_token, TokenHint.ACCESS)
    with pytest.raises(RedditUnauthorized):
        app.account(grant.access_token)
    assert app.account(app.refresh(grant.refresh_token).access_token).name == "acme_atlas"


def test_a_wrong_client_secret_leaves_the_tokens_alone(app: RedditApp) -> None:
    grant = consent(app)
    assert grant.refresh_token is not None
    wrong = replace(app, client_secret=Secret("wrong"))
    with pytest.raises(RedditAppRefused):
        wrong.refresh(grant.refresh_token)
    with pytest.raises(RedditAppRefused):
        wrong.revoke(grant.refresh_token, TokenHint.REFRESH)
    assert app.refresh(grant.refresh_token).refresh_token == grant.refresh_token


@pytest.mark.parametrize("user_agent", ["python-requests/2.32", ""])
def test_who_does_not_say_what_it_is_is_throttled(app: RedditApp, user_agent: str) -> None:
    token = consent(app).access_token
    with pytest.raises(RedditRateLimited):
        replace(app, user_agent=user_agent).account(token)


def test_the_switches_expire_and_withdraw_by_account(app: RedditApp, served: Sandbox) -> None:
    grant, other = consent(app), consent(app, "globex_works")
    assert grant.refresh_token is not None
    control = f"{served.url}/_sandbox/reddit"
    assert requests.post(f"{control}/expire", json={"account": "x"}, timeout=5).status_code == 400
    assert requests.post(f"{control}/expire", json={"account": "acme_atlas"}, timeout=5).status_code == 200
    with pytest.raises(RedditUnauthorized):
        app.account(grant.access_token)
    assert app.refresh(grant.refresh_token).refresh_token == grant.refresh_token
    requests.post(f"{control}/withdraw", json={"account": "acme_atlas"}, timeout=5)
    with pytest.raises(RedditOAuthRefused):
        app.refresh(grant.refresh_token)
    assert app.account(other.access_token).name == "globex_works"
