"""kill -9 around a run of a schedule, in a real server: one session, one record, one mail, whatever the moment."""

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.mail_server import mail_server
from tests.serving import Served

POINTS = ["schedule_claimed", "schedule_recorded", "schedule_committed"]
PROMPT = "# Hello\n```sh\necho hello\n```\n"


@pytest.fixture
def inbox():
    with mail_server() as inbox:
        yield inbox


@pytest.fixture
def served(tmp_path, inbox):
    mail = {"COGMILL_SMTP_URL": f"smtp://127.0.0.1:{inbox.port}", "COGMILL_MAIL_FROM": "cogmill@example.org"}
    server = Served(tmp_path / "data", **mail)
    yield server
    server.close()


def ask(client, method, path, **options):
    answer = client.request(method, path, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def make_person(served):
    """A member of the organization, made by an administrator of the enterprise."""
    org = served.keys["org_id"]
    with httpx.Client(base_url=served.url, headers={"authorization": f"Bearer {served.keys['enterprise_key']}"}) as top:
        roles = ask(top, "GET", "/v3/enterprise/roles")["items"]
        ids = {(one["role_type"], one["role_name"]): one["role_id"] for one in roles}
        body = {"emails": ["ada@example.org"], "enterprise_role_id": ids["enterprise", "Member"]}
        user_id = ask(top, "POST", "/v3/enterprise/members/users", json=body)[0]["user_id"]
        path = f"/v3/enterprise/organizations/{org}/members/users/{user_id}"
        ask(top, "POST", path, json={"role_id": ids["org", "Member"]})
    return user_id


def until(found, seconds=20):
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return value


@pytest.mark.parametrize("point", POINTS)
def test_a_run_happens_once(served, inbox, point):
    served.start(COGMILL_CRASH_AT=point)
    person, org = make_person(served), served.keys["org_id"]
    at = datetime.now(UTC) + timedelta(seconds=1.5)
    body = {
        "name": "Once", "prompt": PROMPT, "schedule_type": "one_time", "scheduled_at": at.isoformat(),
        "create_as_user_id": person, "notify_on": "always",
    }  # fmt: skip
    schedule_id = ask(served.client, "POST", f"/v3/organizations/{org}/schedules", json=body)["scheduled_session_id"]
    assert served.process.wait(30) == -9  # it did meet the point
    served.start()
    path, query = f"/v3/organizations/{org}/sessions", {"schedule_id": schedule_id}
    until(lambda: ask(served.client, "GET", path, params=query)["items"])
    (session,) = ask(served.client, "GET", path, params=query)["items"]
    served.wait(session["session_id"], "finished")
    until(lambda: inbox.mails)
    (run,) = ask(served.client, "GET", f"/cogmill/v1/organizations/{org}/schedules/{schedule_id}/runs")["items"]
    assert (run["outcome"], run["session_id"]) == ("started", session["session_id"])
    shown = ask(served.client, "GET", f"/v3/organizations/{org}/schedules/{schedule_id}")
    assert (shown["enabled"], shown["consecutive_failures"]) == (False, 0)
    assert len(ask(served.client, "GET", path, params=query)["items"]) == 1
    (told,) = inbox.mails
    assert (told["to"], told["subject"]) == ("ada@example.org", "Schedule Once started")
    assert session["url"] in told.get_content()
