"""The second demonstration, as a newcomer runs it; and that its proofs can fail."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from cogmill.client import Event
from cogmill.demo.local_server import environment
from cogmill.demo.nightly import PLAYBOOK, Nightly, _search_files
from cogmill.demo.stand_in import answer


@pytest.fixture(scope="module")
def shown():
    """What the command prints as JSON."""
    command = [sys.executable, "-m", "cogmill", "demo", "--scenario", "nightly", "--json"]
    done = subprocess.run(command, env=environment({}), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_schedule_playbook_note_and_secret_are_at_work(shown):
    assert (shown["ok"], shown["missing"], shown["words_from"]) == (True, [], "stand-in")
    assert list(shown["made"]) == ["secret", "note", "playbook", "schedule"]
    assert shown["run"]["session_id"] == shown["session"]["session_id"]
    assert shown["session"]["playbook_id"] == shown["made"]["playbook"]
    assert shown["places_searched"] > 8


def test_the_proofs_can_fail(shown, tmp_path):
    """The same session with another secret and team is no proof; nor is one in whose files the value lies."""
    told = Event(
        seq=1, event_id="e", event_type="knowledge_selected", created_at=1, contents={"notes": [{"note_id": "n"}]}
    )
    seen = Nightly(
        "x", made=shown["made"] | {"note": "n"}, run=shown["run"], session=shown["session"], events=[told],
        places_searched=1,
    )  # fmt: skip
    assert len(seen.missing()) == 2, "its team and its secret are not those of the demonstration"
    team = shown["session"]["structured_output"]["report"].rpartition(" ")[2]
    known = replace(seen, team=team)
    assert known.missing() == ["it used the secret: the signature is right"]
    assert len(replace(known, events=[]).missing()) == 2
    assert len(replace(known, session={}).missing()) == 5
    (tmp_path / "log").write_text(f"so {known.secret} leaked")
    _search_files(tmp_path, known)
    assert (known.found_in, len(known.missing())) == (["log"], 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"<playbook>\n{PLAYBOOK}</playbook>", "no note"),
        ("<knowledge>our team is called `harbour-1`.</knowledge>", "no playbook"),
        ("Write it.", "no playbook and no note"),
    ],
)
def test_the_stand_in_knows_only_what_it_is_told(text, says):
    asked = answer([{"role": "user", "content": text}])
    assert asked["name"] == "ask_user"
    assert f"given {says};" in asked["arguments"]
