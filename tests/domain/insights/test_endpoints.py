"""Insights over HTTP: counts, sizes, filters, generating, who may; and the loop that does the work."""

import pytest
from sqlalchemy import select

from cogmill.domain.insights.schemas import InsightsOut
from cogmill.domain.sessions.log import NewEvent, status_event
from cogmill.domain.sessions.states import Detail, State, Status
from cogmill.engine.loops.insights import Insights
from cogmill.models.insights import session_insight

FINISHED = State(Status.RUNNING, Detail.FINISHED)
ANSWER = NewEvent("devin_message", "message", "Done.", {"message": "Done."})


class Stories:
    """Sessions that did something, over the functions that the server uses."""

    def __init__(self, server, sessions):
        self.server, self.sessions = server, sessions
        self.loop = Insights(server.runtime)

    async def finished(self, *events, acus=0, **body):
        made = await self.sessions.create(**{"prompt": "Fix the crash of the parser on empty files."} | body)
        await self.finish(made["session_id"], *events, acus=acus)
        return made["session_id"]

    async def finish(self, session_id, *events, acus=0):
        last = status_event(FINISHED)
        last.contents["acus"] = acus / 1_000_000
        await self.sessions.append(session_id, *events, last, state=FINISHED, run_state="idle", acus=acus)

    async def insights(self, session_id, **options):
        return await self.sessions.ask("GET", session_id, "/insights", **options)

    async def generate(self, session_id, **options):
        return await self.sessions.ask("POST", session_id, "/insights/generate", **options)

    async def job(self, session_id):
        row = await self.sessions.row(session_id)
        query = select(session_insight).where(session_insight.c.session == row.id)
        return await self.server.read(lambda ctx: ctx.db.execute(query).one_or_none())


@pytest.fixture
def stories(server, sessions):
    return Stories(server, sessions)


async def test_an_ended_session_is_classified_and_analysed_on_demand(server, stories, sessions):
    session_id = await stories.finished(ANSWER)
    assert "insights" in server.engine.woken
    before = await stories.insights(session_id)
    assert (before["num_user_messages"], before["num_devin_messages"], before["session_size"]) == (1, 1, "xs")
    assert (before["category"], before["analysis"]) == (None, None)
    await stories.loop.run_once()
    light = await stories.insights(session_id)
    assert (light["category"], light["analysis"]) == ("bug_fixing", None)
    assert (await sessions.ask("GET", session_id))["subcategory"] == light["subcategory"] == "Crash or error"

    assert await stories.generate(session_id) == {"session_id": session_id, "status": "started"}
    assert (await stories.generate(session_id))["status"] == "already_exists"
    await stories.loop.run_once()
    whole = await stories.insights(session_id)
    analysis = whole["analysis"]
    assert [one["title"] for one in analysis["timeline"]] == ["Asked", "Answered", "Finished"]
    assert analysis["made_by"] == "rules"
    assert (analysis["classification"]["category"], analysis["issues"]) == ("bug_fixing", [])
    assert (await stories.generate(session_id))["status"] == "already_exists"
    InsightsOut.model_validate(whole)

    await sessions.ask("POST", session_id, "/messages", json={"message": "And the docs."})
    assert (await stories.generate(session_id))["status"] == "started"  # there is more to be said of it now
    await stories.loop.run_once()
    assert len((await stories.insights(session_id))["analysis"]["timeline"]) > 3


@pytest.mark.parametrize(
    ("acus", "more_messages", "size"), [(999_999, 1, "xs"), (1_000_000, 0, "s"), (0, 3, "s"), (2_500_000, 0, "m"),
    (0, 5, "m"), (5_000_000, 0, "l"), (0, 10, "l"), (10_000_000, 0, "xl"), (0, 20, "xl"), (1, 20, "xl")],
)  # fmt: skip
async def test_large_sessions_are_analysed_by_themselves(stories, acus, more_messages, size):
    more = [NewEvent("user_message", "message", "More.", {"message": "More."}, "incoming")] * more_messages
    session_id = await stories.finished(*more, ANSWER, acus=acus)
    await stories.loop.run_once()
    found = await stories.insights(session_id)
    assert found["session_size"] == size
    assert (found["analysis"] is not None) == (size in {"l", "xl"})


async def test_a_session_that_has_not_answered_is_not_analysed(stories, sessions):
    session_id = await stories.finished(acus=20_000_000)
    refused = await stories.generate(session_id, expect=409)
    assert "has not answered yet" in refused["detail"]
    await stories.loop.run_once()
    found = await stories.insights(session_id)
    assert (found["analysis"], found["session_size"], found["category"]) == (None, "xl", "bug_fixing")
    waiting = (await sessions.create())["session_id"]
    assert await stories.job(waiting) is None  # nothing of it has come to an end


