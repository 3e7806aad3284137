"""Code scans through a real server: by shell blocks, by a model, from reports, to a pull request that resolves."""

import json
import subprocess
import time

import pytest

from tests.engine.agents.provider import StubProvider, call
from tests.engine.test_model_sessions import settings
from tests.serving import Served

IDENTITY = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
LINTER = """
import json
lines = open("app/db.py").read().splitlines()
at = next(n for n, line in enumerate(lines, 1) if "execute" in line)
print("12 files looked at")
print(json.dumps([
    {"severity": "High", "category": "injection", "title": "Query from text", "description": "d", "id": "a",
     "reference_snippets": [{"file_path": "/workspace/shop/app/db.py", "start_line": at, "commentary": "here"}]},
    {"severity": "low", "title": "Old", "file_path": "README.md", "start_line": 1, "related": ["a"]},
    {"severity": "huge", "title": "No such severity", "file_path": "README.md"},
    {"severity": "low", "title": "Outside", "file_path": "../../etc/passwd", "start_line": 1},
    {"severity": "low", "title": "Not there", "file_path": "app/none.py", "start_line": 1},
    {"severity": "low", "title": "Left out", "file_path": "vendor/x.py", "start_line": 1}]))
"""
BLOCKS = f"### Run it\n\n~~~sh name=findings\ncd shop && python3 - <<'END'{LINTER}END\n~~~"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with StubProvider() as provider:
        server = Served(tmp_path_factory.mktemp("scans") / "data")
        server.start(**settings(provider))
        yield server, provider
        server.close()


class Scans:
    """The operations of the organization over HTTP, and its one repository."""

    def __init__(self, served, folder):
        self.served = served
        self.org = served.keys["org_id"]
        self.folder = folder
        self.commit_ids = []

    def ask(self, method, path, expect=200, ours=False, **more):
        base = f"/cogmill/v1/organizations/{self.org}" if ours else f"/v3/organizations/{self.org}"
        answer = self.served.client.request(method, f"{base}/code-scans{path}", **more)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def commit(self, files):
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for command in (["add", "."], [*IDENTITY, "commit", "-qm", "next"]):
            subprocess.run(["git", *command], cwd=self.folder, check=True)
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=self.folder, check=True, capture_output=True, text=True)
        self.commit_ids.append(done.stdout.strip())

    def profile(self, **fields):
        return self.ask("POST", "/profiles", ours=True, json={"name": "P"} | fields)["profile_id"]

    def start(self, expect=201, **body):
        return self.ask("POST", "", expect, json={"repo_name": str(self.folder)} | body)

    def wait(self, scan_id, *statuses):
        until = time.monotonic() + 30
        while True:
            scan = self.ask("GET", f"/{scan_id}", ours=True)
            if scan["status"] in statuses:
                return scan
            assert time.monotonic() < until, scan
            time.sleep(0.05)

    def run(self, *statuses, **body):
        return self.wait(self.start(**body)["scan_id"], *(statuses or ("completed",)))

    def findings(self, query=""):
        return self.ask("GET", f"/findings?{query}")["items"]

    def told(self, scan):
        events = self.served.events(scan["session_id"])
        return [one["contents"] for one in events if one["event_type"] == "code_scan_findings"]


def make(served, folder):
    """A repository with two files that have owners, and the calls."""
    folder.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)
    scans = Scans(served, folder)
    code = "def find(c, n):\n    c.execute('select ' + n)\n"
    owners = "* @all\n/app/ @db @sec\n"
    scans.commit({"app/db.py": code, "README.md": "Shop\n", "vendor/x.py": "x\n", "CODEOWNERS": owners})
    return scans


@pytest.fixture
def scans(shared, tmp_path):
    served, provider = shared
    provider.script.clear()
    provider.requests.clear()
    return make(served, tmp_path / "shop")


