"""cogmill guardrails … at a real server: results, JSON, exit codes."""

from functools import partial

import pytest


@pytest.fixture
def cogmill(administer):
    return partial(administer, "guardrails")


def test_the_life_of_a_guardrail(cogmill, served):
    org = served.keys["org_id"]
    rule = ("--target", "prompt", "--pattern", "(?i)payroll", "--action", "block")
    made = cogmill("create", "No payroll", *rule, "--org", org)
    assert made.code == 0, made.err
    assert "block on prompt" in made.out
    listed = cogmill("list", "--org", org, "--json").json["items"]
    assert [one["org_id"] for one in listed if one["name"] == "No payroll"] == [org]
    assert "No payroll" in cogmill("list").out
    asked = served.client.post("/v3/organizations/sessions", json={"prompt": "The payroll"})
    assert asked.status_code == 403
    (found,) = cogmill("violations", "--json").json["items"]
    assert (found["guardrail_name"], found["action_taken"]) == ("No payroll", "blocked")
    assert "blocked" in cogmill("violations", "--org", org, "--guardrail", found["guardrail_id"]).out
    changed = cogmill("edit", "No payroll", "--off", "--action", "warn", "--json").json
    assert (changed["is_enabled"], changed["action"], changed["pattern"]) == (False, "warn", "(?i)payroll")
    assert "switched off" in cogmill("edit", changed["guardrail_id"], "--name", "Payroll").out
    assert cogmill("delete", "Payroll", "--json").json["guardrail_id"] == changed["guardrail_id"]
    assert cogmill("delete", "Payroll").code == 2


def test_mistakes_are_told(cogmill):
    rule = ("create", "X", "--target", "command", "--action", "block", "--pattern")
    refused = cogmill(*rule, "(", "--json")
    assert refused.code == 3
    assert "unclosed group" in refused.err
    assert cogmill("create", "X", "--target", "mind", "--action", "block", "--pattern", "x").code == 2
    assert cogmill("edit", "Fork bomb", "--action", "hang").code == 2
    assert cogmill("edit", "nothing of this name", "--off").code == 2
    assert cogmill("list", key="org_key").code == 3
