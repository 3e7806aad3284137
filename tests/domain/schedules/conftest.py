"""Schedules over HTTP, on a clock that tests turn, with the loop that runs them called by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from cogmill.access.scope import Scope
from cogmill.engine.loops import schedules as loop
from cogmill.models.mails import mail
from cogmill.web.call import Call

START = datetime(2027, 1, 4, 6, 30, tzinfo=UTC).timestamp()
"""A Monday morning."""


@dataclass
class Clock:
    now: float = START

    def __call__(self):
        return self.now

    def set(self, text):
        self.now = datetime.fromisoformat(text).timestamp()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("cogmill.server.system_clock", clock)
    return clock


class Schedules:
    def __init__(self, server, clock):
        self.server, self.clock = server, clock
        self.path = f"/v3/organizations/{server.world.org}/schedules"
        self.runs_path = f"/cogmill/v1/organizations/{server.world.org}/schedules"

    async def ask(self, method, path="", *, caller="org_admin", expect=200, **options):
        client = await self.server.client(caller)
        answer = await client.request(method, self.path + path, **options)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def create(self, *, caller="org_admin", expect=200, **body):
        body = {"name": "Nightly", "prompt": "Look around.", "frequency": "0 7 * * *"} | body
        body = {name: value for name, value in body.items() if value is not ...}
        return await self.ask("POST", caller=caller, expect=expect, json=body)

    async def once(self, *, at="2027-01-04T08:00:00+00:00", **body):
        return await self.create(frequency=..., schedule_type="one_time", scheduled_at=at, **body)

    async def patch(self, schedule, *, caller="org_admin", expect=200, **body):
        path = f"/{schedule['scheduled_session_id']}"
        return await self.ask("PATCH", path, caller=caller, expect=expect, json=body)

    async def get(self, schedule):
        return await self.ask("GET", f"/{schedule['scheduled_session_id']}")

    async def runs(self, schedule):
        """Oldest first."""
        client = await self.server.client("org_admin")
        answer = await client.get(f"{self.runs_path}/{schedule['scheduled_session_id']}/runs")
        assert answer.status_code == 200, answer.text
        return answer.json()["items"][::-1]

    @property
    def call(self):
        return Call(self.server.runtime, Scope("", None), "engine", None)

    async def run(self, at=None):
        """What the engine does when something is due, or at that time; answers when it looks again."""
        if at is not None:
            self.clock.set(at)
        return await loop.run_once(self.call)

    async def started(self, schedule):
        """Its sessions, oldest first."""
        client = await self.server.client("org_admin")
        answer = await client.get(self.server.sessions, params={"schedule_id": schedule["scheduled_session_id"]})
        return answer.json()["items"][::-1]

    async def mails(self):
        return await self.server.read(lambda ctx: ctx.db.execute(select(mail).order_by(mail.c.id)).all())


@pytest.fixture
def schedules(clock, server):
    return Schedules(server, clock)


@pytest.fixture
def with_mail(clock, server):
    """The same server with a mail server configured that nobody calls."""
    settings = server.runtime.settings.model_copy(update={"smtp_host": "127.0.0.1", "mail_from": "c@example.org"})
    object.__setattr__(server.runtime, "settings", settings)
