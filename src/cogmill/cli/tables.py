"""Sessions, events and diffs as text."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from cogmill.cli.output import clean

if TYPE_CHECKING:
    from cogmill.cli.families import Columns
    from cogmill.client import (
        AcuLimit,
        ApiKey,
        Delivery,
        EventSummary,
        GitConnection,
        Guardrail,
        GuardrailViolation,
        IndexJob,
        OrgGroup,
        Repository,
        Role,
        Session,
        Webhook,
    )
    from cogmill.client.outposts import Entry, Outpost

_COLOURS = {"running": "cyan", "exit": "green", "error": "red", "suspended": "yellow"}
_DETAIL_COLOURS = {"finished": "green", "waiting_for_user": "magenta", "waiting_for_approval": "magenta"}


def when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def status_text(session: "Session") -> Text:
    return status_words(session.status, session.status_detail)


def status_words(status: str, detail: str | None) -> Text:
    colour = _DETAIL_COLOURS.get(detail or "") or _COLOURS.get(status, "")
    return Text(clean(f"{status}/{detail}" if detail else status), style=colour)


def session_table(sessions: "list[Session]", width: int) -> Table:
    """Ids are never cut: a narrow terminal gets fewer columns instead."""
    is_wide = width >= 110
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("SESSION", no_wrap=True, min_width=38)
    table.add_column("STATUS", no_wrap=True)
    if is_wide:
        table.add_column("ACUS", justify="right", no_wrap=True, min_width=6)
        table.add_column("CREATED", no_wrap=True, min_width=19)
    table.add_column("TITLE", ratio=1, no_wrap=True, overflow="ellipsis")
    for item in sessions:
        title = Text(clean(item.title or "—").replace("\n", " "))
        facts = (f"{item.acus_consumed:.2f}", when(item.created_at)) if is_wide else ()
        table.add_row(item.session_id, status_text(item), *facts, title)
    return table


def session_details(session: "Session") -> Table:
    import json

    extra = session.model_extra or {}
    rows: list[tuple[str, Text | str | None]] = [
        ("session", session.session_id),
        ("title", session.title),
        ("status", status_text(session)),
        ("url", session.url),
        ("agent", _word(extra.get("agent"))),
        ("repos", ", ".join(_word(repo) or "" for repo in extra.get("repos") or []) or None),
        ("tags", ", ".join(session.tags) or None),
        ("created", when(session.created_at)),
        ("updated", when(session.updated_at)),
        ("ACUs", f"{session.acus_consumed:.3f}"),
        ("archived", "yes" if session.is_archived else None),
    ]
    rows += [("pull request", f"{pull.pr_url} ({pull.pr_state or 'unknown'})") for pull in session.pull_requests]
    if session.structured_output is not None:
        rows.append(("structured output", json.dumps(session.structured_output, indent=2)))
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        if value is not None:
            table.add_row(name, value if isinstance(value, Text) else Text(clean(value)))
    return table


def event_table(events: "list[EventSummary]") -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("TIME", "TYPE"):
        table.add_column(name, no_wrap=True)
    table.add_column("SUMMARY", ratio=1, overflow="fold")
    for event in events:
        match = (event.model_extra or {}).get("match_context")
        summary = f"{event.summary}\n{match}" if match else event.summary
        table.add_row(when(event.created_at), Text(clean(event.event_type)), Text(clean(summary)))
    return table


def diff_text(diff: str, limit: int | None = None) -> Text:
    """A unified diff in colours, cut after `limit` lines."""
    lines = clean(diff).rstrip("\n").split("\n")
    text = Text()
    for line in lines[:limit]:
        text.append(line + "\n", style=_diff_style(line))
    if limit is not None and len(lines) > limit:
        text.append(f"… {len(lines) - limit} more lines\n", style="dim")
    text.rstrip()
    return text


def _diff_style(line: str) -> str:
    if line.startswith(("+++", "---", "diff ", "index ")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")


def _word(value: Any) -> str | None:
    return None if value is None else str(value)


def _columns(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def role_table(roles: "list[Role]") -> Table:
    table = _columns("ROLE", "TYPE", "NAME", "PERMISSIONS")
    for role in roles:
        held = f"{len(role.permissions)} (default role)" if role.is_default else ", ".join(role.permissions) or "none"
        table.add_row(*(Text(clean(one)) for one in (role.role_id, role.role_type, role.role_name, held)))
    return table


def connection_table(connections: "list[GitConnection]") -> Table:
    table = _columns("CONNECTION", "TYPE", "HOST", "NAME", "CREATED")
    for one in connections:
        shown = (one.git_connection_id, one.git_provider_type, one.host, one.name or "")
        table.add_row(*(Text(clean(text)) for text in shown), when(one.created_at))
    return table


def key_table(keys: "list[ApiKey]") -> Table:
    table = _columns("KEY", "NAME", "STATE", "EXPIRES", "LAST USED")
    for key in keys:
        state = "active" if key.is_active else "expired" if key.revoked_at is None else "revoked"
        times = ("never" if at is None else when(at) for at in (key.expires_at, key.last_used_at))
        table.add_row(key.api_key_id, Text(clean(key.api_key_name)), state, *times)
    return table


def repository_table(repositories: "list[Repository]") -> Table:
    table = _columns("REPOSITORY", "LANGUAGE", "INDEXED BRANCHES")
    for one in repositories:
        jobs = one.indexing_status.latest_indexes if one.indexing_status else []
        shown = sorted(f"{job.branch_name} ({job.status.replace('_', ' ')})" for job in jobs)
        branches = ", ".join(shown) or "none"
        table.add_row(*(Text(clean(text)) for text in (one.repo_path, one.repo_language or "", branches)))
    return table


def index_job_table(jobs: "list[IndexJob]") -> Table:
    table = _columns("BRANCH", "COMMIT", "STATE", "FILES", "LEFT OUT", "BEGUN", "ERROR")
    for job in jobs:
        files = f"{job.files_done} of {job.files_total}"
        what = (job.branch_name or "(fetch)", (job.commit or "")[:12])
        about = (*what, job.status, files, str(job.files_skipped), when(job.created_at))
        table.add_row(*(Text(clean(text)) for text in (*about, job.error or "")))
    return table


def resource_table(columns: "Columns", items: list[dict[str, Any]]) -> Table:
    """Any resources: the fields of these columns."""
    table = _columns(*(heading for heading, _ in columns))
    for one in items:
        table.add_row(*(Text(clean(" ".join(plain(one.get(field)).split())[:120])) for _, field in columns))
    return table


def plain(value: Any) -> str:
    """A field of a resource as text."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def webhook_table(webhooks: "list[Webhook]") -> Table:
    table = _columns("WEBHOOK", "STATE", "EVENTS", "URL")
    for one in webhooks:
        state = "enabled" if one.is_enabled else one.disabled_reason or "disabled"
        table.add_row(one.webhook_id, clean(state), clean(", ".join(one.event_types or ["all"])), clean(one.url))
    return table


