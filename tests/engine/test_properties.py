"""Rules that hold for every input: states, queue, redaction, metering."""

import asyncio
import base64
import urllib.parse
from collections import Counter, defaultdict
from contextlib import nullcontext
from decimal import Decimal
from itertools import product
from types import SimpleNamespace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cogmill.domain.sessions.log import status_event
from cogmill.domain.sessions.states import (
    ENDED,
    RUNNING_DETAILS,
    SUSPENDED_DETAILS,
    Detail,
    State,
    Status,
    Trigger,
    WrongState,
    rebuild,
    transition,
)
from cogmill.engine import live_output, metering
from cogmill.engine.agents.seam import StepResult
from cogmill.engine.allowance import Allowance
from cogmill.engine.fair_queue import FairQueue
from cogmill.engine.journal import Step
from cogmill.engine.live_output import LiveOutput
from cogmill.engine.metering import MICRO, Meter
from cogmill.engine.redaction import Redactor
from cogmill.engine.turn import LiveTurn

S = Status
EDGES = {
    S.NEW: {S.CLAIMED, S.SUSPENDED, S.EXIT, S.ERROR},
    S.CLAIMED: {S.CLAIMED, S.RUNNING, S.SUSPENDED, S.EXIT, S.ERROR},
    S.RUNNING: {S.RUNNING, S.SUSPENDED, S.EXIT, S.ERROR},
    S.SUSPENDED: {S.SUSPENDED, S.RESUMING, S.EXIT, S.ERROR},
    S.RESUMING: {S.RESUMING, S.RUNNING, S.SUSPENDED, S.EXIT, S.ERROR},
    S.EXIT: set(),
    S.ERROR: set(),
}
"""What the contract allows (semantics, section 3); staying where one is happens when a claim is taken again."""
triggers = st.tuples(st.sampled_from(Trigger), st.none() | st.sampled_from(Detail))


def states() -> list[State]:
    found = [State(status) for status in (S.NEW, S.CLAIMED, S.RESUMING, S.EXIT, S.ERROR)]
    found += [State(S.RUNNING, detail) for detail in sorted(RUNNING_DETAILS)]
    return found + [State(S.SUSPENDED, detail) for detail in sorted(SUSPENDED_DETAILS)]


def is_sound(state: State) -> bool:
    allowed = {S.RUNNING: RUNNING_DETAILS, S.SUSPENDED: SUSPENDED_DETAILS}.get(state.status)
    return state.detail in allowed if allowed is not None else state.detail is None


@pytest.mark.parametrize(("state", "trigger"), list(product(states(), Trigger)), ids=str)
def test_every_trigger_in_every_state_is_a_legal_edge_or_refused(state, trigger):
    for detail in (None, *Detail):
        try:
            after = transition(state, trigger, detail)
        except WrongState:
            continue
        except ValueError:
            assert trigger in {Trigger.SETTLE, Trigger.SUSPEND}
            assert detail not in (RUNNING_DETAILS if trigger is Trigger.SETTLE else SUSPENDED_DETAILS)
            continue
        assert is_sound(after)
        assert after.status in EDGES[state.status]


@pytest.mark.parametrize("state", [State(status) for status in sorted(ENDED)], ids=str)
def test_an_ended_session_stays_ended(state):
    for trigger, detail in product(Trigger, (None, *Detail)):
        with pytest.raises(WrongState):
            transition(state, trigger, detail)


@pytest.mark.parametrize("state", states(), ids=str)
def test_every_living_session_can_be_ended_and_put_to_sleep(state):
    if state.status in ENDED:
        return
    assert transition(state, Trigger.TERMINATE) == State(S.EXIT)
    assert transition(state, Trigger.FAIL) == State(S.ERROR)
    assert transition(state, Trigger.SUSPEND, Detail.USER_REQUEST) == State(S.SUSPENDED, Detail.USER_REQUEST)


