"""What callers send, in every spelling and every way of being broken, over HTTP."""

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.datastructures import QueryParams

from cogmill.kit.errors import Invalid
from cogmill.web.inputs import MOST_VALUES, list_fields, read_query

pytestmark = pytest.mark.one_database


@pytest.fixture
def post(server):
    """Send a body to the create call, byte for byte."""

    async def send(content, *, headers=None):
        client = await server.client("org_admin")
        return await client.post(server.sessions, content=content, headers=headers or {})

    return send


def assert_422(answer: httpx.Response, *loc: str | int) -> None:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["detail"]
    for one in problem["detail"]:
        assert set(one) == {"loc", "msg", "type"}
        assert isinstance(one["msg"], str)
    if loc:
        assert list(loc) in [one["loc"] for one in problem["detail"]]


BROKEN = {
    "empty": b"",
    "spaces": b"   ",
    "no json": b"prompt=x",
    "cut": b'{"prompt": "x"',
    "more": b'{"prompt": "x"} {"prompt": "y"}',
    "single quotes": b"{'prompt': 'x'}",
    "comment": b'{"prompt": "x" /* */}',
    "trailing comma": b'{"prompt": "x",}',
    "unquoted": b'{prompt: "x"}',
    "null": b"null",
    "list": b"[]",
    "text": b'"prompt"',
    "number": b"1",
    "invalid utf-8": b'{"prompt": "\xff\xfe"}',
    "latin-1": '{"prompt": "ä"}'.encode("latin-1"),
    "overlong utf-8": b'{"prompt": "\xc0\x80"}',
    "encoded surrogate": b'{"prompt": "\xed\xa0\x80"}',
    "lone surrogate": b'{"prompt": "\\ud800"}',
    "lone low surrogate": b'{"prompt": "a\\udc00b"}',
    "raw nul": b'{"prompt": "a\0b"}',
    "nul": b'{"prompt": "a\\u0000b"}',
    "nul in a key": b'{"prompt": "x", "\\u0000": 1}',
    "nul deep inside": b'{"prompt": "x", "structured_output_schema": {"a": [{"\\u0000": 1}]}}',
    "raw newline": b'{"prompt": "a\nb"}',
    "utf-16": '{"prompt": "x"}'.encode("utf-16"),
    "deep lists": b'{"prompt": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "deep objects": b'{"prompt": "x", "structured_output_schema": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    "huge integer": b'{"prompt": "x", "max_acu_limit": ' + b"9" * 5000 + b"}",
    "infinite": b'{"prompt": "x", "max_acu_limit": 1e999}',
    "nan": b'{"prompt": "x", "max_acu_limit": NaN}',
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_bodies(post, name):
    assert_422(await post(BROKEN[name]))


async def test_what_was_sent_is_not_repeated(post):
    answer = await post(json.dumps({"prompt": 5, "session_secrets": [{"key": "K", "value": ["canary"]}]}))
    assert_422(answer, "body", "prompt")
    assert "canary" not in answer.text


@pytest.mark.parametrize(
    "value", [0, -1, 1.5, 10**7, 10**400, "many", [], {}, True, 2**63, -(2**63), 1e100], ids=lambda v: str(v)[:20]
)
async def test_numbers_out_of_range(post, value):
    answer = await post(json.dumps({"prompt": "x", "max_acu_limit": value}))
    if value is True:  # pydantic reads it as 1, as the upstream server does
        assert answer.status_code in {200, 422}
    else:
        assert_422(answer)


@pytest.mark.parametrize(
    "prompt",
    [
        "\\u0000",
        "strip \\u0000 from it",
        "\\\\u0000",
        "\\",
        "\\u0001",
        "\x7f",
        "a\u2028b",
        "\U0010ffff",
        "ä" * 1000,
        "'; --",
    ],
)
async def test_texts_that_only_look_dangerous(post, sessions, prompt):
    answer = await post(json.dumps({"prompt": prompt}))
    assert answer.status_code == 200, answer.text
    said = await sessions.ask("GET", answer.json()["session_id"], "/messages")
    assert said["items"][0]["message"] == prompt


@settings(
    deadline=None, derandomize=True, max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(st.text(max_size=30))
def test_nul_is_found_exactly_where_it_is(text):
    from cogmill.web.inputs import _ESCAPED_NUL

    assert bool(_ESCAPED_NUL.search(json.dumps({"a": text}).encode())) == ("\0" in text)
    escaped = json.dumps({"a": text + "\\u0000"}).encode()
    assert bool(_ESCAPED_NUL.search(escaped)) == ("\0" in text)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "nonsense", ""]
)
async def test_a_json_body_is_json_whatever_it_is_called(post, kind):
    """curl says form-urlencoded unless told otherwise."""
    answer = await post(b'{"prompt": "x"}', headers={"content-type": kind})
    assert answer.status_code == 200, answer.text


@pytest.mark.settings(max_body=2000)
@pytest.mark.parametrize(("size", "status"), [(2000, 200), (2001, 413), (1_000_000, 413)])
async def test_the_largest_body(post, size, status):
    body = json.dumps({"prompt": "x"}).encode()
    answer = await post(body + b" " * (size - len(body)))
    assert answer.status_code == status, answer.text
    if status == 413:
        assert "2000" in answer.json()["detail"]
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.settings(max_body=2000)
async def test_a_flood_without_a_length_is_cut_off(post):
    sent = []

    async def flood():
        for _ in range(100_000):
            sent.append(1)
            yield b" " * 1000

    assert (await post(flood())).status_code == 413
    assert len(sent) < 10


@pytest.mark.settings(max_body=2000)
@pytest.mark.parametrize("length", [b"99999999999999999999999999", b"-1", b"x", "²".encode(), b"1e3", b""])
async def test_lengths_that_lie(server, length):
    client = await server.client("org_admin")
    answer = await client.post(server.sessions, content=b'{"prompt": "x"}', headers={b"content-length": length})
    assert answer.status_code in {200, 413}, answer.text


@pytest.mark.parametrize("depth", [60, 100, 150, 190])
@pytest.mark.parametrize("key", ["not", "properties", "items", "$defs", "x"])
async def test_deeply_nested_schemas_are_taken_or_refused(post, key, depth):
    schema = {}
    for _ in range(depth // (2 if key in {"properties", "$defs"} else 1)):
        schema = {key: {"a": schema}} if key in {"properties", "$defs"} else {key: schema}
    answer = await post(json.dumps({"prompt": "x", "structured_output_schema": schema}))
    assert answer.status_code in {200, 422}, answer.text


@pytest.mark.parametrize(
    "schema", [{"type": 5}, {"pattern": "("}, {"$ref": "http://x/y"}, {"$ref": "other.json"}, {"required": "a"}, []]
)
async def test_schemas_that_are_none(post, schema):
    assert_422(await post(json.dumps({"prompt": "x", "structured_output_schema": schema})))


async def test_every_mistake_is_told_at_once(post):
    answer = await post(json.dumps({"prompt": "", "tags": [1, ""], "max_acu_limit": 0}))
    assert_422(answer, "body", "prompt")
    assert_422(answer, "body", "tags", 0)
    assert_422(answer, "body", "max_acu_limit")


async def test_unknown_fields_are_ignored(post):
    answer = await post(json.dumps({"prompt": "x", "brand_new": {"a": [1]}}))
    assert answer.status_code == 200


QUERIES = [
    "tags=%00", "tags=a%00b", "%00=1&tags=%00", "first=%00", "after=%00", "qs[tags]=%00", "tags[]=a,%00",
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
async def test_nul_in_a_query(sessions, query):
    await sessions.list_(query, expect=422)


@pytest.mark.parametrize(
    "query",
    ["tags=%ff", "tags=%C0%80", "tags=%ED%A0%80", "tags=%F0%9F%94%91", "tags=%", "tags=%zz", "&&&", "=", "=x", "tags",
     "a[b][c]=1", "qs[]=1", "qs[tags", "qs[unknown]=1", "first[]=", "tags[-1]=a", "tags[x]=a",
     "x" * 5000, "a=1&" * 500],
    ids=lambda q: q[:16],
)  # fmt: skip
async def test_odd_queries_are_read_or_ignored(sessions, query):
    await sessions.list_(query)


async def test_a_filter_of_very_many_values_is_refused(sessions):
    await sessions.list_("session_ids=" + ",".join(["devin-1"] * MOST_VALUES))
    for query in (",".join(["a"] * 20_000), "a&session_ids=" * 2000):
        answer = await sessions.list_(f"session_ids={query}", expect=422)
        assert answer["detail"][0]["loc"] == ["query", "session_ids"]


class Filters(BaseModel):
    tags: list[str] | None = None
    numbers: list[int] | None = None
    first: int = 100
    name: str | None = None


def read(query: str) -> Filters:
    return read_query(Filters, QueryParams(query))


def test_which_fields_are_lists():
    assert list_fields(Filters) == {"tags", "numbers"}


@pytest.mark.parametrize(
    "query",
    ["tags=a,b", "tags=a&tags=b", "tags[]=a&tags[]=b", "tags[0]=a&tags[1]=b", "qs[tags]=a,b", "qs[tags]=a&qs[tags]=b",
     "qs[tags][]=a&qs[tags][]=b", "qs[tags][0]=a&qs[tags][1]=b", "tags=a&qs[tags]=b", "tags=,a,,b,", "tags=&tags=a,b",
     "tags%5B%5D=a&tags%5B%5D=b", "qs%5Btags%5D=a%2Cb"],
)  # fmt: skip
def test_every_spelling_of_a_list(query):
    assert read(query).tags == ["a", "b"]


def test_single_values_keep_their_commas_and_the_last_one_counts():
    assert read("name=a,b").name == "a,b"
    assert read("name=a&name=b").name == "b"
    assert read("qs[name]=a,b&qs[first]=5") == Filters(name="a,b", first=5)


def test_an_empty_value_is_no_value():
    assert read("tags=&first=&name=&qs[numbers]=") == Filters()


def test_a_wrong_value_names_the_field_without_its_spelling():
    for query in ("qs[numbers]=1,x", "numbers[]=1&numbers[]=x", "numbers=1,x"):
        with pytest.raises(Invalid) as refused:
            read(query)
        assert refused.value.problems[0]["loc"] == ["query", "numbers", 1]


@given(st.lists(st.text(alphabet=st.characters(exclude_characters=",\0", codec="utf-8"), min_size=1), min_size=1))
def test_any_values_come_through_in_every_spelling(values):
    for name in ("tags", "tags[]", "qs[tags]", "qs[tags][]"):
        repeated = str(httpx.QueryParams([(name, one) for one in values]))
        joined = str(httpx.QueryParams({name: ",".join(values)}))
        assert read(repeated).tags == read(joined).tags == values


@given(st.text(max_size=200))
def test_any_query_is_read_or_refused(text):
    try:
        read(text)
    except Invalid as refused:
        assert refused.status == 422  # noqa: PT017 - both ends are right
