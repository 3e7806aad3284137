"""Creating a session: every rule of the create call, then one row, its first events and its place in the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.permissions import Permission as P
from cogmill.access.rights import rights_of
from cogmill.access.scope import of_enterprise, owned
from cogmill.domain.attachments.service import named_in as attachments_named_in
from cogmill.domain.attachments.service import resolve as resolve_attachment
from cogmill.domain.git_providers.use import granted
from cogmill.domain.guardrails.prompts import VIOLATION, Looked, look
from cogmill.domain.knowledge.use import check_named as check_notes
from cogmill.domain.organizations.rules import PLATFORMS, Rules, UnknownPlatform, check_tags, rules_of
from cogmill.domain.outposts import queue as outposts
from cogmill.domain.playbooks.use import by_id as playbook_by_id
from cogmill.domain.playbooks.use import by_macro as playbook_by_macro
from cogmill.domain.playbooks.use import if_there as playbook_if_there
from cogmill.domain.secrets.use import SESSION, Taken, nearest, stored, variable_names
from cogmill.domain.secrets.use import give as give_secrets
from cogmill.domain.sessions import news
from cogmill.domain.sessions.log import NewEvent, insert_events
from cogmill.domain.sessions.queries import SessionNotFound, SessionRow, full_id, mine
from cogmill.domain.sessions.schemas import SessionIn
from cogmill.domain.sessions.states import Status
from cogmill.kit.errors import BadRequest, Conflict, Forbidden, Invalid
from cogmill.kit.hot_insert import HotInsert
from cogmill.kit.ids import event_id, new_id
from cogmill.kit.settings import Settings
from cogmill.models.access import user
from cogmill.models.sessions import session, session_attachment, session_label
from cogmill.scm.errors import RepositoryRefused
from cogmill.scm.forge import LocalForge
from cogmill.scm.local_paths import LocalPaths
from cogmill.scm.repositories import RepositoryRef, parse_repository

INSERT_LABELS = HotInsert(session_label)
INSERT = HotInsert(session, returning="id")
_INSERTS: dict[str, Any] = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}
KEPT = (
    "knowledge_ids", "secret_ids", "session_links", "child_playbook_id", "bypass_approval", "devin_mode",
    "advanced_mode", "repos", "structured_output_schema", "structured_output_required", "playbook",
)  # fmt: skip
"""Fields of create that are stored as accepted; the rest have columns or tables."""


NEEDED_BY_MODE = {
    "analyze": ("session_links",),
    "improve": ("child_playbook_id",),
    "batch": ("child_playbook_id",),
}  # fmt: skip
"""What an advanced mode cannot do without (contract, semantics.md section 3)."""

PRIORITIES = {"fast": 0, "normal": 1, "lite": 2}
"""Which sessions of an organization go first when they have to wait."""


@dataclass(frozen=True, slots=True)
class OfScan:
    """The code scan that a session carries out, and the commit of its repository that it works on."""

    scan_id: str
    commit_sha: str | None


def create_session(
    ctx: Context, data: SessionIn, parent_id: str | None, origin: str, schedule_id: str | None = None, *,
    started_by: str | None = None, of_scan: OfScan | None = None, told: Sequence[NewEvent] = (),
) -> SimpleNamespace:  # fmt: skip
    """Accept a session: it is durable and queued when this commits. Refuses whatever it could not honour.

    Answers the new row. `started_by`: the step of the parent's agent that asked for it. `of_scan`: what it is for.
    `told`: how it came about. No query follows the inserts: this is the hottest write of the API.
    """
    user_id = attribution(ctx, data.create_as_user_id)
    _check_rights(ctx, data, user_id)
    parent = _parent(ctx, parent_id)
    rules = _rules(ctx, user_id)
    looked = look(ctx, data.prompt, {one.key: one.value for one in data.session_secrets or []})
    tags = _tags(ctx, data, rules)
    _check_references(ctx, data)
    playbook = _playbook(ctx, data, parent)
    also = _also(ctx, data, started_by, of_scan)
    repos = _repositories(ctx, data)
    secrets = _secrets(ctx, data, user_id, [ref.name for ref in repos])
    attachments = _attachments(ctx, data)
    request = (_of_playbook(playbook) if playbook is not None else {}) | _kept(data, parent, rules) | also
    request |= {"attachments": [a.attachment_id for a in attachments]} if attachments else {}
    events = _first_events(ctx, data, tags, user_id, [a.name for a in attachments])
    events += [_playbook_event(playbook)] if playbook is not None else []
    events += [_secrets_event(secrets)] if secrets else []
    events += [*told, *guarded(looked)]
    values = {
        "session_id": new_id("devin"), "org_id": ctx.scope.one_org, "user_id": user_id,
        "service_user_id": ctx.principal.service_user_id, "origin": origin, "title": data.title,
        "prompt": data.prompt, "agent": data.agent, "request": request, "tags": tags,
        "playbook_id": playbook and playbook.playbook_id, "schedule_id": schedule_id,
        "parent_session_id": parent and parent.session_id, "category": None, "subcategory": None,
        "max_acu_limit": data.max_acu_limit, "is_archived": False, "created_at": ctx.now, "status": Status.NEW.value,
        "status_detail": None, "updated_at": ctx.now, "last_seq": len(events), "acus_micro": 0, "usd_micro": 0,
        "structured_output": None, "user_messages": 1, "devin_messages": 0, "has_searched": False, "epoch": 0,
        "run_state": "queued", "idle_since": None, "active_since": None, "outpost_id": _outpost(ctx, request),
        "scan_id": of_scan and of_scan.scan_id,
    }  # fmt: skip
    row = SimpleNamespace(**values, id=INSERT(ctx.db, [values]))
    insert_events(ctx, row.id, row.session_id, 0, events)
    outposts.enter(ctx, row)
    set_labels(ctx, row, "tag", tags)
    set_labels(ctx, row, "repo", [ref.name for ref in repos])
    give_secrets(ctx, row, secrets)
    link_attachments(ctx, row.id, attachments)
    note_hits(ctx, row, looked, row.last_seq)
    news.created(ctx, row)
    announce(ctx, row)
    return row


def guarded(looked: Looked) -> list[NewEvent]:
    """What guardrails say of a text that they let pass."""
    return [NewEvent(VIOLATION, "other", summary, dict(contents)) for summary, contents in looked.events()]


def note_hits(ctx: Context, row: Any, looked: Looked, last: int) -> None:
    """Write down what they said, of which the last of these events tell."""
    first = last - len(looked.hits) + 1
    ids = [event_id(row.session_id, first + number) for number in range(len(looked.hits))]
    looked.record(ctx, row.org_id, row.session_id, ids)


def link_attachments(ctx: Context, row_id: int, attachments: list[Any]) -> None:
    """Note which files came with the session; one that came already stays single."""
    for attachment_id in dict.fromkeys(one.attachment_id for one in attachments):
        link = {"session": row_id, "attachment_id": attachment_id, "source": "user"}
        ctx.db.execute(_INSERTS[ctx.db.dialect.name](session_attachment).values(link).on_conflict_do_nothing())


def announce(ctx: Context, row: Any) -> None:
    """Tell the engine, once this is durable, that the session waits to be run."""
    if row.outpost_id is not None:
        ctx.after_commit.append(partial(ctx.runtime.signals.wanted, row.id))
        return
    priority = PRIORITIES.get(row.request.get("devin_mode"), 1)
    ctx.after_commit.append(partial(ctx.runtime.signals.runnable, row.id, row.org_id, priority))


def _check_rights(ctx: Context, data: SessionIn, user_id: str | None) -> None:
    """A session in somebody else's name has that user's rights, never the caller's."""
    if data.advanced_mode is None and not data.bypass_approval:
        return
    if user_id is None or user_id == ctx.principal.user_id:
        ctx.require(P.USE_DEVIN_EXPERT, when="advanced_mode or bypass_approval is set")
    elif P.USE_DEVIN_EXPERT not in rights_of_user(ctx, user_id):
        raise Forbidden(
            f"advanced_mode and bypass_approval need {P.USE_DEVIN_EXPERT}, which user {user_id} does not hold here."
        )


