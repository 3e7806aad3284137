"""No query on tenant data begins outside `access/scope.py`, but for reviewed places that say why they may."""

import ast
from collections.abc import Iterator

from cogmill.models import metadata
from tests.architecture.sources import Source, sources

BY_SESSION = "session rows are reached by the row id of a session that was found within the scope before"
ENGINE = "the engine works for the server, on the session that it has claimed by row id"
BUILDS = "the engine looks for work of all organizations, then works on the one build or session that it holds"
LOGIN = "runs before there is a scope: finds out whose the key is"
OF_PRINCIPAL = "principals and roles that were found within the enterprise before; assignments hang on them"
BY_WEBHOOK = "the webhook was found within the scope before; only its deliveries are reached"
SENDER = "the delivery loop works for all organizations; each webhook gets its own deliveries only"
RUNNER = "the loop works for all organizations; each run acts within its automation's own"
REVIEWER = "the loop works for all organizations; each review reaches its own session and pull request only"
OWN_KEYS = "the owner was found within the enterprise before; only its keys are reached"
TRANSFER = "export and import: commands of the administrator on the whole installation; they name the organization"
SCANS = "work of the server itself, on the scan that is due"
VERIFY = "a command of the administrator on the whole installation"
PURGE = "removes what is due in any enterprise, organization by organization; shows it to nobody"

