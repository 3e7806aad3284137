"""cogmill roles … and cogmill keys … at a real server: results, JSON, exit codes, what they say when refused."""

import json

import httpx
import pytest


@pytest.fixture
def cogmill(administer):
    return administer


@pytest.fixture
def service_user(served, cogmill):
    """A service user of the enterprise with its first token."""
    member = [r for r in cogmill("roles", "list", "--type", "enterprise", "--json").json["items"] if r["is_default"]]
    role_id = next(one["role_id"] for one in member if one["role_name"] == "Member")
    with httpx.Client(headers={"authorization": f"Bearer {served.keys['enterprise_key']}"}) as client:
        body = {"name": "robot", "role_id": role_id, "ttl_seconds": 86_400}
        made = client.post(f"{served.url}/v3beta1/enterprise/service-users", json=body)
    assert made.status_code == 200, made.text
    return made.json()["service_user"]["service_user_id"]


def works(served, token):
    return httpx.get(f"{served.url}/v3/self", headers={"authorization": f"Bearer {token}"}).status_code == 200


def test_the_life_of_a_role(cogmill):
    made = cogmill("roles", "create", "Reader", "--type", "org", "-p", "ViewOrgSessions", "-p", "Read", "--json").json
    assert (made["role_name"], made["role_type"], made["permissions"]) == ("Reader", "org", ["Read", "ViewOrgSessions"])
    listed = cogmill("roles", "list")
    assert made["role_id"] in listed.out
    assert "Read, ViewOrgSessions" in listed.out
    cogmill("roles", "edit", "Reader", "--add", "UseAskDevin", "--remove", "Read", "--name", "Asker")
    edited = cogmill("roles", "edit", made["role_id"], "--name", "Asker 2", "--json").json
    assert (edited["role_name"], edited["permissions"]) == ("Asker 2", ["UseAskDevin", "ViewOrgSessions"])
    copied = cogmill(
        "roles", "create", "Copy", "--type", "org", "--permissions-from", "Asker 2", "-p", "Read", "--json"
    )
    assert copied.json["permissions"] == ["Read", "UseAskDevin", "ViewOrgSessions"]
    replaced = cogmill("roles", "edit", "Copy", "-p", "Read", "--json")
    assert replaced.json["permissions"] == ["Read"]
    assert "deleted: Asker 2" in cogmill("roles", "delete", "Asker 2").out
    assert cogmill("roles", "delete", "Copy").code == 0
    assert made["role_id"] not in cogmill("roles", "list", "--type", "org", "--json").out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["create", "X", "--type", "team"], 2, "say org or enterprise"),
        (["create", "X"], 2, "--type"),
        (["create", "X", "--type", "org", "-p", "Nonsense"], 3, "permissions"),
        (["create", "X", "--type", "org", "-p", "ManageOrganizations"], 3, "no permission of a role of type"),
        (["create", "Member", "--type", "org"], 3, "already"),
        (["create", "X", "--type", "org", "--permissions-from", "nobody"], 2, "There is no role 'nobody'"),
        (["edit", "Member", "--name", "Y"], 2, "Several roles"),
        (["edit", "Member", "--type", "org", "--name", "Y"], 3, "default role"),
        (["edit", "Member", "--type", "org", "--remove", "Raed"], 2, "does not hold"),
        (["edit", "Member"], 2, "Say what to change"),
        (["edit", "Member", "--add", "Read", "-p", "Read"], 2, "say all"),
        (["delete", "nobody"], 2, "There is no role"),
    ],
)
def test_what_cannot_be(cogmill, arguments, code, words):
    told = cogmill("roles", *arguments)
    assert told.code == code, told.err
    assert words in " ".join(told.err.split())


def test_who_may_not(cogmill):
    refused = cogmill("roles", "create", "X", "--type", "org", "--json", key="org_key")
    error = json.loads(refused.err.splitlines()[-1])["error"]
    assert (refused.code, error["status"], error["permission"]) == (3, 403, "ManageAccountMembership")
    assert cogmill("roles", "list", key="cog_" + "a" * 52).code == 4


def test_the_life_of_a_key(served, cogmill, service_user):
    made = cogmill("keys", "create", service_user, "--name", "deploy", "--days", "1")
    assert works(served, made.out.strip())  # the token alone is on stdout
    assert made.out.strip() not in made.err
    (key_id,) = [k["api_key_id"] for k in _keys(cogmill, service_user) if k["api_key_name"] == "deploy"]
    second = cogmill("keys", "rotate", service_user, key_id, "--keep-old", "--json").json
    assert works(served, made.out.strip())
    third = cogmill("keys", "rotate", service_user, second["api_key_id"])
    assert works(served, third.out.strip())
    assert not works(served, second["token"])
    assert "revoked: deploy" in cogmill("keys", "revoke", service_user, key_id).out
    assert not works(served, made.out.strip())
    states = {one["api_key_id"]: one["is_active"] for one in _keys(cogmill, service_user, "--status", "all")}
    assert (states[key_id], states[second["api_key_id"]]) == (False, False)
    table = cogmill("keys", "list", service_user).out
    assert "active" in table
    assert third.out.strip() not in table


def _keys(cogmill, service_user, *more):
    return cogmill("keys", "list", service_user, *more, "--json").json["items"]


def test_keys_of_nobody(cogmill):
    assert cogmill("keys", "list", "service-user-0").code == 3
    assert cogmill("keys", "list", "service-user-0", "--status", "x").code == 2
    assert cogmill("keys", "create", "../roles", "--name", "x").code == 3  # one part of the path, whatever it holds
    assert "no service user" in cogmill("keys", "revoke", "service-user-0", "api-key-0").err


def test_tokens_of_a_user_and_ones_own(served, cogmill):
    member = cogmill("roles", "list", "--type", "enterprise", "--json").json["items"]
    role_id = next(one["role_id"] for one in member if one["role_name"] == "Member")
    with httpx.Client(headers={"authorization": f"Bearer {served.keys['enterprise_key']}"}) as client:
        body = {"emails": ["lin@example.org"], "enterprise_role_id": role_id}
        assert client.post(f"{served.url}/v3/enterprise/members/users", json=body).status_code == 200
    made = cogmill("tokens", "create", "--user", "lin@example.org", "--name", "scripts", "--days", 7)
    token = made.out.strip()
    assert works(served, token)
    assert token not in made.err
    own = cogmill("tokens", "create", "--name", "mine", "--json", key=token).json
    listed = cogmill("tokens", "list", "--json", key=token).json["items"]
    assert {one["api_key_name"] for one in listed} == {"scripts", "mine"}
    cogmill("tokens", "revoke", own["api_key_id"], key=token)
    assert not works(served, own["token"])
    first = next(one["api_key_id"] for one in listed if one["api_key_name"] == "scripts")
    assert "revoked: scripts" in cogmill("tokens", "revoke", first, "--user", "lin@example.org").out
    assert not works(served, token)
    assert "scripts" in cogmill("tokens", "list", "--user", "lin@example.org", "--status", "all").out
    assert cogmill("tokens", "list", "--user", "nobody@example.org").code == 2
    assert cogmill("tokens", "create", "--name", "x").code == 3, "a service user has no personal tokens"
