"""The list of findings against a slow one, and what a report comes to."""

import asyncio
import json
from itertools import product

import pytest
from sqlalchemy import Engine, event

from cogmill.domain.code_scans import sarif
from cogmill.domain.code_scans.paths import Owners, matches, nearest, relative
from cogmill.domain.code_scans.reports import MOST, Unreadable, read

from .conftest import finding


async def test_every_filter_and_page_of_the_list(scans, server):
    repo = await scans.repository("acme/web")
    made = [await scans.start(), await scans.start(repo_name=repo)]
    for scan, severity in product(made, ("critical", "high", "medium", "low")):
        await scans.report(scan, *(finding(f"{severity}{n}{scan['scan_id']}", severity) for n in range(3)))
    everything = await scans.findings("first=200")
    for number, one in enumerate(everything):
        status = ("open", "dismissed", "resolved")[number % 3]
        await scans.ours("PATCH", f"/findings/{one['finding_id']}", json={"status": status})
    everything = await scans.findings("first=200")
    assert len(everything) == 24
    top = {"at": "enterprise", "caller": "enterprise_admin"}
    queries = {
        "": lambda one: True,
        "repo_name=acme/web": lambda one: one["repo_name"] == "acme/web",
        "severity=high,low": lambda one: one["severity"] in {"high", "low"},
        "status=open&status=resolved": lambda one: one["status"] != "dismissed",
        "status=open&severity=critical&repo_name=acme/app": lambda one: (
            (one["status"], one["severity"], one["repo_name"]) == ("open", "critical", "acme/app")
        ),
        f"scan_id={made[0]['scan_id']}": lambda one: one["scan_id"] == made[0]["scan_id"],
        f"scan_id={made[0]['scan_id']}&status=open&severity=low": lambda one: (
            (one["scan_id"], one["status"], one["severity"]) == (made[0]["scan_id"], "open", "low")
        ),
    }  # fmt: skip
    for query, fits in queries.items():
        expected = [one for one in everything if fits(one)]
        for options in ({}, top):
            found, after = [], ""
            while after is not None:
                page = await scans.ask("GET", f"/findings?first=5&{query}{after}", **options)
                found += page["items"]
                after = f"&after={page['end_cursor']}" if page["has_next_page"] else None
            assert found == expected, query
    assert await scans.findings(f"org_ids={scans.org}&severity=low", **top) == await scans.findings("severity=low")
    assert await scans.findings(f"org_ids={server.world.second_org}", **top) == []
    assert await scans.findings("scan_id=scan-none") == []
    for wrong in ("severity=huge", "status=lost", "first=0", "after=rubbish"):
        await scans.ask("GET", f"/findings?{wrong}", expect=422)


async def test_scans_that_report_the_same_at_the_same_time_share_it(scans):
    made = [await scans.start() for _ in range(4)]
    found = [finding(number) for number in range(60)]
    orders = (found, found[::-1], found[30:] + found[:30], found)
    await asyncio.gather(*(scans.report(scan, *order) for scan, order in zip(made, orders, strict=True)))
    assert len(await scans.findings("first=200")) == 60
    for scan in made:
        assert len(await scans.findings(f"first=200&scan_id={scan['scan_id']}")) == 60


@pytest.mark.one_database
async def test_ids_of_a_page_are_found_in_indexes_alone(scans, server):
    seen = []

    def remember(_connection, _cursor, statement, parameters, *_):
        if "code_scan_finding" in statement:
            seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", remember)
    try:
        for query in ("", "severity=high", "repo_name=acme/app", "status=open"):
            await scans.findings(query)
            await scans.findings(query, at="enterprise", caller="enterprise_admin")
    finally:
        event.remove(Engine, "before_cursor_execute", remember)
    plans = await server.read(
        lambda ctx: [
            [step.detail for step in ctx.db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for statement, parameters in seen
        ]
    )
    steps = [step for plan in plans for step in plan]
    assert not [one for one in steps if "TEMP B-TREE" in one]
    of_ids = [plan for (statement, _), plan in zip(seen, plans, strict=True) if "title" not in statement]
    assert len(of_ids) == 40
    along_key, covered = "SCAN code_scan_finding", "USING COVERING INDEX"
    assert [plan for plan in of_ids if covered not in plan[0] and plan[0] != along_key] == []
    assert len([plan for plan in of_ids if plan[0] == along_key]) == 1  # everything there is, newest first


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ("", "empty"), ("nothing", "no JSON"), ("[1", "no JSON"), ("{}", "neither"), ("3", "neither"),
        ('{"version": "1.0.0", "runs": []}', "SARIF 1.0.0"), ('{"version": "2.1.0", "runs": {}}', "no list"),
        (b"\xff\xfe", "UTF-8"), ("[" * 100_000, "no JSON"), ("[NaN]", "no number"),
    ],
)  # fmt: skip
def test_what_is_no_report_says_so(report, words):
    with pytest.raises(Unreadable, match=words):
        read(report)