@given(st.lists(triggers, max_size=40))
def test_any_life_is_sound_and_can_be_rebuilt_from_its_log(life):
    state, log = State(S.NEW), [("session_created", {"title": "T"})]
    for trigger, detail in life:
        try:
            after = transition(state, trigger, detail)
        except (WrongState, ValueError):
            continue
        assert is_sound(after)
        if after != state:
            event = status_event(after)
            log.append((event.event_type, {**event.contents, "acus": 0.25}))
        state = after
    known = rebuild((seq, kind, contents) for seq, (kind, contents) in enumerate(log, start=1))
    assert known.state == state
    assert (known.last_seq, known.title) == (len(log), "T")
    assert known.acus_micro == 250_000 * (len(log) - 1)


@given(st.lists(st.integers(1, 20), unique=True, min_size=1, max_size=20))
def test_a_log_with_a_gap_or_out_of_order_is_damaged(numbers):
    assume(numbers != list(range(1, len(numbers) + 1)))
    with pytest.raises(ValueError, match="is missing"):
        rebuild((seq, "shell", {}) for seq in numbers)


@given(st.lists(st.floats(0, 100).map(lambda x: round(x, 6)), max_size=50))
def test_millionths_of_acus_sum_exactly(amounts):
    micros = [round(one * MICRO) for one in amounts]
    log = [(seq, "step_completed", {"acus": one / MICRO}) for seq, one in enumerate(micros, start=1)]
    assert rebuild(log).acus_micro == sum(micros)


class QueueMachine(RuleBasedStateMachine):
    """The queue against a plain model of it."""

    LIMIT, PER_ORG = 4, 2

    def __init__(self) -> None:
        super().__init__()
        self.queue = FairQueue(self.LIMIT, self.PER_ORG)
        self.waiting: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        self.running: list[str] = []
        self.arrivals = 0
        self.turns: list[str] = []

    def known(self) -> set[int]:
        return {row for rows in self.waiting.values() for _, _, row in rows}

    def eligible(self) -> set[str]:
        return {org for org, rows in self.waiting.items() if rows and self.running.count(org) < self.PER_ORG}

    @rule(row=st.integers(1, 30), priority=st.integers(0, 2))
    def add(self, row, priority):
        org = f"org-{row % 4}"
        self.queue.add(row, org, priority)
        if row not in self.known():
            self.arrivals += 1
            self.waiting[org].append((priority, self.arrivals, row))
            self.waiting[org].sort()

    @rule()
    def take(self):
        taken = self.queue.take()
        if taken is None:
            assert len(self.running) >= self.LIMIT or not self.eligible()
            return
        row, org = taken
        assert org in self.eligible()
        assert self.waiting[org][0][2] == row, "priority, then age, within an organization"
        self.waiting[org].pop(0)
        self.running.append(org)
        self.turns.append(org)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def done(self, data):
        org = data.draw(st.sampled_from(self.running))
        self.running.remove(org)
        self.queue.done(org)

    @invariant()
    def nothing_is_lost_and_limits_hold(self):
        assert self.queue.waiting == len(self.known())
        assert self.queue.running == len(self.running) <= self.LIMIT
        assert max(Counter(self.running).values(), default=0) <= self.PER_ORG


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 30), min_size=1), st.integers(1, 8))
def test_organizations_take_turns(sizes, limit):
    """However much one has waiting, another that waits too is never passed over twice."""
    queue, rows = FairQueue(limit, 8), iter(range(1000))
    for org, size in sizes.items():
        for _ in range(size):
            queue.add(next(rows), org, 1)
    left, order = dict(sizes), []
    while (taken := queue.take()) is not None:
        order.append(taken[1])
        queue.done(taken[1])
    assert Counter(order) == sizes
    for at, org in enumerate(order):
        others = {one for one, count in left.items() if count and one != org}
        since = order[at + 1 :]
        until = since.index(org) if org in since else len(since)
        assert others <= set(since[:until]) or org not in since
        left[org] -= 1


def test_a_flood_of_one_organization_does_not_delay_another():
    queue = FairQueue(1, 1)
    for row in range(1000):
        queue.add(row, "loud", 0)
    queue.add(5000, "quiet", 2)
    first, second = queue.take(), (queue.done("loud"), queue.take())[1]
    assert first == (0, "loud")
    assert second == (5000, "quiet")


canaries = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=4, max_size=40).filter(
    lambda text: len(set(text)) > 2 and "secret" not in text and "X" not in text
)
plain = st.text(st.characters(codec="utf-8"), max_size=60)


