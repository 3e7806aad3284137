"""The official Python client with nothing but its base URL changed."""

import subprocess
import time

import devin_sdk
import httpx
import pytest

from tests.serving import Served

PROMPT = "# Change\n```sh\ncd /workspace/calc* && echo 'x = 2' > a.py && git commit -qam 'Set x to 2'\n```"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("client") / "data")
    server.start()
    yield server
    server.close()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "calc"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def test_create_follow_message_pull_request_terminate(served, repository):
    org = served.keys["org_id"]
    with devin_sdk.DevinSDK(base_url=served.url, api_key=served.keys["org_key"]) as devin:
        api = devin.organizations.sessions
        made = api.create(org, prompt=PROMPT, repos=[str(repository)], tags=["client"])
        assert made.session_id.startswith("devin-")
        assert made.status == "new"
        served.wait(made.session_id, "finished")
        session = api.retrieve(made.session_id, org_id=org)
        assert session.status_detail == "finished"
        assert session.pull_requests[0].pr_state == "open"
        events = api.events.list(made.session_id, org_id=org, categories=["shell", "git"]).items
        assert {"git_clone_completed", "shell_process_completed"} <= {event.event_type for event in events}
        api.messages.send(made.session_id, org_id=org, message="# More\n```sh\necho more\n```")
        served.wait(made.session_id, "finished")
        messages = api.messages.list(made.session_id, org_id=org).items
        assert messages[0].source == "user"
        assert [one.session_id for one in api.list(org, tags=["client", "other"]).items] == [made.session_id]
        assert api.tags.append(made.session_id, org_id=org, tags=["client", "b"]).tags == ["client", "b"]
        assert api.terminate(made.session_id, org_id=org).status == "exit"


def test_events_are_followed_while_the_session_runs(served, repository):
    org = served.keys["org_id"]
    with devin_sdk.DevinSDK(base_url=served.url, api_key=served.keys["org_key"]) as devin:
        api = devin.organizations.sessions
        slow = "# One\n```sh\necho one; sleep 1\n```\n# Two\n```sh\necho two\n```"
        made = api.create(org, prompt=slow, repos=[str(repository)], max_acu_limit=5, title="Two steps")
        seen, cursor, was_running, is_over = {}, {}, False, False
        until = time.monotonic() + 20
        while not is_over:
            session = api.retrieve(made.session_id, org_id=org)
            was_running = was_running or session.status_detail == "working"
            page = api.events.list(made.session_id, org_id=org, first=3, **cursor)
            seen |= {event.event_id: event for event in page.items}  # the last page has no cursor: it is read again
            cursor = {"after": page.end_cursor} if page.end_cursor else cursor
            is_over = session.status_detail == "finished" and not page.has_next_page
            assert time.monotonic() < until
        assert list(seen) == [event["event_id"] for event in served.events(made.session_id)]
        assert was_running
        found = api.events.search(made.session_id, org_id=org, query="echo two").items
        assert "shell_process_completed" in {event.event_type for event in found}
        details = api.events.retrieve_details(made.session_id, org_id=org, event_ids=[found[-1].event_id]).items
        assert "two" in str(details[0])
        assert api.retrieve(made.session_id.removeprefix("devin-"), org_id=org).title == "Two steps"
        assert api.archive(made.session_id, org_id=org).is_archived
        with pytest.raises(devin_sdk.ConflictError):
            api.messages.send(made.session_id, org_id=org, message="More.")


def test_attachments_reach_the_session_and_come_back(served):
    org = served.keys["org_id"]
    with devin_sdk.DevinSDK(base_url=served.url, api_key=served.keys["org_key"]) as devin:
        up = devin.organizations.attachments.upload(org, file=("numbers.csv", b"1,2\n"))
        prompt = "# Read\n```sh\ncat /workspace/attachments/numbers.csv\n```"
        made = devin.organizations.sessions.create(org, prompt=prompt, attachment_urls=[up.url])
        served.wait(made.session_id, "finished")
        (listed,) = devin.organizations.sessions.list_attachments(made.session_id, org_id=org)
        assert (listed.name, listed.url) == ("numbers.csv", up.url)
        devin.organizations.attachments.download("numbers.csv", org_id=org, uuid=up.attachment_id)
        step = [e for e in served.events(made.session_id) if e["event_type"] == "shell_process_completed"][-1]
        assert step["contents"]["output"] == "1,2\n"


def test_the_pull_request_can_be_read(served, repository):
    """The client has no method of its own for it: the session's address leads to a page, our extension to the facts."""
    org = served.keys["org_id"]
    with devin_sdk.DevinSDK(base_url=served.url, api_key=served.keys["org_key"]) as devin:
        made = devin.organizations.sessions.create(org, prompt=PROMPT, repos=[str(repository)])
        served.wait(made.session_id, "finished")
        url = devin.organizations.sessions.retrieve(made.session_id, org_id=org).pull_requests[0].pr_url
        assert httpx.get(url).headers["content-type"].startswith("text/html")
        pull = devin.get(f"/cogmill/v1/organizations/{org}/pull-requests/{url.rpartition('/')[2]}", cast_to=object)
        assert (pull["state"], pull["session_id"]) == ("open", made.session_id)
        assert "+x = 2" in pull["diff"]


def test_errors_are_the_client_s_own(served):
    stranger = devin_sdk.DevinSDK(base_url=served.url, api_key="cog_" + "a" * 52, max_retries=0)
    with stranger as devin, pytest.raises(devin_sdk.AuthenticationError):
        devin.organizations.sessions.list(served.keys["org_id"])
    with devin_sdk.DevinSDK(base_url=served.url, api_key=served.keys["org_key"], max_retries=0) as devin:
        api, org = devin.organizations.sessions, served.keys["org_id"]
        with pytest.raises(devin_sdk.NotFoundError):
            api.retrieve("devin-" + "0" * 32, org_id=org)
        with pytest.raises(devin_sdk.UnprocessableEntityError) as refused:
            api.create(org, prompt="")
        assert refused.value.body["detail"][0]["loc"] == ["body", "prompt"]
