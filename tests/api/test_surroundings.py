"""What every answer has: a request id, a problem document for refusals, no crash that tells secrets."""

import json
import re

import httpx
import pytest
from starlette.requests import ClientDisconnect

from cogmill.api.table import TABLE
from cogmill.web.legacy import is_legacy
from tests.contract.test_legacy import assert_plain

pytestmark = pytest.mark.one_database
OWN_ID = re.compile(r"req-[0-9a-f]{24}")


def assert_problem(answer: httpx.Response, status: int) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) >= {"type", "title", "status", "detail", "request_id"}
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200), ("GET", "/v3/self", 401), ("GET", "/nowhere", 404), ("POST", "/healthz", 405),
        ("GET", "/docs", 200), ("GET", "/assets/none.js", 404), ("GET", "/", 200),
    ],
)  # fmt: skip
async def test_every_answer_has_a_request_id(server, method, path, status):
    client = await server.client()
    answers = [await client.request(method, path) for _ in range(2)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert [answer.status_code for answer in answers] == [status] * 2
    assert all(OWN_ID.fullmatch(one) for one in ids)
    assert len(set(ids)) == 2
    assert len(answers[0].headers.get_list("x-request-id")) == 1


@pytest.mark.parametrize("sent", ["abcdefgh", "A-Z.a_z-0.9", "x" * 128, "0f8fad5b-d9cb-469f-a165-70867728950e"])
async def test_a_decent_request_id_is_taken_over(server, sent):
    client = await server.client()
    answer = await client.get("/v3/self", headers={"x-request-id": sent})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == sent


@pytest.mark.parametrize(
    "sent",
    [b"", b"short", b"x" * 129, b"has space", b"new\nline-new", b"\xc3\xa4" * 8, b"<script>x</script>", b"a;b;c;d;e;f"],
)
async def test_any_other_request_id_is_replaced(server, sent):
    client = await server.client()
    answer = await client.get("/v3/self", headers={b"x-request-id": sent})
    assert OWN_ID.fullmatch(answer.headers["x-request-id"])
    assert sent == b"" or sent not in answer.content


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/v3", "/v3/", "/v3/self/", "//v3/self", "/V3/self", "/v3/self/x", "/v1", "/v2",
     "/v3/organizations", "/v3/organizations/sessions/", "/v3beta1/organizations/x/sessions", "/.env", "/docs/",
     "/assets/../server.py", "/assets/%2e%2e%2fserver.py", "/docs/assets/%2e%2e", "/%00", "/%ff", "/" + "a/" * 500],
    ids=lambda path: path[:24],
)  # fmt: skip
async def test_unknown_addresses(server, path):
    client = await server.client("org_admin")
    problem = assert_problem(await client.get(path), 404)
    assert len(json.dumps(problem)) < 3000


def methods() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for op in TABLE:
        found.setdefault(op.path, set()).add(op.method)
    return found


async def test_a_wrong_method_is_told_all_right_ones(server):
    client = await server.client("org_admin")
    for path, right in methods().items():
        address = re.sub(r"\{\w+\}", "x", path)
        # `…/organizations/x/attachments` and the like: an address may fit several rows.
        for wrong in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - right:
            answer = await client.request(wrong, address)
            if answer.status_code == 405:
                (assert_plain if is_legacy(address) else assert_problem)(answer, 405)
                assert right <= set(answer.headers["allow"].split(", ")), (wrong, path)
                assert wrong not in answer.headers["allow"].split(", ")
            else:
                patterns = [re.sub(r"\{\w+(:path)?\}", ".+", other) for other, of in methods().items() if wrong in of]
                assert any(re.fullmatch(one, address) for one in patterns), (wrong, path)
    for wrong in ("PATCH", "PUT", "DELETE"):
        answer = await client.request(wrong, server.sessions)
        assert answer.headers["allow"] == "GET, HEAD, POST"


async def test_a_method_that_nobody_knows(server):
    client = await server.client("org_admin")
    assert_problem(await client.request("BREW", "/v3/self"), 405)


