"""Attachments over HTTP: any bytes in, the same bytes out, names that are only names, links that end."""

import re
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cogmill.domain.attachments.service import clean_name, clean_type
from cogmill.models.audit import audit_log
from cogmill.models.content import attachment

BASE = "http://127.0.0.1:8400"


@pytest.fixture
def upload(server):
    async def send(content=b"hello", name="note.txt", kind="text/plain", *, caller="org_admin", expect=200):
        client = await server.client(caller)
        address = f"/v3/organizations/{server.world.org}/attachments"
        answer = await client.post(address, files={"file": (name, content, kind)})
        assert answer.status_code == expect, answer.text
        return answer.json()

    return send


@pytest.fixture
def raw_upload(server):
    """Send a form part with the given headers, byte for byte."""

    async def send(disposition, *headers, content=b"x", expect=200):
        lines = [b"--b", b"content-disposition: form-data; " + disposition, *headers, b"", content, b"--b--", b""]
        client = await server.client("org_admin")
        answer = await client.post(
            f"/v3/organizations/{server.world.org}/attachments",
            content=b"\r\n".join(lines),
            headers={"content-type": "multipart/form-data; boundary=b"},
        )
        assert answer.status_code == expect, answer.text
        return answer.json()

    return send


@pytest.fixture
def fetch(server):
    """Follow an attachment's address as a client does."""

    async def get(url, caller="org_admin"):
        client = await server.client(caller)
        redirect = await client.get(url.removeprefix(BASE))
        assert redirect.status_code == 307, redirect.text
        nobody = await server.client()
        return await nobody.get(redirect.headers["location"].removeprefix(BASE))

    return get


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"hello", bytes(range(256)) * 40, b"\r\n--boundary\r\n", b"\xff\xfe\xfd", b"x" * 300_000],
    ids=["empty", "nul", "text", "binary", "boundary", "no utf-8", "large"],
)
async def test_the_same_bytes_come_back(upload, fetch, content):
    made = await upload(content)
    answer = await fetch(made["url"])
    assert answer.status_code == 200
    assert answer.content == content


async def test_the_answer_and_the_row(server, upload):
    made = await upload(b"12345", "a b.txt")
    assert set(made) == {"attachment_id", "name", "url"}
    assert made["name"] == "a b.txt"
    assert made["url"] == f"{BASE}/v3/organizations/{server.world.org}/attachments/{made['attachment_id']}/a%20b.txt"
    row = await server.read(lambda ctx: ctx.db.execute(select(attachment)).one())
    assert (row.org_id, row.size, row.content_type) == (server.world.org, 5, "text/plain")
    assert row.created_by == server.world.ids["org_admin"]


async def test_an_upload_leaves_an_audit_record(server, upload):
    made = await upload()
    record = await server.read(lambda ctx: ctx.db.execute(select(audit_log)).one())
    assert (record.action, record.data["attachment_id"]) == ("upload_attachment", made["attachment_id"])
    row = await server.read(lambda ctx: ctx.db.execute(select(attachment)).one())
    assert (record.data["name"], record.data["size"]) == (made["name"], row.size)


async def test_the_address_without_an_organization(server, fetch):
    client = await server.client("org_admin")
    made = (await client.post("/v3/organizations/attachments", files={"file": ("a.txt", b"a")})).json()
    home = f"/v3/organizations/attachments/{made['attachment_id']}/a.txt"
    assert (await fetch(home)).content == b"a"


NAMES = [
    ("Grüße.txt", "Grüße.txt"), ("文件.pdf", "文件.pdf"), ("🔑.bin", "🔑.bin"),
    ("a b+c%20d&e=f#g.txt", "a b+c%20d&e=f#g.txt"),
    ("100%.txt", "100%.txt"), ("../../etc/passwd", "passwd"), ("..\\..\\boot.ini", "boot.ini"),
    ("C:\\a\\b.txt", "b.txt"),
    ("/", "attachment"), ("..", "attachment"), (".", "attachment"), (" .hidden ", "hidden"), ("e\u0301.txt", "é.txt"),
    ("evil\u202etxt.exe", "eviltxt.exe"), ("a\u0085b.txt", "ab.txt"), ("x" * 300 + ".txt", "x" * 196 + ".txt"),
    ("ä" * 300 + ".txt", "ä" * 98 + ".txt"), ("'quoted'.txt", "'quoted'.txt"), ("semi;colon.txt", "semi;colon.txt"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "kept"), NAMES, ids=[one[1][:16] for one in NAMES])
async def test_names(upload, fetch, given, kept):
    made = await upload(b"content", given)
    assert made["name"] == kept
    answer = await fetch(made["url"])
    assert answer.content == b"content"
    shown = answer.headers["content-disposition"]
    assert shown.startswith("attachment; ")
    assert shown in (f'attachment; filename="{kept}"', f"attachment; filename*=utf-8''{quote(kept)}")


