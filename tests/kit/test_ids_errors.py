"""Identifiers and the kinds of refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogmill.kit import errors
from cogmill.kit.errors import Invalid, Refusal
from cogmill.kit.ids import DEVIN_ID, event_id, event_seq, new_id, ordered_id


def test_ids_have_a_prefix_and_128_bits():
    made = {new_id("devin") for _ in range(1000)}
    assert len(made) == 1000
    assert all(DEVIN_ID.fullmatch(one) for one in made)


@given(st.integers(1, 2**31 - 1))
def test_event_ids_round_trip(seq):
    session = "devin-" + "0f" * 16
    assert event_seq(session, event_id(session, seq)) == seq


@given(st.text(max_size=80))
def test_any_text_as_event_id_is_refused_or_a_number_of_this_session(text):
    session = "devin-" + "0f" * 16
    found = event_seq(session, text)
    assert found is None or text.startswith("event-" + "0f" * 16)


@pytest.mark.parametrize("tail", ["", "-1", "1.0", "²", "٣", "1 ", "9" * 12, "0x1"])
def test_event_ids_that_are_none(tail):
    assert event_seq("devin-" + "0f" * 16, f"event-{'0f' * 16}-{tail}") is None


def test_event_ids_of_other_sessions():
    assert event_seq("devin-" + "0f" * 16, event_id("devin-" + "1f" * 16, 3)) is None


def test_every_refusal_has_its_own_status_and_a_sentence():
    kinds = [errors.BadRequest, errors.Unauthenticated, errors.Forbidden, errors.NotFound, errors.Conflict]
    kinds += [errors.TooLarge, errors.LimitReached, errors.Unavailable]
    assert [kind.status for kind in kinds] == [400, 401, 403, 404, 409, 413, 429, 503]
    assert len({kind.title for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert issubclass(kind, Refusal)
        assert kind().detail
        assert str(kind("Because.")) == kind("Because.").detail == "Because."


def test_a_subclass_of_one_line_carries_its_text():
    class Taken(errors.Conflict):
        detail = "Taken."

    assert (Taken().status, Taken().detail, Taken("Other.").detail) == (409, "Taken.", "Other.")


def test_headers_and_more_fields_are_kept_apart_between_refusals():
    first = errors.Conflict(headers={"a": "b"}, session_id="x")
    assert (first.headers, first.extra) == ({"a": "b"}, {"session_id": "x"})
    assert (errors.Conflict().headers, errors.Conflict().extra) == ({}, {})


def test_invalid_input_names_its_place():
    error = Invalid.at("body", "tags", 3, msg="too long")
    assert error.status == 422
    assert error.problems == [{"loc": ["body", "tags", 3], "msg": "too long", "type": "value_error"}]
    assert str(error) == "body.tags.3: too long"


def test_ids_sort_as_they_were_made(monkeypatch):
    made = [ordered_id("note") for _ in range(2000)]
    monkeypatch.setattr("cogmill.kit.ids.time.time_ns", lambda: 0)  # the clock was set back
    made += [ordered_id("note") for _ in range(100)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {len(one) for one in made} == {len("note-") + 32}