def test_shell_blocks_report_without_a_model_and_a_later_scan_finds_the_same_ones(scans, shared):
    profile = scans.profile(investigation_guidance=BLOCKS, exclude_globs=["vendor/**"], scan_type="code-quality")
    scan = scans.run(profile_id=profile)
    assert (scan["repo_name"], scan["scan_type"], scan["profile"]) == (
        "local/shop", "code-quality", {"profile_id": profile, "name": "P"},
    )  # fmt: skip
    assert shared[1].requests == []
    found, old = scans.findings(f"scan_id={scan['scan_id']}")
    assert (found["severity"], found["category"], found["title"]) == ("high", "injection", "Query from text")
    assert found["code_owners"] == ["@db", "@sec"]
    assert found["reference_snippets"] == [
        {"file_path": "app/db.py", "start_line": 2, "end_line": 2, "commentary": "here",
         "code": "    c.execute('select ' + n)"}
    ]  # fmt: skip
    assert (found["orchestrator_session_id"], found["session_id"]) == (scan["session_id"], None)
    assert (old["title"], old["related_finding_ids"]) == ("Old", [found["finding_id"]])
    (told,) = scans.told(scan)
    assert scan["problems"] == told["problems"]
    assert (told["new"], told["known"]) == (2, 0)
    for words in ("'huge'", "'../../etc/passwd'", "'app/none.py'", "'vendor/x.py' is left out"):
        assert any(words in one for one in told["problems"]), words
    # The code moves, and the same thing stays one finding; what was resolved and is back is a new one.
    scans.ask("PATCH", f"/findings/{old['finding_id']}", ours=True, json={"status": "resolved", "note": "done"})
    scans.commit({"app/db.py": "# more\n\ndef find(c, n):\n    c.execute('select ' + n)\n"})
    second = scans.run(profile_id=profile)
    again, same = scans.findings(f"scan_id={second['scan_id']}")
    assert (same["finding_id"], same["scan_id"]) == (found["finding_id"], second["scan_id"])
    assert (again["title"], again["related_finding_ids"]) == ("Old", [old["finding_id"], found["finding_id"]][:1])
    assert scans.findings(f"repo_name={scan['repo_name']}&status=open&severity=high")[0]["scan_id"] == scan["scan_id"]
    # At an earlier commit.
    third = scans.run(profile_id=profile, commit_sha=scans.commit_ids[0][:12])
    assert scans.told(third)[0]["new"] == 0
    lost = scans.run("failed", profile_id=profile, commit_sha="f" * 40)
    assert lost["session_id"] in lost["error"]


def test_what_is_no_report_fails_and_a_question_waits(scans):
    silent = scans.profile(investigation_guidance="~~~sh name=findings\necho nothing to see\n~~~")
    scan = scans.run("failed", profile_id=silent, scan_type="general")
    assert "The report is no JSON" in scan["error"]
    assert "error" in scans.told(scan)[0]
    ended = scans.run(
        "awaiting_user_input", profile_id=scans.profile(investigation_guidance="~~~sh name=findings\nfalse\n~~~")
    )
    scans.served.client.delete(f"/v3/organizations/sessions/{ended['session_id']}")
    assert scans.wait(ended["scan_id"], "cancelled")["error"] is None


def test_a_model_reports_through_structured_output_and_remedies(scans, shared):
    provider = shared[1]
    good = {"severity": "critical", "title": "Injection", "description": "d", "category": "sql",
            "reference_snippets": [{"file_path": "app/db.py", "start_line": 2}]}  # fmt: skip
    provider.says(
        {"calls": [call("structured_output", output={"findings": [good | {"severity": "huge"}]})]},
        {"calls": [call("structured_output", output={"findings": [good]}), call("finish", summary="One.")]},
    )
    scan = scans.run()
    asked = json.dumps(provider.requests[0])
    assert "Follow it to where it" in asked
    assert scan["profile"] is None
    (found,) = scans.findings(f"scan_id={scan['scan_id']}")
    assert (found["severity"], found["reference_snippets"][0]["code"]) == ("critical", "    c.execute('select ' + n)")
    path = f"/{scan['scan_id']}/findings/{found['finding_id']}/remediate"
    provider.says(
        {"calls": [call("edit_file", path="app/db.py", old="'select ' + n", new="'select ?', n")]},
        {"calls": [call("git_commit", message="Bind it")]},
        {"calls": [call("open_pull_request", title="Bind it", body="b"), call("finish", summary="Done.")]},
    )
    made = scans.ask("POST", path)
    assert made["finding_id"] == found["finding_id"]
    refused = scans.served.client.post(f"/v3/organizations/{scans.org}/code-scans{path}")
    assert (refused.status_code, refused.json()["session_id"]) == (409, made["session_id"])
    scans.served.wait(made["session_id"], "finished")
    (now,) = scans.findings(f"scan_id={scan['scan_id']}")
    assert (now["session_id"], now["status"]) == (made["session_id"], "open")
    assert "/pull-requests/pr-" in now["pr_url"]
    span = f"time_after={int(time.time()) - 3600}&time_before={int(time.time()) + 60}"
    figures = scans.ask("GET", f"/metrics?{span}")
    assert (figures["prs_created_count"], figures["prs_open_count"], figures["prs_merged_count"]) == (1, 1, 0)
    assert figures["open_critical_findings_count"] == 1


def upload(scans, name, content):
    answer = scans.served.client.post(
        f"/v3/organizations/{scans.org}/attachments", files={"file": (name, content, "application/json")}
    )
    return answer.json()["url"]


def sarif(*results, **run):
    rules = [
        {"id": "S608", "shortDescription": {"text": "SQL from text"}, "help": {"text": "Bind it."},
         "properties": {"security-severity": "9.1"}},
        {"id": "D100", "messageStrings": {"m": {"text": "No {0} in [it](1)"}}},
    ]  # fmt: skip
    tool = {"driver": {"name": "lint", "rules": rules}}
    return json.dumps({"version": "2.1.0", "runs": [{"tool": tool, "results": list(results), **run}]})


