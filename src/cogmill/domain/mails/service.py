"""Writing a mail into the outbox. It goes out when, and only when, the transaction is durable."""

from functools import partial

from sqlalchemy import insert

from cogmill.access.context import Context
from cogmill.kit.errors import BadRequest
from cogmill.kit.ids import new_id
from cogmill.kit.mail import LONGEST_TEXT, is_address, one_line, sender
from cogmill.kit.settings import Settings
from cogmill.models.mails import mail

LOOP = "mails"
"""The background loop that sends them."""


class NoMailAddress(BadRequest):
    """It is not one plain address."""


def mail_configured(settings: Settings) -> bool:
    """Whether this installation can send mails at all."""
    return settings.mail_from is not None and settings.smtp is not None


def queue_mail(ctx: Context, to: str, subject: str, text: str) -> bool:
    """Send a mail once this transaction is durable. False, and nothing is kept, where no mail server is configured."""
    if not is_address(to):
        raise NoMailAddress(f"{to[:100]!r} is no mail address. Give one plain address, like ada@example.org.")
    settings = ctx.runtime.settings
    if settings.mail_from is None or settings.smtp is None:
        return False
    known = sender(settings.mail_from)
    domain = known[1].rpartition("@")[2] if known else "localhost.invalid"
    values = {
        "message_id": f"<{new_id('mail')}@{domain}>", "org_id": ctx.scope.org_id, "recipient": to,
        "subject": one_line(subject), "body": text[:LONGEST_TEXT], "created_at": ctx.now, "state": "waiting",
        "due_at": ctx.now, "attempts": 0, "last_error": None,
    }  # fmt: skip
    ctx.db.execute(insert(mail).values(values))
    ctx.after_commit.append(partial(ctx.runtime.signals.due, LOOP))
    return True
