"""No sequence of role, group, key and provisioning calls gives anybody a right that nobody with that right gave.

The model keeps its own books from the answers alone, and expands permissions by its own table.
"""

from dataclasses import dataclass, field
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from cogmill.domain.identity.service import (
    create_enterprise,
    create_key,
    create_organization,
    create_service_user,
)
from cogmill.kit.clock import system_clock
from cogmill.kit.ids import new_id
from cogmill.models.access import idp_group, idp_group_member, role, role_assignment
from tests.factories import KEYRING, create_pat, create_user

ROOT = "ManageAccountMembership"
MACHINES = "ManageAccountServiceUsers"
ORG_MACHINES = "ManageOrgServiceUsers"
ENTERPRISE = [ROOT, MACHINES, "ManageAccountSessions", "ViewAccountSessions", "ManageOrganizations"]
ORG = [ORG_MACHINES, "ManageOrgSessions", "UseDevinSessions", "ManageOrgApiKeys", "ViewOrgMembership"]
SAME_TIER = {
    ROOT: {"ViewAccountMembership"}, "ManageAccountSessions": {"ViewAccountSessions"},
    "ManageOrgSessions": {"ViewOrgSessions"}, "ManageOrgMembership": {"ViewOrgMembership"},
}  # fmt: skip
INTO_ORGS = {
    ROOT: {"ManageOrgMembership", "ViewOrgMembership"}, "ViewAccountMembership": {"ViewOrgMembership"},
    MACHINES: {ORG_MACHINES}, "ManageAccountSessions": {"ManageOrgSessions", "ViewOrgSessions"},
    "ViewAccountSessions": {"ViewOrgSessions"}, "ManageOrganizations": set(),
}  # fmt: skip
FIRST_ROLES = {
    "root": ("enterprise", {ROOT, MACHINES, "ManageOrgSessions"}), "maker": ("enterprise", {MACHINES}),
    "strong": ("enterprise", {"ManageAccountSessions"}), "org maker": ("org", {ORG_MACHINES}),
    "org strong": ("org", {"UseDevinSessions"}), "org weak": ("org", {"Read"}),
}  # fmt: skip
Place = str | None


def expand(names: set[str]) -> set[str]:
    return names | {one for name in names for one in SAME_TIER.get(name, ())}


@dataclass
class Model:
    """Who holds what, by the answers so far."""

    orgs: list[str]
    roles: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    held: dict[tuple[str, Place], str] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    home: dict[str, Place] = field(default_factory=dict)
    """Of service users."""
    users: dict[str, str] = field(default_factory=dict)
    """Live users and their addresses."""
    tokens: dict[str, str] = field(default_factory=dict)
    """Live tokens and whom they stand for."""
    key_ids: dict[str, str] = field(default_factory=dict)

    def rights(self, who: str) -> dict[Place, set[str]]:
        sources = [who, *(group for group, members in self.members.items() if who in members)]
        top = {"ReadAccountMeta"}
        for one in sources:
            if (one, None) in self.held:
                top |= expand(self.roles[self.held[one, None]][1])
        down = (
            {below for name in top for below in INTO_ORGS.get(name, ())}
            | (top & set(ORG))
            | (top & {"ViewOrgSessions", "ManageOrgMembership"})
        )
        if top & set(INTO_ORGS):
            down.add("Read")
        found: dict[Place, set[str]] = {None: top}
        for org in self.orgs:
            here = set(down)
            for one in sources:
                if (one, org) in self.held:
                    here |= expand(self.roles[self.held[one, org]][1])
            found[org] = here | {"Read"} if here else here
            if self.home.get(who) not in {None, org}:
                found[org] = set()
        return found

    def covers(self, who: str, other: dict[Place, set[str]]) -> bool:
        mine = self.rights(who)
        return all(names <= mine[place] for place, names in other.items())

    def principals(self) -> list[str]:
        return [*self.users, *self.home]


class World:
    """One enterprise in the database, the model of it, and calls that keep the two together."""

    def __init__(self, server: Any, client: httpx.AsyncClient, model: Model, enterprise: str) -> None:
        self.server, self.client, self.model, self.enterprise = server, client, model, enterprise

    async def call(self, token: str, method: str, path: str, **body: Any) -> Any:
        options = {"json": body} if method != "DELETE" else {}
        answer = await self.client.request(method, path, headers={"authorization": f"Bearer {token}"}, **options)
        assert answer.status_code < 500, answer.text
        return answer.json() if answer.status_code < 300 else None

    async def compare(self) -> None:
        for token, who in self.model.tokens.items():
            found = await self.server.runtime.authenticator.principal(token, system_clock())
            assert found is not None, who
            wanted = self.model.rights(who)
            assert set(found.at_enterprise) == wanted[None]
            for org in self.model.orgs:
                assert set(found.in_org(org)) == wanted[org], (who, org)


