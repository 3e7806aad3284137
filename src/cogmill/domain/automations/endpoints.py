"""Handlers of automations, and of the addresses that set them off."""

import re

from starlette.requests import Request

from cogmill.access.context import Context
from cogmill.domain.automations import incoming, service
from cogmill.domain.automations.schemas import (
    AutomationIn,
    AutomationOut,
    AutomationPatch,
    AutomationRunOut,
    AutomationSchemasOut,
    EventSchemaOut,
    FieldOut,
    RunFilters,
    TriggeredOut,
)
from cogmill.domain.happenings.conditions import OPERATORS
from cogmill.domain.happenings.types import SCHEDULE, TRIGGERS, fields_of
from cogmill.kit.errors import Invalid, LimitReached, TooLarge
from cogmill.web.addresses import address_of
from cogmill.web.call import Call
from cogmill.web.inputs import bounded
from cogmill.web.params import Page, PageQuery, page_of

ACTIONS = ["start_session", "message_session", "email", "webhook"]
_KEY = re.compile(r"[!-~]{1,255}")


def list_(ctx: Context, query: PageQuery) -> Page[AutomationOut]:
    """Newest first."""
    return page_of(service.list_page(ctx, query))


def create(ctx: Context, body: AutomationIn) -> AutomationOut:
    """With a trigger webhook:incoming the answer holds address and secret; the secret is shown this once."""
    return service.create(ctx, body)


def get(ctx: Context, automation_id: str) -> AutomationOut:
    return service.get(ctx, automation_id)


def update(ctx: Context, automation_id: str, body: AutomationPatch) -> AutomationOut:
    """Changes what is sent, in the way that `update_semantics` of the schemas names."""
    return service.change(ctx, automation_id, body)


def delete(ctx: Context, automation_id: str) -> AutomationOut:
    return service.remove(ctx, automation_id)


def schemas(ctx: Context) -> AutomationSchemasOut:
    """What automations can wait for, which fields conditions can ask, and how changes are merged."""
    usual = list(OPERATORS)
    events = []
    for one in TRIGGERS:
        operators = ["recurrence"] if one == SCHEDULE else usual
        fields = [FieldOut(field=field, operators=operators) for field in fields_of(one)]
        events.append(EventSchemaOut(event_type=one, fields=fields, replies=[]))
    semantics = ctx.runtime.settings.automation_updates
    return AutomationSchemasOut(update_semantics=semantics, events=events, actions=ACTIONS)


def runs(ctx: Context, automation_id: str, query: RunFilters) -> Page[AutomationRunOut]:
    """What it did and why, newest first."""
    return page_of(service.runs(ctx, automation_id, query))


async def trigger(call: Call, request: Request, hook_id: str) -> TriggeredOut:
    """The secret comes as X-Webhook-Secret. With an Idempotency-Key or webhook-id a repeated message counts once."""
    secret = await _secret(call, request, hook_id)
    key = request.headers.get("idempotency-key") or request.headers.get("webhook-id")
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid.at("header", "Idempotency-Key", msg="Send 1 to 255 visible ASCII characters.")
    refusal = TooLarge(f"The body may have at most {incoming.LARGEST} bytes.")
    body = await bounded(request, incoming.LARGEST, refusal).body()
    event = incoming.event_of(dict(request.headers), body)
    return await call.write(lambda ctx: incoming.trigger(ctx, hook_id, secret, event, key))


async def _secret(call: Call, request: Request, hook_id: str) -> str:
    """The secret that was sent, if it is the right one; before anything else is read of the request."""
    source, guesses = str(address_of(request)), call.runtime.hook_guesses
    if wait := guesses.wait(source):
        raise LimitReached(f"Too many wrong secrets from {source}.", headers={"retry-after": str(wait)})
    secret = request.headers.get("x-webhook-secret", "")
    if await call.read(lambda ctx: incoming.known(ctx, hook_id, secret)) is None:
        raise incoming.wrong()
    guesses.give_back(source)
    return secret
