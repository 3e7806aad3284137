"""Handlers of the IP access list."""

from cogmill.access.context import Context
from cogmill.domain.ip_ranges import service
from cogmill.domain.ip_ranges.schemas import IpRangesIn, IpRangesOut


def get(ctx: Context) -> IpRangesOut:
    return IpRangesOut(ip_ranges=service.get(ctx))


def append(ctx: Context, body: IpRangesIn) -> IpRangesOut:
    return IpRangesOut(ip_ranges=service.append(ctx, body.ip_ranges))


def replace(ctx: Context, body: IpRangesIn) -> IpRangesOut:
    """Binds from the very next request on, your own included. On the server, `cogmill ip-access clear` undoes it."""
    return IpRangesOut(ip_ranges=service.replace(ctx, body.ip_ranges))


def clear(ctx: Context) -> IpRangesOut:
    return IpRangesOut(ip_ranges=service.replace(ctx, []))
