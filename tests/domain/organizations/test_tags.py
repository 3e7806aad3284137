"""The list of allowed tags and the default tag of an organization, and what they do to sessions."""

import pytest


@pytest.fixture
def tags(enterprise, org):
    async def ask(method, rest="", *, expect=200, **body):
        return await enterprise.org(method, org, f"/tags{rest}", expect=expect, **body)

    return ask


async def test_the_list_is_sorted_single_and_trimmed(tags, enterprise, org):
    assert await tags("GET") == {"tags": []}
    assert await tags("PUT", tags=["b", " a ", "b", "Ä", "B"]) == {"tags": ["B", "a", "b", "Ä"]}
    record = await enterprise.audit()
    assert (record.action, record.org_id) == ("update_org_settings", org)
    assert record.data["added"] == ["B", "a", "b", "Ä"]
    assert await tags("POST", tags=["c", "a"]) == {"tags": ["B", "a", "b", "c", "Ä"]}
    assert (await enterprise.audit()).data["added"] == ["c"]
    for _ in range(2):
        assert await tags("PUT", tags=["a", "c"]) == {"tags": ["a", "c"]}
    assert await tags("GET") == {"tags": ["a", "c"]}


async def test_removing_is_repeatable(tags):
    await tags("PUT", tags=["a", "b", "team/x", "50 %"])
    for _ in range(2):
        assert await tags("DELETE", "/a") == {"tags": ["50 %", "b", "team/x"]}
    assert await tags("DELETE", "/team%2Fx") == {"tags": ["50 %", "b"]}
    assert await tags("DELETE", "/50%20%25") == {"tags": ["b"]}
    for _ in range(2):
        assert await tags("DELETE") == {"tags": []}


@pytest.mark.parametrize(
    "body", [{}, {"tags": None}, {"tags": "a"}, {"tags": [""]}, {"tags": [" "]}, {"tags": ["x" * 257]}, {"tags": [1]}]
)
async def test_malformed_lists(tags, body):
    await tags("PUT", expect=422, **body)
    await tags("POST", expect=422, **body)


async def test_a_list_has_at_most_1000_tags(tags):
    assert len((await tags("PUT", tags=[f"t{number}" for number in range(1000)]))["tags"]) == 1000
    await tags("PUT", tags=[f"t{number}" for number in range(1001)], expect=422)
    refused = await tags("POST", tags=["one more"], expect=422)
    assert refused["detail"][0]["loc"] == ["body", "tags"]
    assert len((await tags("POST", tags=["t1"]))["tags"]) == 1000


async def test_the_default_tag_is_on_the_list(tags, enterprise):
    assert await tags("GET", "/default") == {"default_tag": None}
    assert "allowed tags" in (await tags("PUT", "/default", tag="a", expect=400))["detail"]
    await tags("PUT", tags=["a", "b"])
    await tags("PUT", "/default", tag="c", expect=400)
    for _ in range(2):
        assert await tags("PUT", "/default", tag="a") == {"default_tag": "a"}
    assert (await enterprise.audit()).data == {"setting": "default_tag", "default_tag": "a"}
    assert await tags("GET", "/default") == {"default_tag": "a"}
    await tags("POST", tags=["c"])
    assert await tags("GET", "/default") == {"default_tag": "a"}
    for _ in range(2):
        assert await tags("DELETE", "/default") == {"default_tag": None}
    await tags("PUT", "/default", expect=422)


@pytest.mark.parametrize(("method", "rest", "body"), [
    ("PUT", "", {"tags": ["b"]}), ("PUT", "", {"tags": []}), ("DELETE", "", {}), ("DELETE", "/a", {}),
])  # fmt: skip
async def test_taking_the_default_tag_off_the_list_clears_it(tags, enterprise, method, rest, body):
    await tags("PUT", tags=["a", "b"])
    await tags("PUT", "/default", tag="a")
    await tags(method, rest, **body)
    assert (await enterprise.audit()).data["default_tag"] is None
    assert await tags("GET", "/default") == {"default_tag": None}


async def test_new_sessions_carry_allowed_tags_only(tags, sessions):
    assert (await sessions.create(tags=["anything"]))["tags"] == ["anything"]
    await tags("PUT", tags=["a", "b"])
    assert (await sessions.create(tags=["b", "a"]))["tags"] == ["b", "a"]
    refused = await sessions.create(tags=["a", "x"], expect=400)
    assert "'x' is not allowed" in refused["detail"]
    assert "a, b" in refused["detail"]
    assert (await sessions.create())["tags"] == []
    assert len(await sessions.ids()) == 3


async def test_sessions_without_tags_get_the_default_tag(tags, sessions):
    await tags("PUT", tags=["a", "b"])
    await tags("PUT", "/default", tag="a")
    made = [await sessions.create(), await sessions.create(tags=[])]
    assert [one["tags"] for one in made] == [["a"], ["a"]]
    assert (await sessions.create(tags=["b"]))["tags"] == ["b"]
    assert len(await sessions.ids("tags=a")) == 2
    events = await sessions.ask("GET", made[0]["session_id"], "/events/details?offset=0&limit=1")
    assert events["items"][0]["contents"]["tags"] == ["a"]


async def test_tag_writes_take_allowed_tags_and_those_the_session_has(tags, sessions):
    made = (await sessions.create(tags=["old"]))["session_id"]
    await tags("PUT", tags=["a", "b"])
    assert (await sessions.ask("POST", made, "/tags", json={"tags": ["a"]}))["tags"] == ["old", "a"]
    assert (await sessions.ask("PUT", made, "/tags", json={"tags": ["b", "old"]}))["tags"] == ["b", "old"]
    for method in ("POST", "PUT"):
        refused = await sessions.ask(method, made, "/tags", json={"tags": ["x"]}, expect=400)
        assert "'x' is not allowed" in refused["detail"]
    assert (await sessions.ask("PUT", made, "/tags", json={"tags": ["b"]}))["tags"] == ["b"]
    await sessions.ask("PUT", made, "/tags", json={"tags": ["old"]}, expect=400)
    assert (await sessions.ask("PUT", made, "/tags", json={"tags": []}))["tags"] == []


async def test_the_list_of_one_organization_binds_no_other(tags, server):
    await tags("PUT", tags=["a"])
    stranger = await server.client("stranger")
    made = await stranger.post(
        f"/v3/organizations/{server.world.second_org}/sessions", json={"prompt": "x", "tags": ["z"]}
    )
    assert made.json()["tags"] == ["z"]


async def test_organizations_of_others_cannot_be_tagged(server, enterprise):
    world = server.world
    await enterprise.org("GET", world.foreign_org, "/tags", expect=403)
    await enterprise.org("PUT", world.foreign_org, "/tags", tags=["a"], expect=403)
    await enterprise.org("PUT", world.deleted_org, "/tags", tags=["a"], expect=404)
