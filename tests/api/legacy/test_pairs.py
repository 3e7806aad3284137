"""Each pair of calls of the migration page, run: both say the same of the same data, and change the same."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cogmill.api.legacy.guide import page
from cogmill.api.legacy.table import LEGACY
from tests.contract.things import Things, make_shared, make_things

from .page import PAGE, pairs

IDS = re.compile(r"[\w-]*[0-9a-f]{8}-?[0-9a-f-]{20,}|\b1\d{9}\b|\d{4}-\d\d-\d\dT[\d:.]+\w*|[\w.-]+@example.org")
MARKS = re.compile(r"\b(own|foreign)\b")
BY_CALLER = {"created_by", "updated_by", "url", "user_id", "service_user_id", "origin", "updated_at"}
LISTS = (
    "/v3/organizations/{org_id}/sessions", "/v3/organizations/{org_id}/knowledge/notes",
    "/v3/organizations/{org_id}/secrets", "/v3/organizations/{org_id}/playbooks",
    "/v3/organizations/{org_id}/sessions/{session_id}/messages", "/v3/enterprise/organizations",
    "/v3/enterprise/members/users", "/v3/enterprise/playbooks", "/v3/enterprise/idp-groups",
    "/v3/enterprise/members/idp-groups",
    "/v3/enterprise/organizations/{org_id}/members/users", "/v3/enterprise/organizations/{org_id}/members/idp-groups",
    "/v3/enterprise/organizations/{org_id}/git-providers/permissions", "/v3/enterprise/org-group-limits",
)  # fmt: skip
"""What changes are looked for in."""
UNSEEN = {"POST /v1/attachments"}
"""Changes that no list shows."""


def v1_session(one):
    return one["session_id"], one["title"], one["tags"], one["structured_output"], one["playbook_id"]


def note(one, trigger):
    return one["name"], one["body"], one[trigger], one["pinned_repo"]


def playbook(one):
    return (
        one["playbook_id"],
        one["title"],
        one["body"],
        one["macro"],
        one["created_by" if "created_by" in one else "created_by_user_id"],
    )


def items(answer):
    return answer["items"]


FACTS: dict[str, Any] = {
    "GET /v1/sessions": (
        lambda old: [v1_session(one) for one in old["sessions"]],
        lambda new: [v1_session(one) for one in items(new)],
    ),
    "GET /v1/sessions/{session_id}": (
        lambda old: (v1_session(old), [(one["event_id"], one["message"]) for one in old["messages"]]),
        lambda new, said: (v1_session(new), [(one["event_id"], one["message"]) for one in items(said)]),
    ),
    "GET /v1/secrets": (
        lambda old: [(one["id"], one["type"], one["key"]) for one in old],
        lambda new: [(one["secret_id"], one["secret_type"], one["key"]) for one in items(new)],
    ),
    "GET /v1/knowledge": (
        lambda old: (
            [(one["id"], *note(one, "trigger_description")) for one in old["knowledge"]],
            [(one["id"], one["name"]) for one in old["folders"]],
        ),
        lambda notes, tree: (
            [(one["note_id"], *note(one, "trigger")) for one in items(notes)],
            [(one["folder_id"], one["name"]) for one in tree["folders"]],
        ),
    ),
    "GET /v1/playbooks": (
        lambda old: [playbook(one) for one in old],
        lambda new: [playbook(one) for one in items(new)],
    ),
    "GET /v1/playbooks/{playbook_id}": (playbook, playbook),
    "GET /v1/enterprise/consumption": (
        lambda old: [(one["url"], one["acu_used"], one["org_id"]) for one in old["sessions"]],
        lambda new: [(one["url"], one["acus_consumed"], one["org_id"]) for one in items(new)],
    ),
    "GET /v1/audit-logs": (
        lambda old: [(one["audit_log_id"], one["action"], one["created_at"]) for one in old["audit_logs"]],
        lambda new: [(one["audit_log_id"], one["action"], one["created_at"] * 1000) for one in items(new)],
    ),
}
"""What the two answers of a read have in common."""
FACTS["GET /v1/session/{session_id}"] = FACTS["GET /v1/sessions/{session_id}"]


class Sides:
    """Our enterprise, where the old calls go, and another one with the same things, where the new ones do."""

    def __init__(self, server: Any, own: Things, foreign: Things) -> None:
        self.server = server
        self.own = self._values(own, "old_admin", "enterprise_admin")
        self.foreign = self._values(foreign, "old_foreign_admin", "foreign_admin")

    def _values(self, things: Things, old: str, new: str) -> dict[str, str]:
        tokens, today = self.server.world.tokens, datetime.now(UTC).date()
        tomorrow = datetime.combine(today + timedelta(days=1), datetime.min.time(), UTC)
        fixed = {
            "COGMILL_URL": "http://cogmill.test", "OLD_KEY": tokens[old], "COGMILL_API_KEY": tokens[new], "FILE": "f",
            "FIRST_DAY": str(today - timedelta(days=1)), "LAST_DAY": str(today),
            "FROM": str(int(tomorrow.timestamp()) - 2 * 86400), "UNTIL": str(int(tomorrow.timestamp())),
        }  # fmt: skip
        return {name.upper(): ids[0] for name, ids in things.items()} | fixed

    async def send(self, command: Any, values: dict[str, str]) -> Any:
        return await (await self.server.client()).request(**command.request(values))

    async def state(self, values: dict[str, str]) -> Counter[str]:
        """All that the lists show, without what tells the two sides apart."""
        found: Counter[str] = Counter()
        headers = {"authorization": f"Bearer {values['COGMILL_API_KEY']}"}
        for address in LISTS:
            path = address.format(org_id=values["ORG_ID"], session_id=values["SESSION_ID"])
            answer = await (await self.server.client()).get(path, headers=headers)
            body = answer.json() if answer.status_code == 200 else {"refused": answer.status_code}
            shown = body.get("items", [body]) if isinstance(body, dict) else body
            found.update(f"{address} {MARKS.sub('X', IDS.sub('ID', json.dumps(plain(one))))}" for one in shown)
        return found


def plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: plain(one) for key, one in sorted(node.items()) if key not in BY_CALLER}
    return [plain(one) for one in node] if isinstance(node, list) else node


@pytest.fixture
async def sides(old_keys):
    world = old_keys.world
    own = await make_things(old_keys, world.org, "org_admin", "enterprise_admin", "own")
    foreign = await make_things(old_keys, world.foreign_org, "foreigner", "foreign_admin", "foreign")
    for caller, things in (("enterprise_admin", own), ("foreign_admin", foreign)):
        shared = await make_shared(old_keys, caller)
        things["ENTERPRISE_PLAYBOOK_ID"] = shared["playbook_id"]
    return Sides(old_keys, own, foreign)


def test_the_page_is_the_table():
    assert PAGE.read_text("utf-8") == page(), "make migration-page"
    assert set(pairs()) == {f"{op.method} {op.address}" for op in LEGACY}


async def test_both_calls_of_a_reading_pair_say_the_same(sides):
    for call, (old, new) in pairs().items():
        if not call.startswith("GET") or not new:
            continue
        before = await sides.send(old, sides.own)
        after = [await sides.send(one, sides.own) for one in new]
        assert [one.status_code for one in after] == [before.status_code] * len(after), f"{call}: {before.text}"
        if before.status_code == 307:
            continue
        assert before.status_code == 200, f"{call}: {before.text}"
        of_old, of_new = FACTS[call]
        said = of_old(before.json())
        assert said, call
        assert said == of_new(*(one.json() for one in after)), call


async def test_both_calls_of_a_changing_pair_change_the_same(sides):
    for call, (old, new) in sorted(pairs().items(), key=lambda pair: pair[0].startswith("DELETE")):
        if call.startswith("GET") or not new:
            continue
        was = await sides.state(sides.own), await sides.state(sides.foreign)
        answers = [await sides.send(old, sides.own), *[await sides.send(one, sides.foreign) for one in new]]
        assert [one for one in answers if one.status_code >= 300] == [], [one.text for one in answers]
        now = await sides.state(sides.own), await sides.state(sides.foreign)
        deltas = [(now[n] - was[n], was[n] - now[n]) for n in (0, 1)]
        assert deltas[0] == deltas[1], call
        assert call in UNSEEN or deltas[0] != (Counter(), Counter()), call