@pytest.mark.parametrize(
    "disposition",
    [
        b'name="file"; filename="a\nx-evil: 1.txt"', b'name="file"; filename="a\\"; x=\\"b.txt"',
        b'name="file"; filename="\xff\xfe.txt"',
        b'name="file"; filename="a\0b.txt"', b'name="file"; filename="%0d%0ax-evil: 1"',
        b'name="file"; filename="<script>alert(1)</script>.html"',
    ],
    ids=["newline", "quote", "latin", "nul", "percent", "html"],
)  # fmt: skip
@pytest.mark.one_database
async def test_names_that_would_be_headers_or_markup(raw_upload, fetch, disposition):
    made = await raw_upload(disposition)
    assert made["name"].isprintable()
    assert not set(made["name"]) & set('<>"/\\')
    answer = await fetch(made["url"])
    assert answer.status_code == 200
    assert "x-evil" not in answer.headers
    assert not set(answer.headers["content-disposition"]) & set("\r\n")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"text/csv", "text/csv"), (b"text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        (b"application/vnd.api+json", "application/vnd.api+json"), (b"", "application/octet-stream"),
        (b"text/html\nx-evil: 1", "application/octet-stream"), (b"text/\xff", "application/octet-stream"),
        (b"nonsense", "application/octet-stream"), (b"a/" + b"b" * 1000, "application/octet-stream"),
        ("text/plain; n=\u20ac".encode(), "application/octet-stream"),
    ],
)  # fmt: skip
@pytest.mark.one_database
async def test_content_types(server, raw_upload, fetch, sent, kept):
    made = await raw_upload(b'name="file"; filename="a.txt"', b"content-type: " + sent)
    row = await server.read(lambda ctx: ctx.db.execute(select(attachment)).one())
    assert row.content_type == kept
    answer = await fetch(made["url"])
    assert answer.headers["content-type"].startswith(kept)
    assert "x-evil" not in answer.headers


@pytest.mark.one_database
async def test_what_is_uploaded_never_runs_in_the_pages_of_the_server(upload, fetch):
    made = await upload(b"<script>alert(1)</script>", "page.html", "text/html")
    answer = await fetch(made["url"])
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox"


@pytest.mark.settings(max_attachment=2000)
@pytest.mark.parametrize(("size", "status"), [(1999, 200), (2000, 200), (2001, 413), (500_000, 413)])
@pytest.mark.one_database
async def test_the_largest_attachment(upload, size, status):
    answer = await upload(b"x" * size, expect=status)
    if status == 413:
        assert "2000" in answer["detail"]


