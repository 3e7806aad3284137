"""Commands for code scans: start, list, findings, mark, remediate, ingest, repeat, and their profiles."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from cogmill.cli.output import FAILED, JsonFlag, busy, clean, connect, fail, guarded, note, print_json, stdout
from cogmill.cli.resources import After, First, Shared, show, show_list
from cogmill.cli.values import read_object

if TYPE_CHECKING:
    from cogmill.client import Client, Resources

Repo = Annotated[str, typer.Argument(metavar="REPOSITORY", help="owner/name, URL or local path.")]
Profile = Annotated[str | None, typer.Option("--profile", metavar="PROFILE", help="Id or name of a profile.")]
Host = Annotated[str | None, typer.Option("--host", help="The host of a git connection.")]
Wait = Annotated[bool, typer.Option("--wait", help="Until it is over or asks something; exit code 1 unless completed.")]
Scan = Annotated[str, typer.Argument(metavar="SCAN", help="Id; `cogmill code-scans list` shows it.")]
Finding = Annotated[str, typer.Argument(metavar="FINDING", help="Id; `cogmill code-scans findings` shows it.")]
Named = Annotated[str, typer.Argument(metavar="PROFILE", help="Id or name.")]
File = Annotated[str, typer.Argument(metavar="FILE", help="A JSON object with fields of a profile; - for stdin.")]
OnlyRepo = Annotated[str | None, typer.Option("--repo", metavar="OWNER/NAME", help="Of this repository.")]
OPEN = ("waiting", "pending", "running")
PAUSE_SECONDS = 0.3
SCANS = (
    ("SCAN", "scan_id"), ("REPOSITORY", "repo_name"), ("TYPE", "scan_type"), ("STATUS", "status"),
    ("SESSION", "session_id"), ("ERROR", "error"),
)  # fmt: skip
FINDINGS = (
    ("FINDING", "finding_id"), ("SCAN", "scan_id"), ("SEVERITY", "severity"), ("STATUS", "status"), ("WHERE", "where"),
    ("TITLE", "title"), ("PULL REQUEST", "pr_url"),
)  # fmt: skip
PROFILES = (
    ("PROFILE", "profile_id"), ("NAME", "name"), ("TYPE", "scan_type"), ("MODE", "mode"), ("OF", "visibility"),
)  # fmt: skip


@contextmanager
def reached(what: str = "", *, ours: bool = False, enterprise: bool = False) -> "Iterator[tuple[Client, Resources]]":
    """The client, and what lies at an address below code-scans."""
    from cogmill.client import Resources

    with connect() as client, busy("Asking the server…"):
        where = "enterprise" if enterprise else f"organizations/{client.org_id()}"
        yield client, Resources(client.http, f"/{'cogmill/v1' if ours else 'v3'}/{where}/code-scans{what}", "cursor")


@guarded
def start(
    repository: Repo,
    profile: Profile = None,
    scan_type: Annotated[str | None, typer.Option("--type", help="security, performance, dead-code …")] = None,
    commit: Annotated[str | None, typer.Option(help="Hash of a commit; default: the newest one.")] = None,
    host: Host = None,
    wait: Wait = False,
    json_: JsonFlag = False,
) -> None:
    """Start a scan of a repository."""
    body = {"scan_type": scan_type, "commit_sha": commit, "host": host}
    with reached() as (client, resources):
        body |= {"repo_name": repository, "profile_id": profile and _profile_id(client, profile)}
        made = resources.create({name: value for name, value in body.items() if value is not None})
    _over(made, json_, wait=wait)


@guarded
def list_(
    repo: OnlyRepo = None, first: First = 100, after: After = None, enterprise: Shared = False, json_: JsonFlag = False
) -> None:
    """List scans, newest first."""
    with reached(enterprise=enterprise) as (_, resources):
        answer = resources.page(first, after, {"repo_name": repo})
    show_list(answer, SCANS, resources.next_(answer, after), json_)


@guarded
def findings(
    scan: Annotated[str | None, typer.Option("--scan", metavar="SCAN", help="That this scan reported.")] = None,
    repo: OnlyRepo = None,
    severity: Annotated[list[str] | None, typer.Option(help="critical, high, medium or low; repeatable.")] = None,
    status: Annotated[list[str] | None, typer.Option(help="open, dismissed or resolved; repeatable.")] = None,
    first: First = 100,
    after: After = None,
    enterprise: Shared = False,
    json_: JsonFlag = False,
) -> None:
    """List findings, newest first."""
    filters = {"scan_id": scan, "repo_name": repo, "severity": severity or None, "status": status or None}
    with reached("/findings", enterprise=enterprise) as (_, resources):
        answer = resources.page(first, after, filters)
    if not json_:
        for one in answer["items"]:
            one["where"] = next((f"{at['file_path']}:{at['start_line']}" for at in one["reference_snippets"]), "")
    show_list(answer, FINDINGS, resources.next_(answer, after), json_)


@guarded
def mark(
    finding: Finding,
    status: Annotated[str | None, typer.Option(help="open, dismissed or resolved.")] = None,
    said: Annotated[str | None, typer.Option("--note", help="What to note beside it.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Dismiss a finding, resolve it or open it again; note something."""
    body = {name: value for name, value in (("status", status), ("note", said)) if value is not None}
    if not body:
        raise typer.BadParameter("Say what to change: --status or --note.")
    with reached("/findings", ours=True) as (_, resources):
        changed = resources.change("PATCH", finding, body)
    _tell(changed, f"{changed['status']}: {changed['title']} ({finding})", json_)