def _attachments(ctx: Context, data: SessionIn) -> list[Any]:
    """Files that are given along, and those that the prompt names."""
    given = [resolve_attachment(ctx, url, at="attachment_urls") for url in data.attachment_urls or []]
    return given + attachments_named_in(ctx, data.prompt, at="prompt")


def _rules(ctx: Context, user_id: str | None) -> Rules:
    """What the organization lets its sessions do; refuses when nothing may run in it, or for the user."""
    rules = rules_of(ctx, ctx.scope.one_org, user_id)
    rules.check_running(ctx)
    return rules


def _kept(data: SessionIn, parent: SessionRow | None, rules: Rules) -> dict[str, Any]:
    """The fields of create that are stored as accepted, and where the session runs."""
    kept = {name: value for name in KEPT if (value := getattr(data, name)) is not None}
    return kept | {"platform": _platform(data.platform, parent, rules.default_platform)}


def _tags(ctx: Context, data: SessionIn, rules: Rules) -> list[str]:
    """The session's tags, the organization's default tag where none are given."""
    tags = list(dict.fromkeys(data.tags or []))
    check_tags(ctx, tags)
    return tags or ([rules.default_tag] if rules.default_tag is not None else [])


def check_platform(ctx: Context, platform: str | None) -> None:
    """Refuse a label that nothing here goes by."""
    if platform is None:
        return
    label = platform.lower()
    if outposts.is_outpost(label):
        outposts.usable(ctx, label, ctx.scope.one_org)
    elif label not in (*PLATFORMS, "inherit", "default"):
        raise UnknownPlatform