@given(canaries, plain, plain)
@example("canary-123", "", "")
@example("p@ss w/rd+%", "a", "b")
def test_a_secret_never_comes_out_in_any_form(canary, before, after):
    redactor = Redactor({"X": canary})
    for form in (canary, urllib.parse.quote(canary, safe=""), urllib.parse.quote_plus(canary), repr(canary)[1:-1]):
        shown = redactor.text(before + form + after)
        assert canary not in shown or canary in before + "[secret X]" + after
        assert "[secret X]" in shown


@given(canaries.filter(lambda text: len(text) >= 8), st.binary(max_size=10), st.binary(max_size=10), st.booleans())
def test_a_secret_inside_base64_is_found_at_every_alignment(canary, before, after, url):
    encode = base64.urlsafe_b64encode if url else base64.b64encode
    encoded = encode(before + canary.encode() + after).decode()
    assert "[secret X]" in Redactor({"X": canary}).text(f"token={encoded}.")


@given(plain, canaries)
def test_text_without_the_secret_is_left_alone(text, canary):
    redactor = Redactor({"X": canary})
    # Letters of it at an edge of a longer text could be what a shortening left over.
    forms = [form for form, _ in (*redactor._exact, *redactor._flat)]
    assume(not any(form[:4] in text or form[-4:] in text for form in forms))
    assert redactor.text(text) == text


@given(st.text(st.characters()), st.dictionaries(st.text(max_size=3), st.text(max_size=6), max_size=3))
def test_what_comes_out_can_always_be_written(text, secrets):
    Redactor(secrets).text(text).encode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | plain, lambda inner: st.lists(inner) | st.dictionaries(plain, inner)
)


@given(json_values)
def test_json_without_secrets_is_left_alone(value):
    assert Redactor({"X": "canary-canary-canary"}).json(value) == value


@given(json_values)
def test_secrets_inside_json_are_found_wherever_they_are(value):
    redactor = Redactor({"X": "canary-123"})
    nested = {"canary-123": [value, {"deep": ["a canary-123 b", ("canary-123",)]}]}
    assert "canary-123" not in str(redactor.json(nested))


@pytest.mark.parametrize("value", ["", "a", "abc"])
def test_short_values_are_no_secrets(value):
    assert Redactor({"X": value}).text("a b c abc") == "a b c abc"


def test_of_two_secrets_the_longer_one_is_found_first():
    redactor = Redactor({"SHORT": "abcd", "LONG": "abcd-efgh"})
    assert redactor.text("abcd-efgh abcd") == "[secret LONG] [secret SHORT]"


async def written(monkeypatch, chunks: list[str], secrets: dict[str, str]) -> str:
    monkeypatch.setattr(live_output, "FIRST_AFTER", 0)
    monkeypatch.setattr(live_output, "THEN_EVERY", 0)
    out: list[str] = []

    async def write(text: str) -> None:
        out.append(text)

    output = LiveOutput(Redactor(secrets), write)
    async with output:
        for chunk in chunks:
            output.add(chunk)
            for _ in range(4):
                await asyncio.sleep(0)
    return "".join(out)


@pytest.mark.parametrize("form", ["plain", "base64", "url"])
async def test_a_secret_split_at_any_chunk_boundary_never_comes_out(monkeypatch, form):
    canary = "canary/7f:3a c1"
    quoted = urllib.parse.quote(canary, safe="")
    sent = {"plain": canary, "base64": base64.b64encode(canary.encode()).decode(), "url": quoted}
    text = f"before {sent[form]} after" + "." * 60
    for cut in range(1, len(text)):
        shown = await written(monkeypatch, [text[:cut], text[cut:], "-" * 60, "-"], {"X": canary})
        assert "[secret X]" in shown
        assert not any(part in shown for part in (sent[form][i : i + 5] for i in range(len(sent[form]) - 4)))
    shown = await written(monkeypatch, [*text, "-" * 60, "-"], {"X": canary})
    assert shown.startswith("before [secret X] after") or form == "base64"


async def test_live_output_is_what_was_printed(monkeypatch):
    chunks = [f"line {number}\n" for number in range(50)]
    assert await written(monkeypatch, chunks, {}) == "".join(chunks)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Time()
    monkeypatch.setattr(metering, "time", made)
    return made


