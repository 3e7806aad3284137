"""What a session finds in its workspace: the newest commits, clones and attachments under names that are its own."""

import subprocess

import pytest

from tests.serving import Served

LOOK = "# Look\n```sh\necho bytecode=$PYTHONDONTWRITEBYTECODE; cat */state.txt; ls attachments; cat attachments/*\n```"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("workspaces") / "data")
    server.start()
    yield server
    server.close()


def commit(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state.txt").write_text(text)
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*identity, "commit", "-qm", text]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return str(folder)


def outputs(served, session_id):
    events = served.events(session_id)
    return "\n".join(e["contents"]["output"] for e in events if e["event_type"] == "shell_process_completed")


def clones(served, session_id):
    return [e["contents"]["path"] for e in served.events(session_id) if e["event_type"] == "git_clone_completed"]


def test_a_session_right_after_a_push_sees_it(served, tmp_path):
    folder = tmp_path / "fresh"
    for text in ("first", "second", "third"):
        session_id = served.create(LOOK, repos=[commit(folder, text)])
        served.wait(session_id, "finished", "waiting_for_user")
        assert text in outputs(served, session_id)


def test_a_clone_has_its_repositorys_own_name_unless_another_has_it(served, tmp_path):
    one, two, three = (commit(tmp_path / name, name) for name in ("a/calc", "b/calc", "c/attachments"))
    session_id = served.create(LOOK, repos=[one, two, three])
    served.wait(session_id, "finished", "waiting_for_user")
    assert clones(served, session_id) == ["/workspace/calc", "/workspace/calc-2", "/workspace/attachments-2"]
    alone = served.create(LOOK, repos=[two])
    served.wait(alone, "finished", "waiting_for_user")
    assert clones(served, alone) == ["/workspace/calc"]


def test_attachments_of_one_name_are_kept_apart(served):
    org = served.keys["org_id"]
    urls = []
    for text in ("one", "two"):
        sent = served.client.post(f"/v3/organizations/{org}/attachments", files={"file": ("note.txt", text.encode())})
        sent.raise_for_status()
        urls.append(sent.json()["url"])
    session_id = served.create(LOOK, attachment_urls=urls)
    served.wait(session_id, "finished", "waiting_for_user")
    said = outputs(served, session_id)
    for part in ("note.txt", "note-2.txt", "one", "two", "bytecode=1"):
        assert part in said


def upload(served, name, content):
    org = served.keys["org_id"]
    sent = served.client.post(f"/v3/organizations/{org}/attachments", files={"file": (name, content)})
    sent.raise_for_status()
    return sent.json()["url"]


def test_files_named_in_prompts_and_messages_come_along(served):
    """Lines of the form ATTACHMENT:"url", as clients of the first API write them."""
    first, second = upload(served, "note.txt", b"from the prompt"), upload(served, "note.txt", b"from a message")
    session_id = served.create(f'{LOOK}\nATTACHMENT:"{first}"\n')
    served.wait(session_id, "finished", "waiting_for_user")
    assert "from the prompt" in outputs(served, session_id)
    body = {"message": f'ATTACHMENT:"{second}"\n\n# Again\n```sh\ncat attachments/*/*.txt\n```'}
    served.client.post(f"/v3/organizations/sessions/{session_id}/messages", json=body).raise_for_status()
    served.wait(session_id, "finished", "waiting_for_user")
    assert "from a message" in outputs(served, session_id)
    attached = served.get(session_id, "/attachments")
    assert [(one["name"], one["source"]) for one in attached] == [("note.txt", "user")] * 2
    wrong = {"message": 'ATTACHMENT:"https://files.example.org/x.txt"'}
    refused = served.client.post(f"/v3/organizations/sessions/{session_id}/messages", json=wrong)
    assert refused.status_code == 422
    assert "upload the file first" in refused.json()["detail"][0]["msg"]


def test_a_running_session_gets_the_file_of_a_message_before_the_message(served):
    session_id = served.create("# Wait\n```sh\nsleep 1.5\n```")
    served.wait(session_id, "working")
    url = upload(served, "late.txt", b"late but there")
    body = {"message": f'# Then\n```sh\ncat attachments/*/late.txt\n```\nATTACHMENT:"{url}"'}
    served.client.post(f"/v3/organizations/sessions/{session_id}/messages", json=body).raise_for_status()
    served.wait(session_id, "finished", "waiting_for_user")
    assert "late but there" in outputs(served, session_id)