def delivery_table(deliveries: "list[Delivery]") -> Table:
    table = _columns("DELIVERY", "EVENT", "STATE", "ATTEMPT", "AT", "RESULT")
    for one in deliveries:
        took = "" if one.duration_ms is None else f" in {one.duration_ms} ms"
        result = one.error or ("" if one.status_code is None else f"{one.status_code}{took}")
        facts = (one.state, str(one.attempt), when(one.created_at), clean(result))
        table.add_row(one.delivery_id, clean(one.event_type), *facts)
    return table


def guardrail_table(guardrails: "list[Guardrail]") -> Table:
    table = _columns("GUARDRAIL", "NAME", "ON", "BY", "ACTION", "HOLDS IN")
    for one in guardrails:
        action = one.action if one.is_enabled else f"{one.action} (off)"
        by = "pattern" if one.judgement is None else "model"
        table.add_row(one.guardrail_id, Text(clean(one.name)), one.target, by, action, one.org_id or "all")
    return table


def violation_table(violations: "list[GuardrailViolation]") -> Table:
    table = _columns("WHEN", "GUARDRAIL", "ACTION", "SESSION", "WHY")
    for one in violations:
        shown = Text(clean(one.reasoning))
        table.add_row(
            when(one.created_at), Text(clean(one.guardrail_name)), one.action_taken, one.session_id or "none", shown
        )
    return table


def org_group_table(groups: "dict[str, OrgGroup]") -> Table:
    table = _columns("GROUP", "ACUS A CYCLE", "ORGANIZATIONS")
    for name, one in groups.items():
        limit = "no limit" if one.max_cycle_acus is None else str(one.max_cycle_acus)
        table.add_row(Text(clean(name)), limit, "\n".join(one.org_ids) or "none")
    return table


def acu_limit_table(limits: "list[AcuLimit]") -> Table:
    table = _columns("LIMIT OF", "WHICH", "ACUS A CYCLE", "USED", "SET ASIDE")
    for one in limits:
        which = one.org_id or one.group_name or one.user_id or ""
        amounts = (str(one.cycle_acu_limit), f"{one.acus_used:.4f}", f"{one.acus_reserved:.4f}")
        table.add_row(one.scope.replace("_", " "), Text(clean(which)), *amounts)
    return table


def outpost_table(outposts: "list[Outpost]") -> Table:
    table = _columns("OUTPOST", "NAME", "PLATFORM", "WAIT", "CLAIMED")
    for one in outposts:
        counts = (str(one.status.queue_depth), str(one.status.active_claims))
        table.add_row(
            one.metadata.outpost_id, Text(clean(one.spec.name)), Text(clean(one.spec.platform or "")), *counts
        )
    return table


def queue_table(entries: "list[Entry]") -> Table:
    table = _columns("SESSION", "KIND", "PHASE", "STATUS", "WORKER", "SINCE")
    for one in entries:
        facts = (one.spec.kind, one.status.phase, one.status.session_status)
        worker = Text(clean(one.status.acceptor_id or ""))
        table.add_row(one.metadata.session_id, *facts, worker, when(int(one.metadata.updated_at)))
    return table
