"""Who calls, audit log and playbooks of v2."""

from cogmill.access.context import Context
from cogmill.api.legacy.audit_logs import newest
from cogmill.api.legacy.reading import as_input, everything, iso
from cogmill.api.legacy.v2.pages import DONE
from cogmill.api.legacy.v2.schemas import (
    AuditLogsV2Out,
    AuditLogsV2Query,
    AuditLogV2Out,
    HypervisorV2Out,
    PlaybookV2In,
    PlaybookV2Out,
    PlaybookV2Patch,
    SelfV2Out,
    SuccessOut,
)
from cogmill.domain.api_keys.legacy_usage import organization_of_key
from cogmill.domain.hypervisors.service import health
from cogmill.domain.members.names import emails, names
from cogmill.domain.playbooks import service as playbooks
from cogmill.domain.playbooks.schemas import PlaybookIn, PlaybookOut
from cogmill.web.params import PageQuery


def get_self(ctx: Context) -> SelfV2Out:
    """Whose key this is."""
    caller = ctx.principal
    return SelfV2Out(
        api_key_id=caller.api_key_id, org_id=organization_of_key(ctx) or "", user_id=caller.user_id,
        user_email=emails(ctx, [caller.user_id]).get(caller.user_id),
    )  # fmt: skip


def audit_logs(ctx: Context, query: AuditLogsV2Query) -> AuditLogsV2Out:
    """Newest first."""
    found = newest(ctx, query.after, query.before, query.limit)
    return AuditLogsV2Out(audit_logs=[AuditLogV2Out(**one) for one in found])


def hypervisors(ctx: Context) -> list[HypervisorV2Out]:
    """Those whose processes have not ended, oldest first."""
    return [HypervisorV2Out(hypervisor_id=one, status=word, seconds_since_report=ago) for one, word, ago in health(ctx)]


def list_playbooks(ctx: Context) -> list[PlaybookV2Out]:
    """Those that the enterprise shares, newest first."""
    return _shown(ctx, everything(lambda after, first: playbooks.list_page(ctx, PageQuery(after=after, first=first))))


def get_playbook(ctx: Context, playbook_id: str) -> PlaybookV2Out:
    return _shown(ctx, [playbooks.get(ctx, playbook_id)])[0]


def create_playbook(ctx: Context, body: PlaybookV2In) -> PlaybookV2Out:
    return _shown(ctx, [playbooks.create(ctx, as_input(PlaybookIn, body.model_dump()))])[0]


def update_playbook(ctx: Context, playbook_id: str, body: PlaybookV2Patch) -> SuccessOut:
    """Saves a new version."""
    kept = playbooks.get(ctx, playbook_id)
    values = {"title": kept.title, "body": kept.body}
    playbooks.replace(ctx, playbook_id, as_input(PlaybookIn, values | body.model_dump(exclude_none=True)))
    return DONE


def delete_playbook(ctx: Context, playbook_id: str) -> SuccessOut:
    playbooks.remove(ctx, playbook_id)
    return DONE


def _shown(ctx: Context, found: list[PlaybookOut]) -> list[PlaybookV2Out]:
    called = names(ctx, [who for one in found for who in (one.created_by, one.updated_by)])
    return [
        PlaybookV2Out(
            playbook_id=one.playbook_id, title=one.title, body=one.body, macro=one.macro, status="published",
            access="team", account_id=ctx.scope.enterprise_id, created_at=iso(one.created_at),
            updated_at=iso(one.updated_at), created_by_user_id=one.created_by,
            created_by_user_name=called.get(one.created_by), updated_by_user_id=one.updated_by,
            updated_by_user_name=called.get(one.updated_by),
        )
        for one in found
    ]  # fmt: skip
