"""Handing mails to an SMTP server. Blocks, so it runs on a thread. No password gets into an error's text."""

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

Tls = Literal["starttls", "tls", "none"]
TIMEOUT = 30.0
"""Seconds that one answer of the server may take."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails are handed in, and how."""

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def is_near(self) -> bool:
        """Whether what is sent stays on this machine."""
        return is_near(self.host)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a mail was not taken; `is_final` when the same mail would never be."""

    reason: str
    is_final: bool = False


def is_near(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def usual_tls(host: str, port: int | None) -> Tls:
    """TLS from the first byte at port 465, none on this machine, else STARTTLS, without which nothing is sent."""
    return "tls" if port == 465 else "none" if is_near(host) else "starttls"


def usual_port(host: str, tls: Tls) -> int:
    return 465 if tls == "tls" else 25 if is_near(host) else 587


def parse_url(url: str) -> SmtpServer:
    """`smtp://user:password@host:port` or `smtps://…`; `?tls=` with a word of `Tls` decides. ValueError in words."""
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError("must look like smtp://user:password@host:587 or smtps://user:password@host:465")
    tls: Tls
    match parse_qs(parts.query).get("tls"):
        case None:
            tls = "tls" if parts.scheme == "smtps" else usual_tls(parts.hostname, parts.port)
        case ["starttls" | "tls" | "none" as tls]:
            pass
        case _:
            raise ValueError("tls= must be starttls, tls or none")
    user, password = parts.username, parts.password
    return SmtpServer(
        parts.hostname, parts.port or usual_port(parts.hostname, tls), tls,
        unquote(user) if user else None, unquote(password) if password else None,
    )  # fmt: skip


@contextmanager
def connected(server: SmtpServer, timeout: float = TIMEOUT) -> Iterator[smtplib.SMTP]:
    """A connection that is encrypted and logged in as the settings say, or an error."""
    context = ssl.create_default_context()
    smtp: smtplib.SMTP
    if server.tls == "tls":
        smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=timeout, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=timeout)
    try:
        if server.tls == "starttls":
            smtp.starttls(context=context)  # raises where the server offers none
        if server.user is not None:
            smtp.login(server.user, server.password or "")
        yield smtp
        with suppress(smtplib.SMTPException, OSError):
            smtp.quit()
    finally:
        smtp.close()


class _Lost(Exception):
    """The connection broke while a mail was handed in."""


def deliver(server: SmtpServer, mails: Sequence[EmailMessage], timeout: float = TIMEOUT) -> list[Failure | None]:
    """Hand the mails in, over one connection while it lasts; for each its failure, or None."""
    outcomes: list[Failure | None] = []
    while len(outcomes) < len(mails):
        try:
            with connected(server, timeout) as smtp:
                for mail in mails[len(outcomes) :]:
                    outcomes.append(_hand_in(smtp, server, mail))
        except _Lost as lost:
            outcomes.append(_failure(server, lost.args[0]))  # the next mail gets a connection of its own
        except (smtplib.SMTPException, OSError) as error:
            outcomes += [_failure(server, error)] * (len(mails) - len(outcomes))
    return outcomes


def _hand_in(smtp: smtplib.SMTP, server: SmtpServer, mail: EmailMessage) -> Failure | None:
    try:
        smtp.send_message(mail)
    except (smtplib.SMTPServerDisconnected, OSError) as error:
        if isinstance(error, smtplib.SMTPException) and not isinstance(error, smtplib.SMTPServerDisconnected):
            return _failure(server, error)  # every one of them is an OSError
        raise _Lost(error) from None
    return None


def probe(server: SmtpServer, timeout: float = 10.0) -> str | None:
    """None when the server answers and lets us in, else what is wrong."""
    try:
        with connected(server, timeout) as smtp:
            smtp.noop()
    except (smtplib.SMTPException, OSError) as error:
        return _failure(server, error).reason
    return None


def _failure(server: SmtpServer, error: Exception) -> Failure:
    is_final = False
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, said = next(iter(error.recipients.values()))
            reason, is_final = f"the recipient is refused ({code} {_text(said)})", code >= 500
        case smtplib.SMTPAuthenticationError():
            reason = f"user and password are refused ({error.smtp_code} {_text(error.smtp_error)})"
        case smtplib.SMTPDataError():
            reason, is_final = (
                f"the mail is refused ({error.smtp_code} {_text(error.smtp_error)})",
                error.smtp_code >= 500,
            )
        case smtplib.SMTPResponseException():
            reason = f"it answers {error.smtp_code} {_text(error.smtp_error)}"
        case ssl.SSLCertVerificationError():
            reason = f"its certificate cannot be trusted ({error.verify_message})"
        case smtplib.SMTPException():
            reason = _text(error)
        case TimeoutError():
            reason = "it does not answer in time"
        case _:
            reason = _text(getattr(error, "strerror", None) or error)
    if server.password:
        reason = reason.replace(server.password, "***")
    return Failure(f"{server}: {reason}"[:500], is_final)


def _text(said: object) -> str:
    """One line, whatever a server sent."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
