"""What an automation may be: checked as a whole, when it is made and after every change."""

from typing import Any

from pydantic import ValidationError

from cogmill.access.context import Context
from cogmill.access.permissions import Permission as P
from cogmill.access.scope import owned
from cogmill.domain.automations.schemas import Action, AutomationIn, Trigger
from cogmill.domain.happenings.conditions import OPERATORS
from cogmill.domain.happenings.types import SCHEDULE, TRIGGERS, WEBHOOK
from cogmill.domain.mails.service import mail_configured
from cogmill.domain.sessions.schemas import SessionIn
from cogmill.kit.errors import BadRequest
from cogmill.kit.mail import is_address
from cogmill.kit.recurrence import Rule, next_after, parse
from cogmill.models.webhooks import webhook

SETTINGS = frozenset(
    {
        "title", "tags", "repos", "playbook_id", "knowledge_ids", "secret_ids", "devin_mode", "platform", "agent",
        "max_acu_limit", "structured_output_schema", "structured_output_required",
    }
)  # fmt: skip
"""Fields of create session that an automation may set. None of them needs more rights than starting a session."""
TARGET = frozenset({"session_id", "devin_id"})
_NEEDS: dict[str, tuple[str, ...]] = {
    "start_session": ("prompt",), "message_session": ("prompt",), "email": ("to", "subject"),
    "webhook": ("webhook_id",),
}  # fmt: skip


def check(ctx: Context, data: AutomationIn) -> None:
    """Refuse what this server could not do, rather than keep it and not do it."""
    _check_run_as(ctx, data)
    if data.tools is not None:
        raise BadRequest("tools: this server has no tools to choose from. Leave it out, or null.")
    _check_settings(data.session_settings, "session_settings")
    for kind in (WEBHOOK, SCHEDULE):
        if [one.event_type for one in data.triggers].count(kind) > 1:
            raise BadRequest(f"triggers: at most one of type {kind}.")
    for number, trigger in enumerate(data.triggers):
        _check_trigger(trigger, f"triggers.{number}")
    if [one.type for one in data.actions].count("start_session") > 1:
        raise BadRequest("actions: at most one of type start_session.")
    for number, action in enumerate(data.actions):
        _check_action(ctx, data, action, f"actions.{number}")
    if data.notifications is not None and data.notifications.email and data.notifications.email.when != "never":
        _require_mail(ctx, "notifications.email")
        if ctx.principal.user_id is None:
            raise BadRequest("notifications.email: it goes to the creator, and a service user has no mail address.")


def _check_run_as(ctx: Context, data: AutomationIn) -> None:
    if data.run_as != "creator":
        return
    if ctx.principal.user_id is None:
        raise BadRequest("run_as: automations of a service user run as the organization.")
    ctx.require(P.USE_PERSONAL_AUTOMATIONS, when="run_as is creator")


def _check_trigger(trigger: Trigger, at: str) -> None:
    if trigger.event_type not in TRIGGERS:
        raise BadRequest(f"{at}.event_type: {trigger.event_type!r} is not known here; known: {', '.join(TRIGGERS)}.")
    if trigger.replies:
        raise BadRequest(f"{at}.replies: no chat is connected to this server, so nobody could be replied to.")
    if trigger.event_type == SCHEDULE:
        rule_of(trigger, at)
        return
    groups = trigger.conditions.any if trigger.conditions else []
    for condition in (one for group in groups for one in group.all):
        if condition.operator not in OPERATORS:
            raise BadRequest(f"{at}.conditions: operator {condition.operator!r}; known: {', '.join(OPERATORS)}.")
        if condition.operator in {"in", "not_in"} and not isinstance(condition.value, list):
            raise BadRequest(f"{at}.conditions: operator {condition.operator} compares with a list of values.")


def rule_of(trigger: Trigger, at: str = "triggers") -> Rule:
    """The rule of a schedule: its one condition."""
    groups = trigger.conditions.any if trigger.conditions else []
    conditions = [one for group in groups for one in group.all]
    if len(conditions) != 1 or (conditions[0].field, conditions[0].operator) != ("rrule", "recurrence"):
        raise BadRequest(f"{at}.conditions: a schedule has one, with field rrule and operator recurrence.")
    try:
        rule = parse(str(conditions[0].value))
    except ValueError as error:
        raise BadRequest(f"{at}.conditions: rrule: {error}.") from None
    return rule


def first_time(rule: Rule, began: float, now: float, *, strict: bool) -> float | None:
    """When the schedule is due next; `strict`: a rule that never is, is refused."""
    found = next_after(rule, began, now)
    if found is None and strict:
        raise BadRequest("triggers: rrule: this rule names no time from now on.")
    return found


def _check_action(ctx: Context, data: AutomationIn, action: Action, at: str) -> None:
    if action.type == "monitor_session":
        raise BadRequest(f"{at}.type: this server does not do monitor_session. Use start_session or message_session.")
    for name in _NEEDS[action.type]:
        if getattr(action, name) is None:
            raise BadRequest(f"{at}.{name}: an action of type {action.type} needs it.")
    if action.type == "start_session":
        _check_settings(action.session, f"{at}.session")
        session_input(data, action, action.prompt or "")
    elif action.type == "message_session":
        unknown = sorted(set(action.session or {}) - TARGET)
        if unknown:
            raise BadRequest(f"{at}.session.{unknown[0]}: a message names a session_id, or none: the event's session.")
        if not action.session and any(one.event_type in {WEBHOOK, SCHEDULE} for one in data.triggers):
            raise BadRequest(f"{at}.session: name a session_id; not every trigger here is about a session.")
    elif action.type == "email":
        _require_mail(ctx, at)
        for one in action.to or []:
            if not is_address(one):
                raise BadRequest(f"{at}.to: {one[:100]!r} is no mail address.")
    elif action.webhook_id is not None:
        require_webhook(ctx, action.webhook_id, at)


def require_webhook(ctx: Context, webhook_id: str, at: str) -> None:
    """It must be one of the organization's own."""
    query = owned(webhook, ctx.scope, webhook.c.webhook_id).where(webhook.c.webhook_id == webhook_id)
    if ctx.db.execute(query.where(webhook.c.deleted_at.is_(None))).first() is None:
        raise BadRequest(f"{at}.webhook_id: {webhook_id[:64]!r} does not exist in this organization.")


def _require_mail(ctx: Context, at: str) -> None:
    if not mail_configured(ctx.runtime.settings):
        raise BadRequest(f"{at}: mail is not configured on this server (COGMILL_SMTP_URL, COGMILL_MAIL_FROM).")


def _check_settings(given: dict[str, Any] | None, at: str) -> None:
    unknown = sorted(set(given or {}) - SETTINGS)
    if unknown:
        raise BadRequest(f"{at}.{unknown[0]}: automations do not set this; they set {', '.join(sorted(SETTINGS))}.")


def session_input(data: AutomationIn, action: Action, prompt: str) -> SessionIn:
    """What is asked of create session."""
    given = (data.session_settings or {}) | (action.session or {})
    cap = data.limits.max_acu_limit if data.limits is not None else None
    try:
        asked = SessionIn(prompt=prompt, **given)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(f"session.{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    if cap is None:
        return asked
    return asked.model_copy(update={"max_acu_limit": min(cap, asked.max_acu_limit or cap)})
