"""Commands for snapshot builds beside the common ones; and setting an automation off."""

import time
from typing import Annotated, Any

import typer

from cogmill.cli.families import AUTOMATIONS, SNAPSHOTS
from cogmill.cli.output import FAILED, JsonFlag, clean, fail, guarded, note, print_json, stdout
from cogmill.cli.resources import From, Named, id_of, reached
from cogmill.cli.values import read_object, secret_of

Build = Annotated[str, typer.Argument(metavar="BUILD", help="Id; `cogmill snapshots list` shows it.")]
OPEN = ("pending", "running")
PAUSE_SECONDS = 0.3


@guarded
def build(
    partial: Annotated[
        bool, typer.Option("--partial", help="Only what has changed, on top of the last snapshot.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is over; exit code 1 unless it succeeds.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Build the organization's snapshot from its blueprints."""
    with reached(SNAPSHOTS) as (_, resources):
        one = resources.create({"partial": True} if partial else {})
        while wait and one["status"] in OPEN:
            time.sleep(PAUSE_SECONDS)
            one = resources.get(one["build_id"])
    if wait and one["status"] != "succeeded":
        why = f"Build {one['build_id']} {one['status']}: {one['failed_step'] or 'somebody ended it'}"
        raise fail(why, FAILED, json_=json_, hint=f"cogmill snapshots logs {one['build_id']}")
    _tell(one, json_)


@guarded
def logs(build: Build, json_: JsonFlag = False) -> None:
    """Print the log of a build, as far as it has come."""
    with reached(SNAPSHOTS) as (_, resources):
        text = resources.linked(build, "logs")
    if json_:
        print_json({"build_id": build, "log": text})
        return
    stdout().print(clean(text), end="", soft_wrap=True)


@guarded
def cancel(build: Build, json_: JsonFlag = False) -> None:
    """End a build; what runs in it is killed. One that is over stays as it is."""
    with reached(SNAPSHOTS) as (_, resources):
        one = resources.do(build, "cancel")
    _tell(one, json_)


@guarded
def pin(build: Build, json_: JsonFlag = False) -> None:
    """Let new sessions start from this build, whatever is built later."""
    with reached(SNAPSHOTS) as (_, resources):
        one = resources.do(build, "pin")
    _tell(one, json_)


@guarded
def unpin(build: Build, json_: JsonFlag = False) -> None:
    """Let new sessions start from the newest build again."""
    with reached(SNAPSHOTS) as (_, resources):
        one = resources.do(build, "pin", "DELETE")
    _tell(one, json_)


@guarded
def fire(
    named: Named,
    secret: Annotated[
        str, typer.Option("--secret", metavar="@FILE", help="Its webhook secret: @FILE, or @- for stdin.")
    ],
    from_: From = None,
    json_: JsonFlag = False,
) -> None:
    """Set an automation off by its incoming webhook, with the JSON object of --from as the event."""
    event, value = read_object(from_) if from_ is not None else {}, secret_of(secret)
    with reached(AUTOMATIONS) as (client, resources):
        one = resources.get(id_of(AUTOMATIONS, resources, named))
        if not one["webhook_url"]:
            raise typer.BadParameter("This automation has no trigger webhook:incoming.")
        done = client.http.json(
            "POST", "/cogmill/v1/hooks/" + one["webhook_url"].rpartition("/")[2], json=event,
            headers={"X-Webhook-Secret": value},
        )  # fmt: skip
    if json_:
        print_json(done)
        return
    stdout().print(f"{done['state']}: {done['run_id'] or 'no run'}")


def _tell(one: dict[str, Any], json_: bool) -> None:
    if json_:
        print_json(one)
        return
    stdout().print(f"{one['build_id']}: {one['status']}{', pinned' if one['pinned'] else ''}")
    if one["status"] in OPEN:
        note(f"It goes on by itself: cogmill snapshots view {one['build_id']}")
