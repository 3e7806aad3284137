"""`cogmill accounts` on the data folder of a running server."""

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from cogmill.main import app
from cogmill.models.audit import audit_log

PASSWORD = "correct horse battery staple"
SIGN_IN = "/cogmill/v1/sign-in"


@pytest.fixture
def accounts(cogmill):
    """`accounts("create", "a@b", stdin="…")`."""

    def call(*arguments, stdin=None):
        if stdin is None:
            return cogmill("accounts", *arguments)
        return CliRunner().invoke(app, ["accounts", *arguments], input=stdin)

    return call


async def sign_in(server, email, password=PASSWORD):
    client = await server.client()
    answer = await client.post(SIGN_IN, json={"email": email, "password": password})
    return answer.status_code


async def test_the_first_administrator(accounts, server):
    made = accounts("create", "Ada@Example.org", "--role", "enterprise_admin", "--json", stdin=PASSWORD + "\n")
    assert made.exit_code == 0, made.stderr
    assert PASSWORD not in made.stdout + made.stderr
    client = await server.client()
    assert await sign_in(server, "ada@example.org") == 200
    assert (await client.get("/v3/enterprise/organizations")).status_code == 200
    query = select(audit_log).where(audit_log.c.action == "create_account")
    record = await server.read(lambda ctx: ctx.db.execute(query).one())
    assert set(record.data) == {"email", "role", "user_id", "command_line_user"}
    again = accounts("create", "ada@example.org", "--json", stdin=PASSWORD + "\n")
    assert again.exit_code == 1
    assert "has an account already" in again.stderr


async def test_states_follow_the_commands(accounts, server):
    email = "person@example.org"

    def state():
        items = accounts("list", "--json").json["items"]
        (one,) = [one for one in items if one["email"] == email]
        return one["state"], one["browser_sessions"]

    assert state() == ("no password", 0)
    assert accounts("set-password", email, stdin=PASSWORD + "\n").exit_code == 0
    assert await sign_in(server, email) == 200
    assert state() == ("active", 1)
    assert accounts("sign-out", email, "--json").json["ended_sessions"] == 1
    assert state() == ("active", 0)
    assert accounts("disable", email).code == 0
    assert state() == ("disabled", 0)
    assert await sign_in(server, email) == 401
    assert accounts("enable", email).code == 0
    assert await sign_in(server, email) == 200
    assert email in accounts("list").out


async def test_an_invitation_from_the_command_line(accounts, server):
    made = accounts("invite", "new@example.org", "--json").json
    client = await server.client()
    token = made["invitation_url"].partition("#")[2]
    answer = await client.post("/cogmill/v1/invitations/accept", json={"token": token, "password": PASSWORD})
    assert answer.json() == {"user_id": made["user_id"], "email": "new@example.org"}
    assert await sign_in(server, "new@example.org") == 200


@pytest.mark.one_database
async def test_mistakes(accounts):
    for arguments, stdin, code, said in (
        (("create", "no-address"), PASSWORD, 2, "no e-mail address"),
        (("create", "a@b.c"), "short\n", 2, "12 to 1024 characters"),
        (("create", "a@b.c"), "x" * 1025, 2, "12 to 1024 characters"),
        (("create", "a@b.c", "--role", "king"), PASSWORD, 1, "There are: enterprise_admin"),
        (("set-password", "nobody@b.c"), PASSWORD, 1, "There is no user"),
        (("disable", "nobody@b.c"), "", 1, "There is no user"),
    ):
        result = accounts(*arguments, stdin=stdin)
        assert (result.exit_code, said in result.stderr) == (code, True), result.stderr
