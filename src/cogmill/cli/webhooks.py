"""Commands for outgoing webhooks: list, create, delete, ping, deliveries, replay."""

from typing import TYPE_CHECKING, Annotated

import typer

from cogmill.cli.output import JsonFlag, busy, clean, connect, guarded, note, print_json, stdout

if TYPE_CHECKING:
    from cogmill.client import Delivery

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Id; `cogmill webhooks list` shows it.")]
DeliveryId = Annotated[str, typer.Argument(metavar="DELIVERY", help="Id; `cogmill webhooks deliveries` shows it.")]
Everywhere = Annotated[
    bool, typer.Option("--enterprise", help="Those that hear of every organization, instead of the organization's.")
]
STATES = ("pending", "sending", "delivered", "failed")


@guarded
def list_(everywhere: Everywhere = False, json_: JsonFlag = False) -> None:
    """List webhooks."""
    with connect() as client, busy("Asking the server…"):
        page = client.webhooks(everywhere=everywhere).list_()
    if json_:
        print_json(page.raw())
        return
    from cogmill.cli.tables import webhook_table

    stdout().print(webhook_table(page.items))


@guarded
def create(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to send messages.")],
    event: Annotated[
        list[str] | None, typer.Option("--event", "-e", metavar="TYPE", help="Such as session.*; repeatable; all.")
    ] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is for.")] = None,
    everywhere: Everywhere = False,
    json_: JsonFlag = False,
) -> None:
    """Make a webhook; the secret that signs its messages is printed this once."""
    with connect() as client, busy("Asking the server…"):
        made = client.webhooks(everywhere=everywhere).create(url, event or [], description)
    if json_:
        print_json(made.raw())
        return
    note(clean(f"created: {made.webhook_id}. Its secret, which nothing shows again:"))
    typer.echo(made.secret)


@guarded
def delete(webhook: WebhookId, everywhere: Everywhere = False, json_: JsonFlag = False) -> None:
    """Delete a webhook and what waits for it."""
    with connect() as client, busy("Asking the server…"):
        gone = client.webhooks(everywhere=everywhere).delete(webhook)
    if json_:
        print_json(gone.raw())
        return
    stdout().print(clean(f"deleted: {gone.webhook_id} ({gone.url})"))


@guarded
def ping(webhook: WebhookId, everywhere: Everywhere = False, json_: JsonFlag = False) -> None:
    """Send a test message."""
    with connect() as client, busy("Asking the server…"):
        sent = client.webhooks(everywhere=everywhere).ping(webhook)
    _show(sent, json_)


@guarded
def deliveries(
    webhook: WebhookId,
    state: Annotated[str | None, typer.Option("--state", help="pending, sending, delivered or failed.")] = None,
    most: Annotated[int, typer.Option("--limit", min=1, max=200, help="Most deliveries to show.")] = 20,
    everywhere: Everywhere = False,
    json_: JsonFlag = False,
) -> None:
    """List what was sent to a webhook, newest first."""
    if state is not None and state not in STATES:
        raise typer.BadParameter(f"{state!r} is no state; say {', '.join(STATES)}.", param_hint="--state")
    with connect() as client, busy("Asking the server…"):
        page = client.webhooks(everywhere=everywhere).deliveries(webhook, state, most)
    if json_:
        print_json(page.raw())
        return
    from cogmill.cli.tables import delivery_table

    stdout().print(delivery_table(page.items))


@guarded
def replay(webhook: WebhookId, delivery: DeliveryId, everywhere: Everywhere = False, json_: JsonFlag = False) -> None:
    """Send a delivery again, with its old id."""
    with connect() as client, busy("Asking the server…"):
        sent = client.webhooks(everywhere=everywhere).replay(webhook, delivery)
    _show(sent, json_)


def _show(sent: "Delivery", json_: bool) -> None:
    if json_:
        print_json(sent.raw())
        return
    stdout().print(clean(f"{sent.state}: {sent.delivery_id} ({sent.event_type})"))
