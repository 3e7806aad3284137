"""Commands for reviews of pull requests: start, view."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from cogmill.cli.output import FAILED, JsonFlag, busy, clean, connect, guarded, print_json, stdout

if TYPE_CHECKING:
    from cogmill.client import PrReview

Url = Annotated[str, typer.Argument(metavar="URL", help="Address of the pull request.")]
Enterprise = Annotated[bool, typer.Option("--enterprise", help="With an enterprise key: in whichever organization.")]
PAUSE_SECONDS = 0.5


@guarded
def start(
    url: Url,
    enterprise: Enterprise = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is over; exit code 1 if it errored.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Have the head of a pull request reviewed by a session."""
    with connect() as client, busy("Asking the server…"):
        found = client.reviews.start(url, everywhere=enterprise)
        while wait and not found.is_over:
            time.sleep(PAUSE_SECONDS)
            found = client.reviews.view(url, found.commit_sha, everywhere=enterprise)
    _show(found, json_=json_)


@guarded
def view(
    url: Url,
    commit: Annotated[str | None, typer.Option(help="Which commit, full or short; default: the head.")] = None,
    enterprise: Enterprise = False,
    json_: JsonFlag = False,
) -> None:
    """Show how the newest review of a commit stands; exit code 1 if it errored."""
    with connect() as client, busy("Asking the server…"):
        found = client.reviews.view(url, commit, everywhere=enterprise)
    _show(found, json_=json_)


def _show(found: "PrReview", *, json_: bool) -> None:
    if json_:
        print_json(found.raw())
    else:
        head = f"{found.status}: {found.repo_path}#{found.pr_number} at {found.commit_sha[:12]}"
        text = "\n\n".join(one for one in (head, found.detail, found.report) if one)
        stdout().print(clean(text), soft_wrap=True, markup=False)
    if found.status == "errored":
        raise typer.Exit(FAILED)
