"""The rows of the old APIs, called by everybody: they have keys of their own, and answer errors in their own way."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from cogmill.access.permissions import ENTERPRISE_PERMISSIONS, ORG_PERMISSIONS, in_one_organization, in_organizations
from cogmill.access.permissions import Permission as P
from cogmill.api.legacy.table import LEGACY
from cogmill.api.operations import Op
from cogmill.api.table import TABLE
from cogmill.web.guard import Reach

from ..factories import REFUSED_OLD_KEYS, assign, create_user, old_key
from .test_sweep import Calls, name

V1 = [op for op in LEGACY if op.legacy and op.legacy.version == "v1"]
V2 = [op for op in LEGACY if op.legacy and op.legacy.version == "v2"]
ENDING = ["delete_org", "revoke_enterprise_api_keys"]
"""Calls that end the keys of their organization, or all; the last ones are made with a key without an organization."""
NO_SUCCESSOR = {"get_snapshot_v2_enterprise_snapshots__snapshot_id__get", "get_user_usage_analysis_beta_v2"}
"""The contract has nothing in v3 for them."""


def ends_the_key(op: Op) -> int:
    """Calls after which the key that made them is none any more are made last."""
    return ENDING.index(op.audit) + 1 if op.audit in ENDING else 0


@pytest.fixture
def call(old_keys):
    return Calls(old_keys)


def assert_plain(answer: httpx.Response, status: int) -> str:
    """A refusal as the old APIs tell it; answers what it says."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"detail"}
    assert_deprecated(answer)
    return str(answer.json()["detail"])


def assert_deprecated(answer: httpx.Response) -> None:
    assert answer.headers["deprecation"].startswith("@")
    assert answer.headers["sunset"].endswith("GMT")
    assert 'rel="deprecation"' in answer.headers["link"]


async def test_nobody(call):
    for op in LEGACY:
        answer = await call(op, "nobody")
        assert_plain(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("caller", REFUSED_OLD_KEYS)
async def test_keys_that_do_not_work(call, caller):
    for op in LEGACY:
        assert "unknown, expired or revoked" in assert_plain(await call(op, caller), 401)


async def test_each_kind_of_key_is_told_where_it_works(call, old_keys):
    for op in LEGACY:
        assert "/v3" in assert_plain(await call(op, "org_admin"), 401)
    for op in V2:
        assert "/v1" in assert_plain(await call(op, "old_organization"), 403)
        assert "Enterprise Admin" in assert_plain(await call(op, "old_member"), 403)
    for caller in ("old_organization", "old_admin"):
        answer = await (await old_keys.client(caller)).get("/v3/self")
        assert answer.status_code == 401
        assert "/v1" in answer.json()["detail"]


async def test_a_key_without_an_organization_is_told_so(call):
    for op in [one for one in V1 if one.reach is Reach.IN_KEY_ORG]:
        assert "single organization" in assert_plain(await call(op, "old_homeless"), 400)


async def test_an_administrator_gets_past_the_guard_everywhere(call):
    for op in sorted(LEGACY, key=ends_the_key):
        answer = await call(op, "old_homeless" if op.audit in ENDING else "old_admin")
        assert answer.status_code in {200, 201, 204, 400, 404, 409}, f"{name(op)}: {answer.text}"
        assert_deprecated(answer)
        if answer.status_code >= 400:
            assert_plain(answer, answer.status_code)


async def test_the_successor_has_the_address_of_the_thing_at_hand(call, old_keys):
    for op in sorted(LEGACY, key=ends_the_key):
        answer = await call(op, "old_admin")
        links = answer.headers["link"]
        assert op.legacy
        assert links.count('rel="successor-version"') == len(op.legacy.successors)
        assert len(links) < 2000
        if op.reach is Reach.IN_KEY_ORG:
            assert f"/v3/organizations/{old_keys.world.org}/" in links or "/v3/enterprise/" in links
    assert {op.id for op in LEGACY if op.legacy and not op.legacy.successors} <= NO_SUCCESSOR


def test_every_successor_is_served():
    served = {f"{op.method} {op.address}" for op in TABLE if op.legacy is None}
    assert {one for op in LEGACY if op.legacy for one in op.legacy.successors} <= served


async def holder(server: Any, permission: P, tier: str) -> str:
    """A person who holds nothing else, with a key for the main organization."""
    caller, world = f"old {permission} ({tier})", server.world

    def unit(ctx: Any) -> str:
        who = create_user(ctx.db, world.enterprise, f"{permission}.{tier}".lower())
        assign(ctx.db, world.enterprise, who, world.org if tier == "org" else None, [permission])
        return old_key(ctx.db, who, world.org)

    server.world = replace(world, tokens=world.tokens | {caller: await server.write(unit)})
    return caller


@pytest.mark.parametrize("tier", ["org", "enterprise"])
async def test_who_holds_one_permission_passes_exactly_the_rows_of_v1_that_ask_for_it(old_keys, tier):
    call = Calls(old_keys)
    for permission in sorted({one for op in V1 for one in op.permissions}):
        if tier == "org" and permission not in ORG_PERMISSIONS:
            continue
        caller = await holder(old_keys, permission, tier)
        for op in V1:
            answer = await call(op, caller)
            assert answer.status_code < 500, name(op)
            if answer.status_code in {401, 403}:
                assert_plain(answer, answer.status_code)
            assert (answer.status_code not in {401, 403}) == passes(op, permission, tier), f"{name(op)} by {caller}"


def passes(op: Op, permission: P, tier: str) -> bool:
    held = frozenset({permission})
    in_org = in_one_organization(held) if tier == "org" else in_organizations(held)
    at_enterprise = held if tier == "enterprise" else frozenset()
    within = at_enterprise if op.reach is Reach.IN_ENTERPRISE else in_org | at_enterprise
    return bool(in_org) and not within.isdisjoint(op.permissions)


async def test_almost_an_enterprise_admin_is_none(old_keys):
    """v2 is for all or for nobody."""
    world = old_keys.world

    def unit(ctx: Any) -> str:
        who = create_user(ctx.db, world.enterprise, "almost")
        assign(ctx.db, world.enterprise, who, None, sorted(ENTERPRISE_PERMISSIONS - {P.MANAGE_BILLING}))
        return old_key(ctx.db, who, world.org)

    old_keys.world = replace(world, tokens=world.tokens | {"almost": await old_keys.write(unit)})
    for op in V2:
        assert_plain(await Calls(old_keys)(op, "almost"), 403)
