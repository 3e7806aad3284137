"""Commands for repositories: list, index, status, search."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from cogmill.cli.output import FAILED, JsonFlag, busy, clean, connect, fail, guarded, note, print_json, stdout

if TYPE_CHECKING:
    from cogmill.client import Client, IndexingStatus, IndexJob

Path = Annotated[str, typer.Argument(metavar="REPOSITORY", help="Its path, such as owner/name.")]
IN_PROGRESS = "in_progress"
PAUSE_SECONDS = 0.3


@guarded
def list_(
    first: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 100,
    after: Annotated[str | None, typer.Option(help="Cursor of the page before (end_cursor).")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Only those with this in their path.")] = None,
    json_: JsonFlag = False,
) -> None:
    """List the organization's repositories and how their indexes stand."""
    with connect() as client, busy("Asking the server…"):
        page = client.repositories.list_({"first": first, "after": after, "filter_name": name})
    if json_:
        print_json(page.raw())
        return
    from cogmill.cli.tables import repository_table

    if not page.items:
        note("No repositories here. A session brings one: cogmill run PROMPT --repo …")
        return
    stdout().print(repository_table(page.items))
    if page.has_next_page:
        note(f"There are more: --after {page.end_cursor}")


@guarded
def index(
    repository: Path,
    branch: Annotated[
        list[str] | None, typer.Option("--branch", help="Just these branches; repeatable. Without it the default one.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until the index is built; exit code 1 if that fails.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Turn indexing off and delete the index.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Turn indexing on (or off). From then on the index follows its branches by itself."""
    if remove and (branch or wait):
        raise typer.BadParameter("--remove goes with neither --branch nor --wait.", param_hint="--remove")
    with connect() as client, busy("Asking the server…"):
        done = client.repositories.remove(repository) if remove else client.repositories.index(repository, branch or [])
        state = _wait(client, repository) if wait else None
        failed = _failed(client, repository, state) if state is not None else None
    if failed is not None:
        what = f"Indexing {failed.branch_name}" if failed.branch_name else f"Fetching {repository}"
        raise fail(f"{what} failed: {failed.error}", FAILED, json_=json_)
    branches = done.branches if state is None else sorted(one.branch_name or "" for one in state.latest_indexes)
    if json_:
        print_json(done.raw() | ({"branches": branches, "indexing_status": state.raw()} if state is not None else {}))
        return
    what = f"indexed: {', '.join(branches) or 'is fetched first'}" if done.indexing_enabled else "not indexed any more"
    stdout().print(clean(f"{done.repository_path} {what}"))


def _wait(client: "Client", repository: str) -> "IndexingStatus":
    """Wait until the newest job of every branch is over, and before that the one that fetches the repository."""
    while True:
        found = client.repositories.status(repository)
        if not any(one.status == IN_PROGRESS for one in found.latest_indexes):
            return found
        time.sleep(PAUSE_SECONDS)


def _failed(client: "Client", repository: str, state: "IndexingStatus") -> "IndexJob | None":
    """One of the newest jobs that failed, if any."""
    failed = {one.job_id for one in state.latest_indexes if one.status == "failed"}
    return next((job for job in client.repositories.jobs(repository, 200).items if job.job_id in failed), None)


@guarded
def status(repository: Path, json_: JsonFlag = False) -> None:
    """Show the state of a repository's index and its latest jobs."""
    with connect() as client, busy("Asking the server…"):
        found = client.repositories.status(repository)
        jobs = client.repositories.jobs(repository, 20)
    if json_:
        print_json(found.raw() | {"jobs": [job.raw() for job in jobs.items]})
        return
    from cogmill.cli.tables import index_job_table

    if not found.indexing_enabled:
        note(f"Not indexed. Turn it on with: cogmill repositories index {repository}")
        return
    stdout().print(index_job_table(jobs.items))


@guarded
def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A name or its part; with --text any text of a line.")],
    text: Annotated[bool, typer.Option("--text", help="Lines that hold the text instead of definitions.")] = False,
    repo: Annotated[list[str] | None, typer.Option(help="Only in this repository; repeatable.")] = None,
    path: Annotated[str | None, typer.Option(help="Only files whose path fits, e.g. 'src/*.py'.")] = None,
    language: Annotated[str | None, typer.Option(help="Only files of this language, e.g. python.")] = None,
    branch: Annotated[str | None, typer.Option(help="This branch instead of the default one.")] = None,
    first: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 50,
    after: Annotated[str | None, typer.Option(help="Cursor of the page before (end_cursor).")] = None,
    json_: JsonFlag = False,
) -> None:
    """Find definitions, or lines, in the indexed repositories."""
    asked = {"query": query, "kind": "text" if text else "symbols", "repo": repo, "path": path, "language": language}
    with connect() as client, busy("Asking the server…"):
        page = client.repositories.search({**asked, "branch": branch, "first": first, "after": after})
    if json_:
        print_json(page.raw())
        return
    if not page.items:
        note("Nothing found in the indexed repositories; `cogmill repositories list` shows which those are.")
    for hit in page.items:
        what = ""
        if hit.name is not None:
            what = f"{hit.symbol_kind} {hit.container + '.' if hit.container else ''}{hit.name}: "
        line = clean(f"{hit.repository_path}/{hit.path}:{hit.line}: {what}{hit.text.strip()}")
        stdout().print(line, soft_wrap=True)
    if page.has_next_page:
        note(f"There are more: --after {page.end_cursor}")
