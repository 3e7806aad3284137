"""What the rules make of a log: every issue has a log that shows it and one that does not."""

import pytest

from cogmill.domain.insights.analysis import LONGEST_TIMELINE, by_rules
from cogmill.domain.insights.classify import classify
from cogmill.domain.insights.facts import Facts
from cogmill.domain.insights.findings import findings

PROMPT = "Fix the crash of the parser on empty files, and add a test for it."


def facts_of(*events, prompt=PROMPT):
    """Facts of a log: each event a second after the one before."""
    facts = Facts()
    for at, (kind, contents) in enumerate([("user_message", {"message": prompt}), *events]):
        facts.add(kind, float(at), kind, contents)
    facts.close()
    return facts


def ran(command, exit_code=0, output="", **more):
    contents = {"key": "k", "command": command, "exit_code": exit_code, "output": output, "ok": exit_code == 0}
    return "shell_process_completed", contents | more


def said(text):
    return "user_message", {"message": text}


def state(status, detail=None, reason=None):
    return "status_changed", {"status": status, "status_detail": detail, "reason": reason}


def step(kind, ok=True, **more):
    return f"{kind}_completed", {"key": kind, "ok": ok, **more}


ISSUES = {
    "Session failed": ("high", [state("error", reason="The disk is gone.")]),
    "Limit reached": ("high", [("limit_reached", {"reason": "max_acu_limit of the session"})]),
    "Tests fail at the end": ("high", [ran("pytest -q"), ran("cd /workspace && pytest -q", 1)]),
    "Repeated failure": ("high", [ran("./build", 2)] * 3),
    "Missing tools": ("medium", [ran("jq . a", 127, "bash: jq: command not found")]),
    "Commands timed out": ("medium", [ran("sleep 999", None, stopped="timeout")]),
    "Clone failed": ("high", [step("git_clone", ok=False, error="403")]),
    "Push failed": ("medium", [step("git_push", ok=False, error="a secret")]),
    "Pull request failed": ("medium", [step("pull_request", ok=False, error="422")]),
    "Model trouble": ("medium", [step("model_call", ok=False, error="429")]),
    "Many follow-ups": ("medium", [said("And this as well, please.")] * 4),
    "Waited for the user": ("low", [state("running", "waiting_for_user")] * 2),
    "Notes left out": ("low", [("knowledge_selected", {"left_out": [{"note_id": "n", "name": "Long"}]})]),
    "Interrupted": ("low", [("session_recovered", {})]),
}  # fmt: skip


def test_a_plain_session_has_no_issue():
    log = [ran("pytest"), ran("pytest", 1), ran("pytest"), ("devin_message", {"message": "Done."})]
    assert findings(facts_of(*log, state("running", "finished"))) == []


@pytest.mark.parametrize("label", ISSUES)
def test_every_issue_has_a_log_that_shows_it_and_an_action(label):
    impact, log = ISSUES[label]
    facts = facts_of(*log)
    assert [(one.label, one.impact) for one in findings(facts)] == [(label, impact)]
    made = by_rules(facts, classify(facts, None))
    assert [one["id"] for one in made["issues"]] == [one["issue_id"] for one in made["action_items"]] == ["issue-1"]
    assert all(one["action_item"] and one["type"] != "external" for one in made["action_items"])


def test_a_command_that_succeeded_at_last_is_less_grave():
    assert [one.impact for one in findings(facts_of(*[ran("make", 2)] * 3, ran("make")))] == ["medium"]
    assert findings(facts_of(*[ran("make", 2)] * 2)) == []


def test_a_short_prompt_is_an_issue_unless_a_playbook_says_the_rest():
    (found,) = findings(facts_of(prompt="Fix it."))
    assert (found.label, found.impact, found.type) == ("The prompt says little", "low", "prompt_improvement")
    assert findings(facts_of(("playbook_selected", {"title": "Nightly"}), prompt="Fix it.")) == []