ALLOWED = {
    ("access/data_keys.py", "*", "data_key"): "belongs to no tenant",
    ("domain/code_scans/following.py", "session_changed", "code_scan"): "the scan that the session itself names",
    ("domain/code_scans/following.py", "_state_of", "session"): BY_SESSION,
    ("domain/code_scans/following.py", "pull_request_changed", "session"): BY_SESSION,
    ("domain/code_scans/ingesting.py", "*", "code_scan"): SCANS,
    ("domain/code_scans/ingesting.py", "take", "organization"): "the enterprise of that scan's organization",
    ("domain/code_scans/metrics.py", "_pull_requests", "session"): "named by findings that were found within the scope",
    ("domain/code_scans/repeating.py", "repeat", "code_scan"): SCANS,
    ("domain/guardrails/rules.py", "_read", "guardrail"): "names the enterprise of the organization that is asked for",
    ("domain/guardrails/rules.py", "_read", "organization"): "the same",
    ("domain/hypervisors/service.py", "*", "hypervisor"): "belongs to no tenant",
    ("domain/secrets/resealing.py", "*", "data_key"): "belongs to no tenant",
    ("access/browser_sessions.py", "find_visitor", "browser_session"): LOGIN,
    ("access/browser_sessions.py", "find_visitor", "user"): LOGIN,
    ("access/rights.py", "_check_nothing_was_lost", "browser_session"): "the browser session of this very request",
    ("domain/sign_ins/accounts.py", "_make", "user"): "an address has one account on a server; tells nothing of it",
    ("domain/sign_ins/invitations.py", "_invited", "user"): LOGIN,
    ("domain/identity/service.py", "fits_database", "installation"): "belongs to no tenant",
    ("domain/identity/service.py", "remember_keys", "installation"): "belongs to no tenant",
    ("domain/sign_ins/oidc.py", "_known", "user"): LOGIN,
    ("domain/sign_ins/oidc.py", "_admitted", "user"): LOGIN,
    ("domain/sign_ins/oidc.py", "_tie", "user_identity"): LOGIN,
    ("domain/sign_ins/oidc.py", "_follow_groups", "idp_group_member"): LOGIN,
    ("domain/sign_ins/service.py", "_begin", "user"): LOGIN,
    ("domain/sign_ins/service.py", "_live", "user"): LOGIN,
    ("domain/sessions/once.py", "create_once", "session_once"): "names organization and caller of this very request",
    ("api/idempotency.py", "_find", "idempotent_request"): "names the caller as the one who sent the key",
    ("domain/audit_logs/chain.py", "<module>", "audit_log"): "names the enterprise: the last record of its chain",
    ("domain/audit_logs/chain.py", "unlinked", "audit_log"): "names the enterprise of the record that is written",
    ("domain/audit_logs/service.py", "_enterprise_of", "organization"): "work of the server itself, which has no scope",
    ("domain/audit_logs/verify.py", "*", "audit_log"): "commands of the administrator on the whole installation",
    ("domain/metrics/folding.py", "pending", "metric_mark"): "sums up for all tenants; each day in a scope of its own",
    ("domain/metrics/folding.py", "pending", "organization"): "the same: whose enterprise the marks are of",
    ("engine/loops/idempotent_requests.py", "*", "idempotent_request"): "finds what is too old; shows it to nobody",
    ("access/principals.py", "find_principal", "api_key"): LOGIN,
    ("access/principals.py", "find_legacy_principal", "api_key"): LOGIN,
    ("access/principals.py", "_of_organization", "organization"): LOGIN,
    ("access/legacy_calls.py", "_writer", "api_key"): "counts for all tenants; asks only which keys are still there",
    ("access/principals.py", "<module>", "service_user"): LOGIN,
    ("access/principals.py", "<module>", "user"): LOGIN,
    ("access/principals.py", "<module>", "organization"): LOGIN,
    ("access/principals.py", "<module>", "role_assignment"): LOGIN,
    ("access/principals.py", "<module>", "role"): LOGIN,
    ("access/principals.py", "<module>", "idp_group_member"): LOGIN,
    ("access/principals.py", "holder", "api_key"): "whose a refused key was, for the record alone; the key was sent",
    ("access/principals.py", "holder", "organization"): "the same",
    ("access/rights.py", "_check_nothing_was_lost", "api_key"): "the key of this very request",
    ("domain/api_keys/owners.py", "bounded_by_caller", "api_key"): "the key of this very request",
    ("domain/api_keys/legacy_keys.py", "list_page", "api_key"): "keys of the enterprise's people and organizations",
    ("domain/api_keys/legacy_keys.py", "list_page", "user"): "the same",
    ("domain/api_keys/legacy_keys.py", "list_page", "organization"): "the same",
    ("domain/members/names.py", "last_sign_ins", "browser_session"): OF_PRINCIPAL,
    ("domain/members/names.py", "subjects", "user_identity"): OF_PRINCIPAL,
    ("domain/api_keys/legacy_usage.py", "*", "api_key"): "commands of the administrator; they name the enterprise",
    ("domain/api_keys/legacy_usage.py", "*", "user"): "the same",
    ("domain/api_keys/legacy_usage.py", "*", "legacy_call"): "the same",
    ("domain/api_keys/service.py", "find", "api_key"): OWN_KEYS,
    ("domain/api_keys/service.py", "list_", "api_key"): OWN_KEYS,
    ("domain/attachments/service.py", "linked", "attachment"): "the signed link names it; there is no caller",
    ("domain/attachments/service.py", "linked", "organization"): "whose the attachment is; nothing else is told of it",
    ("domain/blueprints/files.py", "*", "blueprint_file"): "the blueprint was found within the scope before",
    (
        "domain/blueprints/service.py",
        "of_builds",
        "blueprint",
    ): "names the organization of the build, and its enterprise",
    ("domain/blueprints/service.py", "of_builds", "organization"): "the enterprise of the build's organization",
    ("domain/blueprints/service.py", "linked", "blueprint"): "the signed link names it; there is no caller",
    ("domain/snapshot_builds/service.py", "linked", "snapshot_build"): "the signed link names it; there is no caller",
    ("domain/snapshot_builds/service.py", "linked", "organization"): "whose the build is; nothing else is told of it",
    ("domain/snapshot_builds/automatic.py", "*", "snapshot_build"): BUILDS,
    ("domain/snapshot_builds/automatic.py", "*", "organization"): BUILDS,
    ("domain/snapshot_builds/automatic.py", "*", "blueprint"): BUILDS,
    ("domain/snapshot_builds/runs.py", "*", "snapshot_build"): BUILDS,
    ("domain/snapshot_builds/runs.py", "*", "session"): BUILDS,
    ("domain/schedules/blocks.py", "recount", "schedule"): "counts what an import brought; nothing of it is told",
    ("domain/identity/service.py", "assign_default_role", "role"): "makes a principal of the enterprise it names",
    ("domain/members/assignments.py", "derives", "idp_group_member"): OF_PRINCIPAL,
    ("domain/members/assignments.py", "direct", "role_assignment"): OF_PRINCIPAL,
    ("domain/members/assignments.py", "held_role", "role_assignment"): OF_PRINCIPAL,
    ("domain/members/assignments.py", "holds", "role_assignment"): OF_PRINCIPAL,
    ("domain/members/guards.py", "check_somebody_manages_members", "idp_group_member"): OF_PRINCIPAL,
    ("domain/members/guards.py", "check_somebody_manages_members", "role_assignment"): OF_PRINCIPAL,
    ("domain/members/idp_groups.py", "assign", "role_assignment"): OF_PRINCIPAL,
    ("domain/members/idp_groups.py", "delete_registered", "idp_group_member"): OF_PRINCIPAL,
    ("domain/members/idp_groups.py", "delete_registered", "role_assignment"): OF_PRINCIPAL,
    ("domain/members/roles.py", "_check_service_users", "role_assignment"): OF_PRINCIPAL,
    ("domain/members/roles.py", "delete_role", "role_assignment"): OF_PRINCIPAL,
    ("domain/members/users.py", "_known", "user"): "an address has one account on a server; tells nothing of it",
    ("domain/organizations/deleted.py", "*", "organization"): "for the server's administrator; names the enterprise",
    ("domain/organizations/purge.py", "*", "organization"): PURGE,
    ("domain/organizations/purge.py", "*", "service_user"): PURGE,
    ("domain/organizations/groups.py", "_limits", "organization_group"): "names the scope's enterprise",
    ("domain/knowledge/index.py", "counts", "knowledge_word"): "names the organization and its enterprise as places",
    ("domain/knowledge/refill.py", "*", "knowledge_note"): TRANSFER,
    ("domain/outposts/claims.py", "_latest", "outpost_feed"): "names the scope's enterprise",
    ("domain/outposts/claims.py", "_lock", "outpost_entry"): BY_SESSION,
    ("domain/outposts/claims.py", "_lock", "session"): BY_SESSION,
    ("domain/outposts/claims.py", "put_back", "session"): BY_SESSION,
    ("domain/outposts/claims.py", "row_of_token", "outpost_entry"): LOGIN,
    ("domain/outposts/claims.py", "row_of_token", "session"): LOGIN,
    ("domain/outposts/queue.py", "follow", "outpost_entry"): BY_SESSION,
    ("domain/outposts/queue.py", "follow", "session"): BY_SESSION,
    ("domain/outposts/room.py", "*", "session"): "the loop works for all organizations; each outpost is its own",
    ("domain/playbooks/service.py", "versions", "playbook_version"): "the playbook was found within the scope before",
    ("domain/insights/jobs.py", "*", "session_insight"): "the loop works for all tenants; each session is its own",
    ("domain/insights/jobs.py", "claim", "session"): "the session that the loop has claimed by row id",
    ("domain/insights/service.py", "present", "session_insight"): BY_SESSION,
    ("domain/insights/service.py", "generate", "session_insight"): BY_SESSION,
    ("domain/insights/service.py", "store", "session"): "the session that the loop has claimed by row id",
    ("domain/pull_requests/endpoints.py", "session_diff", "event"): BY_SESSION,
    ("domain/pull_requests/service.py", "of_session", "pull_request"): BY_SESSION,
    ("domain/git_providers/webhooks.py", "receive", "git_connection"): "the signature proves who calls; shows nothing",
    ("domain/pull_requests/service.py", "set_state", "session"): BY_SESSION,
    ("domain/pr_reviews/jobs.py", "pushed_here", "pull_request"): "names the organization whose branch moved",
    ("domain/pr_reviews/outcomes.py", "*", "session"): REVIEWER,
    ("domain/pr_reviews/outcomes.py", "*", "session_event"): REVIEWER,
    ("domain/pr_reviews/outcomes.py", "*", "pull_request"): REVIEWER,
    ("domain/pr_reviews/outcomes.py", "*", "git_connection"): REVIEWER,
    ("domain/pr_reviews/outcomes.py", "*", "organization"): REVIEWER,
    ("engine/loops/pull_requests.py", "*", "pull_request"): "asks for those of all organizations; shows them to nobody",
    ("engine/loops/pull_requests.py", "*", "session"): "the sessions that opened them",
    ("domain/pull_requests/closing.py", "*", "pull_request"): BY_SESSION,
    ("domain/pull_requests/closing.py", "tell_failure", "session"): BY_SESSION,
    ("engine/loops/pull_requests.py", "*", "git_connection"): "the connection that each of them names",
    ("domain/pull_requests/service.py", "note_provided", "pull_request"): BY_SESSION,
    ("domain/pull_requests/service.py", "open_or_update", "pull_request"): BY_SESSION,
    ("domain/repositories/jobs.py", "claim", "index_job"): "the loop's next job, of any organization; shown to nobody",
    ("domain/sessions/queries.py", "attachments_of", "attachment"): BY_SESSION,
    ("domain/sessions/queries.py", "attachments_of", "session_attachment"): BY_SESSION,
    ("domain/sessions/queries.py", "_pull_requests", "pull_request"): BY_SESSION,
    ("domain/sessions/queries.py", "_children", "session"): BY_SESSION,
    ("domain/sessions/active_time.py", "of_cut_run", "session_event"): BY_SESSION,
    ("domain/sessions/active_time.py", "_call_under_way", "session_event"): BY_SESSION,
    ("domain/sessions/events.py", "*", "event"): BY_SESSION,
    ("domain/sessions/service.py", "reload", "session"): BY_SESSION,
    ("domain/sessions/service.py", "_locked_below", "session"): "children are made within their parent's organization",
    ("domain/automations/firing.py", "*", "automation"): RUNNER,
    ("domain/automations/firing.py", "*", "automation_run"): RUNNER,
    ("domain/automations/firing.py", "_act", "organization"): "whether the run's own organization is still there",
    ("domain/automations/firing.py", "_is_full", "session"): "sessions that the automation itself started",
    ("domain/automations/incoming.py", "known", "automation"): "the address names it; there is no caller yet",
    ("domain/automations/incoming.py", "known", "organization"): "whether its organization is still there",
    ("domain/automations/service.py", "runs", "automation_run"): "the automation was found within the scope before",
    ("domain/happenings/reactions.py", "*", "automation"): "found by the organization of what happened",
    ("domain/happenings/reactions.py", "*", "automation_run"): "found by the organization of what happened",
    ("domain/happenings/record.py", "<module>", "automation_trigger"): "names the organization of what happened",
    ("domain/happenings/record.py", "<module>", "webhook"): "names the organization of what happened",
    ("domain/happenings/record.py", "<module>", "organization"): "the enterprise above that organization",
    ("domain/sessions/news.py", "changed", "session"): BY_SESSION,
    ("domain/sessions/news.py", "_tell_schedule", "session"): BY_SESSION,
    ("domain/pull_requests/service.py", "tell", "session"): BY_SESSION,
    ("domain/webhooks/deliveries.py", "*", "webhook_attempt"): BY_WEBHOOK,
    ("domain/webhooks/deliveries.py", "*", "webhook_delivery"): BY_WEBHOOK,
    ("domain/webhooks/service.py", "opened_secrets", "webhook"): "the delivery loop names the one that it sends to",
    ("domain/webhooks/sending.py", "*", "webhook"): SENDER,
    ("domain/webhooks/sending.py", "*", "webhook_delivery"): SENDER,
    ("domain/schedules/firing.py", "<module>", "schedule"): "work of the server itself, on the schedule that is due",
    ("domain/schedules/firing.py", "<module>", "session"): "the session that this very schedule started",
    ("domain/schedules/outcomes.py", "failed", "session"): "the session that this very schedule started",
    ("domain/schedules/present.py", "runs", "schedule_run"): "the schedule was found within the scope before",
    ("engine/embedded.py", "*", "session"): "looks for work of all organizations; shows it to nobody",
    ("engine/loops/indexing.py", "_wanted", "indexed_branch"): "which indexes are kept on disk; shown to nobody",
    ("engine/loops/indexing.py", "catch_up", "indexed_repository"): "looks for work of all organizations",
    ("engine/loops/insights.py", "_affordable", "session"): "the session that the loop has claimed by row id",
    ("engine/loops/insights.py", "_book", "session"): "the session that the loop has claimed by row id",
    ("engine/loops/insights.py", "_piece", "session_event"): "the log of the session that the loop has claimed",
    ("engine/loops/mails.py", "*", "mail"): "finds what waits to be sent; shows it to nobody but its recipient",
    ("engine/loops/workspaces.py", "*", "session"): "finds ended sessions of all organizations; shows them to nobody",
    ("engine/runner.py", "*", "attachment"): ENGINE,
    ("domain/usage/accounts.py", "_used", "usage_day"): "sums of the accounts that a session's use counts to",
    ("domain/usage/reservations.py", "<module>", "usage_reservation"): BY_SESSION,
    ("domain/usage/service.py", "of_session", "usage_session_day"): BY_SESSION,
    ("domain/usage/service.py", "_first_use", "usage_day"): "names the enterprise of the scope",
    ("domain/usage/service.py", "shares", "usage_day"): "names organizations of the scope's enterprise",
    ("domain/usage/service.py", "_days", "usage_day"): "a place of the scope, or a principal found within it before",
    ("domain/usage/warnings.py", "_addresses", "idp_group_member"): OF_PRINCIPAL,
    ("domain/usage/warnings.py", "_addresses", "role_assignment"): OF_PRINCIPAL,
    ("domain/usage/verify.py", "*", "usage_session_day"): VERIFY,
    ("domain/usage/verify.py", "*", "usage_day"): VERIFY,
    ("domain/usage/verify.py", "*", "session"): VERIFY,
    ("domain/usage/verify.py", "*", "organization"): VERIFY,
    ("engine/store.py", "*", "session"): ENGINE,
    ("engine/store.py", "*", "session_secret"): ENGINE,
    ("engine/store.py", "*", "session_event"): ENGINE,
    ("models/sealed.py", "_session_id", "session"): "the session that a sealed value belongs to; for the administrator",
    ("transfer/beginning.py", "*", "organization"): TRANSFER,
    ("transfer/exporting.py", "*", "organization"): TRANSFER,
    ("transfer/exporting.py", "*", "session"): TRANSFER,
    ("transfer/files.py", "*", "attachment"): TRANSFER,
    ("transfer/files.py", "*", "organization"): TRANSFER,
    ("transfer/files.py", "*", "snapshot_build"): TRANSFER,
    ("transfer/finishing.py", "*", "indexed_branch"): TRANSFER,
    ("transfer/finishing.py", "*", "usage_day"): TRANSFER,
    ("transfer/importing.py", "*", "attachment"): TRANSFER,
    ("transfer/importing.py", "*", "audit_log"): TRANSFER,
    ("transfer/importing.py", "*", "snapshot_build"): TRANSFER,
    ("transfer/mapping.py", "*", "role"): TRANSFER,
    ("transfer/mapping.py", "*", "user"): TRANSFER,
    ("transfer/running.py", "*", "organization"): TRANSFER,
    ("transfer/tables.py", "*", "role_assignment"): TRANSFER,
    ("transfer/tables.py", "*", "secret"): TRANSFER,
    ("transfer/tables.py", "*", "service_user"): TRANSFER,
    ("transfer/tables.py", "*", "session"): TRANSFER,
    ("transfer/tables.py", "*", "user"): TRANSFER,
    ("web/call.py", "_check_organization", "organization"): "this is the check that the organization is within reach",
}
"""(file, function or *, table as named there) -> why. A new line here needs a review, not only a green test."""

