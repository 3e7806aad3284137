"""cogmill limits … at a real server: results, JSON, exit codes."""

from functools import partial

import pytest


@pytest.fixture
def cogmill(administer):
    return partial(administer, "limits")


def test_limits_are_set_listed_and_cleared(cogmill, served):
    org = served.keys["org_id"]
    assert "500 ACUs a cycle" in cogmill("set", 500, "--org", org).out
    assert cogmill("set", 900, "--enterprise", "--json").json["cycle_acu_limit"] == 900
    items = cogmill("list", "--json").json["items"]
    assert [(one["scope"], one["org_id"], one["cycle_acu_limit"], one["acus_used"]) for one in items] == [
        ("enterprise", None, 900, 0.0), ("org", org, 500, 0.0),
    ]  # fmt: skip
    assert "500" in cogmill("list").out
    assert "no limit" in cogmill("clear", "--enterprise").out
    assert cogmill("clear", "--org", org, "--json").json["cycle_acu_limit"] is None
    assert cogmill("list", "--json").json["items"] == []
    refused = cogmill("set", 1, "--user", "user-none", "--json")
    assert (refused.code, "no user" in refused.err) == (3, True)
    assert cogmill("set", 1, "--org", org, key="org_key").code == 3
    for wrong in (
        ("set", 1, "--group", "a", "--org", org),
        ("set", 1),
        ("set", 1, "--org", org, "--enterprise"),
        ("set", -1, "--enterprise"),
        ("clear",),
    ):
        assert cogmill(*wrong).code == 2


def test_groups_share_a_limit(cogmill, served):
    org = served.keys["org_id"]
    assert "No groups" in cogmill("groups").err
    assert cogmill("group", "Teams", "--add", org).out == "Teams: 1 organization\n"
    assert "Teams: 700 ACUs a cycle" in cogmill("set", 700, "--group", "Teams").out
    wanted = {"groups": {"Teams": {"org_ids": [org], "max_cycle_acus": 700}}}
    assert cogmill("groups", "--json").json == wanted
    assert [str(one) in cogmill("groups").out for one in ("Teams", 700, org)] == [True] * 3
    cogmill("group", "Others")
    assert cogmill("group", "Others", "--add", org, "--json").code == 3  # in one group only
    moved = cogmill("group", "Teams", "--remove", org, "--json").json
    assert moved == {"group": "Teams", "org_ids": [], "max_cycle_acus": 700}
    assert cogmill("clear", "--group", "Teams", "--json").json["cycle_acu_limit"] is None
    assert "deleted" in cogmill("group", "Teams", "--delete").out
    assert list(cogmill("groups", "--json").json["groups"]) == ["Others"]
    for wrong in (("set", 1, "--group", "Teams"), ("group", "Teams", "--delete"), ("group", "Teams", "--remove", org)):
        refused = cogmill(*wrong)
        assert (refused.code, "There is no group" in refused.err) == (2, True), refused
    assert cogmill("group", "Others", "--delete", "--add", org).code == 2
    assert cogmill("group", "More", "--add", "org-none").code == 3
    assert cogmill("groups", key="org_key").code == 3
