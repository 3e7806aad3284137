"""Schedules over HTTP: their life, the rules between their fields, and who may say what one does."""

import pytest
from sqlalchemy import select

from cogmill.domain.schedules import blocks
from cogmill.models.audit import audit_log


async def test_the_life_of_a_schedule(schedules, server):
    made = await schedules.create(tags=["a", "a", "b"], slack_channel_id="C1", slack_team_id="T1")
    assert made == {
        "scheduled_session_id": made["scheduled_session_id"], "org_id": server.world.org,
        "created_by": server.world.ids["org_admin"], "last_edited_by": None, "name": "Nightly",
        "prompt": "Look around.", "playbook": None, "agent": "devin", "schedule_type": "recurring",
        "frequency": "0 7 * * *", "interval_count": 1, "scheduled_at": None, "target_devin_id": None,
        "tags": ["a", "b"], "platform": None, "bypass_approval": False, "notify_on": "failure",
        "slack_channel_id": "C1", "slack_team_id": "T1", "enabled": True, "created_at": "2027-01-04T06:30:00Z",
        "updated_at": "2027-01-04T06:30:00Z", "last_executed_at": None, "last_error_at": None,
        "last_error_message": None, "consecutive_failures": 0, "overlap": "skip", "run_as_user_id": None,
        "next_run_at": "2027-01-04T07:00:00Z",
    }  # fmt: skip
    assert made["scheduled_session_id"].startswith("sched-")
    assert await schedules.get(made) == made
    assert server.engine.woken == ["schedules"]
    schedules.clock.now += 60
    changed = await schedules.patch(made, name="Daily", tags=None, frequency="15 7 * * 1-5", interval_count=2)
    assert changed == made | {
        "name": "Daily", "tags": None, "frequency": "15 7 * * 1-5", "interval_count": 2,
        "updated_at": "2027-01-04T06:31:00Z", "last_edited_by": server.world.ids["org_admin"],
        "next_run_at": "2027-01-04T07:15:00Z",
    }  # fmt: skip
    assert (await schedules.patch(made))["name"] == "Daily"
    gone = await schedules.ask("DELETE", f"/{made['scheduled_session_id']}")
    assert gone["name"] == "Daily"
    for method in ("GET", "DELETE", "PATCH"):
        body = {} if method == "PATCH" else None
        await schedules.ask(method, f"/{made['scheduled_session_id']}", expect=404, json=body)
    assert (await schedules.ask("GET"))["items"] == []
    assert await schedules.run("2028-01-01T00:00:00Z") is None
    actions = select(audit_log.c.action).where(audit_log.c.action.contains("schedule")).order_by(audit_log.c.id)
    done = await server.read(lambda ctx: ctx.db.execute(actions).scalars().all())
    assert done[:2] == ["create_schedule", "update_schedule"]
    assert "delete_schedule" in done


async def test_pages_by_limit_and_offset(schedules):
    for number in range(5):
        await schedules.create(name=f"S{number}")
    seen, more = [], True
    while more:
        page = await schedules.ask("GET", params={"limit": 2, "offset": len(seen)})
        seen += [one["name"] for one in page["items"]]
        more = page["has_next_page"]
        assert (page["end_cursor"], page["total"]) == (None, None)
    assert seen == ["S4", "S3", "S2", "S1", "S0"]
    for bad in ({"limit": 0}, {"limit": 201}, {"offset": -1}):
        await schedules.ask("GET", params=bad, expect=422)


async def test_pages_at_any_depth_among_deleted_ones(server, schedules, monkeypatch):
    """Schedules are counted by stretches of their ids: here short ones, of which some become empty."""
    monkeypatch.setattr(blocks, "SIZE", 3)
    made = [await schedules.create(name=f"S{number}") for number in range(14)]
    gone = {0, 4, 5, 6, 7, 11}
    for number in gone:
        await schedules.ask("DELETE", f"/{made[number]['scheduled_session_id']}")
        await schedules.ask("DELETE", f"/{made[number]['scheduled_session_id']}", expect=404)
    kept = [f"S{number}" for number in reversed(range(14)) if number not in gone]

    async def check():
        for offset in range(len(kept) + 3):
            page = await schedules.ask("GET", params={"limit": 3, "offset": offset})
            assert [one["name"] for one in page["items"]] == kept[offset : offset + 3]
            assert page["has_next_page"] == (offset + 3 < len(kept))

    await check()
    await server.write(lambda ctx: blocks.recount(ctx.db, server.world.org))
    await check()


