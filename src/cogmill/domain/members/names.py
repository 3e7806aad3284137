"""Names and addresses of principals by their ids, of those who are gone, too: what was theirs still shows them."""

from collections.abc import Iterable

from sqlalchemy import func, select

from cogmill.access.context import Context
from cogmill.access.scope import of_enterprise
from cogmill.models.access import browser_session, service_user, user, user_identity


def emails(ctx: Context, user_ids: Iterable[str | None]) -> dict[str | None, str]:
    """Addresses of users by id."""
    wanted = set(user_ids) - {None}
    if not wanted:
        return {}
    query = of_enterprise(user, ctx.scope, user.c.user_id, user.c.email).where(user.c.user_id.in_(wanted))
    return {row.user_id: row.email for row in ctx.db.execute(query)}


def names(ctx: Context, principal_ids: Iterable[str]) -> dict[str, str]:
    """Names of users (of nameless ones the address) and service users by id."""
    wanted = set(principal_ids)
    if not wanted:
        return {}
    people = of_enterprise(user, ctx.scope, user.c.user_id, user.c.name, user.c.email)
    found = {row.user_id: row.name or row.email for row in ctx.db.execute(people.where(user.c.user_id.in_(wanted)))}
    key = service_user.c.service_user_id
    machines = of_enterprise(service_user, ctx.scope, key, service_user.c.name).where(key.in_(wanted))
    return found | {row.service_user_id: row.name for row in ctx.db.execute(machines)}


def with_email(ctx: Context, email: str) -> list[str]:
    """Ids of the enterprise's users of this address: one, or none."""
    query = of_enterprise(user, ctx.scope, user.c.user_id).where(user.c.email == email.strip().lower())
    return list(ctx.db.execute(query).scalars())


def last_sign_ins(ctx: Context, user_ids: Iterable[str]) -> dict[str, float]:
    """When the newest browser session began, of users who have any, by id."""
    columns = browser_session.c
    query = select(columns.user_id, func.max(columns.created_at).label("at")).where(columns.user_id.in_(set(user_ids)))
    return {row.user_id: row.at for row in ctx.db.execute(query.group_by(columns.user_id))}


def subjects(ctx: Context, user_ids: Iterable[str]) -> dict[str, str]:
    """Ids of accounts at the identity provider, by id of the user."""
    columns = user_identity.c
    query = select(columns.user_id, columns.subject).where(columns.user_id.in_(set(user_ids)))
    return {row.user_id: row.subject for row in ctx.db.execute(query.order_by(columns.issuer, columns.subject))}


def creation_times(ctx: Context, user_ids: Iterable[str]) -> dict[str, float]:
    """When users were made known, by id."""
    query = of_enterprise(user, ctx.scope, user.c.user_id, user.c.created_at)
    return {row.user_id: row.created_at for row in ctx.db.execute(query.where(user.c.user_id.in_(set(user_ids))))}