@guarded
def remediate(scan: Scan, finding: Finding, json_: JsonFlag = False) -> None:
    """Start a session that puts a finding right."""
    with reached(f"/{quote(scan, safe='')}/findings") as (_, resources):
        made = resources.do(finding, "remediate")
    _tell(made, f"Session {made['session_id']} remedies {finding}", json_)


@guarded
def ingest(
    repository: Repo,
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE…", help="Reports, SARIF or any other.")] = None,
    profile: Annotated[str, typer.Option("--profile", metavar="PROFILE", help="Id or name; in mode ingest.")] = (
        "Reports of other tools"
    ),
    host: Host = None,
    wait: Wait = False,
    json_: JsonFlag = False,
) -> None:
    """Take over findings from reports of other tools."""
    with reached("/ingestion") as (client, resources):
        body: dict[str, Any] = {"repo_name": repository, "profile_id": _profile_id(client, profile), "host": host}
        made = resources.create(body | {"attachment_urls": [client.upload(path).url for path in files or []]})
    _over(made, json_, wait=wait)


@guarded
def repeat(
    scan: Scan,
    frequency: Annotated[str | None, typer.Option(help="Cron expression in UTC; default: once a week.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Not any more.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Have a scan repeated."""
    if off and frequency is not None:
        raise typer.BadParameter("--off goes without --frequency.", param_hint="--off")
    with reached(f"/{quote(scan, safe='')}/auto-scan") as (_, resources):
        done = resources.create({"enabled": not off, "frequency": frequency})
    repeats = done["auto_scan"]
    _tell(done, f"{scan} is repeated: {repeats['frequency']}" if repeats else f"{scan} is not repeated", json_)


@guarded
def profiles(first: First = 100, after: After = None, enterprise: Shared = False, json_: JsonFlag = False) -> None:
    """List profiles, newest first."""
    with reached("/profiles", enterprise=enterprise) as (_, resources):
        answer = resources.page(first, after, {})
    show_list(answer, PROFILES, resources.next_(answer, after), json_)


@guarded
def view_profile(named: Named, json_: JsonFlag = False) -> None:
    """Show a profile with its texts."""
    with reached("/profiles") as (client, resources):
        found = resources.get(_profile_id(client, named))
    show(found, json_)


@guarded
def create_profile(file: File, enterprise: Shared = False, json_: JsonFlag = False) -> None:
    """Make a profile from a file."""
    with reached("/profiles", ours=True, enterprise=enterprise) as (_, resources):
        made = resources.create(read_object(file))
    _tell(made, f"created: {made['name']} ({made['profile_id']})", json_)


@guarded
def edit_profile(named: Named, file: File, enterprise: Shared = False, json_: JsonFlag = False) -> None:
    """Change what a file names of a profile."""
    with reached("/profiles", ours=True, enterprise=enterprise) as (client, resources):
        changed = resources.change("PATCH", _profile_id(client, named, enterprise=enterprise), read_object(file))
    _tell(changed, f"changed: {changed['name']} ({changed['profile_id']})", json_)


@guarded
def delete_profile(named: Named, enterprise: Shared = False, json_: JsonFlag = False) -> None:
    """Delete a profile; scans that followed it keep its name."""
    with reached("/profiles", ours=True, enterprise=enterprise) as (client, resources):
        gone = resources.delete(_profile_id(client, named, enterprise=enterprise)) or {}
    _tell(gone, f"deleted: {gone.get('name')} ({gone.get('profile_id')})", json_)


def _profile_id(client: "Client", named: str, *, enterprise: bool = False) -> str:
    """The id: as it is if it looks like one, else of the one with this name."""
    from cogmill.client import Resources

    if named.startswith("scan-profile-"):
        return named
    where = "enterprise" if enterprise else f"organizations/{client.org_id()}"
    known = Resources(client.http, f"/v3/{where}/code-scans/profiles", "cursor")
    return str(known.one(named, "profile_id", "name")["profile_id"])


def _over(scan: dict[str, Any], json_: bool, *, wait: bool) -> None:
    """Tell how a scan stands, with `wait` when nothing more comes of it by itself."""
    with reached(ours=True) as (_, resources):
        while wait and scan["status"] in OPEN:
            time.sleep(PAUSE_SECONDS)
            scan = resources.get(scan["scan_id"])
    if wait and scan["status"] != "completed":
        hint = f"cogmill sessions events {scan['session_id']}" if scan["session_id"] else None
        said = f"Scan {scan['scan_id']} is {scan['status']}: {scan['error'] or 'somebody has to do something'}"
        raise fail(said, FAILED, json_=json_, hint=hint)
    _tell(scan, f"{scan['status']}: {scan['repo_name']} ({scan['scan_id']})", json_)
    for problem in [] if json_ else scan["problems"]:
        note(f"Not taken: {problem}")
    if not json_ and wait:
        note(f"What it found: cogmill code-scans findings --scan {scan['scan_id']}")


def _tell(one: dict[str, Any], text: str, json_: bool) -> None:
    if json_:
        print_json(one)
    else:
        stdout().print(clean(text), soft_wrap=True)