async def test_head_answers_as_get_does_without_a_body(server):
    """Every GET row, the refused ones and streams included; the document names none of them."""
    client = await server.client("org_admin")
    for path in sorted(path for path, right in methods().items() if "GET" in right):
        address = re.sub(r"\{\w+\}", server.world.org if "org_id" in path else "x", path, count=1)
        address = re.sub(r"\{\w+\}", "x", address)
        got, headed = await client.get(address), await client.head(address)
        assert headed.status_code == got.status_code, path
        assert headed.content == b""
        assert headed.headers["content-type"] == got.headers["content-type"]
        if got.status_code == 200 and path != "/metrics":
            assert headed.headers["content-length"] == got.headers["content-length"], path


async def test_head_of_a_stream_is_answered_at_once(server, sessions):
    session = await sessions.create()
    feed = server.runtime.hub.join((await sessions.row(session["session_id"])).id)
    client = await server.client("org_admin")
    answer = await client.head(f"{server.sessions}/{session['session_id']}/events/stream", timeout=5)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert feed.watchers == 1, "only the test watches"


async def test_head_of_a_file_tells_its_size(server):
    client = await server.client("org_admin")
    uploads = f"/v3/organizations/{server.world.org}/attachments"
    made = (await client.post(uploads, files={"file": ("a.bin", b"x" * 70_000)})).json()
    answer = await client.head(f"{uploads}/{made['attachment_id']}/a.bin", follow_redirects=True)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "70000", b"")


async def test_head_needs_a_key_and_a_row(server):
    client = await server.client()
    for path, status in {"/v3/self": 401, "/nowhere": 404, "/cogmill/v1/invitations/accept": 405}.items():
        answer = await client.head(path)
        assert (answer.status_code, answer.content) == (status, b"")


async def test_methods_are_case_sensitive(server):
    client = await server.client("org_admin")
    answer = await client.request("get", "/healthz")
    assert answer.status_code in {200, 405}  # httpx writes methods in capitals


@pytest.mark.parametrize("org", ["%00", "org-%00", "x%00y", "%ff", "%F0%9F%94%91", "x" * 5000, "..%2f", "'; DROP--"])
@pytest.mark.parametrize("caller", ["org_admin", "enterprise_admin"])
async def test_odd_organization_ids(server, org, caller):
    client = await server.client(caller)
    answer = await client.get(f"/v3/organizations/{org}/sessions")
    assert answer.status_code in {403, 404}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.text) < 1000


@pytest.mark.parametrize("devin", ["%00", "devin-%00", "%ff", "%F0%9F%94%91", "x" * 5000, "sessions", "devin-", "%20"])
async def test_odd_session_ids(server, devin):
    client = await server.client("org_admin")
    for path in (f"{server.sessions}/{devin}", f"{server.sessions}/{devin}/messages"):
        assert_problem(await client.get(path), 404)


async def test_a_fault_of_ours_tells_nothing_but_the_request_id(server, monkeypatch, capsys):
    from cogmill.domain.sessions import listing

    def broken(*_arguments):
        raise RuntimeError("canary-of-the-inside")

    monkeypatch.setattr(listing, "list_page", broken)
    client = await server.client("org_admin")
    answer = await client.get(server.sessions)
    problem = assert_problem(answer, 500)
    assert "canary" not in answer.text
    assert problem["request_id"] in problem["detail"]
    logged = capsys.readouterr()
    assert problem["request_id"] in logged.out + logged.err
    assert (await client.get("/v3/self")).status_code == 200


async def test_who_leaves_while_sending_is_no_fault_of_ours(server, capsys):
    async def receive():
        return {"type": "http.disconnect"}

    sent = []

    async def send(message):
        sent.append(message)

    token = server.world.tokens["org_admin"].encode()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": server.sessions, "raw_path": server.sessions.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"authorization", b"Bearer " + token)], "client": None, "server": ("cogmill.test", 80),
    }  # fmt: skip
    await server.app(scope, receive, send)
    assert sent == []
    assert "request_failed" not in "".join(capsys.readouterr())
    assert issubclass(ClientDisconnect, Exception)


async def test_secrets_of_a_refused_request_are_not_repeated(server):
    client = await server.client()
    answer = await client.get("/v3/self?token=canary", headers={"authorization": "Bearer canary", "x-key": "canary"})
    assert "canary" not in answer.text


async def test_answers_are_utf_8_json(sessions, server):
    made = await sessions.create(title="Grüße 🔑")
    client = await server.client("org_admin")
    answer = await client.get(f"{server.sessions}/{made['session_id']}")
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.content.decode())["title"] == "Grüße 🔑"
