"""Handler of the list of hypervisors."""

from cogmill.access.context import Context
from cogmill.domain.hypervisors import service
from cogmill.domain.hypervisors.schemas import HypervisorOut, HypervisorsQuery
from cogmill.web.params import Page, page_of


def list_(ctx: Context, query: HypervisorsQuery) -> Page[HypervisorOut]:
    return page_of(service.list_page(ctx, query))