def test_findings_of_a_report_are_taken_or_refused_one_by_one():
    good = {"severity": "LOW", "title": " a  b ", "file_path": "x", "start_line": 3, "end_line": 2}
    bad = [3, {}, {"severity": "low"}, {"severity": ["low"], "title": "t"}, good | {"start_line": 0},
           good | {"reference_snippets": 3}, good | {"reference_snippets": [{}]}, good | {"start_line": True},
           good | {"title": 3}]  # fmt: skip
    report = read("12 files\n" + json.dumps({"findings": [*bad, good]}) + "\nDone.")
    assert len(report.problems) == len(bad)
    (found,) = report.findings
    assert (found.severity, found.title, found.places[0].start_line, found.places[0].end_line) == ("low", "a b", 2, 3)
    assert len(read([good] * (MOST + 1)).findings) == MOST


def test_odd_sarif_is_read_without_falling_over():
    run = {"tool": 3, "results": [{"message": {"text": "m"}, "ruleIndex": 7, "locations": [3, {}], "level": 9}]}
    (result,) = sarif.results({"version": "2.1.0", "runs": [run]})
    assert (result.severity, result.title, result.rule, result.places) == ("medium", "m", None, ())
    place = {
        "physicalLocation": {"artifactLocation": {"index": 0}, "region": {"startLine": 4, "snippet": {"text": "c"}}}
    }
    rule = {"id": "R", "name": "Name", "defaultConfiguration": {"level": "error"}}
    item = {"rule": {"index": 0, "toolComponent": {"index": 0}}, "message": {"text": "One\ntwo"}, "locations": [place]}
    run = {"tool": {"driver": {}, "extensions": [{"rules": [rule]}]}, "artifacts": [{"location": {"uri": "a%20b.c"}}],
           "results": [item], "versionControlProvenance": [{"revisionId": "a" * 40}]}  # fmt: skip
    report = {"version": "2.1.0", "runs": [run]}
    (result,) = sarif.results(report)
    assert (result.severity, result.title, result.rule, result.message) == ("high", "One", "R", "One\ntwo")
    assert (result.places[0].uri, result.places[0].code, sarif.commit_of(report)) == ("a%20b.c", "c", "a" * 40)


def test_paths_patterns_and_owners():
    root = "/workspace/app"
    for given, expected in {
        "src/a.py": "src/a.py", "./src//a.py": "src/a.py", f"{root}/a.py": "a.py", f"file://{root}/a%20b": "a b",
        "../a": None, "/etc/passwd": None, "http://x/a": None, "": None, "a\nb": None, "src\\a.py": "src/a.py",
    }.items():  # fmt: skip
        assert relative(given, root) == expected, given
    assert relative("/ci/src/a.py", None) == "/ci/src/a.py"
    assert nearest("/ci/src/a.py", frozenset({"a.py", "src/a.py"})) == "src/a.py"
    assert nearest("src/b.py", frozenset({"b.py"})) is None
    for glob, path, fits in (
        ("*.py", "a.py", True), ("*.py", "b/a.py", False), ("**/*.py", "a.py", True), ("**/*.py", "b/c/a.py", True),
        ("src/**", "src/b/c", True), ("src/**", "src", False), ("**/x/**/y", "x/x/y", True), ("a?c*", "abcd", True),
        ("a*" * 40 + "b", "a" * 80, False), ("**/" * 40 + "b", "a/" * 60 + "c", False),
    ):  # fmt: skip
        assert matches(glob, path) is fits, (glob, path)
    owners = Owners.read("* @all\n/docs/ @docs # why\n*.py @py a@b.c\nsrc/app/ @app\nlib/*.js @js\n[Part] @x\nno/\n")
    for path, expected in {
        "a.txt": ["@all"], "docs/a/b": ["@docs"], "x/docs/a": ["@all"], "x/a.py": ["@py", "a@b.c"],
        "src/app/a.py": ["@app"], "lib/a.js": ["@js"], "lib/x/a.js": ["@all"], "x/no/a": [],
    }.items():  # fmt: skip
        assert owners.of([path]) == expected, path
