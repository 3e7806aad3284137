"""Requests, addresses, errors and settings of the client."""

import httpx
import pytest

from cogmill.client import (
    BadInput,
    Client,
    NetworkError,
    NoKey,
    NoOrganization,
    NotAuthenticated,
    Refused,
    ServerFault,
    SessionCreate,
    Target,
)

from .stub import ENTERPRISE_KEY, KEY, ORG


def mocked(handler, org=ORG):
    return Client(Target("http://test", KEY, org), transport=httpx.MockTransport(handler))


def test_create_sends_only_what_is_set(stub, client):
    session = client.create_session(SessionCreate(prompt="do it", agent="runbook"))
    [(_, path, headers, body)] = stub.asked("POST", "/sessions")
    assert (path, body) == (f"/v3/organizations/{ORG}/sessions", b'{"prompt":"do it","agent":"runbook"}')
    assert headers["authorization"] == f"Bearer {KEY}"
    assert session.status == "running"


def test_raw_gives_back_what_the_server_sent(stub, client):
    session_id = stub.session(novelty={"a": 1})
    assert client.get_session(session_id).raw() == stub.sessions[session_id]
    assert client.list_sessions().raw()["items"] == [stub.sessions[session_id]]


def test_without_organization_the_short_addresses_are_used(stub):
    session_id = stub.session()
    with Client(Target(stub.base_url, KEY)) as client:
        client.get_session(session_id)
        client.diff(session_id)
    assert [path for _, path, _, _ in stub.requests] == [
        f"/v3/organizations/sessions/{session_id}",
        "/v3/self",
        f"/cogmill/v1/organizations/{ORG}/sessions/{session_id}/diff",
    ]


@pytest.mark.parametrize("call", [lambda c: c.list_sessions(), lambda c: c.diff("devin-" + "0" * 32)])
def test_enterprise_key_without_organization_is_explained(stub, call):
    with Client(Target(stub.base_url, ENTERPRISE_KEY)) as client, pytest.raises(NoOrganization) as caught:
        call(client)
    assert "COGMILL_ORG_ID" in caught.value.hint


def test_upload_and_download(stub, client, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_bytes(b"\x00\x01 hello")
    attachment = client.upload(file)
    assert stub.uploads["att-1"] == ("notes.txt", b"\x00\x01 hello")
    assert client.download(attachment) == b"\x00\x01 hello"
    with pytest.raises(BadInput):
        client.download("http://elsewhere.example/file")


def test_session_ids_in_all_forms(stub, client):
    one, two = stub.session(0xABCD << 108), stub.session(0xABCE << 108)
    for given in (one, one.removeprefix("devin-"), one.upper(), stub.sessions[one]["url"], one[:12], "0abcd"):
        assert client.session_id(given) == one
    for given, why in [("nonsense!", "not a session id"), ("0abc", "Several"), ("ffff", "No session")]:
        with pytest.raises(BadInput, match=why):
            client.session_id(given)
    assert two


def test_last_seq_counts_over_pages(stub, client):
    session = stub.session()
    for _ in range(450):
        stub.emit(session, "note")
    assert client.last_seq(session) == 450


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Refused), (401, NotAuthenticated), (403, Refused), (422, Refused), (500, ServerFault)]
)
def test_errors_by_status(status, kind):
    body = {"detail": "Needs ViewOrgSessions for cog_" + "b" * 52, "request_id": "r1"}
    with mocked(lambda _: httpx.Response(status, json=body)) as client, pytest.raises(kind) as caught:
        client.list_sessions()
    error = caught.value
    assert (error.status, error.request_id, error.permission) == (status, "r1", "ViewOrgSessions")
    assert "bbbb" not in error.message


def test_reading_is_repeated_and_writing_is_not(monkeypatch):
    monkeypatch.setattr("cogmill.client.http.pause", lambda _: 0.0)
    asked = []

    def flaky(request):
        asked.append(request.method)
        return httpx.Response(503, json={"detail": "restarting"})

    with mocked(flaky) as client:
        with pytest.raises(ServerFault):
            client.list_sessions()
        with pytest.raises(ServerFault):
            client.send_message("devin-1", "x")
    assert asked == ["GET", "GET", "GET", "POST"]


@pytest.mark.parametrize(
    "answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json={"items": [{"a": 1}]})]
)
def test_nonsense_is_a_server_fault(answer):
    with mocked(lambda _: answer) as client, pytest.raises(ServerFault):
        client.list_sessions()


def test_settings_prefer_our_names_one_by_one():
    environ = {
        "DEVIN_API_KEY": "d",
        "COGMILL_API_KEY": " c ",
        "DEVIN_ORG_ID": "o",
        "DEVIN_BASE_URL": "https://u:p@h/x/",
    }
    target = Target.from_environment(environ)
    assert target == Target("https://u:p@h/x", "c", "o")
    assert target.shown_url == "https://h/x"
    assert "api_key" not in repr(target)
    assert Target.from_environment({"COGMILL_API_KEY": ""}).base_url == "http://127.0.0.1:8400"
    with pytest.raises(NoKey):
        Target.from_environment({}).key  # noqa: B018


def test_bad_settings_are_named_without_showing_the_key():
    with pytest.raises(BadInput, match="not an http"):
        Target.from_environment({"COGMILL_URL": "localhost:8400"})
    with pytest.raises(BadInput) as caught:
        Target.from_environment({"COGMILL_API_KEY": "cog_secret\nX: y"})
    assert "secret" not in str(caught.value) + str(caught.value.hint)


def test_nobody_there(monkeypatch):
    monkeypatch.setattr("cogmill.client.http.pause", lambda _: 0.0)
    with Client(Target("http://127.0.0.1:9", KEY, ORG)) as client, pytest.raises(NetworkError) as caught:
        client.list_sessions()
    assert "cogmill serve" in caught.value.hint