@pytest.mark.one_database
@pytest.mark.parametrize(
    "cron",
    ["", "x", "* * * *", "* * * * * *", "60 * * * *", "0 24 * * *", "0 0 32 * *", "0 0 30 2 *", "@daily", "0 0 * * mo",
     "*/0 * * * *", "5-1 * * * *", "-1 * * * *", "0 0 31 4,6,9,11 *"],
)  # fmt: skip
async def test_a_bad_cron_is_refused_by_name(schedules, cron):
    made = await schedules.create()
    answers = [await schedules.create(frequency=cron, expect=422)]
    answers.append(await schedules.patch(made, frequency=cron, expect=422))
    for refused in answers:
        assert refused["detail"][0]["loc"] == ["body", "frequency"]
        assert "frequency" in refused["detail"][0]["msg"]
        assert "cron" in refused["detail"][0]["msg"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("cron", "then"),
    [
        ("* * * * *", "2027-01-04T06:31:00Z"), ("*/15 * * * *", "2027-01-04T06:45:00Z"),
        ("30 6 * * *", "2027-01-05T06:30:00Z"), ("0 0 29 2 *", "2028-02-29T00:00:00Z"),
        ("0 9 * * MON-FRI", "2027-01-04T09:00:00Z"), ("0 9 * jan sun", "2027-01-10T09:00:00Z"),
        ("0 0 L * *", "2027-01-31T00:00:00Z"), ("0  7  *  *  1", "2027-01-04T07:00:00Z"),
        ("30 1 28 3 *", "2027-03-28T01:30:00Z"),  # clocks of Europe change in that hour; UTC knows none of it
    ],
)  # fmt: skip
async def test_cron_is_read_as_utc(schedules, cron, then):
    made = await schedules.create(frequency=cron)
    assert made["next_run_at"] == then
    assert made["frequency"] == " ".join(cron.split())


PAST, FUTURE, LATER = "2027-01-04T06:29:59Z", "2027-01-04T12:00:00+02:00", "2027-06-01T00:00:00Z"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"frequency": ...}, 400, ["frequency", "cron"]),
        ({"frequency": None}, 400, ["frequency", "cron"]),
        ({"target_devin_id": "devin-1"}, 400, ["target_devin_id", "one_time"]),
        ({"scheduled_at": FUTURE}, 400, ["scheduled_at"]),
        ({"schedule_type": "one_time"}, 400, ["frequency", "one_time"]),
        ({"schedule_type": "one_time", "scheduled_at": FUTURE}, 400, ["frequency"]),
        ({"schedule_type": "one_time", "frequency": ...}, 400, ["scheduled_at"]),
        ({"schedule_type": "one_time", "frequency": ..., "scheduled_at": PAST}, 400, ["scheduled_at", "future"]),
        ({"schedule_type": "one_time", "frequency": ..., "scheduled_at": "2027-01-05T00:00:00"}, 422, ["scheduled_at"]),
        ({"schedule_type": "one_time", "frequency": ..., "scheduled_at": 1999999999}, 422, ["scheduled_at"]),
        ({"schedule_type": "one_time", "frequency": ..., "scheduled_at": "soon"}, 422, ["scheduled_at"]),
        (
            {"schedule_type": "one_time", "frequency": ..., "scheduled_at": FUTURE, "target_devin_id": "devin-1"},
            400,
            ["target_devin_id"],
        ),
        ({"interval_count": 0}, 422, ["interval_count"]),
        ({"interval_count": 1001}, 422, ["interval_count"]),
        ({"name": " "}, 422, ["name"]),
        ({"prompt": "\n"}, 422, ["prompt"]),
        ({"agent": "robot"}, 422, ["agent"]),
        ({"notify_on": "success"}, 422, ["notify_on"]),
        ({"schedule_type": "weekly"}, 422, ["schedule_type"]),
        ({"platform": "amiga"}, 400, ["platform", "linux"]),
        ({"playbook_id": "playbook-none"}, 400, ["playbook_id"]),
        ({"tags": [""]}, 422, ["tags"]),
        ({"tags": ["a"] * 51}, 422, ["tags"]),
    ],
)
async def test_fields_that_do_not_go_together_are_refused_in_words(schedules, body, status, words):
    refused = await schedules.create(**body, expect=status)
    assert all(word in str(refused["detail"]) for word in words), refused
    assert (await schedules.ask("GET"))["items"] == []


