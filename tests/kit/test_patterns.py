"""Patterns take time in proportion to the text, match like ordinary ones, and say what is wrong with others."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogmill.kit.patterns import Pattern
from cogmill.kit.remembered import Remembered

PIECES = st.sampled_from(["a", "b", "[ab]", "c", "ab", r"\d", ".", "(?:a|bc)"])
EXPRESSIONS = st.lists(st.tuples(PIECES, st.sampled_from(["", "+", "{2}", "{1,3}"])), min_size=1, max_size=5)


@given(EXPRESSIONS, st.text("abc1\n ", max_size=30))
def test_they_find_what_ordinary_expressions_find(parts, text):
    expression = "".join(piece + often for piece, often in parts)
    assert Pattern(expression).matches(text) == bool(re.search(expression, text))


@given(st.text(max_size=50))
def test_any_text_can_be_looked_at(text):
    assert Pattern(r"(?s)x.*y").matches(text) == bool(re.search(r"(?s)x.*y", text))


def test_nothing_makes_them_slow():
    began = time.monotonic()
    assert not Pattern(r"(?:(?:a+)+)+[^a]x").matches("a" * 200_000)
    assert time.monotonic() - began < 5


def test_a_lone_surrogate_hides_nothing():
    assert Pattern("rm -rf").matches("\ud800 rm -rf")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("(", "unclosed group"), ("(?=a)", "look-around"), (r"(a)\1", "backreferences"), ("a*", "even an empty text"),
        (r"\w{1000}{1000}", "too large"), ("a" * 1001, "longer than 1000"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_explained(expression, said):
    with pytest.raises(ValueError, match=said):
        Pattern(expression)


def test_what_is_remembered_is_read_again_after_a_change():
    asked, cache = [], Remembered(lifetime=1000.0)

    def read():
        asked.append(1)
        return len(asked)

    assert [cache.get("a", read), cache.get("a", read), cache.peek("a"), cache.peek("b")] == [1, 1, 1, None]
    cache.forget()
    assert cache.get("a", read) == 2

    def changed_meanwhile():
        cache.forget()
        return 7

    assert cache.get("b", changed_meanwhile) == 7
    assert cache.peek("b") is None
