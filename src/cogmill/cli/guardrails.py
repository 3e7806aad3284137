"""Commands for guardrails: list, create, edit, delete, violations."""

from typing import TYPE_CHECKING, Annotated

import typer

from cogmill.cli.output import JsonFlag, busy, clean, connect, guarded, print_json, stdout

if TYPE_CHECKING:
    from cogmill.client import Guardrail

TARGETS, ACTIONS = ("prompt", "command", "egress", "path", "write", "secret"), ("warn", "ask", "block")
UNANSWERED = ("act", "pass")
Judgement = Annotated[
    str | None,
    typer.Option(help="A rule in a sentence, which the server's model judges by; with a pattern: only there."),
]
Unanswered = Annotated[
    str | None, typer.Option(help="When the model cannot be asked: act (as if it were broken, the default) or pass.")
]
Named = Annotated[str, typer.Argument(metavar="GUARDRAIL", help="Id or name.")]
Organization = Annotated[str | None, typer.Option("--org", metavar="ORG", help="One organization; default: all.")]


def _checked(value: str | None, known: tuple[str, ...], option: str) -> None:
    if value is not None and value not in known:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(known)}.", param_hint=option)


@guarded
def list_(org: Organization = None, json_: JsonFlag = False) -> None:
    """List the guardrails, or those that hold in one organization."""
    with connect() as client, busy("Asking the server…"):
        found = client.guardrails.list_(org)
    if json_:
        print_json({"items": [one.raw() for one in found]})
        return
    from cogmill.cli.tables import guardrail_table

    stdout().print(guardrail_table(found))


@guarded
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    target: Annotated[str, typer.Option(help="What is looked at: " + ", ".join(TARGETS) + ".")],
    action: Annotated[str, typer.Option(help="warn, ask or block.")],
    pattern: Annotated[str | None, typer.Option(help="Regular expression that is looked for.")] = None,
    judgement: Judgement = None,
    unanswered: Unanswered = None,
    org: Organization = None,
    json_: JsonFlag = False,
) -> None:
    """Make a guardrail. It holds from the next step of every session on."""
    _checked(target, TARGETS, "--target")
    _checked(action, ACTIONS, "--action")
    _checked(unanswered, UNANSWERED, "--unanswered")
    if pattern is None and judgement is None:
        raise typer.BadParameter("give a pattern, a judgement, or both", param_hint="--pattern")
    body = {"name": name, "target": target, "pattern": pattern, "action": action, "org_id": org}
    body |= {"judgement": judgement, "when_unanswered": unanswered}
    with connect() as client, busy("Asking the server…"):
        made = client.guardrails.create(body)
    _show(made, "created", json_)


@guarded
def edit(
    guardrail: Named,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    target: Annotated[str | None, typer.Option(help="Something else to look at.")] = None,
    pattern: Annotated[str | None, typer.Option(help="Another regular expression.")] = None,
    judgement: Judgement = None,
    unanswered: Unanswered = None,
    action: Annotated[str | None, typer.Option(help="warn, ask or block.")] = None,
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Switch it on or off.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Change a guardrail; what is not named stays."""
    _checked(target, TARGETS, "--target")
    _checked(action, ACTIONS, "--action")
    _checked(unanswered, UNANSWERED, "--unanswered")
    body = {"name": name, "target": target, "pattern": pattern, "action": action, "is_enabled": enabled}
    body |= {"judgement": judgement, "when_unanswered": unanswered}
    with connect() as client, busy("Asking the server…"):
        changed = client.guardrails.change(client.guardrails.find(guardrail).guardrail_id, body)
    _show(changed, "changed", json_)


@guarded
def delete(guardrail: Named, json_: JsonFlag = False) -> None:
    """Delete a guardrail; what went against it stays on record."""
    with connect() as client, busy("Asking the server…"):
        gone = client.guardrails.delete(client.guardrails.find(guardrail).guardrail_id)
    _show(gone, "deleted", json_)


@guarded
def violations(
    org: Organization = None,
    session: Annotated[str | None, typer.Option("--session", help="Only those of one session.")] = None,
    guardrail: Annotated[str | None, typer.Option("--guardrail", help="Only those of one guardrail; its id.")] = None,
    first: Annotated[int, typer.Option("--first", min=1, max=200, help="How many.")] = 50,
    json_: JsonFlag = False,
) -> None:
    """List what went against guardrails, newest first."""
    filters = {"session_id": session, "guardrail_id": guardrail, "first": first}
    with connect() as client, busy("Asking the server…"):
        page = client.guardrails.violations(org, filters)
    if json_:
        print_json(page.raw())
        return
    from cogmill.cli.tables import violation_table

    stdout().print(violation_table(page.items))


def _show(one: "Guardrail", what: str, json_: bool) -> None:
    if json_:
        print_json(one.raw())
        return
    state = "" if one.is_enabled else ", switched off"
    text = f"{what}: {one.name} ({one.guardrail_id}), {one.action} on {one.target}{state}"
    stdout().print(clean(text), soft_wrap=True)
