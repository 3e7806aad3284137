"""Handlers of the key operations."""

from collections.abc import Sequence
from typing import Any

from cogmill.access.context import Context
from cogmill.access.rights import change_identities
from cogmill.domain.api_keys import owners, service
from cogmill.domain.api_keys.schemas import (
    ApiKeyIn,
    ApiKeyOut,
    ApiKeyWithTokenOut,
    KeyListQuery,
    LegacyKeyOut,
    RotateIn,
    UserLegacyKeyIn,
)
from cogmill.web.params import Page


def _page(shown: Sequence[Any], has_more: bool) -> Page[Any]:
    return Page.model_construct(items=list(shown), end_cursor=None, has_next_page=has_more, total=None)


def _list(ctx: Context, keys: service.Keys, query: KeyListQuery) -> Page[ApiKeyOut]:
    rows, has_more = service.list_(ctx, keys, query.status)
    return _page(service.present(ctx, keys, rows), has_more)


def _list_legacy(ctx: Context, keys: service.Keys, query: KeyListQuery) -> Page[LegacyKeyOut]:
    rows, has_more = service.list_(ctx, keys, query.status)
    return _page(service.present_legacy(ctx, keys, rows), has_more)


def list_of_service_user(ctx: Context, service_user_id: str, query: KeyListQuery) -> Page[ApiKeyOut]:
    return _list(ctx, owners.of_service_user(ctx, service_user_id), query)


def create_for_service_user(ctx: Context, service_user_id: str, body: ApiKeyIn) -> ApiKeyWithTokenOut:
    """A further key, whose token is shown this once."""
    change_identities(ctx)
    keys = owners.of_service_user(ctx, service_user_id)
    owners.may_hold_service_user(ctx, keys)
    return service.present_issued(service.create(ctx, keys, body))


def revoke_of_service_user(ctx: Context, service_user_id: str, api_key_id: str) -> ApiKeyOut:
    change_identities(ctx)
    keys = owners.of_service_user(ctx, service_user_id)
    return service.present(ctx, keys, [service.end(ctx, keys, api_key_id)])[0]


def rotate_of_service_user(ctx: Context, service_user_id: str, api_key_id: str, body: RotateIn) -> ApiKeyWithTokenOut:
    """A new key in the place of this one."""
    change_identities(ctx)
    keys = owners.of_service_user(ctx, service_user_id)
    service.find(ctx, keys, api_key_id)
    owners.may_hold_service_user(ctx, keys)
    return service.present_issued(service.rotate(ctx, keys, api_key_id, body))


def list_own(ctx: Context, query: KeyListQuery) -> Page[ApiKeyOut]:
    """The caller's personal access tokens."""
    return _list(ctx, owners.of_caller(ctx), query)


def create_own(ctx: Context, body: ApiKeyIn) -> ApiKeyWithTokenOut:
    """A personal access token of the caller, shown this once."""
    change_identities(ctx)
    keys = owners.of_caller(ctx)
    return service.present_issued(service.create(ctx, keys, owners.bounded_by_caller(ctx, body)))


def revoke_own(ctx: Context, api_key_id: str) -> ApiKeyOut:
    change_identities(ctx)
    keys = owners.of_caller(ctx)
    return service.present(ctx, keys, [service.end(ctx, keys, api_key_id)])[0]


def list_of_user(ctx: Context, user_id: str, query: KeyListQuery) -> Page[ApiKeyOut]:
    """A user's personal access tokens."""
    return _list(ctx, owners.of_user(ctx, user_id), query)


def create_for_user(ctx: Context, user_id: str, body: ApiKeyIn) -> ApiKeyWithTokenOut:
    """A personal access token for a user who may do no more than the caller; shown this once."""
    change_identities(ctx)
    keys = owners.of_user(ctx, user_id)
    owners.may_hold_user(ctx, keys)
    return service.present_issued(service.create(ctx, keys, body))


def revoke_of_user(ctx: Context, user_id: str, api_key_id: str) -> ApiKeyOut:
    change_identities(ctx)
    keys = owners.of_user(ctx, user_id)
    return service.present(ctx, keys, [service.end(ctx, keys, api_key_id)])[0]


def list_legacy_of_user(ctx: Context, user_id: str, query: KeyListQuery) -> Page[LegacyKeyOut]:
    """A user's keys for the old APIs."""
    return _list_legacy(ctx, owners.of_user(ctx, user_id, legacy=True), query)


def create_legacy_for_user(ctx: Context, user_id: str, body: UserLegacyKeyIn) -> ApiKeyWithTokenOut:
    """A key (apk_user_...) that works on /v1 and /v2 only; shown this once."""
    change_identities(ctx)
    keys = owners.of_user_in(ctx, user_id, body.org_id)
    owners.may_hold_user(ctx, keys)
    return service.present_issued(service.create(ctx, keys, body))


def revoke_legacy_of_user(ctx: Context, user_id: str, api_key_id: str) -> LegacyKeyOut:
    change_identities(ctx)
    keys = owners.of_user(ctx, user_id, legacy=True)
    return service.present_legacy(ctx, keys, [service.end(ctx, keys, api_key_id)])[0]


def list_legacy_of_organization(ctx: Context, query: KeyListQuery) -> Page[LegacyKeyOut]:
    """The organization's keys for the old APIs."""
    return _list_legacy(ctx, owners.of_organization(ctx), query)


def create_legacy_for_organization(ctx: Context, body: ApiKeyIn) -> ApiKeyWithTokenOut:
    """A key (apk_...) that works on /v1 only, with the rights of an organization member; shown this once."""
    change_identities(ctx)
    owners.may_hold_organization(ctx)
    return service.present_issued(service.create(ctx, owners.of_organization(ctx), body))


def revoke_legacy_of_organization(ctx: Context, api_key_id: str) -> LegacyKeyOut:
    change_identities(ctx)
    keys = owners.of_organization(ctx)
    return service.present_legacy(ctx, keys, [service.end(ctx, keys, api_key_id)])[0]
