"""The `cogmill` command; what assembles a server adds its own commands to `app`."""

import typer

from cogmill.cli import (
    acu_limits,
    code_scans,
    control,
    environments,
    events,
    families,
    git_connections,
    guardrails,
    keys,
    org_groups,
    outposts,
    repositories,
    resources,
    reviews,
    roles,
    run,
    sessions,
    tokens,
    webhooks,
)
from cogmill.cli.root import command_line

app = command_line()
sessions_app = typer.Typer(name="sessions", help="Look at sessions and steer them.", no_args_is_help=True)
app.add_typer(sessions_app)
secrets_app = resources.commands(families.SECRETS)
automations_app = resources.commands(families.AUTOMATIONS)
snapshots_app = resources.commands(families.SNAPSHOTS)
for family_app in (
    resources.commands(families.KNOWLEDGE),
    resources.commands(families.PLAYBOOKS),
    secrets_app,
    resources.commands(families.SCHEDULES),
    automations_app,
    resources.commands(families.BLUEPRINT),
    snapshots_app,
):
    app.add_typer(family_app)
webhooks_app = typer.Typer(name="webhooks", help="Outgoing webhooks: who is told of what.", no_args_is_help=True)
app.add_typer(webhooks_app)
roles_app = typer.Typer(name="roles", help="Roles: what their holders may do.", no_args_is_help=True)
app.add_typer(roles_app)
keys_app = typer.Typer(name="keys", help="API keys of service users.", no_args_is_help=True)
app.add_typer(keys_app)
repositories_app = typer.Typer(name="repositories", help="Repositories and their indexes.", no_args_is_help=True)
app.add_typer(repositories_app)
reviews_app = typer.Typer(name="reviews", help="Reviews of pull requests.", no_args_is_help=True)
app.add_typer(reviews_app)
tokens_app = typer.Typer(name="tokens", help="Personal access tokens of people.", no_args_is_help=True)
app.add_typer(tokens_app)
git_app = typer.Typer(name="git-connections", help="Providers that repositories come from.", no_args_is_help=True)
app.add_typer(git_app)
guardrails_app = typer.Typer(name="guardrails", help="Rules on what sessions may do.", no_args_is_help=True)
app.add_typer(guardrails_app)
code_scans_app = typer.Typer(
    name="code-scans", help="Scans of repositories, and what they found.", no_args_is_help=True
)
app.add_typer(code_scans_app)
scan_profiles_app = typer.Typer(name="profiles", help="What scans look for.", no_args_is_help=True)
code_scans_app.add_typer(scan_profiles_app)
outposts_app = typer.Typer(name="outposts", help="Sessions on machines of your own.", no_args_is_help=True)
app.add_typer(outposts_app)
limits_app = typer.Typer(name="limits", help="Limits of what a cycle may use.", no_args_is_help=True)
app.add_typer(limits_app)


app.command("run")(run.run)
sessions_app.command("list")(sessions.list_)
sessions_app.command("view")(sessions.view)
sessions_app.command("events")(events.events)
sessions_app.command("message")(control.message)
sessions_app.command("stop")(control.stop)
sessions_app.command("sleep")(control.sleep)
sessions_app.command("wake")(control.wake)
sessions_app.command("archive")(control.archive)
sessions_app.command("diff")(sessions.diff)
sessions_app.command("record")(sessions.record)
roles_app.command("list")(roles.list_)
roles_app.command("create")(roles.create)
roles_app.command("edit")(roles.edit)
roles_app.command("delete")(roles.delete)
keys_app.command("list")(keys.list_)
keys_app.command("create")(keys.create)
keys_app.command("rotate")(keys.rotate)
keys_app.command("revoke")(keys.revoke)
git_app.command("add")(git_connections.add)
git_app.command("list")(git_connections.list_)
git_app.command("check")(git_connections.check)
git_app.command("remove")(git_connections.remove)
automations_app.command("fire")(environments.fire)
snapshots_app.command("build")(environments.build)
snapshots_app.command("logs")(environments.logs)
snapshots_app.command("cancel")(environments.cancel)
snapshots_app.command("pin")(environments.pin)
snapshots_app.command("unpin")(environments.unpin)
guardrails_app.command("list")(guardrails.list_)
guardrails_app.command("create")(guardrails.create)
guardrails_app.command("edit")(guardrails.edit)
guardrails_app.command("delete")(guardrails.delete)
guardrails_app.command("violations")(guardrails.violations)
outposts_app.command("create")(outposts.create)
outposts_app.command("list")(outposts.list_)
outposts_app.command("view")(outposts.view)
outposts_app.command("delete")(outposts.delete)
outposts_app.command("queue")(outposts.queue)
outposts_app.command("work")(outposts.work)
limits_app.command("list")(acu_limits.list_)
limits_app.command("set")(acu_limits.set_)
limits_app.command("clear")(acu_limits.clear)
limits_app.command("groups")(org_groups.list_)
limits_app.command("group")(org_groups.change)
repositories_app.command("list")(repositories.list_)
repositories_app.command("index")(repositories.index)
repositories_app.command("status")(repositories.status)
repositories_app.command("search")(repositories.search)
reviews_app.command("start")(reviews.start)
reviews_app.command("view")(reviews.view)
code_scans_app.command("start")(code_scans.start)
code_scans_app.command("list")(code_scans.list_)
code_scans_app.command("findings")(code_scans.findings)
code_scans_app.command("mark")(code_scans.mark)
code_scans_app.command("remediate")(code_scans.remediate)
code_scans_app.command("ingest")(code_scans.ingest)
code_scans_app.command("repeat")(code_scans.repeat)
scan_profiles_app.command("list")(code_scans.profiles)
scan_profiles_app.command("view")(code_scans.view_profile)
scan_profiles_app.command("create")(code_scans.create_profile)
scan_profiles_app.command("edit")(code_scans.edit_profile)
scan_profiles_app.command("delete")(code_scans.delete_profile)
webhooks_app.command("list")(webhooks.list_)
webhooks_app.command("create")(webhooks.create)
webhooks_app.command("delete")(webhooks.delete)
webhooks_app.command("ping")(webhooks.ping)
webhooks_app.command("deliveries")(webhooks.deliveries)
webhooks_app.command("replay")(webhooks.replay)
tokens_app.command("list")(tokens.list_)
tokens_app.command("create")(tokens.create)
tokens_app.command("revoke")(tokens.revoke)