def at(uri, line, **region):
    place = {"artifactLocation": {"uri": uri}, "region": {"startLine": line, **region}}
    return {"locations": [{"physicalLocation": place}]}


def test_sarif_is_read_by_the_server_and_other_reports_by_a_session(scans, shared):
    profile = scans.profile(mode="ingest", scan_type="security", ingestion_source_guidance="Read it all.")
    report = sarif(
        {"ruleId": "S608", "ruleIndex": 0, "message": {"text": "Long\ntext"}, **at("file:///ci/x/app/db.py", 2)},
        {"ruleId": "D100", "message": {"id": "m", "arguments": ["doc"]}, "level": "note", **at("README.md", 1)},
        {
            "ruleId": "D100",
            "message": {"text": "Accepted"},
            "suppressions": [{"kind": "inSource"}],
            **at("app/db.py", 1),
        },
        {"ruleId": "D100", "message": {"text": "Passed"}, "kind": "pass"},
        {"ruleId": "D100", "message": {"text": "Gone"}, **at("../../x", 1)},
        {"message": {}},
        "rubbish",
    )
    body = {"repo_name": str(scans.folder), "profile_id": profile}
    scan = scans.ask("POST", "/ingestion", 201, json=body | {"attachment_urls": [upload(scans, "r.sarif", report)]})
    assert (scan["mode"], scan["session_id"]) == ("ingest", None)
    done = scans.wait(scan["scan_id"], "completed")
    assert (done["error"], len(done["problems"])) == (None, 3)
    assert any("'../../x' is no path" in one for one in done["problems"])
    found, noted, accepted = scans.findings(f"scan_id={scan['scan_id']}")
    assert (found["severity"], found["title"], found["category"]) == ("critical", "SQL from text", "S608")
    assert (found["description"], found["recommendation"]) == ("Long\ntext", "Bind it.")
    assert found["reference_snippets"][0]["file_path"] == "app/db.py"
    assert found["reference_snippets"][0]["code"] == "    c.execute('select ' + n)"
    assert (noted["severity"], noted["title"], noted["code_owners"]) == ("low", "No doc in it", ["@all"])
    assert (accepted["status"], accepted["note"]) == ("dismissed", "Suppressed in the report.")
    broken = upload(scans, "b.sarif", '{"version": "2.1.0", "runs": [')
    scan = scans.ask("POST", "/ingestion", 201, json=body | {"attachment_urls": [broken]})
    assert "no JSON" in scans.wait(scan["scan_id"], "failed")["error"]
    said = {"severity": "low", "title": "From a table", "description": "d", "reference_snippets": []}
    shared[1].says({"calls": [call("structured_output", output={"findings": [said]}), call("finish", summary="One.")]})
    both = [upload(scans, "r.sarif", report), upload(scans, "r.csv", "a,b\n")]
    scan = scans.wait(
        scans.ask("POST", "/ingestion", 201, json=body | {"attachment_urls": both})["scan_id"], "completed"
    )
    asked = json.dumps(shared[1].requests[-1])
    assert "Read it all." in asked
    assert "r.csv" in asked
    assert "r.sarif" not in asked
    assert {one["title"] for one in scans.findings(f"scan_id={scan['scan_id']}")} >= {"From a table"}
    discover = body | {"profile_id": scans.profile(), "attachment_urls": both}
    assert "mode ingest" in scans.ask("POST", "/ingestion", 400, json=discover)["detail"]


def test_kill_9_doubles_no_finding_and_forgets_no_report(tmp_path):
    """Between what a report says being written and its step being finished; and before a report is read."""
    with StubProvider() as provider:
        provider.by_progress = True
        good = {"severity": "low", "title": "T", "description": "d", "reference_snippets": []}
        provider.says(
            {"calls": [call("structured_output", output={"findings": [good]})]},
            {"calls": [call("finish", summary="One.")]},
        )
        served = Served(tmp_path / "data")
        try:
            scans = make(served, tmp_path / "shop")
            served.start(**settings(provider), COGMILL_CRASH_AT="step_acted:3")
            scan = scans.start()
            assert served.process.wait(30) == -9
            served.start(**settings(provider), COGMILL_CRASH_AT="ingestion_taken")
            scan = scans.wait(scan["scan_id"], "completed")
            assert [(one["new"], one["known"]) for one in scans.told(scan)] == [(1, 0), (0, 1)]
            assert len(scans.findings()) == 1
            report = upload(scans, "r.sarif", sarif({"ruleId": "S608", "message": {"text": "m"}, **at("app/db.py", 2)}))
            body = {"repo_name": str(scans.folder), "attachment_urls": [report]}
            body["profile_id"] = next(
                one["profile_id"] for one in scans.ask("GET", "/profiles")["items"] if one["mode"] == "ingest"
            )
            scan = scans.ask("POST", "/ingestion", 201, json=body)
            assert served.process.wait(30) == -9
            served.start(**settings(provider))
            scans.wait(scan["scan_id"], "completed")
            assert len(scans.findings()) == 2
        finally:
            served.close()