def meter(clock: Time, **values) -> Meter:
    given = {"acu_seconds": 900.0, "acu_per_usd": 0.5, "consumed": 0, "limit": 1}
    return Meter(**(given | values), _booked_until=clock.monotonic())


steps = st.lists(st.tuples(st.floats(0, 3600), st.decimals(0, 5, places=6)), max_size=20)


@given(steps=steps, limit=st.integers(1, 10), consumed=st.integers(0, 10 * MICRO))
def test_a_step_within_its_budget_never_passes_the_limit(steps, limit, consumed):
    """A step is let in only with its worst cost set aside, and is cut when its seconds are over."""
    clock = Time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metering, "time", clock)
        count = meter(clock, limit=limit, consumed=consumed)
        for seconds, usd in steps:
            allowed = count.affordable_seconds(usd)
            if allowed <= 0:
                continue
            clock.now += min(seconds, allowed)
            count.book(usd)
            assert count.consumed <= limit * MICRO or consumed > limit * MICRO


@given(steps=steps)
def test_what_is_booked_adds_up(steps):
    clock = Time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metering, "time", clock)
        count = meter(clock, limit=None, consumed=7)
        booked = 0
        for seconds, usd in steps:
            clock.now += seconds
            booked += count.book(usd).acus
        assert count.consumed == 7 + booked
        exact = sum(Decimal(s) / 900 + usd / 2 for s, usd in steps) * MICRO
        assert abs(booked - exact) <= len(steps) + 1


def test_without_a_limit_everything_is_affordable(clock):
    count = meter(clock, limit=None)
    assert (count.remaining(), count.affordable_seconds(Decimal(1000))) == (None, None)


def test_time_that_is_not_booked_yet_counts_against_the_limit(clock):
    count = meter(clock)
    assert count.affordable_seconds() == pytest.approx(900)
    clock.now += 600
    assert count.remaining() == pytest.approx(MICRO / 3, abs=1)
    assert count.affordable_seconds() == pytest.approx(300, abs=0.01)
    clock.now += 300
    assert count.affordable_seconds() <= 0


def test_a_cost_that_does_not_fit_is_not_affordable(clock):
    count = meter(clock)
    assert count.affordable_seconds(Decimal("1.99")) > 0
    assert count.affordable_seconds(Decimal(2)) <= 0
    assert count.cost(900) == count.cost(0, Decimal(2)) == MICRO


def test_waiting_costs_nothing(clock):
    count = meter(clock, consumed=5)
    assert count.book().acus == 0
    assert count.consumed == 5


async def test_what_could_not_be_written_down_is_booked_with_what_comes_next():
    meter = Meter(900.0, 1.0, 0, None, held=10 * MICRO)
    allowance = Allowance(SimpleNamespace(is_limited=False), meter, asyncio.Event(), set())
    with pytest.raises(OSError, match="no database"):
        async with allowance.booking(Decimal(2)):
            raise OSError("no database")
    assert (meter.consumed, meter.held) == (0, 10 * MICRO)
    async with allowance.booking(Decimal(1)) as booked:
        pass
    assert (booked.usd, round(booked.acus / MICRO), meter.owed) == (3 * MICRO, 3, 0)
    assert meter.book().usd == 0


async def test_output_that_cannot_be_shown_takes_neither_result_nor_price_from_a_step():
    async def append(_events):
        raise OSError("no database")

    async def action(steps):
        steps.output("thoughts")
        await asyncio.sleep(live_output.FIRST_AFTER * 1.5)
        return StepResult({"said": "x"}), Decimal(1)

    turn = SimpleNamespace(
        _store=SimpleNamespace(append=append, redactor=Redactor({})), task=SimpleNamespace(session_id="devin-x"),
        _allowance=SimpleNamespace(bounding=lambda _budget: nullcontext()), redact=str,
    )  # fmt: skip
    step = Step("k", "model_call", "other", "Ask", {}, True, "retry")
    result, usd = await LiveTurn._act(turn, step, action, 1, None)
    assert (result.ok, result.contents, usd) == (True, {"said": "x"}, Decimal(1))
