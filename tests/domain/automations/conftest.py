"""Automations over HTTP, and the loop that does their runs, driven by hand."""

import pytest
from sqlalchemy import update

from cogmill.access.scope import Scope
from cogmill.domain.sessions.log import status_event
from cogmill.domain.sessions.states import Detail, State, Status
from cogmill.engine.loops import automations as loop
from cogmill.models.automations import automation
from cogmill.web.call import Call

START = {"type": "start_session", "prompt": "Look into it."}
FINISHED = State(Status.RUNNING, Detail.FINISHED)
HOOK = {"event_type": "webhook:incoming"}
ENDED = {"event_type": "session:ended"}


def daily(rule="FREQ=DAILY;BYHOUR=7;BYMINUTE=0"):
    condition = {"field": "rrule", "operator": "recurrence", "value": rule}
    return {"event_type": "schedule:recurring", "conditions": {"any": [{"all": [condition]}]}}


def only(field, operator, value):
    return {"any": [{"all": [{"field": field, "operator": operator, "value": value}]}]}


class Automations:
    def __init__(self, server, sessions):
        self.server, self.sessions = server, sessions
        self.base = f"/v3/organizations/{server.world.org}/automations"
        self.call = Call(server.runtime, Scope("", None), "test", None)

    async def ask(self, method, path, *, caller="org_admin", expect=200, **options):
        answer = await (await self.server.client(caller)).request(method, path, **options)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def create(self, *triggers, actions=(START,), expect=200, caller="org_admin", run_as="organization", **more):
        body = {"triggers": list(triggers or (HOOK,)), "actions": list(actions), "run_as": run_as} | more
        return await self.ask("POST", self.base, json=body, expect=expect, caller=caller)

    def path(self, made):
        return f"{self.base}/{made['automation_id']}"

    async def patch(self, made, expect=200, caller="org_admin", **body):
        return await self.ask("PATCH", self.path(made), json=body, expect=expect, caller=caller)

    async def runs(self, made, query=""):
        base = self.path(made).replace("/v3/", "/cogmill/v1/")
        return (await self.ask("GET", f"{base}/runs{query}"))["items"]

    async def hook(self, made, body=None, *, secret=None, expect=200, **headers):
        client, path = await self.server.client(), "/" + made["webhook_url"].split("/", 3)[3]
        sent = {"x-webhook-secret": secret or made["webhook_secret"]} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        answer = await client.post(path, json={} if body is None else body, headers=sent)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def do(self):
        """Do what can be done now; answers when the next schedule is due."""
        return await loop.run_once(self.call)

    async def end(self, session_id, state=FINISHED):
        await self.sessions.append(session_id, status_event(state), state=state, run_state="idle")

    async def make_due(self, made):
        change = update(automation).where(automation.c.automation_id == made["automation_id"])
        await self.server.write(lambda ctx: ctx.db.execute(change.values(next_at=ctx.now - 1)))


@pytest.fixture
def automations(server, sessions):
    return Automations(server, sessions)