async def test_a_one_time_schedule_and_its_changes(schedules):
    made = await schedules.once(at=FUTURE)
    assert (made["scheduled_at"], made["frequency"]) == ("2027-01-04T10:00:00Z", None)
    assert made["next_run_at"] == "2027-01-04T10:00:00Z"
    assert (await schedules.patch(made, scheduled_at=LATER))["next_run_at"] == "2027-06-01T00:00:00Z"
    for body in ({"scheduled_at": PAST}, {"scheduled_at": None}, {"frequency": "0 1 * * *"}):
        await schedules.patch(made, expect=400, **body)
    await schedules.patch(made, schedule_type="recurring", expect=400)  # needs frequency
    cron = await schedules.patch(made, schedule_type="recurring", frequency="0 1 * * *")
    assert (cron["next_run_at"], cron["frequency"]) == ("2027-01-05T01:00:00Z", "0 1 * * *")
    await schedules.patch(made, schedule_type="one_time", scheduled_at=PAST, expect=400)
    back = await schedules.patch(made, schedule_type="one_time", scheduled_at=LATER)
    assert (back["frequency"], back["next_run_at"]) == ("0 1 * * *", "2027-06-01T00:00:00Z")  # kept, unused
    assert (await schedules.patch(made, frequency=None))["frequency"] is None


async def test_a_time_that_is_over_cannot_be_sent_again(schedules):
    made = await schedules.once(at="2027-01-04T08:00:00Z")
    await schedules.run("2027-01-04T08:00:01Z")
    ran = await schedules.get(made)
    assert (ran["enabled"], ran["next_run_at"]) == (False, None)
    await schedules.patch(made, scheduled_at="2027-01-04T08:00:00Z", expect=400)
    await schedules.patch(made, enabled=True, expect=400)
    assert (await schedules.patch(made, name="Renamed"))["name"] == "Renamed"
    again = await schedules.patch(made, enabled=True, scheduled_at="2027-01-05T08:00:00Z")
    assert again["next_run_at"] == "2027-01-05T08:00:00Z"


async def test_disabled_it_never_comes_and_nothing_is_made_up_for(schedules):
    made = await schedules.create()
    assert (await schedules.patch(made, enabled=False))["next_run_at"] is None
    assert await schedules.run("2027-01-10T12:00:00Z") is None
    assert (await schedules.patch(made, enabled=True))["next_run_at"] == "2027-01-11T07:00:00Z"
    await schedules.run()
    assert await schedules.started(made) == []


@pytest.mark.one_database
async def test_null_clears_what_can_be_empty_and_says_nothing_of_the_rest(schedules, server):
    client = await server.client("org_admin")
    book = await client.post(f"/v3/organizations/{server.world.org}/playbooks", json={"title": "T", "body": "b"})
    playbook_id = book.json()["playbook_id"]
    made = await schedules.create(
        playbook_id=playbook_id, tags=["a"], platform="Linux", slack_channel_id="C", slack_team_id="T", agent="advanced"
    )
    assert made["playbook"] == {"playbook_id": playbook_id, "title": "T"}
    assert (made["platform"], made["agent"]) == ("Linux", "devin")
    cleared = dict.fromkeys(("tags", "platform", "slack_channel_id", "slack_team_id", "target_devin_id"))
    kept = dict.fromkeys(
        (
            "name",
            "prompt",
            "agent",
            "schedule_type",
            "interval_count",
            "notify_on",
            "enabled",
            "bypass_approval",
            "overlap",
        )
    )
    changed = await schedules.patch(made, playbook_id=None, scheduled_at=None, run_as_user_id=None, **cleared, **kept)
    edited = {"last_edited_by": server.world.ids["org_admin"]}
    assert changed == made | cleared | edited | {"playbook": None}
    await schedules.patch(made, frequency=None, expect=400)


async def test_a_playbook_that_is_gone_has_no_title(schedules, server):
    client, books = await server.client("org_admin"), f"/v3/organizations/{server.world.org}/playbooks"
    book = (await client.post(books, json={"title": "T", "body": "b"})).json()["playbook_id"]
    made = await schedules.create(playbook_id=book)
    await client.delete(f"{books}/{book}")
    assert (await schedules.get(made))["playbook"] == {"playbook_id": book, "title": None}


