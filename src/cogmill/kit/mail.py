"""Mails as texts: addresses that may stand in a header, and the message itself. No header can be smuggled in."""

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr

ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
LONGEST_SUBJECT, LONGEST_TEXT = 200, 100_000


def is_address(text: str) -> bool:
    """One plain address, such as `ada@example.org`: no name, no list, no control character."""
    return ADDRESS.fullmatch(text) is not None


def sender(text: str) -> tuple[str, str] | None:
    """Name and address of `Name <address>` or of a bare address; None for anything else."""
    name, address = parseaddr(text)
    is_one_line = all(one.isprintable() for one in text)
    return (name, address) if is_one_line and is_address(address) and "," not in text.partition("<")[0] else None


def one_line(text: str, longest: int = LONGEST_SUBJECT) -> str:
    """A text as a header may hold it: no line break or other control character, cut where it gets long."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def compose(message_id: str, from_: str, to: str, subject: str, text: str, at: float) -> EmailMessage:
    """The message. The same every time: Message-ID and date are those of its first writing."""
    known = sender(from_)
    if known is None or not is_address(to):
        raise ValueError("sender and recipient must be addresses")
    mail = EmailMessage(policy=SMTP)
    mail["Message-ID"] = message_id
    mail["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    mail["From"] = formataddr(known)
    mail["To"] = to
    mail["Subject"] = one_line(subject)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text[:LONGEST_TEXT])
    return mail
