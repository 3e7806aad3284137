"""What all tests share: the databases, the application over them, and callers by name."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import select, update
from starlette.applications import Starlette

import cogmill.server
from cogmill.access.context import Context, Runtime
from cogmill.access.scope import Scope
from cogmill.domain.sessions.log import NewEvent, append
from cogmill.kit.settings import Settings
from cogmill.models.sessions import session
from cogmill.web.call import Call

from .databases import Cluster, PostgresTemplate, SqliteTemplate, Template, running_cluster
from .factories import KEYRING, World, add_old_keys

KINDS = ("sqlite", "postgres")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=(*KINDS, "all"), default="all", help="databases to run on (default: all)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "as_caller(name): who `client` calls as; nobody when unmarked")
    config.addinivalue_line("markers", "settings(**values): settings of the server under test")
    config.addinivalue_line("markers", "one_database: SQLite is enough, the database plays no part")
    for name in [one for one in os.environ if one.startswith(("COGMILL_", "DEVIN_")) and "CHROM" not in one]:
        if name != "COGMILL_REQUIRE_BROWSER":
            del os.environ[name]  # settings of the calling shell are no part of the tests
    # As it comes, structlog draws the trace of an expected failure with rich, which takes seconds.
    plain = (structlog.contextvars.merge_contextvars, structlog.processors.format_exc_info)
    structlog.configure(processors=[*plain, structlog.processors.KeyValueRenderer()])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_kind" in metafunc.fixturenames:
        asked = metafunc.config.getoption("database")
        kinds = KINDS if asked == "all" else (asked,)
        if any(metafunc.definition.iter_markers("one_database")):
            kinds = ("sqlite",)
        metafunc.parametrize("database_kind", kinds, scope="session")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def templates(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Template]:
    made: dict[str, Template] = {}

    def template(kind: str) -> Template:
        if kind not in made and kind == "sqlite":
            made[kind] = SqliteTemplate(tmp_path_factory.mktemp("template"))
        elif kind not in made:
            made[kind] = PostgresTemplate(request.getfixturevalue("cluster"))
        return made[kind]

    return template


@pytest.fixture
def template(database_kind: str, templates: Callable[[str], Template]) -> Template:
    return templates(database_kind)


@pytest.fixture
def world(template: Template) -> World:
    return template.world


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder as `cogmill init` leaves it, without its database."""
    import base64
    import json

    data = tmp_path / "data"
    for name in ("attachments", "build-logs", "builds", "forge", "mirrors", "sessions", "snapshots"):
        (data / name).mkdir(parents=True)
    data.chmod(0o711)
    master = base64.b64encode(KEYRING.master).decode()
    (data / "keys.json").write_text(json.dumps({"version": 1, "master_key": master}))
    (data / "keys.json").chmod(0o600)
    return data


@pytest.fixture
def database_url(template: Template, data: Path) -> Iterator[str]:
    url = template.copy(data)
    yield url
    template.drop(url)


@pytest.fixture
def settings(request: pytest.FixtureRequest, data: Path, database_url: str) -> Settings:
    given: dict[str, Any] = {}
    for marker in request.node.iter_markers("settings"):
        given = marker.kwargs | given
    return Settings(data=data, database_url=database_url, **given)


@dataclass
class StillEngine:
    """Runs nothing; remembers what it was asked to."""

    tools: Any
    queued: list[int] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)

    @property
    def workers(self) -> Any:
        return self

    def wanted(self, row_id: int) -> None: ...

    def let_go(self, row_id: int, why: str) -> None: ...

    async def attached(self, attachment: Any) -> str:
        return "nothing runs here"

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def limited(self) -> None: ...

    def runnable(self, row_id: int, org_id: str, priority: int) -> None:
        self.queued.append(row_id)

    def cancelled(self, row_id: int) -> None:
        self.stopped.append(row_id)

    def runs(self, row_id: int) -> bool:
        return False

    def trouble(self) -> str | None:
        return None

    def due(self, loop: str) -> None:
        self.woken.append(loop)


