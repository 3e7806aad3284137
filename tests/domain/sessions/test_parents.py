"""Sessions below others when several callers come at once, and whose sessions a caller may put new ones below."""

import asyncio
import threading

from cogmill.domain.sessions import create


def limited(server, children):
    settings = server.runtime.settings.model_copy(update={"max_child_sessions": children})
    object.__setattr__(server.runtime, "settings", settings)  # frozen


async def test_the_limit_of_children_holds_for_callers_that_come_at_once(server, sessions):
    limited(server, 2)
    parent = (await sessions.create())["session_id"]
    client = await server.client("org_admin")
    asked = [client.post(server.sessions, json={"prompt": "Do it."}, params={"devin_id": parent}) for _ in range(8)]
    answers = await asyncio.gather(*asked)
    assert sorted(one.status_code for one in answers) == [200, 200] + [409] * 6
    assert len((await sessions.ask("GET", parent))["child_session_ids"]) == 2


async def test_no_child_slips_below_a_session_that_is_archived_meanwhile(sessions, monkeypatch):
    parent = (await sessions.create())["session_id"]
    checked, archived, check = threading.Event(), threading.Event(), create._check_tree

    def slow_check(ctx, row):
        check(ctx, row)
        checked.set()
        archived.wait(1.0)  # what is put away just now would be put away within that time

    monkeypatch.setattr(create, "_check_tree", slow_check)
    making = asyncio.create_task(sessions.create(parent=parent))
    await asyncio.to_thread(checked.wait, 5.0)
    await sessions.ask("POST", parent, "/archive")
    archived.set()
    made = await making
    assert (await sessions.ask("GET", made["session_id"]))["is_archived"]


async def test_a_session_that_the_caller_may_not_see_is_no_parent(sessions):
    own = (await sessions.create("session_user"))["session_id"]
    other = (await sessions.create())["session_id"]
    await sessions.create("session_user", parent=own)
    await sessions.create("session_user", parent=other, expect=404)
    assert (await sessions.ask("GET", other))["child_session_ids"] is None