def _check_references(ctx: Context, data: SessionIn) -> None:
    """Refuse notes that are not there, and an advanced mode without what it works on."""
    check_notes(ctx, data.knowledge_ids)
    for field in NEEDED_BY_MODE.get(data.advanced_mode or "", ()):
        if not getattr(data, field):
            raise Invalid.at("body", field, msg=f"advanced_mode {data.advanced_mode!r} needs {field}.")


def _platform(asked: str | None, parent: SessionRow | None, default: str | None) -> str:
    """Where the session runs: as asked, else where its parent does, else by its organization's default."""
    label = (asked or "inherit").lower()
    if label == "inherit":
        label = (parent.request.get("platform") if parent is not None else None) or "default"
    if label == "default":
        label = default or PLATFORMS[0]
    if label not in PLATFORMS and not outposts.is_outpost(label):
        raise UnknownPlatform
    return label


def _outpost(ctx: Context, request: dict[str, Any]) -> str | None:
    """Whose workers run the session; None: this server does."""
    label = request["platform"]
    return outposts.usable(ctx, label, ctx.scope.one_org).outpost_id if outposts.is_outpost(label) else None


def _playbook(ctx: Context, data: SessionIn, parent: SessionRow | None) -> Row[Any] | None:
    """The playbook that is asked for by id, or else by its macro in the prompt, or that the parent has for children.

    A text given along goes before all of them.
    """
    if data.playbook is not None and data.playbook_id is not None:
        raise BadRequest("playbook and playbook_id: give the text of a playbook or the id of one, not both.")
    if data.playbook_id is not None:
        return playbook_by_id(ctx, data.playbook_id, "playbook_id")
    if data.playbook is not None:
        return None
    named = playbook_by_macro(ctx, data.prompt)
    if named is not None or parent is None:
        return named
    kept = parent.request.get("child_playbook_id") or parent.playbook_id
    return playbook_if_there(ctx, kept) if kept is not None else None


def _repositories(ctx: Context, data: SessionIn) -> list[RepositoryRef]:
    """What the session will clone; refused now rather than in the session."""
    settings = ctx.runtime.settings
    try:
        refs = [parse_repository(repo, local_paths(settings)) for repo in data.repos or []]
    except RepositoryRefused as error:
        raise Invalid.at("body", "repos", msg=str(error)) from None
    for ref in refs:
        check_repository(ctx, ref, "repos")
    return refs


def check_repository(ctx: Context, ref: RepositoryRef, field: str) -> None:
    """Refuse one that is not there, or that the organization has no permission for."""
    forge = LocalForge(ctx.runtime.settings.data / "forge" / ctx.scope.one_org)
    try:
        grant = granted(ctx, ref, forge)
    except Forbidden as error:
        raise Forbidden(f"{field}: {error}") from None
    if grant is None and ref.kind == "name" and not forge.exists(ref.name):
        said = f"{ref.name}: no such repository here, nor a git permission for it; give its URL or local path."
        raise Invalid.at("body", field, msg=said)


def local_paths(settings: Settings) -> LocalPaths:
    """Folders from which repositories may be named by path: the setting, or all of them on loopback."""
    listed = tuple(settings.local_repos or ())
    everything = settings.local_repos is None and settings.on_loopback
    return LocalPaths(allowed=listed, everything=everything, never=(settings.data,))


def attribution(ctx: Context, as_user: str | None) -> str | None:
    """The user whom the session or message belongs to. Naming oneself needs no permission."""
    if as_user is None or as_user == ctx.principal.user_id:
        return ctx.principal.user_id
    ctx.require(P.IMPERSONATE_ORG_SESSIONS, when="acting as another user")
    if P.USE_DEVIN_SESSIONS not in rights_of_user(ctx, as_user):
        raise Forbidden(f"{as_user[:64]!r} is no member of this organization who may use sessions (UseDevinSessions).")
    return as_user


def rights_of_user(ctx: Context, user_id: str) -> frozenset[P]:
    """A user's rights in the scope's organization, however they came by them; none of whoever is no live user."""
    known = of_enterprise(user, ctx.scope, user.c.user_id).where(
        user.c.user_id == user_id, user.c.deleted_at.is_(None), user.c.disabled_at.is_(None)
    )
    if ctx.db.execute(known).first() is None:
        return frozenset()
    return rights_of(ctx.db, user_id).in_org(ctx.scope.one_org)


