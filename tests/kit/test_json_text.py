"""JSON as it is stored says the same as the standard library's."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogmill.kit.json_text import compact

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec=None))
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))


@given(VALUES)
def test_every_value_comes_back_as_it_was(value):
    written = compact(value)
    assert json.loads(written) == value
    assert "\n" not in written


def test_it_is_as_short_as_it_can_be_and_leaves_letters_as_they_are():
    assert compact({"a": [1, "é"], "b": None}) == '{"a":[1,"é"],"b":null}'
    assert compact("half of a pair: \ud83d") == '"half of a pair: \\ud83d"'
    assert math.isnan(json.loads(compact(math.nan)))


def test_what_has_no_form_in_json_is_refused():
    with pytest.raises(TypeError):
        compact(object())
