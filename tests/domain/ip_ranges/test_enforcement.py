"""Who is let in by a list, however the call comes."""

import pytest
from sqlalchemy import select

import cogmill.access.addresses
from cogmill.models.audit import audit_log
from tests.domain.sign_ins.conftest import PAGE, PASSWORD, Door, door

from .conftest import PATH

__all__ = ["door"]
OFF, ON = "192.0.2.99", "10.4.5.6"


async def test_the_next_request_is_refused_with_words(callers):
    assert await callers.status(OFF) == 200
    await callers.change("PUT", ["10.0.0.0/8", "127.0.0.1"])
    answer = await (await callers.at(OFF)).get("/v3/self")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert OFF in answer.json()["detail"]
    assert "ip-access clear" in answer.json()["detail"]
    assert await callers.status(ON) == 200
    await callers.change("DELETE")
    assert await callers.status(OFF) == 200


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("address", "listed", "is_let_in"),
    [
        ("10.255.255.255", "10.0.0.0/8", True), ("11.0.0.0", "10.0.0.0/8", False),
        ("9.255.255.255", "10.0.0.0/8", False),
        ("::ffff:10.1.1.1", "10.0.0.0/8", True), ("10.1.1.1", "::ffff:10.1.1.1", True), ("10.1.1.1", "0.0.0.0/0", True),
        ("2001:db8::7", "2001:db8::/32", True), ("2001:db9::", "2001:db8::/32", False), ("10.1.1.1", "::/0", False),
        ("2001:db8::7", "0.0.0.0/0", False), ("fe80::1%eth0", "fe80::/10", True), ("", "0.0.0.0/0", False),
        ("not an address", "0.0.0.0/0", False),
    ],
)  # fmt: skip
async def test_which_addresses_a_range_holds(callers, address, listed, is_let_in):
    await callers.change("PUT", ["127.0.0.1", "203.0.113.0/24", listed])
    assert await callers.status(address) == (200 if is_let_in else 401)


async def test_every_kind_of_call_is_refused_before_rights_and_inputs(callers, server, sessions):
    made = (await sessions.create())["session_id"]
    await callers.change("PUT", ["127.0.0.1"])
    for caller, path in (
        ("org_admin", server.sessions), ("org_admin", f"{server.sessions}/{made}/events/stream"),
        ("person", "/v3/self"), ("org_member", PATH), ("org_admin", "/v3/organizations/org-none/sessions"),
    ):  # fmt: skip
        assert await callers.status(OFF, caller, path) == 401, path
    client = await callers.at(OFF, "org_admin")
    assert (await client.post(server.sessions, json={})).status_code == 401
    query = select(audit_log).where(audit_log.c.action == "create_session").order_by(audit_log.c.id.desc()).limit(1)
    record = await server.read(lambda ctx: ctx.db.execute(query).one())
    assert record.service_user_id == server.world.ids["org_admin"]
    assert record.data["refused"]["status"] == 401


async def test_another_enterprise_has_its_own_list(callers):
    await callers.change("PUT", ["10.0.0.0/8"])
    assert await callers.status(OFF, "foreigner") == 200


