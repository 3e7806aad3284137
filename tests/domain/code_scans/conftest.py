"""Code scans over HTTP, on a clock that tests turn; the loop that repeats them is called by hand."""

from dataclasses import dataclass

import pytest
from sqlalchemy import select

from cogmill.access.scope import Scope
from cogmill.domain.code_scans.evidence import Proved
from cogmill.domain.code_scans.reports import Place, Reported
from cogmill.domain.code_scans.taking import Taken, write_down
from cogmill.domain.sessions.states import Detail, State, Status
from cogmill.engine.loops import code_scans as loop
from cogmill.models.code_scans import code_scan
from cogmill.scm.forge import LocalForge
from cogmill.web.call import Call

START = 1_800_000_000.0
PLACES = {"org": "organizations/{}", "all": "enterprise/organizations/{}"}


@dataclass
class Clock:
    now: float = START

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("cogmill.server.system_clock", clock)
    return clock


def finding(mark, severity="high", category=None, **more):
    """A finding of a report, and its fingerprint."""
    said = Reported(severity, f"Finding {mark}", category, places=(Place("a.py", 1, 1),), **more)
    return Proved(said, str(mark), ["@a"])


class Scans:
    def __init__(self, server, clock):
        self.server, self.clock = server, clock
        self.org = server.world.org

    async def ask(self, method, path="", *, caller="org_admin", expect=200, at="organizations/{}", **options):
        where = (at if "/" in at else "{}").format(self.org) if at != "enterprise" else "enterprise"
        version = options.pop("version", "v3")
        client = await self.server.client(caller)
        answer = await client.request(method, f"/{version}/{where}/code-scans{path}", **options)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def ours(self, method, path="", **options):
        return await self.ask(method, path, version="cogmill/v1", **options)

    async def repository(self, name="acme/app", org=None):
        await LocalForge(self.server.runtime.settings.data / "forge" / (org or self.org)).create(name)
        return name

    async def start(self, expect=201, **body):
        return await self.ask("POST", expect=expect, json={"repo_name": "acme/app"} | body)

    async def profile(self, **body):
        return (await self.ours("POST", "/profiles", json={"name": "Mine"} | body))["profile_id"]

    async def report(self, scan, *found, org=None, error=None):
        """What the engine writes when a session reports."""
        taken = Taken(scan["scan_id"], list(found), [], error)
        return await self.server.write(lambda ctx: write_down(ctx, org or self.org, taken), org=org)

    async def findings(self, query="", **options):
        return (await self.ask("GET", f"/findings?{query}", **options))["items"]

    async def state(self, sessions, scan, status, detail=None, **changes):
        """Bring the scan's session into a state, as the engine does."""
        from cogmill.domain.sessions.log import status_event

        state = State(Status(status), Detail(detail) if detail else None)
        await sessions.append(scan["session_id"], status_event(state), state=state, **changes)
        return (await self.ours("GET", f"/{scan['scan_id']}"))["status"]

    async def loop(self, seconds=0.0):
        """Turn the clock and let the loop do what is due; answers when it is to be called next."""
        self.clock.now += seconds
        call = Call(self.server.runtime, Scope("", None), "loop", None)
        return await loop.repeat_due(call)

    async def rows(self):
        return await self.server.read(lambda ctx: ctx.db.execute(select(code_scan).order_by(code_scan.c.id)).all())


@pytest.fixture
async def scans(clock, server):
    scans = Scans(server, clock)
    await scans.repository()
    return scans
