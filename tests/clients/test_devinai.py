"""The official Python client with nothing but its base URL changed."""

import subprocess

import devin_sdk
import pytest

from tests.serving import Served

PROMPT = "# Change\n```sh\ncd /workspace/calc && echo 'x = 2' > a.py && git commit -qam 'Set x to 2'\n```"


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


def test_errors_are_the_client_s_own(served):
    stranger = devin_sdk.DevinSDK(base_url=served.url, api_key="cog_" + "a" * 52, max_retries=0)
    with stranger as devin, pytest.raises(devin_sdk.AuthenticationError):
        devin.organizations.sessions.list(served.keys["org_id"])