async def test_who_locks_itself_out_is_let_in_by_the_command_line(callers, server, monkeypatch, settings):
    """The contract has no guard against it: the change binds the caller, too."""
    from typer.testing import CliRunner

    from cogmill.main import app

    assert await callers.change("PUT", ["10.0.0.0/8", "2001:db8::1"]) == {
        "ip_ranges": ["10.0.0.0/8", "2001:db8::1/128"]
    }
    await callers.change("DELETE", expect=401)
    monkeypatch.setenv("COGMILL_DATA", str(settings.data))
    monkeypatch.setenv("COGMILL_DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setattr(cogmill.access.addresses, "LIFETIME", 0.0)  # the second after which a server looks again
    shown = CliRunner().invoke(app, ["ip-access", "list"])
    assert shown.stdout == "10.0.0.0/8\n2001:db8::1/128\n"
    cleared = CliRunner().invoke(app, ["ip-access", "clear"])
    assert (cleared.exit_code, "cleared: 2" in cleared.stdout) == (0, True), cleared.output
    assert await callers.change("GET") == {"ip_ranges": []}
    assert "empty" in CliRunner().invoke(app, ["ip-access", "list"]).stdout
    query = select(audit_log).where(audit_log.c.action == "update_enterprise_settings").order_by(audit_log.c.id)
    first, refused, by_command = await server.read(lambda ctx: ctx.db.execute(query).all())
    assert refused.data["refused"]["status"] == 401
    assert first.data["added"] == by_command.data["removed"]
    assert by_command.data["command_line_user"]


async def test_people_are_refused_at_the_door_and_inside(door: Door, callers):
    browser = await door.sign_in()
    await callers.change("PUT", ["10.0.0.0/8"])
    assert (await browser.get("/v3/self")).status_code == 401
    given = {"email": "person@example.org", "password": PASSWORD}
    outside, inside = await callers.at(OFF, None, **PAGE), await callers.at(ON, None, **PAGE)
    refused = await outside.post("/cogmill/v1/sign-in", json=given)
    assert (refused.status_code, "set-cookie" in refused.headers) == (401, False)
    assert OFF in refused.json()["detail"]
    wrong = await outside.post("/cogmill/v1/sign-in", json=given | {"password": "wrong password"})
    assert OFF not in wrong.json()["detail"]  # tells nothing of the account
    assert (await inside.post("/cogmill/v1/sign-in", json=given)).status_code == 200
    assert (await inside.get("/v3/self")).status_code == 200


async def test_invitations_are_accepted_from_the_list_only(callers, server):
    user_id = server.world.ids["person"]
    admin = await callers.at("127.0.0.1")
    url = (await admin.post(f"/cogmill/v1/enterprise/members/users/{user_id}/invitation")).json()["invitation_url"]
    await callers.change("PUT", ["10.0.0.0/8"])
    given = {"token": url.partition("#")[2], "password": PASSWORD}
    for address, status in ((OFF, 401), (ON, 200)):
        client = await callers.at(address, None, **PAGE)
        assert (await client.post("/cogmill/v1/invitations/accept", json=given)).status_code == status


@pytest.mark.one_database
async def test_links_to_files_lead_nowhere_from_outside(callers, server):
    client = await callers.at("127.0.0.1", "org_admin")
    uploads = f"/v3/organizations/{server.world.org}/attachments"
    made = (await client.post(uploads, files={"file": ("a.txt", b"text")})).json()
    link = (await client.get(f"{uploads}/{made['attachment_id']}/a.txt")).headers["location"]
    await callers.change("PUT", ["10.0.0.0/8"])
    assert await callers.status(OFF, None, link) == 401
    assert await callers.status(ON, None, link) == 200


@pytest.mark.one_database
@pytest.mark.settings(trusted_proxies=["10.9.0.0/16", "2001:db8::9"])
@pytest.mark.parametrize(
    ("peer", "forwarded", "is_let_in"),
    [
        ("10.9.0.1", "192.0.2.1", True), ("10.9.0.1", "203.0.113.1, 192.0.2.1", True),
        ("10.9.0.1", "192.0.2.1, 203.0.113.1", False), ("10.9.0.1", "192.0.2.1, 10.9.7.7", True),
        ("::ffff:10.9.0.1", "::ffff:192.0.2.1", True), ("2001:db8::9", "192.0.2.1:4711", True),
        ("10.9.0.1", "[2001:db8:1::1]:4711", True), ("10.9.0.1", "192.0.2.1, rubbish", False), ("10.9.0.1", "", False),
        ("10.8.0.1", "192.0.2.1", False), ("192.0.2.1", "203.0.113.1", True),
    ],
)  # fmt: skip
async def test_only_trusted_proxies_speak_for_others(callers, peer, forwarded, is_let_in):
    await callers.change("PUT", ["127.0.0.1", "192.0.2.1", "2001:db8:1::/48"])
    assert await callers.status(peer, **{"x-forwarded-for": forwarded}) == (200 if is_let_in else 401)


@pytest.mark.one_database
async def test_without_trusted_proxies_the_headers_mean_nothing(callers):
    await callers.change("PUT", ["127.0.0.1"])
    assert await callers.status(OFF, **{"x-forwarded-for": "127.0.0.1"}) == 401
    assert await callers.status("127.0.0.1", **{"x-forwarded-for": OFF}) == 200
