"""Handlers of secrets."""

from cogmill.access.context import Context
from cogmill.domain.secrets import service
from cogmill.domain.secrets.schemas import SecretIn, SecretOut
from cogmill.web.params import Page, PageQuery, page_of


def list_(ctx: Context, query: PageQuery) -> Page[SecretOut]:
    """Secrets of the organization, and your personal ones, without their values."""
    return page_of(service.list_page(ctx, query))


def create(ctx: Context, body: SecretIn) -> SecretOut:
    """A secret for sessions that are created from now on; nothing shows its value again."""
    return service.create(ctx, body)


def delete(ctx: Context, secret_id: str) -> SecretOut:
    """Takes a secret away from sessions to come."""
    return service.remove(ctx, secret_id)
