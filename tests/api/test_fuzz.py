"""Every documented operation under made-up input: no crash, and only what the document promises. Always the same."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

import cogmill.server
from cogmill.api.document import document
from cogmill.kit.settings import Settings
from tests.conftest import StillEngine
from tests.factories import KEYRING, World

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ENDLESS = "/events/stream"
"""A stream ends with its session; `tests/engine` reads it."""
OPERATIONS = [
    operation
    for result in schemathesis.openapi.from_dict(document()).get_all_operations()
    # Addresses without an organization have the same handlers.
    if "/v3/organizations/sessions" not in (operation := result.ok()).path and not operation.path.endswith(ENDLESS)
]
CASES = [
    pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
    for operation in OPERATIONS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or operation.definition.raw.get("parameters") or operation.body
]
EXAMPLES = max(4, 1800 // len(CASES))
"""Of each case, so that the whole stays the same however many operations there are."""


@dataclass
class Fuzzed:
    """A server at a port, and ids that exist there."""

    url: str
    world: World
    known: dict[str, str]

    old_key: str = ""
    """Of an Enterprise Admin, for the old APIs."""

    def headers(self, caller: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.world.tokens[caller]}"}

    def headers_for(self, path: str) -> dict[str, str]:
        is_old = path.startswith(("/v1/", "/v2/", "/beta/"))
        return {"authorization": f"Bearer {self.old_key}"} if is_old else self.headers("org_admin")


@pytest.fixture(scope="module")
def fuzzed(templates: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    template, data = templates("sqlite"), tmp_path_factory.mktemp("fuzzed")
    for name in ("attachments", "build-logs", "builds", "forge", "mirrors", "sessions", "snapshots"):
        (data / name).mkdir()
    url = template.copy(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cogmill.server, "EmbeddedEngine", StillEngine)
        patch.setattr(cogmill.server, "sandbox_driver", lambda _settings: None)
        app, _ = cogmill.server.build(Settings(data=data, database_url=url), cogmill.server.Installation(KEYRING, None))
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on", ws="none"))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield _filled(server, template.world)
        finally:
            server.should_exit = True
            thread.join(20)


def _filled(server: uvicorn.Server, world: World) -> Fuzzed:
    until = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < until
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    made = Fuzzed(f"http://127.0.0.1:{port}", world, {"org_id": world.org})
    with httpx.Client(base_url=made.url, headers=made.headers("org_admin")) as client:
        base = f"/v3/organizations/{world.org}"
        file = client.post(f"{base}/attachments", files={"file": ("a.txt", b"a")}).json()
        session = client.post(f"{base}/sessions", json={"prompt": "x", "attachment_urls": [file["url"]]}).json()
    made.known |= {
        "devin_id": session["session_id"],
        "session_id": session["session_id"],
        "uuid": file["attachment_id"],
        "name": file["name"],
    }
    made.old_key = _old_key(made)
    return made


def _old_key(fuzzed: Fuzzed) -> str:
    members = "/v3/enterprise/members/users"
    with httpx.Client(base_url=fuzzed.url, headers=fuzzed.headers("enterprise_admin")) as client:
        roles = client.get("/v3/enterprise/roles").json()["items"]
        role = next(one["role_id"] for one in roles if one["role_name"] == "Admin" and one["role_type"] == "enterprise")
        sent = {"emails": ["old@example.org"], "enterprise_role_id": role}
        user_id = client.post(members, json=sent).json()[0]["user_id"]
        keys = f"/cogmill/v1/enterprise/members/users/{user_id}/legacy-keys"
        return str(client.post(keys, json={"name": "old", "org_id": fuzzed.world.org}).json()["token"])


@pytest.mark.one_database
@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_an_operation_keeps_its_promises(fuzzed, operation, mode):
    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(mode), real=st.booleans())
    def run(case, real):
        for name in case.path_parameters:
            if name == "org_id" or (real and name in fuzzed.known):
                case.path_parameters[name] = fuzzed.known[name]
        answer = case.call(
            base_url=fuzzed.url, headers=fuzzed.headers_for(case.path), allow_redirects=False, timeout=10
        )
        assert answer.headers.get("x-request-id")
        case.validate_response(answer, checks=CHECKS)

    run()
