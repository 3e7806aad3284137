"""Schemas for structured output: hostile ones cost little and are explained, usual ones mean what they say."""

import time

import pytest

from cogmill.engine.agents.model.tools.control import schema_problems


def doubling(depth):
    parts = {f"d{n}": {"allOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 2} for n in range(depth)}
    return {"definitions": {**parts, f"d{depth}": {"type": "integer"}}, "$ref": "#/definitions/d0"}


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"$ref": "#"}, 1, "refers to itself"),
        (doubling(40), 1, "takes too long"),
        ({"pattern": "^(?=a)b"}, "ab", "look-around"),
        ({"$ref": "#/definitions/none"}, 1, "cannot be used"),
    ],
)
def test_a_schema_that_cannot_be_used_is_explained_soon(schema, value, said):
    began = time.process_time()
    problem = schema_problems(schema, value)
    assert said in problem
    assert "schema cannot be used" in problem
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 40 + "!"),
        ({"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}, {"a" * 40 + "!": 1}),
        ({"uniqueItems": True}, [{"n": n} for n in range(10_000)] + [{"n": 0}]),
    ],
)
def test_a_costly_keyword_takes_linear_time(schema, value):
    began = time.process_time()
    assert "does not match the schema" in schema_problems(schema, value)
    assert time.process_time() - began < 1


SCHEMA = {
    "definitions": {"tree": {"type": "object", "properties": {"of": {"items": {"$ref": "#/definitions/tree"}}}}},
    "type": "object",
    "properties": {"root": {"$ref": "#/definitions/tree"}, "tags": {"uniqueItems": True}},
    "patternProperties": {"^x-": {"type": "string", "pattern": r"\d$"}},
    "additionalProperties": {"type": "integer"},
}


@pytest.mark.parametrize(
    "value", [{"root": {"of": [{"of": [{}]}]}}, {"x-a": "v1", "n": 3}, {"tags": [1, True, "1", [1], {"a": 1}]}]
)
def test_a_value_that_matches(value):
    assert schema_problems(SCHEMA, value) is None


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ({"root": {"of": [{"of": [1]}]}}, "/root/of/0/of/0"),
        ({"x-a": "v"}, "/x-a"),
        ({"n": "3"}, "/n"),
        ({"tags": [{"a": 1}, {"a": 1.0}]}, "/tags"),
    ],
)
def test_a_value_that_does_not_match(value, at):
    assert f"- at {at}: " in schema_problems(SCHEMA, value)
