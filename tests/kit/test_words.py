"""Words for the full-text indexes."""

import pytest

from cogmill.kit.words import LONGEST, stems, words


def test_words_are_plain():
    assert words("Größe foo_bar, v2.1 - GRÖSSE's \x00'\"|&!:*()") == ["grosse", "foo", "bar", "v2", "1", "s"]
    assert words("x" * 200) == ["x" * LONGEST]
    assert words("移行する and") == ["移行", "行す", "する", "and"]
    assert words("移") == ["移"]
    assert words("") == []


@pytest.mark.parametrize(
    "forms",
    [
        "deploy deploys deployed deploying deployment deployments", "migrate migrates migrating migration migrations",
        "release releases released releasing", "fix fixed fixing fixes", "policy policies", "run runs running",
        "test tests tested testing", "query queries", "process processes", "authenticate authentication",
    ],
)  # fmt: skip
def test_forms_of_a_word_are_one(forms):
    assert len(stems(forms)) == 1


def test_different_words_stay_different():
    text = "string strings thing service server status analysis class bus größe"
    assert stems(text) == ["string", "servic", "serv", "status", "analysis", "class", "bus", "gross"]


def test_words_that_tell_nothing_are_left_out():
    assert stems("Use this when you are working on the repository") == []
