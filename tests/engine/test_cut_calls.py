"""A model call that is cut costs the session what it can have cost at most: at a limit, by a stop, by kill -9."""

import re
import signal
import time
from decimal import Decimal

import httpx
import pytest
from typer.testing import CliRunner

from cogmill.main import app
from tests.engine.agents.provider import StubProvider, call
from tests.serving import Served

AT_MOST = Decimal("0.12")
"""US dollars, nearly all of it 8,192 tokens of answer at 15 dollars a million; half an ACU for each of them."""
CYCLE = "/v3/enterprise/consumption/acu-limits/devin/organizations/"
COUNTERS = ("cogmill_acus_total", "cogmill_model_cost_usd_total")
DONE = {"calls": [call("finish", summary="Done.")]}


@pytest.fixture
def provider():
    with StubProvider() as stub:
        stub.by_progress = True
        yield stub


@pytest.fixture
def served(tmp_path, provider):
    server = Served(
        tmp_path / "data", COGMILL_MODEL="stub", COGMILL_MODEL_BASE_URL=provider.url, COGMILL_MODEL_API_KEY="sk-x",
        COGMILL_MODEL_INPUT_USD_PER_MTOK="3", COGMILL_MODEL_OUTPUT_USD_PER_MTOK="15", COGMILL_ACU_SECONDS="4",
    )  # fmt: skip
    server.start()
    yield server
    server.close()


@pytest.fixture
def of_type(served):
    def find(session_id, kind):
        return [one["contents"] for one in served.events(session_id) if one["event_type"] == kind]

    return find


@pytest.fixture
def limit(served):
    def put(acus):
        headers = {"authorization": f"Bearer {served.keys['enterprise_key']}"}
        address = f"{served.url}{CYCLE}{served.keys['org_id']}"
        assert httpx.put(address, headers=headers, json={"cycle_acu_limit": acus}).status_code == 204

    return put


@pytest.fixture
def begun(served, provider, of_type):
    """A session whose model takes its time, and what its log says of the call's price."""

    def begin(seconds, **options):
        provider.says({**DONE, "wait": seconds})
        session_id = served.create("Think.", **options)
        until = time.monotonic() + 30
        while not provider.requests:
            assert time.monotonic() < until
            time.sleep(0.02)
        [started] = of_type(session_id, "model_call_started")
        usd = Decimal(str(started["usd_at_most"]))
        assert AT_MOST < usd < AT_MOST * 2
        return session_id, usd

    return begin


@pytest.fixture
def check(served, of_type):
    """The sums say what the log says, and hold so many calls at their highest price; answers the session's ACUs."""

    def check(session_id, usd, calls=1):
        said = [one["contents"] for one in served.events(session_id)]
        paid = sum(Decimal(one["usd"]) for one in said if "acus" in one and "usd" in one)
        used = served.get(session_id)["acus_consumed"]
        assert used == pytest.approx(sum(one.get("acus", 0) for one in said), abs=1e-5)
        assert paid == pytest.approx(usd * calls)
        assert used > float(paid) / 2
        verified = CliRunner().invoke(app, ["usage", "verify", "--json"], env={"COGMILL_DATA": str(served.data)})
        assert verified.exit_code == 0, verified.output
        return used

    return check


@pytest.mark.parametrize("whose", ["session", "organization"])
def test_at_a_limit(served, begun, of_type, limit, check, whose):
    if whose == "organization":
        limit(1)
    session_id, usd = begun(20, max_acu_limit=1 if whose == "session" else None)
    session = served.wait(session_id, "suspended")
    named = {"session": "usage_limit_exceeded", "organization": "org_usage_limit_exceeded"}
    assert session["status_detail"] == named[whose]
    [cut] = of_type(session_id, "model_call_interrupted")
    assert (Decimal(cut["usd"]), cut["reported"]) == (usd, False)
    assert 0.9 < check(session_id, usd) <= 1


def test_a_first_limit_in_the_middle_of_a_call(served, begun, of_type, limit, check):
    """It has 20 seconds to go; what runs looks every ten seconds, but is told of a new limit at once."""
    session_id, usd = begun(20)
    limit(1)
    began = time.monotonic()
    served.wait(session_id, "org_usage_limit_exceeded")
    assert time.monotonic() - began < 6
    assert len(of_type(session_id, "model_call_interrupted")) == 1
    check(session_id, usd)


def test_by_a_stop(served, begun, of_type, check):
    """The price is no text: this one's digits are a secret of the session, which no text shows."""
    secret = {"key": "PRICE", "value": "0.16"}
    session_id, usd = begun(20, session_secrets=[secret])
    assert str(usd).startswith(secret["value"])
    assert served.client.delete(f"/v3/organizations/{served.keys['org_id']}/sessions/{session_id}").status_code == 200
    assert Decimal(of_type(session_id, "status_changed")[-1]["usd"]) == usd
    used = check(session_id, usd)
    shown = served.client.get("/metrics").text
    counted = {name: sum(map(float, re.findall(rf"(?m)^{name}{{.*}} (.*)$", shown))) for name in COUNTERS}
    assert counted == {COUNTERS[0]: pytest.approx(used), COUNTERS[1]: pytest.approx(float(usd))}


def test_by_kill_9_again_and_again(served, provider, begun, of_type, check):
    """Each of the calls is booked once, however often the session is taken up after it."""
    session_id, usd = begun(4)
    for number in (1, 2):
        served.end(signal.SIGKILL)
        provider.requests.clear()
        served.start()
        until = time.monotonic() + 30
        while len(of_type(session_id, "model_call_started")) == number:
            assert time.monotonic() < until
            time.sleep(0.02)
    served.wait(session_id, "finished")
    assert [Decimal(one["usd"]) for one in of_type(session_id, "session_recovered")] == [usd] * 2
    assert len(of_type(session_id, "model_call_interrupted")) == 2
    [done] = of_type(session_id, "model_call_completed")
    check(session_id, (2 * usd + Decimal(done["usd"])) / 3, calls=3)