def _parent(ctx: Context, parent_id: str | None) -> SessionRow | None:
    """Locked: of two children that come at once the second counts the first, and none slips below one that is put
    away just now."""
    if parent_id is None:
        return None
    query = mine(ctx, owned(session, ctx.scope)).where(session.c.session_id == full_id(parent_id))
    parent = ctx.db.execute(query.with_for_update()).one_or_none()
    if parent is None:
        raise SessionNotFound(f"devin_id: there is no session {parent_id[:64]!r} in this organization.")
    if parent.is_archived or parent.status in {"exit", "error"}:
        raise Conflict("devin_id: that session has ended and cannot have further children.")
    _check_tree(ctx, parent)
    return parent


def _check_tree(ctx: Context, parent: SessionRow) -> None:
    """Neither too many children nor too many generations: agents start sessions, too."""
    settings, above, depth = ctx.runtime.settings, parent.parent_session_id, 1
    children = owned(session, ctx.scope, session.c.id).where(session.c.parent_session_id == parent.session_id)
    if len(ctx.db.execute(children.limit(settings.max_child_sessions)).all()) >= settings.max_child_sessions:
        raise Conflict(f"devin_id: a session can have {settings.max_child_sessions} children at most.")
    while above is not None and depth <= settings.max_session_depth:
        query = owned(session, ctx.scope, session.c.parent_session_id).where(session.c.session_id == above)
        above = ctx.db.execute(query).scalar()
        depth += 1
    if depth > settings.max_session_depth:
        raise Conflict(f"devin_id: a session can have {settings.max_session_depth} generations below it at most.")


def _first_events(
    ctx: Context, data: SessionIn, tags: list[str], user_id: str | None, files: list[str]
) -> list[NewEvent]:
    created = {"title": data.title, "agent": data.agent, "repos": data.repos or [], "tags": tags}
    said = {"message": data.prompt, "user_id": user_id, "attachments": files}
    return [
        NewEvent("session_created", "lifecycle", f"Session created by {ctx.principal.name}", created, "incoming"),
        NewEvent("user_message", "message", data.prompt, said, "incoming"),
    ]


def _secrets(ctx: Context, data: SessionIn, user_id: str | None, repositories: list[str]) -> list[Taken]:
    """What the session may use: secrets of organization, repositories and user, then its own."""
    own = [Taken(one.key, one.value, "key-value", one.sensitive, SESSION) for one in data.session_secrets or []]
    return nearest([*stored(ctx, data.secret_ids, user_id, repositories), *own])


def _of_playbook(playbook: Row[Any]) -> dict[str, Any]:
    """What the session keeps of its playbook; a schema of its own counts more."""
    schema = playbook.structured_output_schema
    return {"playbook": playbook.body} | ({"structured_output_schema": schema} if schema is not None else {})


def _also(ctx: Context, data: SessionIn, started_by: str | None, of_scan: OfScan | None) -> dict[str, Any]:
    """What the request names, as it is now: the playbook for children, the recording; and what is behind it."""
    found: dict[str, Any] = {} if started_by is None else {"started_by": started_by}
    found |= {"commit_sha": of_scan.commit_sha} if of_scan and of_scan.commit_sha else {}
    if data.child_playbook_id is not None:
        playbook = playbook_by_id(ctx, data.child_playbook_id, "child_playbook_id")
        found["child_playbook"] = {name: getattr(playbook, name) for name in ("playbook_id", "title", "body", "macro")}
    if data.agent == "replay" and data.recording is None:
        raise Invalid.at("body", "recording", msg="Agent 'replay' needs the attachment URL or id of a recording.")
    if data.recording is not None:
        found["recording"] = resolve_attachment(ctx, data.recording, at="recording").attachment_id
    return found


def _playbook_event(playbook: Row[Any]) -> NewEvent:
    """Which playbook, and which version: it may be saved anew while the session runs."""
    told = {"playbook_id": playbook.playbook_id, "title": playbook.title, "version": playbook.version}
    told |= {"macro": playbook.macro}
    return NewEvent("playbook_selected", "playbook", f"Playbook: {playbook.title}", told, "incoming")


def _secrets_event(secrets: list[Taken]) -> NewEvent:
    """Names only; which secrets of the organization they are."""
    names = variable_names(secrets)
    told = [{"name": name, "secret_id": one.secret_id} for name, one in zip(names, secrets, strict=True)]
    return NewEvent("secrets_provided", "secret", f"Secrets: {', '.join(names)}", {"secrets": told}, "incoming")


def set_labels(ctx: Context, row: Any, kind: str, values: list[str]) -> None:
    """The values under which list filters find the session."""
    rows = [{"org_id": row.org_id, "kind": kind, "value": value, "session": row.id} for value in dict.fromkeys(values)]
    if rows:
        INSERT_LABELS(ctx.db, rows)
