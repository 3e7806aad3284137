"""Handlers of playbooks, for organizations and for the enterprise: the scope tells them apart."""

from cogmill.access.context import Context
from cogmill.domain.playbooks import service
from cogmill.domain.playbooks.schemas import PlaybookIn, PlaybookOut, PlaybookVersionOut
from cogmill.web.params import Page, PageQuery, page_of


def list_(ctx: Context, query: PageQuery) -> Page[PlaybookOut]:
    """Newest first; an organization sees its own and those that the enterprise shares."""
    return page_of(service.list_page(ctx, query))


def create(ctx: Context, body: PlaybookIn) -> PlaybookOut:
    """A prompt that holds the macro, or `playbook_id`, selects it for a session."""
    return service.create(ctx, body)


def get(ctx: Context, playbook_id: str) -> PlaybookOut:
    return service.get(ctx, playbook_id)


def replace(ctx: Context, playbook_id: str, body: PlaybookIn) -> PlaybookOut:
    """Saves a new version; sessions that exist keep the text that they began with."""
    return service.replace(ctx, playbook_id, body)


def delete(ctx: Context, playbook_id: str) -> PlaybookOut:
    return service.remove(ctx, playbook_id)


def versions(ctx: Context, playbook_id: str, query: PageQuery) -> Page[PlaybookVersionOut]:
    """What was saved, when and by whom, newest first; the last 100."""
    return page_of(service.versions(ctx, playbook_id, query))