SQL_TEXT = {
    "domain/insights/jobs.py": "queues the one session whose state is just being written",
    "domain/audit_logs/chain.py": "runs in every write; its one query names the enterprise of the record",
    "domain/usage/ledger.py": "adds to sums with every step; reads nothing",
    "domain/usage/warnings.py": "notes that a warning was given; reads nothing",
    "domain/usage/reservations.py": "writes the one row of the session whose row is locked; reads nothing",
}
"""Files that hold SQL as text, with the reason."""

# Who belongs to no tenant: the enterprise itself. All other tables hold an org_id or hang on one that does.
TENANT_TABLES = set(metadata.tables) - {"enterprise"}


def imported_tables(source: Source) -> set[str]:
    """Names that stand for tables in this file."""
    found: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cogmill.models"):
            for alias in node.names:
                if alias.name in TENANT_TABLES | {"user"}:
                    found.add(alias.asname or alias.name)
    return found


def aliases(function: ast.AST, tables: set[str]) -> dict[str, set[str]]:
    """Local names whose value mentions tables: `columns = session.c` or `columns = (pull_request.c.url, …)`."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            # A table's rows fetched into a local name are no table.
            calls = any(isinstance(part, ast.Call) for part in ast.walk(node.value))
            named = mentioned(node.value, tables)
            if named and not calls:
                found[node.targets[0].id] = named
    return found


def mentioned(node: ast.AST, tables: set[str]) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and part.id in tables}


def bare_selects(source: Source) -> Iterator[tuple[str, str, str]]:
    """(file, function, table) of every `select(…)` that names a tenant table."""
    tables = imported_tables(source)
    for outer in [*source.tree.body]:
        inner = [outer] if not isinstance(outer, ast.ClassDef) else list(outer.body)
        for function in inner:
            name = getattr(function, "name", "<module>")
            known = aliases(function, tables)
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "select":
                    for argument in node.args:
                        direct = mentioned(argument, tables)
                        through = {t for n in mentioned(argument, set(known)) for t in known[n]}
                        for table in direct | through:
                            yield source.name, name, table


def found() -> set[tuple[str, str, str]]:
    return {hit for one in sources() if one.name != "access/scope.py" for hit in bare_selects(one)}


def is_allowed(hit: tuple[str, str, str]) -> bool:
    file, _, table = hit
    return hit in ALLOWED or (file, "*", table) in ALLOWED


def test_no_bare_select_on_a_tenant_table():
    assert sorted(hit for hit in found() if not is_allowed(hit)) == []


def test_no_exception_outlives_its_reason():
    hits = found()
    used = hits | {(file, "*", table) for file, _, table in hits}
    assert sorted(entry for entry in ALLOWED if entry not in used) == []


def writes_sql(node: ast.AST) -> bool:
    """An import of SQLAlchemy's `text` or of what takes text for it, or a statement handed to the driver."""
    if isinstance(node, ast.ImportFrom):
        from_sqlalchemy = node.module == "sqlalchemy" and any(alias.name == "text" for alias in node.names)
        return from_sqlalchemy or node.module == "cogmill.kit.hot_change"
    return isinstance(node, ast.Attribute) and node.attr == "exec_driver_sql"


def test_services_write_no_sql_text():
    """It would go around both the scope and this test."""
    rooms = ("domain/", "engine/", "access/")
    files = {one.name for one in sources() if one.name.startswith(rooms) and any(map(writes_sql, ast.walk(one.tree)))}
    assert files == set(SQL_TEXT)


def test_the_rule_finds_what_it_must_find():
    text = (
        "from sqlalchemy import select\nfrom cogmill.models.sessions import session as s, session_event\n"
        "def a(ctx):\n    return select(s)\n"
        "def b(ctx):\n    columns = s.c\n    return select(columns.id)\n"
        "class C:\n    def d(self):\n        return select(session_event.c.seq).where(True)\n"
    )
    from tests.architecture.sources import PACKAGE

    example = Source(PACKAGE / "example.py", text, ast.parse(text))
    assert set(bare_selects(example)) == {
        ("example.py", "a", "s"), ("example.py", "b", "s"), ("example.py", "d", "session_event"),
    }  # fmt: skip
