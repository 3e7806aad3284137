"""Handler of both operations that make a service user; the scope says of which tier."""

from cogmill.access.context import Context
from cogmill.domain.service_users import service
from cogmill.domain.service_users.schemas import ServiceUserIn, ServiceUserProvisionedOut


def provision(ctx: Context, body: ServiceUserIn) -> ServiceUserProvisionedOut:
    """Makes a service user and its first key, whose token is shown this once."""
    return service.provision(ctx, body)
