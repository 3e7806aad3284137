"""The second demonstration: a schedule starts a session that follows a playbook, with a note and a secret."""

import hashlib
import hmac
import secrets
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cogmill.demo.local_server import LocalServer
from cogmill.demo.stand_in import StandIn

if TYPE_CHECKING:
    from collections.abc import Callable

    from cogmill.client import Client, Event

KEY = "SIGNING_KEY"
PROMPT = "Write and sign the nightly report."
STAND_IN = (
    "No model is configured, so a small program stands in for one. It knows only what the server sends it: what it "
    "does comes from the playbook, the team's name from the note, and the signature from the secret."
)
PLAYBOOK = f"""## Procedure
1. Run this command. In place of TEAM, write the name of our team.

```sh
printf 'Nightly report of TEAM\\n' > report.txt && python3 -c '
import hashlib, hmac, os
text = open("report.txt", "rb").read()
print("result:", text.decode().strip(), hmac.new(os.environ["{KEY}"].encode(), text, hashlib.sha256).hexdigest())'
```

2. Give what it printed behind `result:` as structured output: the text, and the 64 hexadecimal digits.

## Forbidden Actions
Do not print {KEY}.
"""
SCHEMA = {
    "type": "object",
    "properties": {"report": {"type": "string"}, "signature": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
    "required": ["report", "signature"],
    "additionalProperties": False,
}
LEAD = timedelta(seconds=2)
START_SECONDS = 30.0


@dataclass(slots=True)
class Nightly:
    """What was set up, what came of it, and whether that proves anything."""

    words_from: str
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    team: str = field(default_factory=lambda: f"harbour-{secrets.token_hex(3)}")
    made: dict[str, str] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    session: dict[str, Any] = field(default_factory=dict)
    events: "list[Event]" = field(default_factory=list)
    places_searched: int = 0
    found_in: list[str] = field(default_factory=list)

    def proofs(self) -> dict[str, bool]:
        """Each sentence, and whether it holds."""
        output = self.session.get("structured_output") or {}
        text = f"Nightly report of {self.team}"
        signature = hmac.new(self.secret.encode(), f"{text}\n".encode(), hashlib.sha256).hexdigest()
        given = {one["note_id"] for event in self._of("knowledge_selected") for one in event.contents["notes"]}
        return {
            "the schedule started the session": self.run.get("outcome") == "started"
            and self.run.get("session_id") == self.session.get("session_id"),
            "the session followed the playbook": self.session.get("playbook_id") == self.made.get("playbook")
            and bool(output),
            "it was given the note, and the report has the team's name from it": self.made.get("note") in given
            and output.get("report") == text,
            "it used the secret: the signature is right": output.get("signature") == signature,
            "the secret's value is in none of the answers and files": self.places_searched > 0 and not self.found_in,
            "the session finished": self.session.get("status_detail") == "finished",
        }

    def missing(self) -> list[str]:
        """Sentences that do not hold."""
        return [said for said, holds in self.proofs().items() if not holds]

    def as_json(self) -> dict[str, Any]:
        missing = self.missing()
        return {
            "ok": not missing, "missing": missing, "proofs": self.proofs(), "words_from": self.words_from,
            "made": self.made, "run": self.run, "session": self.session, "places_searched": self.places_searched,
        }  # fmt: skip

    def _of(self, event_type: str) -> "list[Event]":
        return [event for event in self.events if event.event_type == event_type]


def play(
    folder: Path, model: str | None, outcome: Nightly, say: "Callable[[str], None]", follow: "Callable[..., None]"
) -> None:
    """Set everything up over the API as an administrator would, wait for the schedule, look at what came out."""
    from cogmill.client import Client, Target

    say(f"The model is {model}; everything here is real." if model else STAND_IN)
    with nullcontext() if model else StandIn() as stand_in:
        server = LocalServer(folder / "data", settings=stand_in.settings if stand_in else {})
        try:
            seconds = server.start()
            say(f"Server: {server.url}, answering after {seconds:.1f} s")
            keys = server.first_keys
            with Client(Target(server.url, keys["org_key"], keys["org_id"])) as client:
                _set_up(client, outcome, say)
                session_id = _started(client, outcome)
                say(f"Started by the schedule: {session_id}\n")
                follow(client, server, session_id, outcome.events.append)
                outcome.session = client.get_session(session_id).raw()
                _search(client, session_id, outcome)
        finally:
            server.stop()
        _search_files(folder, outcome)


def _set_up(client: "Client", outcome: Nightly, say: "Callable[[str], None]") -> None:
    base = f"/v3/organizations/{quote(client.org_id(), safe='')}"
    note = f"In reports our team is called `{outcome.team}`."
    at = (datetime.now(UTC) + LEAD).isoformat()
    steps: list[tuple[str, str, str, dict[str, Any]]] = [
        ("secret", "/secrets", "secret_id", {"type": "key-value", "key": KEY, "value": outcome.secret}),
        ("note", "/knowledge/notes", "note_id", {"name": "Our name", "trigger": "nightly report", "body": note}),
        ("playbook", "/playbooks", "playbook_id",
         {"title": "Nightly report", "body": PLAYBOOK, "macro": "!nightly", "structured_output_schema": SCHEMA}),
    ]  # fmt: skip
    for name, path, id_, body in steps:
        outcome.made[name] = str(client.http.json("POST", base + path, json=body)[id_])
        say(f"{name.capitalize()}: {outcome.made[name]}")
    body = {"name": "Nightly report", "prompt": PROMPT, "schedule_type": "one_time", "scheduled_at": at}
    body |= {"playbook_id": outcome.made["playbook"]}
    made = client.http.json("POST", f"{base}/schedules", json=body)
    outcome.made["schedule"] = str(made["scheduled_session_id"])
    say(f"Schedule: {outcome.made['schedule']}, due at {made['next_run_at']}")


def _started(client: "Client", outcome: Nightly) -> str:
    """The session of the schedule's run."""
    org, schedule = (quote(one, safe="") for one in (client.org_id(), outcome.made["schedule"]))
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        runs = client.http.json("GET", f"/cogmill/v1/organizations/{org}/schedules/{schedule}/runs")["items"]
        if runs:
            outcome.run = runs[0]
            if runs[0]["session_id"] is not None:
                return str(runs[0]["session_id"])
            break
        time.sleep(0.1)
    from cogmill.client import ServerFault

    raise ServerFault(f"The schedule started no session: {outcome.run.get('error') or 'it did not run'}.", status=200)


def _search(client: "Client", session_id: str, outcome: Nightly) -> None:
    """Every answer about what was made must be without the value."""
    base = f"/v3/organizations/{quote(client.org_id(), safe='')}"
    parts = ("", "/events", "/events/details", "/messages")
    paths = [f"{base}/sessions/{session_id}{part}" for part in parts] + [f"{base}/secrets"]
    for path in paths:
        outcome.places_searched += 1
        if outcome.secret in str(client.http.json("GET", path)):
            outcome.found_in.append(path)
    if outcome.secret in str([event.raw() for event in outcome.events]):
        outcome.found_in.append("the live stream")


def _search_files(folder: Path, outcome: Nightly) -> None:
    """And so must every file that the server wrote: database, logs, workspace."""
    value = outcome.secret.encode()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            outcome.places_searched += 1
            if value in path.read_bytes():
                outcome.found_in.append(str(path.relative_to(folder)))