@dataclass
class Server:
    """The application in this process, and callers of it."""

    app: Starlette
    runtime: Runtime
    world: World
    engine: Any
    stack: AsyncExitStack
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    async def client(self, caller: str = "nobody") -> httpx.AsyncClient:
        if caller not in self.clients:
            headers = {} if caller == "nobody" else {"authorization": f"Bearer {self.world.tokens[caller]}"}
            transport = httpx.ASGITransport(self.app)
            client = httpx.AsyncClient(transport=transport, base_url="http://cogmill.test", headers=headers)
            self.clients[caller] = await self.stack.enter_async_context(client)
        return self.clients[caller]

    async def read(self, work: Callable[[Context], Any]) -> Any:
        """Look into the database as the server itself does."""
        return await Call(self.runtime, Scope("", None), "test", None).read(work)

    async def write(self, work: Callable[[Context], Any], org: str | None = None) -> Any:
        return await Call(self.runtime, Scope("", org or self.world.org), "test", None).write(work)

    @property
    def sessions(self) -> str:
        """Address of the sessions of the main organization."""
        return f"/v3/organizations/{self.world.org}/sessions"


@pytest.fixture
async def server(settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """The application whose sessions stay `new`: nothing runs them."""
    engines: list[StillEngine] = []

    def still(tools: Any) -> StillEngine:
        engines.append(StillEngine(tools))
        return engines[-1]

    monkeypatch.setattr(cogmill.server, "EmbeddedEngine", still)
    monkeypatch.setattr(cogmill.server, "sandbox_driver", lambda _settings: None)
    app, runtime = cogmill.server.build(settings, cogmill.server.Installation(KEYRING, None))
    async with app.router.lifespan_context(app), AsyncExitStack() as stack:
        yield Server(app, runtime, world, engines[0], stack)


@pytest.fixture
async def old_keys(server: Server) -> Server:
    """The server, whose callers include those with keys of the old APIs."""
    added = await server.write(lambda ctx: add_old_keys(ctx.db, server.world))
    server.world = replace(server.world, tokens=server.world.tokens | added)
    return server


@pytest.fixture
async def client(request: pytest.FixtureRequest, server: Server) -> httpx.AsyncClient:
    """A client that calls as the one who `as_caller` names, anonymous when unmarked."""
    marker = request.node.get_closest_marker("as_caller")
    return await server.client(marker.args[0] if marker else "nobody")


@dataclass
class Sessions:
    """Sessions of the main organization over HTTP."""

    server: Server

    async def create(
        self, caller: str = "org_admin", *, expect: int = 200, parent: str | None = None, **body: Any
    ) -> Any:
        client = await self.server.client(caller)
        params = {"devin_id": parent} if parent else {}
        answer = await client.post(self.server.sessions, json={"prompt": "Do it."} | body, params=params)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def ask(
        self,
        method: str,
        session_id: str,
        path: str = "",
        *,
        caller: str = "org_admin",
        expect: int = 200,
        **options: Any,
    ) -> Any:
        client = await self.server.client(caller)
        answer = await client.request(method, f"{self.server.sessions}/{session_id}{path}", **options)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def list_(self, query: str = "", *, caller: str = "org_admin", expect: int = 200) -> Any:
        client = await self.server.client(caller)
        answer = await client.get(f"{self.server.sessions}?{query}")
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def ids(self, query: str = "", *, caller: str = "org_admin") -> list[str]:
        return [one["session_id"] for one in (await self.list_(query, caller=caller))["items"]]

    async def row(self, session_id: str) -> Any:
        return await self.server.read(
            lambda ctx: ctx.db.execute(select(session).where(session.c.session_id == session_id)).one()
        )

    async def change(self, session_id: str, **values: Any) -> None:
        """Set columns behind the server's back."""
        change = update(session).where(session.c.session_id == session_id).values(**values)
        await self.server.write(lambda ctx: ctx.db.execute(change))

    async def append(self, session_id: str, *events: NewEvent, **changes: Any) -> None:
        """Write to the log as the engine does."""
        row = await self.row(session_id)
        await self.server.write(lambda ctx: append(ctx, row.id, session_id, list(events), **changes))


@pytest.fixture
def sessions(server: Server) -> Sessions:
    return Sessions(server)
