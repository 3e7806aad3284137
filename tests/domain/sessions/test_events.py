"""The event log over HTTP: list, search and details."""

import pytest

from cogmill.domain.sessions.log import NewEvent


@pytest.fixture
async def logged(sessions):
    """A session with events of several kinds."""
    made = (await sessions.create(prompt="Prompt words"))["session_id"]
    await sessions.append(
        made,
        NewEvent(
            "shell_process_completed",
            "shell",
            "Ran   the\ntests",
            {"output": "Grün 50%_done", "deep": {"list": ["needle"]}},
        ),
        NewEvent("git_clone_completed", "git", "Cloned", {"key": 'say "hi"'}),
        NewEvent("devin_message", "message", "Hello", {"message": "Hello"}),
        NewEvent(
            "shell_process_completed", "shell", "Long", {"output": "x" * 20_000, "parts": ["short", "y" * 11_000]}
        ),
    )
    return made


async def types(sessions, made, query=""):
    return [one["event_type"] for one in (await sessions.ask("GET", made, f"/events?{query}"))["items"]]


async def test_list(sessions, logged):
    page = await sessions.ask("GET", logged, "/events")
    assert [one["event_type"] for one in page["items"]] == [
        "session_created", "user_message", "shell_process_completed", "git_clone_completed", "devin_message",
        "shell_process_completed",
    ]  # fmt: skip
    assert page["items"][2]["summary"] == "Ran the tests"
    fields = {"event_id", "event_type", "category", "direction", "created_at", "summary"}
    assert all(set(one) == fields for one in page["items"])
    assert len({one["event_id"] for one in page["items"]}) == 6


async def test_pages(sessions, logged):
    seen, after = [], ""
    while True:
        page = await sessions.ask("GET", logged, f"/events?first=2{after}")
        seen += page["items"]
        if page["end_cursor"] is None:
            break
        after = f"&after={page['end_cursor']}"
    assert seen == (await sessions.ask("GET", logged, "/events"))["items"]


async def test_filters(sessions, logged):
    assert await types(sessions, logged, "categories=git") == ["git_clone_completed"]
    assert await types(sessions, logged, "categories=git,message&direction=incoming") == ["user_message"]
    assert await types(sessions, logged, "qs[categories]=git&categories[]=lifecycle") == [
        "session_created", "git_clone_completed",
    ]  # fmt: skip
    assert await types(sessions, logged, "event_types=devin_message") == ["devin_message"]
    assert await types(sessions, logged, "event_types=no_such") == []
    assert len(await types(sessions, logged, "direction=outgoing")) == 4
    assert await types(sessions, logged, "created_before=1000") == []
    assert len(await types(sessions, logged, "created_after=1000")) == 6


@pytest.mark.parametrize(
    "query", ["categories=git&event_types=x", "categories=none", "direction=up", "first=0", "after=!"]
)
async def test_malformed_list(sessions, logged, query):
    await sessions.ask("GET", logged, f"/events?{query}", expect=422)
    await sessions.ask("GET", logged, f"/events/search?query=x&{query}", expect=422)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("NEEDLE", 1),
        ("prompt WORDS", 1),
        ("50%_done", 1),
        ("50%xdone", 0),
        ("grün", 1),
        ('say "hi"', 1),
        ("hello", 1),
        ("zzz", 0),
    ],
)
async def test_search(sessions, logged, text, found):
    page = await sessions.ask("GET", logged, "/events/search", params={"query": text})
    assert len(page["items"]) == found
    for one in page["items"]:
        assert text.lower() in one["match_context"].lower()
        assert len(one["match_context"]) <= len(text) + 160


async def test_search_needs_a_text(sessions, logged):
    await sessions.ask("GET", logged, "/events/search", expect=422)
    await sessions.ask("GET", logged, "/events/search?query=", expect=422)
    await sessions.ask("GET", logged, f"/events/search?query={'x' * 1001}", expect=422)


async def test_details_cut_long_texts_and_name_them(sessions, logged):
    details = (await sessions.ask("GET", logged, "/events/details"))["items"]
    assert [one["truncated_fields"] for one in details] == [None] * 5 + [["output", "parts[1]"]]
    assert len(details[5]["contents"]["output"]) == len(details[5]["contents"]["parts"][1]) == 10_000
    assert details[2]["contents"] == {"output": "Grün 50%_done", "deep": {"list": ["needle"]}}
    short = (await sessions.ask("GET", logged, "/events/details?max_content_length=3"))["items"][2]
    assert short["contents"] == {"output": "Grü", "deep": {"list": ["nee"]}}
    assert short["truncated_fields"] == ["output", "deep.list[0]"]
    whole = (await sessions.ask("GET", logged, "/events/details?max_content_length=30000"))["items"][5]
    assert whole["truncated_fields"] is None


async def test_details_by_place(sessions, logged):
    listed = (await sessions.ask("GET", logged, "/events"))["items"]
    details = (await sessions.ask("GET", logged, "/events/details?offset=1&limit=2"))["items"]
    assert [one["event_id"] for one in details] == [one["event_id"] for one in listed[1:3]]
    assert (await sessions.ask("GET", logged, "/events/details?offset=99"))["items"] == []


async def test_details_by_id(sessions, logged):
    listed = (await sessions.ask("GET", logged, "/events"))["items"]
    ids = [listed[4]["event_id"], listed[1]["event_id"], "event-x", "event-" + "0" * 32 + "-1"]
    details = (await sessions.ask("GET", logged, f"/events/details?event_ids={','.join(ids)}"))["items"]
    assert [one["event_id"] for one in details] == [ids[1], ids[0]]


@pytest.mark.parametrize(
    "query",
    ["event_ids=a&offset=0", "event_ids=a&limit=20", "limit=0", "limit=51", "offset=-1", f"offset={2**31}",
     "max_content_length=0", "event_ids=" + ",".join("a" * 21), "offset=" + "9" * 30],
    ids=lambda value: value[:30],
)  # fmt: skip
async def test_malformed_details(sessions, logged, query):
    await sessions.ask("GET", logged, f"/events/details?{query}", expect=422)