@pytest.mark.one_database
async def test_tags_keep_the_rules_of_the_organization(schedules, server):
    top = await server.client("enterprise_admin")
    path = f"/v3/enterprise/organizations/{server.world.org}/tags"
    assert (await top.put(path, json={"tags": ["allowed"]})).status_code == 200
    assert "not allowed" in (await schedules.create(tags=["other"], expect=400))["detail"]
    assert (await schedules.create(tags=["allowed"]))["tags"] == ["allowed"]


async def test_acting_as_somebody_else_takes_the_permission_for_it(schedules, ids):
    person, colleague, outsider = [ids.world.ids[name] for name in ("person", "colleague", "outsider")]
    made = await schedules.create(create_as_user_id=person)
    assert (made["created_by"], made["run_as_user_id"]) == (person, person)
    audit = await ids.audit()
    assert (audit.action, audit.data["as_user_id"]) == ("create_schedule", person)
    for refused in (outsider, ids.world.ids["wiki_person"], "user-none", ids.world.ids["org_admin"]):
        assert "UseDevinSessions" in (await schedules.create(create_as_user_id=refused, expect=403))["detail"]
        await schedules.patch(made, run_as_user_id=refused, expect=403)
    refused = await schedules.create(caller="person", create_as_user_id=colleague, expect=403)
    assert "ImpersonateOrgSessions" in refused["detail"]
    own = await schedules.create(caller="person", create_as_user_id=person)
    assert own["run_as_user_id"] == person
    assert (await schedules.patch(made, run_as_user_id=colleague))["run_as_user_id"] == colleague
    assert (await schedules.patch(made, name="n"))["run_as_user_id"] == colleague  # left out: as it was
    assert (await schedules.patch(made, run_as_user_id=None))["run_as_user_id"] is None


async def test_nobody_gives_orders_in_another_persons_name(schedules, ids):
    """Who writes the prompt of a schedule of somebody else would have that person's rights and secrets."""
    mine = await schedules.create(caller="person")
    other = "person_of_two"  # may manage schedules, and not act as others
    for body in ({"prompt": "Print my secrets."}, {"bypass_approval": True}, {"agent": "data_analyst"}):
        refused = await schedules.patch(mine, caller=other, expect=403, **body)
        assert "ImpersonateOrgSessions" in refused["detail"]
    assert (await schedules.patch(mine, caller=other, enabled=False))["enabled"] is False
    taken = await schedules.patch(mine, caller=other, prompt="Mine now.", run_as_user_id=ids.world.ids[other])
    assert taken["run_as_user_id"] == ids.world.ids[other]
    refused = await schedules.patch(mine, caller=other, run_as_user_id=None, expect=403)
    assert "ImpersonateOrgSessions" in refused["detail"]
    assert (await schedules.patch(mine, prompt="By an administrator."))["prompt"] == "By an administrator."


async def test_who_may_start_no_sessions_lets_no_schedule_do_it(schedules, ids):
    role = await ids.custom_role("ManageOrgSchedules")
    user_id = (await ids.invite("timer@example.org"))[0]["user_id"]
    await ids.ask("POST", f"{ids.organization}/users/{user_id}", role_id=role)
    token = await ids.token(user_id)
    schedules.server.world.tokens["timer"] = token
    try:
        refused = await schedules.create(caller="timer", expect=403)
        assert "UseDevinSessions" in refused["detail"]
        made = await schedules.create()
        refused = await schedules.patch(made, caller="timer", prompt="Do it for me.", expect=403)
        assert "UseDevinSessions" in refused["detail"]
        assert (await schedules.patch(made, caller="timer", enabled=False))["enabled"] is False
    finally:
        del schedules.server.world.tokens["timer"]


async def test_bypassing_approval_takes_the_expert_permission(schedules, ids):
    assert (await schedules.create(bypass_approval=True))["bypass_approval"] is True
    refused = await schedules.create(create_as_user_id=ids.world.ids["colleague"], bypass_approval=True, expect=403)
    assert "UseDevinExpert" in refused["detail"]


@pytest.mark.parametrize(
    "at", ["9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+12:00"]
)
async def test_a_time_beyond_the_calendar_is_refused(schedules, at):
    once = {"frequency": ..., "schedule_type": "one_time"}
    refused = await schedules.create(expect=422, scheduled_at=at, **once)
    assert "calendar" in refused["detail"][0]["msg"]
    made = await schedules.once()
    await schedules.patch(made, expect=422, scheduled_at=at)
    assert await schedules.get(made) == made