async def make(server: Any, client: httpx.AsyncClient) -> World:
    def unit(ctx: Any) -> tuple[str, Model]:
        name, now = new_id("x"), system_clock()
        enterprise = create_enterprise(ctx.db, name, now)
        model = Model([create_organization(ctx.db, enterprise, one, now) for one in ("a", "b")])
        admin = create_service_user(ctx.db, enterprise, None, "admin", "enterprise_member", now)
        model.home[admin] = None
        model.tokens[create_key(ctx.db, KEYRING, admin, "key", now)] = admin
        for number in range(3):
            user_id = create_user(ctx.db, enterprise, f"{name}-{number}")
            model.users[user_id] = f"{name}-{number}@example.org"
            model.tokens[create_pat(ctx.db, user_id)] = user_id
        for number in range(2):
            group = {"idp_group_id": new_id("group"), "enterprise_id": enterprise, "name": f"g{number}"}
            ctx.db.execute(insert(idp_group).values(**group, created_at=now))
            model.members[f"g{number}"] = {list(model.users)[number], list(model.users)[2]}
            rows = [{"idp_group_id": group["idp_group_id"], "user_id": one} for one in model.members[f"g{number}"]]
            ctx.db.execute(insert(idp_group_member), rows)
        member = select(role.c.role_id).where(
            role.c.enterprise_id == enterprise, role.c.internal_name == "enterprise_member"
        )
        model.roles[ctx.db.execute(member).scalar_one()] = ("enterprise", {"ReadAccountMeta"})
        made = {}
        for name, (kind, names) in FIRST_ROLES.items():
            made[name] = new_id("role")
            values = {"role_id": made[name], "enterprise_id": enterprise, "name": name, "role_type": kind}
            ctx.db.execute(insert(role).values(**values, permissions=sorted(names)))
            model.roles[made[name]] = (kind, names)
        ctx.db.execute(delete(role_assignment).where(role_assignment.c.principal_id == admin))
        first, second, third = model.users
        strong = create_service_user(ctx.db, enterprise, model.orgs[1], "strong", "org_member", now)
        ctx.db.execute(delete(role_assignment).where(role_assignment.c.principal_id == strong))
        model.home[strong] = model.orgs[1]
        for who, place, name in (
            (admin, None, "root"), (first, None, "root"), (second, None, "maker"), (third, model.orgs[0], "org maker"),
            (strong, model.orgs[1], "org strong"),
        ):  # fmt: skip
            given = {"principal_id": who, "org_id": place, "role_id": made[name], "created_at": now}
            ctx.db.execute(insert(role_assignment).values(given))
            model.held[who, place] = made[name]
        return enterprise, model

    enterprise, model = await server.write(unit)
    server.runtime.authenticator.forget()
    return World(server, client, model, enterprise)


def pick(items: Any, number: int) -> Any:
    found = list(items)
    return found[number % len(found)] if found else None


async def make_role(world: World, token: str, n: list[int]) -> None:
    kind = pick(("enterprise", "org"), n[0])
    names = {pick(ENTERPRISE + ORG if kind == "enterprise" else ORG, one) for one in n[1:3]}
    body = {"name": new_id("r"), "role_type": kind, "permissions": sorted(names)}
    made = await world.call(token, "POST", "/cogmill/v1/enterprise/roles", **body)
    if made:
        world.model.roles[made["role_id"]] = (kind, names)


async def change_role(world: World, token: str, n: list[int]) -> None:
    role_id = pick(world.model.roles, n[0])
    kind = world.model.roles[role_id][0]
    names = {pick(ENTERPRISE + ORG if kind == "enterprise" else ORG, one) for one in n[1:3]}
    path = f"/cogmill/v1/enterprise/roles/{role_id}"
    if await world.call(token, "PATCH", path, permissions=sorted(names)):
        world.model.roles[role_id] = (kind, names)


async def assign(world: World, token: str, n: list[int]) -> None:
    """A first or another role for a user, service user or group, at the enterprise or in an organization."""
    model = world.model
    who = pick([*model.users, *model.home, *model.members], n[0])
    place: Place = pick([None, *model.orgs], n[1])
    kind = "users" if who in model.users else "service-users" if who in model.home else "idp-groups"
    base = "/v3/enterprise/members" if place is None else f"/v3/enterprise/organizations/{place}/members"
    method = "PATCH" if (who, place) in model.held else "POST"
    role_id = pick(model.roles, n[2])
    if await world.call(token, method, f"{base}/{kind}/{who}", role_id=role_id):
        assert (model.roles[role_id][0] == "enterprise") == (place is None)
        model.held[who, place] = role_id
        if who in model.home and place is None:
            model.home[who] = None  # it is no organization's own any longer


