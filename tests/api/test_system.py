"""Health, metrics, the API document and its page."""

import asyncio
import re
import shlex
from urllib.parse import urljoin

import pytest
from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

from cogmill import __version__
from cogmill.api.document import document
from cogmill.api.operations import GET
from cogmill.api.table import TABLE
from cogmill.web.guard import Reach

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


async def test_healthz(server):
    answer = await (await server.client()).get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": __version__})


async def test_readyz(server):
    answer = await (await server.client()).get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


async def test_readyz_while_stopping(server):
    server.runtime.hub.close()
    client = await server.client()
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert "shutting down" in answer.json()["detail"]
    assert (await client.get("/healthz")).status_code == 200


async def test_readyz_without_a_database(server, monkeypatch):
    async def gone(_unit):
        raise ConnectionError("password=canary")

    monkeypatch.setattr(server.runtime.database, "read", gone)
    answer = await (await server.client()).get("/readyz")
    assert answer.status_code == 503
    assert "ConnectionError" in answer.json()["detail"]
    assert "canary" not in answer.text


@pytest.mark.one_database
async def test_metrics(server):
    client = await server.client("org_admin")
    made = (await client.post(server.sessions, json={"prompt": "x"})).json()
    await client.get(f"{server.sessions}/{made['session_id']}")
    await client.get("/nowhere/canary")
    answer = await (await server.client()).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    counted = families["cogmill_http_requests"].samples
    routes = {sample.labels["route"] for sample in counted if "route" in sample.labels}
    assert routes <= {op.path for op in TABLE} | {"none"}
    assert "/v3/organizations/{org_id}/sessions/{devin_id}" in routes
    assert "cogmill_http_request_duration_seconds" in families
    assert made["session_id"] not in answer.text
    assert "canary" not in answer.text


@pytest.mark.one_database
@pytest.mark.settings(metrics_token="right")
async def test_metrics_with_a_token(server):
    client = await server.client()
    for sent, status in ((None, 401), ("Bearer wrong", 401), ("Basic right", 401), ("Bearer right", 200)):
        answer = await client.get("/metrics", headers={"authorization": sent} if sent else {})
        assert answer.status_code == status
        assert status == 200 or "COGMILL_METRICS_TOKEN" in answer.json()["detail"]


@pytest.mark.one_database
@pytest.mark.settings(behind_proxy=True)
async def test_metrics_beyond_loopback_want_a_token(server):
    answer = await (await server.client("enterprise_admin")).get("/metrics")
    assert answer.status_code == 403
    assert "COGMILL_METRICS_TOKEN" in answer.json()["detail"]


async def test_the_document_of_the_server_is_the_one_of_the_code(server):
    answer = await (await server.client()).get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document()


def test_the_document_is_openapi_3_1():
    found = document()
    assert found["openapi"].startswith("3.1")
    assert set(found["info"]) >= {"title", "version", "license"}
    for path, methods in found["paths"].items():
        assert path.startswith("/")
        assert set(methods) <= METHODS
        declared = set(re.findall(r"\{(\w+)\}", path))
        for operation in methods.values():
            assert {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"} == declared
            assert operation["operationId"]
            assert operation["responses"]
            assert all(response["description"] for response in operation["responses"].values())


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_of_the_document_leads_somewhere_and_every_schema_is_one():
    found = document()
    schemas = found["components"]["schemas"]
    used = set(references(found))
    assert used <= {f"#/components/schemas/{name}" for name in schemas}
    assert {f"#/components/schemas/{name}" for name in schemas} <= used
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


def test_every_operation_names_its_refusals():
    found = document()["paths"]
    for op in TABLE:
        if op.hidden:
            continue
        responses = found[op.address][op.method.lower()]["responses"]
        assert str(op.status) in responses
        assert ({"401", "403"} <= set(responses)) == (op.reach is not Reach.PUBLIC or op.method != GET)
        for code, response in responses.items():
            if code[0] in "45":
                assert set(response["content"]) == {"application/json" if op.legacy else "application/problem+json"}


def test_keys_are_documented_where_they_are_needed():
    found = document()
    assert found["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for op in TABLE:
        if not op.hidden:
            security = found["paths"][op.address][op.method.lower()].get("security")
            needed = None if op.reach is Reach.PUBLIC else [{"legacy" if op.legacy else "bearer": []}]
            assert security == needed, op.path


@pytest.mark.one_database
async def test_the_page_of_the_document_needs_nothing_from_elsewhere(server):
    client = await server.client()
    page = await client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    loaded = [urljoin("/docs", one) for one in re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)]
    texts = [page.text]
    for address in loaded:
        assert re.match(r"/[^/]", address), address
        answer = await client.get(address)
        assert answer.status_code == 200, address
        texts.append(answer.text if address.startswith("/assets/") else "")
    assert {"/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css", "/openapi.json"} <= set(loaded)
    assert not re.search(r"""["'(]https?://(?!www\.w3\.org)""", "".join(texts))


@pytest.mark.one_database
async def test_assets_are_cached_by_their_content(server):
    client = await server.client()
    page = await client.get("/")
    address = "/" + re.findall(r'(?:src|href)="/?(assets/[^"]+)"', page.text)[0]
    first = await client.get(address)
    again = await client.get(address, headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


@pytest.mark.one_database
async def test_the_curl_lines_of_the_readme_work(server):
    """Its query, header and body reach the operation that the line names."""
    from tests.architecture.sources import ROOT

    text = (ROOT / "README.md").read_text().replace("\\\n", " ")
    lines = [block for block in re.findall(r"^```sh\n(.*?)^```$", text, re.S | re.M) if "curl" in block]
    assert len(lines) >= 3
    client = await server.client()
    for line in lines:
        words = shlex.split(line[line.index("curl") :])
        address = next(word for word in words if word.startswith("$COGMILL_URL")).removeprefix("$COGMILL_URL")
        header = words[words.index("-H") + 1].replace("$COGMILL_API_KEY", server.world.tokens["org_admin"])
        body = words[words.index("-d") + 1] if "-d" in words else None
        name, _, value = header.partition(": ")
        headers = {name: value} | ({"content-type": "application/x-www-form-urlencoded"} if body else {})
        answer = await client.request("POST" if body else "GET", address, headers=headers, content=body)
        assert answer.status_code == 200, (line, answer.text)


@pytest.mark.one_database
async def test_readyz_names_everything_that_is_wrong(server, monkeypatch):
    monkeypatch.setattr("cogmill.api.readiness.LEAST_DISK", 2**62)
    server.runtime.signals.trouble = lambda: "background work has ended (mails)"
    answer = await (await server.client()).get("/readyz")
    assert (answer.status_code, answer.json()["failed"]) == (503, ["disk", "engine"])
    assert "MiB left" in answer.json()["detail"]
    assert "background work has ended (mails)" in answer.json()["detail"]


@pytest.mark.one_database
async def test_readyz_does_not_wait_for_a_database_that_hangs(server, monkeypatch):
    async def hangs(_unit):
        await asyncio.Event().wait()

    monkeypatch.setattr(server.runtime.database, "read", hangs)
    monkeypatch.setattr("cogmill.api.readiness.PATIENCE", 0.01)
    answer = await (await server.client()).get("/readyz")
    assert answer.json()["failed"] == ["database"]
    assert "has not answered" in answer.json()["detail"]