async def test_the_list_has_the_filters_and_pages_of_sessions(server, stories, sessions):
    made = [await stories.finished(ANSWER, tags=[f"t{n % 2}"], title=f"s{n}") for n in range(5)]
    await stories.loop.run_once()
    client, url = await server.client("org_admin"), f"{server.sessions}/insights"

    async def found(query):
        answer = await client.get(f"{url}?{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    first = await found("first=2")
    assert [one["session_id"] for one in first["items"]] == made[:-3:-1]
    assert (first["has_next_page"], first["total"]) == (True, None)
    rest = await found(f"first=200&after={first['end_cursor']}")
    assert [one["session_id"] for one in rest["items"]] == made[2::-1]
    for query in ("tags=t1", "tags=t1,none", "tags=none&tags=t1", "qs[tags]=t1", f"session_ids={made[1]},{made[3]}"):
        assert [one["session_id"] for one in (await found(query))["items"]] == [made[3], made[1]], query
    assert len((await found("category=bug_fixing"))["items"]) == 5
    assert (await found("category=other"))["items"] == []
    assert (await found(f"devin_id={made[0]}"))["items"][0]["num_devin_messages"] == 1
    assert (await client.get(f"{url}?category=nonsense")).status_code == 422


async def test_who_may_see_and_generate(server, stories, sessions):
    session_id = await stories.finished(ANSWER)
    assert (await stories.insights(session_id, caller="viewer"))["session_id"] == session_id
    await stories.generate(session_id, caller="viewer", expect=403)
    await stories.insights(session_id, caller="session_user", expect=404)
    await stories.generate(session_id, caller="session_user", expect=404)
    own = (await sessions.create("session_user"))["session_id"]
    assert (await stories.insights(own, caller="session_user"))["num_user_messages"] == 1
    await stories.generate(own, caller="session_user", expect=409)
    missing = await stories.insights("devin-" + "0" * 32, expect=404)
    assert "There is no session" in missing["detail"]


async def test_above_the_organizations(server, stories):
    session_id, world = await stories.finished(ANSWER), server.world
    admin = await server.client("enterprise_admin")
    url = f"/v3/enterprise/sessions/{session_id}/insights"
    for query in ({}, {"org_id": world.org}):
        assert (await admin.get(url, params=query)).json()["org_id"] == world.org
    for path in (url, f"{url}/generate"):
        ask = admin.get if path == url else admin.post
        assert (await ask(path, params={"org_id": world.second_org})).status_code == 404
    assert (await admin.post(f"{url}/generate")).json()["status"] == "started"
    viewer = await server.client("account_viewer")
    assert (await viewer.get(url)).status_code == 200
    assert (await viewer.post(f"{url}/generate")).status_code == 403
    foreign = await server.client("foreign_admin")
    assert (await foreign.get(url)).status_code == 404
    audits = (await admin.get("/v3/enterprise/audit-logs", params={"first": 50})).json()["items"]
    assert "generate_session_insights" in {one["action"] for one in audits}


async def test_a_log_that_cannot_be_read_stops_nobody_else(stories, sessions, monkeypatch):
    from cogmill.engine.loops import insights

    bad, good = await stories.finished(ANSWER, title="bad"), await stories.finished(ANSWER, title="good")
    real = insights.classify

    def classify(facts, title):
        if title == "bad":
            raise ValueError("broken")
        return real(facts, title)

    monkeypatch.setattr(insights, "classify", classify)
    await stories.loop.run_once()
    assert ((await stories.job(bad)).status, (await stories.job(good)).status) == ("failed", "done")
    monkeypatch.undo()
    assert (await stories.generate(bad))["status"] == "started"
    await stories.loop.run_once()
    assert (await stories.insights(bad))["analysis"] is not None


async def test_a_job_that_a_process_was_cut_in_is_done_by_the_next(server, stories):
    from cogmill.domain.insights import jobs

    session_id = await stories.finished(ANSWER)
    cut = await server.write(jobs.claim)
    assert (await stories.job(session_id)).status == "running"
    await Insights(server.runtime).run_once()
    assert (await stories.job(session_id)).status == "done"
    assert await server.write(lambda ctx: jobs.finish(ctx, cut, "failed")) is False  # it wakes up too late
    assert (await stories.job(session_id)).status == "done"


async def test_the_category_counts_in_metrics(server, stories):
    await stories.finished(ANSWER)
    await stories.loop.run_once()
    now = int(server.runtime.clock())
    admin = await server.client("enterprise_admin")
    times = {"time_after": now - 60, "time_before": now + 60}
    answer = (await admin.get("/v3/enterprise/metrics/sessions-by-category", params=times)).json()
    assert "bug_fixing" in str(answer)