@pytest.mark.settings(max_attachment=2000)
@pytest.mark.one_database
async def test_a_flood_without_a_length_is_cut_off(server):
    sent = 0

    async def flood():
        nonlocal sent
        yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(10_000):
            sent += 10_000
            yield b"x" * 10_000

    client = await server.client("org_admin")
    answer = await client.post(
        f"/v3/organizations/{server.world.org}/attachments",
        content=flood(),
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code == 413
    assert sent < 200_000
    stored = [path for path in (server.runtime.settings.data / "attachments").rglob("*") if path.is_file()]
    assert stored == []


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({}, 422),
        ({"json": {"file": "x"}}, 422),
        ({"data": {"file": "text instead of a file"}}, 422),
        ({"files": {"other": ("a.txt", b"a")}}, 422),
        ({"files": [("file", ("a.txt", b"a")), ("file", ("b.txt", b"b"))]}, 400),
        ({"content": b"--b", "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"content": b"no form", "headers": {"content-type": "multipart/form-data; boundary=b"}}, 400),
        ({"content": b"", "headers": {"content-type": "multipart/form-data; boundary=" + "b" * 3000}}, 400),
        ({"content": b"--b\r\n\r\n", "headers": {"content-type": "multipart/form-data; boundary=b"}}, 400),
    ],
)  # fmt: skip
@pytest.mark.one_database
async def test_what_is_no_upload(server, options, status):
    client = await server.client("org_admin")
    answer = await client.post(f"/v3/organizations/{server.world.org}/attachments", **options)
    assert answer.status_code in {status, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_attachments_of_others_are_absent(server, upload):
    made = await upload()
    for caller, org, status in (
        ("stranger", server.world.second_org, 404),
        ("stranger", server.world.org, 403),
        ("foreigner", server.world.foreign_org, 404),
        ("enterprise_admin", server.world.second_org, 404),
        ("enterprise_admin", server.world.org, 307),
        ("viewer", server.world.org, 307),
        ("session_user", server.world.org, 403),
        ("nobody", server.world.org, 401),
    ):
        client = await server.client(caller)
        answer = await client.get(f"/v3/organizations/{org}/attachments/{made['attachment_id']}/{made['name']}")
        assert answer.status_code == status, (caller, answer.text)


async def test_who_may_upload(server, upload):
    await upload(caller="session_user")
    await upload(caller="viewer", expect=403)
    await upload(caller="stranger", expect=403)


async def test_id_and_name_must_fit(server, upload):
    made = await upload()
    client = await server.client("org_admin")
    base = f"/v3/organizations/{server.world.org}/attachments"
    for path in (
        f"{made['attachment_id']}/other.txt", f"{made['attachment_id'][:-3]}-00/note.txt", "nonsense/note.txt",
        "../attachments/x/note.txt", f"{made['attachment_id']}%00/note.txt", f"{made['attachment_id']}/note.txt%00",
        f"{'9' * 5000}/note.txt", "%F0%9F%94%91/note.txt",
    ):  # fmt: skip
        assert (await client.get(f"{base}/{path}")).status_code == 404, path


@pytest.mark.one_database
async def test_links_cannot_be_changed_and_end(server, upload, monkeypatch):
    made, other = await upload(b"one"), await upload(b"two")
    client = await server.client("org_admin")
    location = (await client.get(made["url"].removeprefix(BASE))).headers["location"].removeprefix(BASE)
    assert (await client.get(location)).content == b"one"
    expires = int(parse_qs(urlsplit(location).query)["expires"][0])
    for changed in (
        location.replace(str(expires), str(expires + 1)),
        location.replace(made["attachment_id"], other["attachment_id"]),
        location[:-1], location.partition("?")[0], f"{location}x", location.replace("signature=", "signature=A"),
        location.partition("?")[0] + "?expires=²&signature=ä", re.sub(r"expires=\d+", "expires=", location),
    ):  # fmt: skip
        assert (await client.get(changed)).status_code == 403, changed
    object.__setattr__(server.runtime, "clock", lambda: expires + 1.0)
    late = await client.get(location)
    assert late.status_code == 403
    assert "not valid any more" in late.json()["detail"]


@pytest.mark.one_database
async def test_parts_of_a_file_can_be_asked_for(server, upload):
    made = await upload(b"0123456789")
    client = await server.client("org_admin")
    location = (await client.get(made["url"].removeprefix(BASE))).headers["location"].removeprefix(BASE)
    answer = await client.get(location, headers={"range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (206, b"234")


async def test_a_session_takes_and_shows_its_files(server, upload, sessions):
    first, second = await upload(b"1", "a.txt"), await upload(b"2", "文.bin", "application/x-thing")
    made = await sessions.create(attachment_urls=[first["url"], second["attachment_id"], first["url"]])
    shown = await sessions.ask("GET", made["session_id"], "/attachments")
    assert {(one["name"], one["source"], one["content_type"]) for one in shown} == {
        ("a.txt", "user", "text/plain"), ("文.bin", "user", "application/x-thing"),
    }  # fmt: skip
    assert {one["url"] for one in shown} == {first["url"], second["url"]}


async def test_the_longest_name_makes_an_address_that_a_session_takes(upload, sessions):
    made = await upload(b"1", "🔑" * 300)
    assert len(made["url"]) <= 2083
    await sessions.create(attachment_urls=[made["url"]])


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=400))
def test_any_name_becomes_one_that_file_systems_take(name):
    cleaned = clean_name(name)
    assert 1 <= len(cleaned.encode()) <= 200
    assert cleaned.isprintable()
    assert not set(cleaned) & set('/\\\0<>:"|?*')
    assert cleaned not in {".", ".."}
    assert clean_name(cleaned) == cleaned


@given(st.text(max_size=250) | st.none())
def test_any_content_type_becomes_one_that_can_be_a_header(kind):
    cleaned = clean_type(kind, b"")
    assert cleaned.isascii()
    assert cleaned.isprintable()
    assert "/" in cleaned


PNG, PDF = b"\x89PNG\r\n\x1a\n....", b"%PDF-1.7 ..."


@pytest.mark.parametrize(
    ("declared", "content", "kept"),
    [
        ("image/png", PNG, "image/png"), ("image/jpeg", PNG, "image/png"),
        ("image/png", b"<script>", "application/octet-stream"),
        ("application/pdf", b"MZ", "application/octet-stream"), (None, PDF, "application/pdf"),
        ("image/webp", b"RIFF1234WEBP", "image/webp"), ("text/plain", PDF, "text/plain"),
        (None, b"a", "application/octet-stream"),
    ],
)  # fmt: skip
def test_pictures_are_what_they_say(declared, content, kept):
    assert clean_type(declared, content) == kept


@pytest.mark.parametrize("address", ["http://[abc", "https://a]b/attachments/x", "//\u2100.com/x"])
async def test_what_is_no_address_is_refused_as_no_attachment(server, address):
    client = await server.client("org_admin")
    path = f"/v3/organizations/{server.world.org}/sessions"
    for body in ({"attachment_urls": [address]}, {"prompt": f'Read.\nATTACHMENT:"{address}"'}):
        answer = await client.post(path, json={"prompt": "Read."} | body)
        assert answer.status_code == 422, answer.text
        assert "is no attachment of this organization" in answer.json()["detail"][0]["msg"]
