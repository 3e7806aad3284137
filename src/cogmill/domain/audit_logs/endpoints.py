"""Handlers of the audit log operations; both scopes share one."""

from cogmill.access.context import Context
from cogmill.domain.audit_logs import service
from cogmill.domain.audit_logs.schemas import AuditLogOut, AuditLogQuery
from cogmill.web.params import Page, page_of


def list_(ctx: Context, query: AuditLogQuery) -> Page[AuditLogOut]:
    return page_of(service.list_page(ctx, query))
