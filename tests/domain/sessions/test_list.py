"""The session list: every filter in every spelling, and pages without loss or doubles."""

from itertools import count
from urllib.parse import quote

import pytest


async def make(sessions, number, **body):
    return [(await sessions.create(**body))["session_id"] for _ in range(number)]


@pytest.mark.parametrize("first", [1, 2, 3, 7, 200])
async def test_pages_hold_everything_once_newest_first(sessions, first):
    made = await make(sessions, 7)
    seen, after = [], ""
    for _ in count():
        page = await sessions.list_(f"first={first}{after}")
        assert len(page["items"]) <= first
        assert page["has_next_page"] == (page["end_cursor"] is not None)
        assert page["total"] is None
        seen += [one["session_id"] for one in page["items"]]
        if not page["has_next_page"]:
            break
        after = f"&after={page['end_cursor']}"
    assert seen == made[::-1]


async def test_new_sessions_do_not_shift_pages(sessions):
    made = await make(sessions, 4)
    page = await sessions.list_("first=2")
    await make(sessions, 3)
    rest = await sessions.list_(f"first=100&after={page['end_cursor']}")
    assert [one["session_id"] for one in page["items"] + rest["items"]] == made[::-1]


@pytest.mark.parametrize(
    "query",
    ["first=0", "first=201", "first=x", "after=x", "after=azk5OTk5OTk5OTk5OTk5OTk5OTk5", "category=x", "origins=x",
     "is_archived=perhaps", "created_after=1.5", "created_after=1e400", f"created_before={10**30}", "first="
     + "9" * 5000],
    ids=lambda value: value[:30],
)  # fmt: skip
async def test_malformed(sessions, query):
    answer = await sessions.list_(query, expect=422)
    assert (
        answer["detail"][0]["loc"] == ["query", query.partition("=")[0]] or answer["detail"][0]["loc"][1] == "origins"
    )


async def test_tags_in_every_spelling(sessions):
    (a,) = await make(sessions, 1, tags=["a", "x"])
    (b,) = await make(sessions, 1, tags=["b"])
    await make(sessions, 1, tags=["c"])
    for query in (
        "tags=a,b", "tags=a&tags=b", "tags[]=a&tags[]=b", "tags[0]=a&tags[1]=b", "qs[tags]=a,b",
        "qs[tags][]=a&qs[tags][]=b", "qs[tags]=a&tags=b", "tags%5B%5D=a&tags%5B%5D=b",
    ):  # fmt: skip
        assert await sessions.ids(query) == [b, a], query
    assert await sessions.ids("tags=x") == [a]
    assert await sessions.ids("tags=none") == []
    assert await sessions.ids("tags=a&first=1") == [a]
    assert len(await sessions.ids("tags=")) == 3


async def test_a_session_with_two_of_the_tags_is_listed_once(sessions):
    (a,) = await make(sessions, 1, tags=["a", "b"])
    assert await sessions.ids("tags=a,b") == [a]


async def test_ids(sessions):
    a, b, c = await make(sessions, 3)
    assert await sessions.ids(f"session_ids={a},{c}") == [c, a]
    assert await sessions.ids(f"session_ids={a.removeprefix('devin-')}") == [a]
    assert await sessions.ids(f"devin_id={b}") == [b]
    assert await sessions.ids(f"devin_id={b}&session_ids={a}") == []


async def test_people_and_service_users(server, sessions):
    ids = server.world.ids
    by_member = (await sessions.create("org_member"))["session_id"]
    by_person = (await sessions.create("person"))["session_id"]
    for_colleague = (await sessions.create(create_as_user_id=ids["colleague"]))["session_id"]
    assert await sessions.ids(f"user_ids={ids['person']}") == [by_person]
    assert await sessions.ids(f"user_ids={ids['person']},{ids['colleague']}") == [for_colleague, by_person]
    assert await sessions.ids(f"service_user_ids={ids['org_member']}") == [by_member]
    assert await sessions.ids(f"service_user_ids={ids['org_admin']}&user_ids={ids['colleague']}") == [for_colleague]


async def test_origins(sessions):
    a, b = await make(sessions, 2)
    await sessions.change(a, origin="automation")
    assert await sessions.ids("origins=api") == [b]
    assert await sessions.ids("origins=scheduled") == [a]
    assert await sessions.ids("origins=scheduled,api") == [b, a]


async def test_plain_columns(sessions):
    a, b = await make(sessions, 2)
    await sessions.change(a, category="other", playbook_id="playbook-1", schedule_id="sched-1")
    for query in ("category=other", "playbook_id=playbook-1", "schedule_id=sched-1"):
        assert await sessions.ids(query) == [a]
    await sessions.ask("POST", b, "/archive")
    assert await sessions.ids("is_archived=true") == [b]
    assert await sessions.ids("is_archived=false") == [a]
    assert await sessions.ids() == [b, a]


async def test_times_include_their_beginning_and_exclude_their_end(sessions):
    a, b = await make(sessions, 2)
    await sessions.change(a, created_at=1000.0, updated_at=2000.0)
    await sessions.change(b, created_at=1001.0, updated_at=2001.0)
    assert await sessions.ids("created_after=1001") == [b]
    assert await sessions.ids("created_before=1001") == [a]
    assert await sessions.ids("updated_after=2000&updated_before=2001") == [a]
    assert await sessions.ids("created_after=-5&created_before=1000") == []


@pytest.mark.parametrize("value", ["%", "_", "'", '"', "\\", "漢"])
async def test_odd_tags_are_found(sessions, value):
    (a,) = await make(sessions, 1, tags=[value])
    await make(sessions, 1, tags=["other"])
    assert await sessions.ids(f"tags={quote(value)}") == [a]


async def test_unknown_parameters_are_ignored(sessions):
    assert await sessions.ids("no_such=1&qs[no_such]=2&qs[=3") == []


async def test_other_organizations_stay_out(server, sessions):
    stranger = await server.client("stranger")
    theirs = (await stranger.post("/v3/organizations/sessions", json={"prompt": "x", "tags": ["t"]})).json()[
        "session_id"
    ]
    (ours,) = await make(sessions, 1, tags=["t"])
    for query in ("", "tags=t", f"session_ids={theirs},{ours}"):
        assert await sessions.ids(query) == [ours]
    admin = await server.client("enterprise_admin")
    answer = await admin.get(f"/v3/organizations/{server.world.second_org}/sessions")
    assert [one["session_id"] for one in answer.json()["items"]] == [theirs]
