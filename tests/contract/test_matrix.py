"""Every operation by a holder of each single permission, at both tiers: who passes follows from the table alone."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from cogmill.access.permissions import ORG_PERMISSIONS, in_one_organization, in_organizations, within_tier
from cogmill.access.permissions import Permission as P
from cogmill.api.operations import Op
from cogmill.domain.identity.service import create_key, create_organization
from cogmill.web.guard import Reach

from ..factories import BEGINNING, KEYRING, service_user_with
from .test_sweep import GATED, Calls, assert_problem, name

NAMED = sorted({one for op in GATED for one in op.permissions})
TIERS = ("org", "enterprise")
PEOPLE_ONLY = {op.id for op in GATED if op.reach is Reach.SELF} - {"get_self"}
"""What is one's own (tokens, sign-ins, passwords) is no service user's, whatever it may do."""
COVERED = {"create_org_legacy_key"}
"""The key would do more than a holder of one permission: who makes a key must hold all of its rights."""
ALSO = {"create_organization_blueprint": P.MANAGE_ORG_SNAPSHOTS}
"""With the least body these rows ask for one more permission (x-permission-also)."""
BY_THEIR_OWN_RULE = PEOPLE_ONLY | COVERED
"""Reviewed: rows where a holder of the right permission is refused with 403 by a rule of the operation itself."""


def held(permission: P, tier: str) -> tuple[frozenset[P], frozenset[P]]:
    """What a holder of this one permission holds at the enterprise and in its organization."""
    one = frozenset({permission})
    if tier == "org":
        return frozenset({P.READ_ACCOUNT_META}), in_one_organization(one)
    return within_tier(one | {P.READ_ACCOUNT_META}), in_organizations(within_tier(one))


def expected(op: Op, permission: P, tier: str) -> str:
    """`passes`, `refused` by the guard, or `unplaced`: it reaches many organizations and the path names none."""
    at_enterprise, in_org = held(permission, tier)
    if op.reach is Reach.IN_HOME_ORG and tier == "enterprise":
        return "unplaced"
    within = in_org if op.reach in {Reach.IN_ORG, Reach.IN_HOME_ORG} else at_enterprise
    lacks_more = op.id in ALSO and ALSO[op.id] not in within
    return "refused" if lacks_more or within.isdisjoint(op.permissions) else "passes"


def seen(op: Op, answer: httpx.Response) -> str:
    assert answer.status_code < 500, f"{name(op)}: {answer.text}"
    assert answer.status_code != 401, name(op)
    if answer.status_code == 400 and "reaches several organizations" in answer.text:
        return "unplaced"
    if answer.status_code != 403:
        return "passes"
    assert_problem(answer, 403)
    return "refused" if answer.json()["detail"].startswith("Missing required permission") else "by its own rule"


async def holder(server: Any, permission: P, tier: str) -> tuple[str, str]:
    """A service user that holds nothing else, in an organization made for it: its calls may even delete that one."""
    caller, world = f"{permission} ({tier})", server.world

    def unit(ctx: Any) -> tuple[str, str]:
        org = create_organization(ctx.db, world.enterprise, caller, BEGINNING)
        who = service_user_with(ctx.db, world.enterprise, org if tier == "org" else None, caller, [permission])
        return org, create_key(ctx.db, KEYRING, who, "key", BEGINNING)

    org, token = await server.write(unit)
    server.world = replace(world, tokens=world.tokens | {caller: token})
    return caller, org


@pytest.mark.parametrize("tier", TIERS)
async def test_who_holds_one_permission_passes_exactly_the_rows_that_ask_for_it(server, tier):
    call, passed = Calls(server), set()
    for permission in NAMED:
        if tier == "org" and permission not in ORG_PERMISSIONS:
            continue
        caller, org = await holder(server, permission, tier)
        for op in sorted(GATED, key=lambda one: one.id == "delete_organization"):
            found, wanted = seen(op, await call(op, caller, org)), expected(op, permission, tier)
            if found == "by its own rule":
                assert op.id in BY_THEIR_OWN_RULE, name(op)
                found = "passes"
            assert found == wanted, f"{name(op)} by {caller}"
            passed |= {op.path} if found == "passes" else set()
    reached = {op.path for op in GATED if any(expected(op, one, tier) == "passes" for one in NAMED)}
    assert passed == reached
