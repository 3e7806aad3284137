"""A real SMTP server in this process: STARTTLS, TLS and log-in when asked for, refusals on demand."""

import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from ipaddress import ip_address

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "p4ss word/@"


@dataclass
class Inbox:
    """What was taken, and answers to give instead of taking the next mails."""

    port: int = 0
    mails: list = field(default_factory=list)
    envelopes: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    tried: int = 0
    was_encrypted: list = field(default_factory=list)
    logged_in: list = field(default_factory=list)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.tried += 1
        if self.answers:
            answer = self.answers.pop(0)
            if answer == "hang up":
                server.transport.close()
                return "421 gone"
            return answer
        self.was_encrypted.append(session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None)
        self.logged_in.append(session.authenticated)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"


def certificate(folder):
    """A self-signed certificate for this machine: the file that clients must trust, and a context of the server."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "mail.pem"
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(plain + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return file, context


def _log_in(_server, _session, _envelope, _mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"user", PASSWORD.encode()), handled=False)


@contextmanager
def mail_server(*, starttls=None, tls=None, needs_login=False):
    """Runs while the block does."""
    inbox = Inbox()
    options = {"tls_context": starttls, "require_starttls": starttls is not None, "ident": "test"}
    if needs_login:
        options |= {
            "authenticator": _log_in,
            "auth_required": starttls is not None,
            "auth_require_tls": starttls is not None,
        }

    class Ready(Controller):
        def factory(self):
            return SMTP(self.handler, **options)

        def _trigger_server(self):
            inbox.port = self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    controller = Ready(inbox, hostname="127.0.0.1", port=0, ssl_context=tls)
    controller.start()
    try:
        yield inbox
    finally:
        controller.stop()
