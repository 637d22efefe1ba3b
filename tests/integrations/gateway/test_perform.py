"""The one way through asks by itself, whoever calls it: a view that forgot to ask lets nobody in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from integrations.gateway.perform import perform
from integrations.gateway.registry import OPERATIONS
from tenants.policy import Agent, Forbidden
from tenants.roles import Maturity
from tests.factories import make_account, within
from tests.integrations.gateway.conftest import Gateway


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_call_is_done_for_who_may_not(gateway: Callable[..., Gateway], name: str) -> None:
    viewer = gateway("viewer")
    student = Agent(make_account(viewer.world.acme, viewer.world.admin, maturity=Maturity.STUDENT).account)
    with within(viewer.world.acme), pytest.raises(Forbidden):
        perform(caller=student, operation=OPERATIONS[name], given={"id": viewer.page()})
    assert viewer.calls == []
