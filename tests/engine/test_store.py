"""The runner's writes: fenced by the epoch, gapless, redacted, and the row is what its log says."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from cogmill.domain.sessions.log import NewEvent, StaleEpoch
from cogmill.domain.sessions.states import Detail, Projection, State, Status, Trigger, rebuild
from cogmill.engine.metering import Booked
from cogmill.engine.runner import Run, Tools
from cogmill.engine.store import Store, claim, title_of
from cogmill.models.sessions import session_event


@pytest.fixture
def store(server, sessions):
    """A session that is claimed, and the store of its run."""

    async def make(**body):
        made = await sessions.create(**body)
        row = await sessions.row(made["session_id"])
        claimed = await claim(server.runtime, row.id)
        assert claimed is not None
        return Store(server.runtime, claimed)

    return make


@pytest.fixture
def log_of(server):
    async def read(row_id):
        query = select(session_event).where(session_event.c.session == row_id).order_by(session_event.c.seq)
        return await server.read(lambda ctx: ctx.db.execute(query).all())

    return read


@pytest.fixture
def check(log_of, sessions):
    """The log is gapless and the row says what it says; answers both."""

    async def look(store):
        log = await log_of(store.row.id)
        row = await sessions.row(store.row.session_id)
        assert [one.seq for one in log] == list(range(1, len(log) + 1))
        known = rebuild((one.seq, one.event_type, json.loads(one.contents)) for one in log)
        assert known == Projection(
            State.of(row.status, row.status_detail), row.last_seq, row.acus_micro, row.title, row.structured_output
        )
        return log, row

    return look


def note(text="x", **contents):
    return NewEvent("note", "other", text, contents)


async def test_a_claim_begins_an_epoch(server, sessions, store, check):
    one = await store()
    _, row = await check(one)
    assert (row.status, row.run_state, row.epoch) == ("claimed", "running", 1)
    assert one.epoch == 1


async def test_nobody_claims_a_session_that_shall_not_run(server, sessions):
    made = await sessions.create()
    row = await sessions.row(made["session_id"])
    await sessions.change(made["session_id"], run_state="idle")
    assert await claim(server.runtime, row.id) is None
    assert await claim(server.runtime, 10**9) is None


async def test_the_next_claim_books_what_a_cut_run_shows_to_have_used(server, sessions, store, check):
    one = await store()
    await one.append([note()])
    log, _ = await check(one)
    await sessions.change(one.row.session_id, active_since=log[-1].created_at - 90)
    assert (await claim(server.runtime, one.row.id)).recovered
    log, row = await check(one)
    assert row.acus_micro == 100_000  # 90 of the 900 seconds of an ACU
    assert json.loads(log[-1].contents) == {"acus": 0.1}
    await claim(server.runtime, one.row.id)
    assert (await check(one))[1].acus_micro == pytest.approx(100_000, abs=20)


async def test_a_clock_that_is_set_back_makes_no_use_and_hides_none(server, sessions, store, check):
    one = await store()
    await one.append([note("first")])
    await one.append([note("last")])
    log, row = await check(one)
    later = update(session_event).where(session_event.c.session == row.id, session_event.c.seq == log[-2].seq)
    await server.write(lambda ctx: ctx.db.execute(later.values(created_at=log[-1].created_at + 3600)))
    await sessions.change(row.session_id, active_since=log[-1].created_at - 90)
    assert (await claim(server.runtime, row.id)).recovered
    assert (await check(one))[1].acus_micro == 100_000  # 90 of the 900 seconds of an ACU

    two = await store()
    await two.append([NewEvent("model_call_started", "other", "Ask", {"key": "m", "usd_at_most": "2"})])
    log, row = await check(two)
    await sessions.change(row.session_id, active_since=log[-1].created_at + 3600)
    assert (await claim(server.runtime, row.id)).recovered
    log, row = await check(two)
    assert (row.usd_micro, json.loads(log[-1].contents)["usd"]) == (2_000_000, "2")


async def test_what_no_database_takes_in_a_text_makes_no_write_fail(store, check):
    one = await store()
    await one.append([note("print\0f \ud83d", said="print\0f \ud83d")])
    log, _ = await check(one)
    assert (log[-1].summary, json.loads(log[-1].contents)) == ("print f ?", {"said": "print\0f ?"})


@pytest.mark.parametrize(("runs", "acus"), [(False, 0.05), (True, 0.1)], ids=["cut", "running"])
async def test_a_stop_books_no_time_in_which_the_server_was_away(
    server, sessions, store, check, monkeypatch, runs, acus
):
    one = await store()
    await one.append([note()])
    log, row = await check(one)
    now = log[-1].created_at
    earlier = update(session_event).where(session_event.c.session == row.id).values(created_at=now - 45)
    await server.write(lambda ctx: ctx.db.execute(earlier))
    await sessions.change(one.row.session_id, active_since=now - 90)
    monkeypatch.setattr(server.runtime.signals, "runs", lambda _row: runs)
    stopped = await sessions.ask("DELETE", one.row.session_id)
    assert stopped["acus_consumed"] == pytest.approx(acus, abs=0.01)
    await check(one)


async def test_every_write_of_an_older_run_is_refused(server, store, check):
    old = await store()
    again = await claim(server.runtime, old.row.id)
    assert again.recovered
    new = Store(server.runtime, again)
    before, _ = await check(new)
    writes = [
        lambda: old.append([note()]),
        lambda: old.append([]),
        lambda: old.append([], booked=Booked(5, 0, 0), title="Stolen"),
        old.start,
        old.release,
        lambda: old.settle(Trigger.SETTLE, Detail.FINISHED, [note()], booked=Booked(5, 0, 0), heard=10, reason=None),
        lambda: old.settle(Trigger.FAIL, None, [], booked=Booked(0, 0, 0), heard=0, reason="x"),
        lambda: old.fenced(lambda ctx: pytest.fail("it must not run")),
    ]
    for write in writes:
        with pytest.raises(StaleEpoch):
            await write()
    after, row = await check(new)
    assert after == before
    assert (row.title, row.acus_micro, row.run_state) == (None, 0, "running")
    assert await new.append([note()]) == len(before) + 1


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", ""), ("POST", "/archive"), ("POST", "sleep")], ids=["end", "archive", "sleep"]
)
async def test_what_the_user_stops_is_taken_from_its_run(server, sessions, store, check, method, path):
    one = await store()
    await one.start()
    if path == "sleep":
        client = await server.client("org_admin")
        address = f"/cogmill/v1/organizations/{server.world.org}/sessions/{one.row.session_id}/sleep"
        assert (await client.post(address)).status_code == 200
    else:
        await sessions.ask(method, one.row.session_id, path)
    with pytest.raises(StaleEpoch):
        await one.append([note()])
    _, row = await check(one)
    assert row.status in {"exit", "suspended"}
    assert row.run_state == "idle"
    assert server.engine.stopped == [row.id]


async def test_of_two_runs_at_the_same_moment_only_the_later_claim_writes(server, store, check):
    first = await store()
    claims = await asyncio.gather(*(claim(server.runtime, first.row.id) for _ in range(8)))
    assert sorted(one.epoch for one in claims) == list(range(2, 10))
    runs = [first, *(Store(server.runtime, one) for one in claims)]
    results = await asyncio.gather(*(run.append([note(str(run.epoch))]) for run in runs), return_exceptions=True)
    written = [run.epoch for run, result in zip(runs, results, strict=True) if isinstance(result, int)]
    assert written == [9]
    log, _ = await check(first)
    assert [one.summary for one in log if one.event_type == "note"] == ["9"]


async def test_a_hundred_writers_leave_no_gap(server, sessions, store, check):
    one = await store()
    await one.start()

    async def say(number):
        await sessions.ask("POST", one.row.session_id, "/messages", json={"message": f"m{number}"})

    await asyncio.gather(*(one.append([note(str(n)), note(str(n))]) for n in range(70)), *(say(n) for n in range(30)))
    log, _ = await check(one)
    notes = [event.summary for event in log if event.event_type == "note"]
    assert sorted(notes[::2]) == sorted(notes[1::2]) == sorted(map(str, range(70)))
    assert all(a == b for a, b in zip(notes[::2], notes[1::2], strict=True)), "events of one write stay together"


async def test_secrets_never_reach_the_log(server, store, log_of):
    one = await store(session_secrets=[{"key": "API-KEY", "value": "canary-123"}], prompt="Use it")
    await one.start()
    await one.append([note("has canary-123", out="a canary-123 b", deep=[{"canary-123": "Y2FuYXJ5LTEyMw=="}])])
    await one.settle(
        Trigger.SUSPEND,
        Detail.ERROR,
        [note("canary-123")],
        booked=Booked(0, 0, 0),
        heard=99,
        reason="failed with canary-123",
    )
    text = " ".join(event.summary + event.contents for event in await log_of(one.row.id))
    assert "canary-123" not in text
    assert "Y2FuYXJ5LTEyMw" not in text
    assert text.count("[secret API_KEY]") >= 5


async def test_a_turn_is_not_over_while_a_message_is_unheard(sessions, store, check):
    one = await store()
    await one.start()
    heard = (await check(one))[1].last_seq
    await sessions.ask("POST", one.row.session_id, "/messages", json={"message": "Wait!"})
    before, _ = await check(one)
    assert not await one.settle(
        Trigger.SETTLE, Detail.FINISHED, [note()], booked=Booked(7, 0, 0), heard=heard, reason=None
    )
    after, row = await check(one)
    assert after == before
    assert row.acus_micro == 0
    (message,) = await one.messages_after(heard)
    assert message.contents["message"] == "Wait!"
    assert await one.settle(Trigger.SETTLE, Detail.FINISHED, [], booked=Booked(7, 0, 0), heard=message.seq, reason=None)
    _, row = await check(one)
    assert (row.status_detail, row.run_state, row.acus_micro) == ("finished", "idle", 7)
    assert row.idle_since is not None


async def test_a_turn_that_goes_on_books_with_an_event(server, sessions, check):
    made = await sessions.create()
    claimed = await claim(server.runtime, (await sessions.row(made["session_id"])).id)
    run = Run(Tools(server.runtime, None, None, None, asyncio.Event()), claimed)
    await run.store.start()
    heard = (await check(run.store))[1].last_seq
    await sessions.ask("POST", made["session_id"], "/messages", json={"message": "Wait!"})
    run.turn = SimpleNamespace(heard=heard)
    run.meter._booked_until -= 9
    assert await run._settle(Trigger.SETTLE, Detail.FINISHED, [], None) == "again"
    log, row = await check(run.store)
    assert row.acus_micro >= 10_000
    assert (log[-1].event_type, row.run_state) == ("turn_continued", "queued")


async def test_a_limit_ends_the_turn_even_with_an_unheard_message(sessions, store, check):
    one = await store()
    await one.start()
    await sessions.ask("POST", one.row.session_id, "/messages", json={"message": "Wait!"})
    assert await one.settle(
        Trigger.SUSPEND, Detail.USAGE_LIMIT_EXCEEDED, [], booked=Booked(0, 0, 0), heard=1, reason="limit"
    )
    _, row = await check(one)
    assert (row.status, row.idle_since) == ("suspended", None)


async def test_release_gives_the_session_back(server, store, check):
    one = await store()
    await one.start()
    await one.release()
    _, row = await check(one)
    assert row.run_state == "queued"
    again = await claim(server.runtime, row.id)
    assert not again.recovered
    assert again.epoch == 2


async def test_history_is_the_log_without_live_output(store):
    one = await store()
    await one.append([NewEvent("shell_output", "shell", "x", {"output": "x"}), note("kept")])
    kinds = [event.event_type for event in await one.history()]
    assert "shell_output" not in kinds
    assert kinds[-1] == "note"


async def test_a_fenced_work_that_fails_changes_nothing(store, check):
    one = await store()
    before, _ = await check(one)

    def work(ctx):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await one.fenced(work)
    assert (await check(one))[0] == before


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("# Fix it\nNow", "Fix it"),
        ("\n\n> - *Hi*", "Hi*"),
        ("---", "Untitled"),
        ("x" * 100, "x" * 79 + "…"),
        ("🔑", "🔑"),
    ],
)
def test_titles(prompt, title):
    assert title_of(prompt) == title


ACTIONS = [
    "append",
    "two",
    "start",
    "message",
    "settle",
    "suspend",
    "wake",
    "claim",
    "release",
    "output",
    "acus",
    "fail",
]


async def act(action, store, server, sessions):
    """One thing that a run, the user or another process does; refusals are part of life."""
    runtime, session_id = server.runtime, store.row.session_id
    client = await server.client("org_admin")
    match action:
        case "append" | "two":
            await store.append([note(action)] * (2 if action == "two" else 1))
        case "acus":
            await store.append(
                [NewEvent("step_completed", "shell", "s", {"acus": 0.125})], booked=Booked(125_000, 3, 0)
            )
        case "output":
            value = {"answer": "ä"}
            event = NewEvent("structured_output_updated", "other", "o", {"structured_output": value})
            await store.append([event], structured_output=value)
        case "start":
            await store.start()
        case "settle":
            await store.settle(
                Trigger.SETTLE, Detail.FINISHED, [note()], booked=Booked(1, 0, 0), heard=10**6, reason=None
            )
        case "suspend":
            await store.settle(Trigger.SUSPEND, Detail.INACTIVITY, [], booked=Booked(2, 0, 0), heard=0, reason="r")
        case "fail":
            await store.settle(Trigger.FAIL, None, [], booked=Booked(0, 0, 0), heard=0, reason=None)
        case "release":
            await store.release()
        case "message":
            await client.post(f"{server.sessions}/{session_id}/messages", json={"message": "m"})
        case "wake":
            await client.post(f"/cogmill/v1/organizations/{server.world.org}/sessions/{session_id}/wake")
        case "claim":
            claimed = await claim(runtime, store.row.id)
            return Store(runtime, claimed) if claimed else store
    return store


@settings(
    deadline=None, max_examples=12, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=12))
async def test_whatever_happens_the_row_is_rebuilt_from_its_log(server, sessions, store, check, actions):
    one = await store()
    for action in actions:
        try:
            one = await act(action, one, server, sessions)
        except StaleEpoch:
            pass
        if Status((await check(one))[1].status) is Status.ERROR:
            break