async def take(world: World, token: str, n: list[int]) -> None:
    """Take a role away; at the enterprise this removes users and service users altogether."""
    model = world.model
    who = pick([*model.users, *model.home, *model.members], n[0])
    place: Place = pick([None, *model.orgs], n[1])
    kind = "users" if who in model.users else "service-users" if who in model.home else "idp-groups"
    base = "/v3/enterprise/members" if place is None else f"/v3/enterprise/organizations/{place}/members"
    if not await world.call(token, "DELETE", f"{base}/{kind}/{who}"):
        return
    if place is not None or kind == "idp-groups":
        del model.held[who, place]
        return
    for key in [one for one in model.held if one[0] == who]:
        del model.held[key]
    model.tokens = {one: owner for one, owner in model.tokens.items() if owner != who}
    model.users.pop(who, None)
    model.home.pop(who, None)
    for members in model.members.values():
        members.discard(who)


async def provision(world: World, token: str, n: list[int]) -> None:
    model, caller = world.model, world.model.tokens[token]
    place: Place = pick([None, *model.orgs], n[0])
    base = "/v3beta1/enterprise" if place is None else f"/v3beta1/organizations/{place}"
    role_id = pick(model.roles, n[1])
    body = {"name": "made", "role_id": role_id, "ttl_seconds": 10_000}
    made = await world.call(token, "POST", f"{base}/service-users", **body)
    if made is None:
        return
    who = made["service_user"]["service_user_id"]
    model.home[who], model.held[who, place] = place, role_id
    model.tokens[made["token"]] = who
    given = model.rights(who)
    assert model.covers(caller, given)
    assert not {MACHINES, ORG_MACHINES} & set().union(*given.values())
    assert ORG_MACHINES in model.rights(caller)[place] or MACHINES in model.rights(caller)[None]


async def make_key(world: World, token: str, n: list[int]) -> None:
    """A key of a service user, or a token of a user: whoever makes it could use it."""
    model, caller = world.model, world.model.tokens[token]
    who = pick(model.principals(), n[0])
    path = f"/cogmill/v1/enterprise/members/users/{who}/tokens"
    needed = ROOT
    if who in model.home:
        path, needed = f"/v3beta1/enterprise/service-users/{who}/api-keys", MACHINES
    elif who == caller:
        path, needed = "/cogmill/v1/self/tokens", "ReadAccountMeta"
    made = await world.call(token, "POST", path, name="made")
    if made:
        assert needed in model.rights(caller)[None]
        assert model.covers(caller, model.rights(who))
        model.tokens[made["token"]] = who
        model.key_ids[made["token"]] = made["api_key_id"]


async def rotate(world: World, token: str, n: list[int]) -> None:
    model, caller = world.model, world.model.tokens[token]
    old = pick([one for one in model.key_ids if model.tokens.get(one) in model.home], n[0])
    if old is None:
        return
    who = model.tokens[old]
    path = f"/v3beta1/enterprise/service-users/{who}/api-keys/{model.key_ids[old]}/rotate"
    keeps = bool(n[1] % 2)
    made = await world.call(token, "POST", path, revoke_current=not keeps)
    if made:
        assert model.covers(caller, model.rights(who))
        model.tokens[made["token"]], model.key_ids[made["token"]] = who, made["api_key_id"]
        if not keeps:
            del model.tokens[old], model.key_ids[old]


async def invite(world: World, token: str, n: list[int]) -> None:
    model, email = world.model, f"{new_id('m')}@example.org"
    role_id = pick(model.roles, n[0])
    body = {"emails": [email], "enterprise_role_id": role_id}
    made = await world.call(token, "POST", "/v3/enterprise/members/users", **body)
    if made:
        assert ROOT in model.rights(model.tokens[token])[None]
        model.users[made[0]["user_id"]] = email
        model.held[made[0]["user_id"], None] = role_id


STEPS = [make_role, change_role, assign, assign, take, provision, provision, make_key, make_key, rotate, invite]
steps = st.lists(
    st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, 50), st.lists(st.integers(0, 50), min_size=3, max_size=3)),
    min_size=5, max_size=30,
)  # fmt: skip


@settings(
    max_examples=120, deadline=None, print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(sequence=steps)
async def test_no_sequence_gives_a_right_that_nobody_with_it_gave(server, sequence):
    client = await server.client()
    world = await make(server, client)
    await world.compare()
    for step, actor, numbers in sequence:
        model = world.model
        token = pick(model.tokens, actor)
        is_root = ROOT in model.rights(model.tokens[token])[None]
        before = {one: model.rights(one) for one in model.principals()}
        await STEPS[step](world, token, numbers)
        for one in model.principals():
            after = model.rights(one)
            if one in before and not is_root:
                assert all(after[place] <= before[one][place] for place in after)
        assert any(ROOT in model.rights(one)[None] for one in model.principals())
        await world.compare()
