"""Handlers of guardrails and their violations; both scopes of the latter share one."""

from cogmill.access.context import Context
from cogmill.domain.guardrails import service, violations
from cogmill.domain.guardrails.schemas import (
    GuardrailIn,
    GuardrailOut,
    GuardrailPatch,
    GuardrailsQuery,
    ViolationOut,
    ViolationsQuery,
)
from cogmill.web.params import Page, page_of


def list_(ctx: Context, query: GuardrailsQuery) -> Page[GuardrailOut]:
    return page_of(service.list_page(ctx, query))


def get(ctx: Context, guardrail_id: str) -> GuardrailOut:
    return service.get(ctx, guardrail_id)


def create(ctx: Context, body: GuardrailIn) -> GuardrailOut:
    return service.create(ctx, body)


def update(ctx: Context, guardrail_id: str, body: GuardrailPatch) -> GuardrailOut:
    return service.change(ctx, guardrail_id, body)


def delete(ctx: Context, guardrail_id: str) -> GuardrailOut:
    return service.remove(ctx, guardrail_id)


def list_violations(ctx: Context, query: ViolationsQuery) -> Page[ViolationOut]:
    return page_of(violations.list_page(ctx, query))