def test_the_timeline_tells_what_happened_in_order():
    log = [ran("a", 1), ran("b"), step("file_edit", path="/workspace/app/a.py"), step("model_call"),
           step("git_commit", message="Fix", files=["a.py", "b.py"]), step("pull_request", url="u"),
           ("limit_reached", {"reason": "out"}), ("devin_message", {"message": "Done."})]  # fmt: skip
    facts = facts_of(*log, state("running", "finished"))
    items = by_rules(facts, classify(facts, None))["timeline"]
    titles = [one["title"] for one in items]
    assert titles == ["Asked", "Worked", "Committed", "Pull request", "Limit reached", "Answered", "Finished"]
    worked = next(one for one in items if one["title"] == "Worked")
    assert worked["description"].startswith("2 commands (1 failed), ")
    (trouble,) = [one for one in items if one["color"] == "red"]
    assert (trouble["title"], trouble["issue_id"]) == ("Limit reached", "issue-1")


def test_a_long_timeline_is_cut_in_the_middle():
    facts = facts_of(*[("devin_message", {"message": str(number)}) for number in range(200)])
    items = by_rules(facts, classify(facts, None))["timeline"]
    assert len(items) == LONGEST_TIMELINE + 1
    assert (items[0]["title"], items[-1]["description"]) == ("Asked", "199")


def test_the_suggested_prompt_holds_what_was_said_later():
    facts = facts_of(said("Use the parser of the standard library."), said("ok"), ran("pytest", 1))
    made = by_rules(facts, classify(facts, None))["suggested_prompt"]
    assert made["original_prompt"] == PROMPT
    assert made["suggested_prompt"].startswith(f"{PROMPT}\n\nAlso:\n- Use the parser of the standard library.\n")
    assert "all tests of the project pass" in made["suggested_prompt"]
    assert [one["summary"] for one in made["feedback_items"]] == ["Said later", "Tests fail at the end"]
    plain = facts_of()
    assert by_rules(plain, classify(plain, None))["suggested_prompt"] is None


def test_notes_are_used_well_or_badly_by_what_their_code_did():
    notes = [
        {"note_id": "note-1", "name": "Tests", "body": "Run `make test` in the folder."},
        {"note_id": "note-2", "name": "Build", "body": "Run `make old-build`."},
        {"note_id": "note-3", "name": "Silent", "body": "Be kind."},
    ]
    log = [("knowledge_selected", {"notes": notes}), ran("cd /workspace && make test"), ran("make old-build", 2)]
    facts = facts_of(*log)
    used = by_rules(facts, classify(facts, None))["note_usage"]
    assert [one["note_id"] for one in used["good_usages"]] == ["note-1"]
    assert [one["note_id"] for one in used["bad_usages"]] == ["note-2"]
    assert used["bad_usages"][0]["message"] == "Build: make old-build"
    assert by_rules(facts_of(), classify(facts_of(), None))["note_usage"] is None


@pytest.mark.parametrize(
    ("prompt", "files", "category", "subcategory"),
    [
        (PROMPT, ["app/parser.py", "tests/test_parser.py"], "bug_fixing", "Crash or error"),
        ("Write unit tests for the money module", ["tests/test_money.py"], "unit_test_generation", "Unit tests"),
        ("Upgrade Django to the newer version", ["requirements.txt"], "migrations_and_upgrades", "Upgrade"),
        ("Rewrite the README and the guide", ["README.md"], "documentation_and_content", "Documentation"),
        ("Speed: make the queries faster, optimise memory", [], "refactoring_and_optimization", "Performance"),
        ("Set up a CI pipeline with docker", [".github/workflows/a.yml"], "ci_cd_and_devops", "Pipelines"),
        ("Implement an endpoint that lists invoices", ["app/api.py"], "feature_development", "New feature"),
        ("Please do the thing", [], "other", "Other"),
    ],
)  # fmt: skip
def test_categories(prompt, files, category, subcategory):
    facts = facts_of(step("git_commit", files=files, message="m"), prompt=prompt)
    found = classify(facts, None)
    assert (found.category, found.subcategory) == (category, subcategory)
    assert 0 <= found.confidence <= 1


def test_languages_and_tools_are_those_that_were_used():
    files = ["a.py", "b.py", "web/c.ts"]
    found = classify(facts_of(step("git_commit", files=files), ran("python -m pytest && npm ci")), None)
    assert (found.languages, sorted(found.tools)) == (["Python", "TypeScript"], ["npm", "pytest"])
