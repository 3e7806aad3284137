"""The commands that families of resources have in common, at a real server: results, JSON, exit codes, mistakes."""

import json

import pytest
from typer.testing import CliRunner

from cogmill.cli.app import app
from tests.serving import Served

from .conftest import Outcome


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("resources") / "data")
    server.start()
    yield server
    server.close()


@pytest.fixture
def cogmill(served, monkeypatch):
    def run(*arguments, key="enterprise_key", input=None):
        monkeypatch.setenv("COGMILL_URL", served.url)
        monkeypatch.setenv("COGMILL_API_KEY", served.keys[key])
        monkeypatch.setenv("COGMILL_ORG_ID", served.keys["org_id"])
        result = CliRunner().invoke(app, [str(one) for one in arguments], input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


FAMILIES = {
    "knowledge": (
        ["name=Deploys", "body=Ask first."], ["trigger=when deploying", "macro=!deploys", "is_enabled=false"],
        {"body": "Ask first.", "trigger": "when deploying", "macro": "!deploys", "is_enabled": False},
        "note_id", "name",
    ),
    "playbooks": (
        ["title=Release", "body=Tag it.", "macro=!release"], ["macro=", 'structured_output_schema={"type": "object"}'],
        {"body": "Tag it.", "macro": None, "structured_output_schema": {"type": "object"}}, "playbook_id", "title",
    ),
    "schedules": (
        ["name=Nightly", "prompt=Look around", "frequency=0 3 * * *", "tags="],
        ["enabled=false", "interval_count=2"], {"frequency": "0 3 * * *", "enabled": False, "interval_count": 2},
        "scheduled_session_id", "name",
    ),
    "automations": (
        ["name=Hooked", 'triggers=[{"event_type": "webhook:incoming"}]',
         'actions=[{"type": "start_session", "prompt": "x"}]'],
        ["enabled=false"], {"enabled": False, "run_as": "organization"}, "automation_id", "name",
    ),
    "blueprints": (
        ["contents=initialize: pwd"], ["contents=initialize: ls"], {"contents": "initialize: ls"}, "blueprint_id", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_one_is_made_seen_changed_and_deleted(cogmill, family):
    values, changes, expected, id_field, name_field = FAMILIES[family]
    assert "None here" in cogmill(family, "list").err
    made = cogmill(family, "create", *values, "--json").json
    id_, named = made[id_field], made.get(name_field) or made[id_field]
    listed = cogmill(family, "list", "--first", 1, "--json").json
    assert [one[id_field] for one in listed.get("items", listed.get("data"))] == [id_]
    assert id_ in cogmill(family, "list").out
    assert cogmill(family, "edit", named, *changes, "--json").json[id_field] == id_
    seen = cogmill(family, "view", named, "--json").json
    assert {name: seen[name] for name in expected} == expected
    assert f"{id_field}: {id_}" in cogmill(family, "view", id_).out
    gone = cogmill(family, "delete", named)
    assert (gone.code, gone.out.startswith("deleted: ")) == (0, True)
    again = cogmill(family, "view", id_, "--json")
    assert (again.code, again.out, json.loads(again.err)["error"]["status"]) == (3, "", 404)


def test_texts_come_from_files_and_secrets_are_no_arguments(cogmill, tmp_path):
    (tmp_path / "token").write_text("s3cr3t-value\n")
    (tmp_path / "note.json").write_text(json.dumps({"name": "From a file", "body": "@@channel", "trigger": "t"}))
    made = cogmill("secrets", "create", "key=NPM_TOKEN", f"value=@{tmp_path}/token", "note=for npm")
    assert (made.code, made.out.startswith("created: NPM_TOKEN (secret-")) == (0, True)
    seen = cogmill("secrets", "view", "NPM_TOKEN", "--json")
    assert (seen.json["note"], seen.json["secret_type"], "s3cr3t" in seen.out) == ("for npm", "key-value", False)
    assert "NPM_TOKEN" in cogmill("secrets", "list").out
    refused = cogmill("secrets", "create", "key=OTHER", "value=plain", "--json")
    assert (refused.code, "use @FILE" in json.loads(refused.err)["error"]["message"]) == (2, True)
    assert cogmill("secrets", "delete", "NPM_TOKEN").code == 0
    assert cogmill("secrets", "view", "NPM_TOKEN").code == 2

    note = cogmill("knowledge", "create", "--from", tmp_path / "note.json", "body=@@channel", "--json").json
    assert (note["name"], note["body"]) == ("From a file", "@channel")
    shared = cogmill("knowledge", "create", "name=Shared", "body=@-", "--enterprise", "--json", input="To all\n").json
    assert (shared["access_type"], shared["body"], shared["trigger"]) == ("enterprise", "To all\n", "")
    assert cogmill("knowledge", "edit", "Shared", "body=All", "--enterprise", "--json").json["body"] == "All"
    assert cogmill("knowledge", "delete", "Shared", "--enterprise").code == 0
    blueprint = cogmill("blueprints", "create", "contents=initialize: ls", "--enterprise", "--json").json
    assert cogmill("blueprints", "edit", blueprint["blueprint_id"], "contents=", "--enterprise").code == 0
    assert cogmill("blueprints", "delete", blueprint["blueprint_id"], "--enterprise").out.startswith(
        "deleted: enterprise"
    )


def test_mistakes_are_told(cogmill):
    for arguments, text in (
        (["knowledge", "create", "name"], "is no FIELD=VALUE of a note. Fields: name, body,"),
        (["knowledge", "create", "name=x", "is_enabled=perhaps"], "is not true or false"),
        (["schedules", "create", "enabled=true"], "is no FIELD=VALUE"),
        (["schedules", "edit", "x"], "Say what to change"),
        (["schedules", "list", "--after", "x"], "is a number here"),
        (["automations", "create", "triggers=[{]"], "is not JSON"),
        (["automations", "create", "--from", "/nowhere"], "cannot be read"),
        (["secrets", "list", "--enterprise"], "The enterprise has no secrets of its own"),
        (["playbooks", "view", "No such"], "There is none called 'No such'"),
    ):
        told = cogmill(*arguments, "--json")
        error = json.loads(told.err)["error"]
        assert (told.code, error["exit_code"]) == (2, 2), told
        assert text in f"{error['message']} {error.get('hint')}"
    for name in ("a", "b"):
        assert cogmill("playbooks", "create", "title=Twice", f"body={name}").code == 0
    assert "Several are called 'Twice'" in cogmill("playbooks", "view", "Twice").err
    invalid = cogmill("schedules", "create", "name=x", "prompt=y", "frequency=often", "--json")
    assert (invalid.code, json.loads(invalid.err)["error"]["status"]) == (3, 422)
    assert cogmill("blueprints", "view", "blueprint-none").code == 3


def test_lists_that_belong_to_one(cogmill):
    cogmill("playbooks", "create", "title=Kept", "body=one")
    cogmill("playbooks", "edit", "Kept", "body=two")
    assert [one["version"] for one in cogmill("playbooks", "versions", "Kept", "--json").json["items"]] == [2, 1]
    cogmill("schedules", "create", "name=Seldom", "prompt=x", "frequency=0 0 1 1 *")
    assert cogmill("schedules", "runs", "Seldom").err.startswith("None here")
    made = cogmill("automations", "create", *FAMILIES["automations"][0])
    secret = made.out.splitlines()[-1]
    fired = cogmill("automations", "fire", "Hooked", "--secret", "@-", "--json", input=secret).json
    assert fired["state"] == "queued"
    (run,) = cogmill("automations", "runs", "Hooked", "--json").json["items"]
    assert run["run_id"] == fired["run_id"]
    assert cogmill("automations", "fire", "Hooked", "--secret", "@-", input="wrong").code == 4


def test_a_snapshot_is_built_pinned_and_its_log_read(cogmill, served):
    blueprint = cogmill("blueprints", "create", "contents=initialize: echo so it goes", "--json").json
    assert "echo so it goes" in cogmill("blueprints", "view", blueprint["blueprint_id"]).out
    built = cogmill("snapshots", "build", "--wait", "--json").json
    assert built["status"] == "succeeded"
    assert "so it goes\n" in cogmill("snapshots", "logs", built["build_id"]).out
    partial = cogmill("snapshots", "build", "--partial", "--wait", "--json").json
    assert partial["base_build_id"] == built["build_id"]
    assert "pinned" in cogmill("snapshots", "pin", built["build_id"]).out
    assert "pinned" not in cogmill("snapshots", "unpin", built["build_id"]).out
    assert cogmill("snapshots", "view", built["build_id"], "--json").json["pinned"] is False
    cogmill("blueprints", "edit", blueprint["blueprint_id"], "contents=initialize: sleep 86422")
    waiting = cogmill("snapshots", "build")
    build_id = waiting.out.partition(":")[0]
    assert "cancelled" in cogmill("snapshots", "cancel", build_id).out
    cogmill("blueprints", "edit", blueprint["blueprint_id"], "contents=initialize: exit 4")
    failed = cogmill("snapshots", "build", "--wait", "--json")
    assert (failed.code, "exit code 4" in json.loads(failed.err)["error"]["message"]) == (1, True)
    assert build_id in cogmill("snapshots", "list").out
