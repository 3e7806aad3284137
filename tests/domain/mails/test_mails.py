"""Mails over a real SMTP server: written with their cause, sent at least once, tried again, given up, never forged."""

import io
from dataclasses import replace

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, select, update

from cogmill.access.context import Runtime
from cogmill.access.scope import Scope
from cogmill.domain.mails.service import NoMailAddress, mail_configured, queue_mail
from cogmill.engine.loops import mails as loop
from cogmill.kit.logs import configure
from cogmill.kit.settings import Settings
from cogmill.models.access import organization
from cogmill.models.mails import mail
from cogmill.web.call import Call
from tests.factories import BEGINNING
from tests.mail_server import PASSWORD, certificate, mail_server

FROM = "Cogmill <cogmill@example.org>"
TO = "ada@example.org"


class Outbox:
    """Queues and sends over a server's database, at a time of its own."""

    def __init__(self, server):
        self.server, self.at = server, BEGINNING

    def configure(self, **settings):
        self.settings = self.server.runtime.settings.model_copy(update={"mail_from": FROM, **settings})
        return self

    @property
    def call(self):
        runtime: Runtime = replace(self.server.runtime, settings=self.settings, clock=lambda: self.at)
        return Call(runtime, Scope(self.server.world.enterprise, self.server.world.org), "test", None)

    async def queue(self, to=TO, subject="Hello", text="There is news.\n"):
        return await self.call.write(lambda ctx: queue_mail(ctx, to, subject, text))

    async def send(self):
        return await loop.run_once(self.call)

    async def rows(self):
        return await self.call.read(lambda ctx: ctx.db.execute(select(mail).order_by(mail.c.id)).all())


@pytest.fixture
def outbox(server):
    return Outbox(server)


async def test_a_mail_goes_out_once_and_says_what_was_written(outbox):
    with mail_server() as inbox:
        outbox.configure(smtp_host="127.0.0.1", smtp_port=inbox.port)
        assert await outbox.queue(subject="Grüße: läuft", text="Erste Zeile.\nZweite ✓\n") is True
        assert outbox.server.engine.woken == ["mails"]
        assert inbox.mails == []
        assert await outbox.send() is None
        assert await outbox.send() is None
    (got,), (row,) = inbox.mails, await outbox.rows()
    assert inbox.envelopes == [("cogmill@example.org", [TO])]
    assert (got["from"], got["to"], got["subject"]) == (FROM, TO, "Grüße: läuft")
    assert got["message-id"] == row.message_id
    assert got["auto-submitted"] == "auto-generated"
    assert got.get_content().replace("\r\n", "\n") == "Erste Zeile.\nZweite ✓\n"
    assert (row.state, row.attempts, row.last_error) == ("sent", 1, None)


async def test_without_a_mail_server_nothing_is_kept(outbox):
    outbox.configure()
    assert not mail_configured(outbox.settings)
    assert await outbox.queue() is False
    assert await outbox.rows() == []
    assert await outbox.send() is None


async def test_a_mail_exists_only_if_its_cause_does(outbox):
    def fail(ctx):
        queue_mail(ctx, TO, "Never", "happened")
        values = {"org_id": outbox.server.world.org, "enterprise_id": "none", "name": "n", "created_at": 1.0}
        ctx.db.execute(insert(organization).values(values))  # its id is taken

    with mail_server() as inbox:
        outbox.configure(smtp_host="127.0.0.1", smtp_port=inbox.port)
        with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
            await outbox.call.write(fail)
        assert outbox.server.engine.woken == []
        await outbox.send()
        assert (await outbox.rows(), inbox.mails) == ([], [])


async def test_it_is_tried_again_with_the_same_id_until_it_is_taken(outbox):
    with mail_server() as inbox:
        outbox.configure(smtp_host="127.0.0.1", smtp_port=inbox.port)
        inbox.answers = ["451 come back later", "hang up"]
        await outbox.queue()
        first = await outbox.send()
        assert first == outbox.at + loop.AGAIN_AFTER[0]
        (row,) = await outbox.rows()
        assert (row.state, row.attempts) == ("waiting", 1)
        assert "451 come back later" in row.last_error
        await outbox.send()
        assert inbox.tried == 1  # it is not due yet
        outbox.at = first
        outbox.at = await outbox.send()
        assert inbox.tried == 2
        await outbox.send()
    assert [got["message-id"] for got in inbox.mails] == [row.message_id]
    assert [one.state for one in await outbox.rows()] == ["sent"]


async def test_it_is_given_up_with_the_reason_kept(outbox):
    outbox.configure(smtp_host="127.0.0.1", smtp_port=9)
    await outbox.queue()
    tries = 0
    while (due := await outbox.send()) is not None:
        outbox.at, tries = due, tries + 1
    (row,) = await outbox.rows()
    assert (row.state, row.attempts, tries) == ("given_up", len(loop.AGAIN_AFTER) + 1, len(loop.AGAIN_AFTER))
    assert row.last_error == "127.0.0.1:9: Connection refused"
    outbox.at += loop.KEPT + 1
    await outbox.send()
    assert await outbox.rows() == []


async def test_one_recipient_that_does_not_exist_is_given_up_at_once_and_holds_nobody_up(outbox):
    with mail_server() as inbox:
        outbox.configure(smtp_host="127.0.0.1", smtp_port=inbox.port)
        for to in ("first@example.org", "nobody@example.org", "last@example.org"):
            await outbox.queue(to)
        inbox.answers = ["hang up"]
        outbox.at = await outbox.send()
        await outbox.send()
    assert [(row.recipient, row.state) for row in await outbox.rows()] == [
        ("first@example.org", "sent"), ("nobody@example.org", "given_up"), ("last@example.org", "sent"),
    ]  # fmt: skip
    assert len(inbox.mails) == 2


async def test_a_mail_whose_sender_died_is_sent_after_its_lease_by_one_process(outbox):
    with mail_server() as inbox:
        outbox.configure(smtp_host="127.0.0.1", smtp_port=inbox.port)
        await outbox.queue()
        rows = await outbox.call.write(loop._claim)
        assert len(rows) == 1
        assert await outbox.send() == outbox.at + loop.LEASE
        assert inbox.mails == []
        outbox.at += loop.LEASE
        assert await outbox.send() is None
        # What the first one has to say is too late.
        await outbox.call.write(lambda ctx: loop._settle(rows, [loop.Failure("late")], ctx))
    assert len(inbox.mails) == 1
    assert [row.state for row in await outbox.rows()] == ["sent"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    "to",
    ["", "ada", "ada@", "@x", "a@b, c@d", "a b@c.org", "Ada <ada@example.org>", "ada@example.org\n", "a@b\r\nBcc: c@d",
     "a@b.org\0", "ä@b.org", "a@b.org>"],
)  # fmt: skip
async def test_what_is_no_address_is_refused(outbox, to):
    outbox.configure(smtp_host="127.0.0.1")
    with pytest.raises(NoMailAddress):
        await outbox.queue(to)


@pytest.mark.one_database
async def test_no_header_can_be_smuggled_in(outbox):
    evil = "Hi\r\nBcc: everybody@example.org\n\nBody\u2028X-Evil: 1\0"
    with mail_server() as inbox:
        outbox.configure(smtp_host="127.0.0.1", smtp_port=inbox.port)
        await outbox.queue(subject=evil, text=".\r\n.\r\nMAIL FROM:<x@y>\r\n")
        # Even what somebody wrote into the database goes through the same check.
        await outbox.call.write(lambda ctx: ctx.db.execute(update(mail).values(subject=evil)))
        await outbox.send()
    (got,) = inbox.mails
    assert sorted(name.lower() for name in got) == sorted(
        ["message-id", "date", "from", "to", "subject", "auto-submitted", "content-type", "content-transfer-encoding",
         "mime-version"]
    )  # fmt: skip
    assert inbox.envelopes[0][1] == [TO]
    assert got.get_content().splitlines() == [".", ".", "MAIL FROM:<x@y>"]


@pytest.mark.one_database
@pytest.mark.parametrize("how", ["starttls", "tls", "url"])
async def test_tls_and_log_in(outbox, how, tmp_path, monkeypatch):
    file, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    tls, starttls = (context, None) if how == "tls" else (None, context)
    with mail_server(starttls=starttls, tls=tls, needs_login=True) as inbox:
        parts = {"smtp_host": "localhost", "smtp_port": inbox.port, "smtp_user": "user"}
        parts |= {"smtp_password": SecretStr(PASSWORD), "smtp_tls": how}
        url = f"smtp://user:p4ss%20word%2F%40@localhost:{inbox.port}?tls=starttls"
        outbox.configure(**({"smtp_url": SecretStr(url)} if how == "url" else parts))
        await outbox.queue()
        assert await outbox.send() is None
    assert (inbox.was_encrypted, inbox.logged_in) == ([True], [True])


@pytest.mark.one_database
async def test_an_untrusted_server_gets_neither_mail_nor_password(outbox, tmp_path):
    _, context = certificate(tmp_path)
    with mail_server(starttls=context, needs_login=True) as inbox:
        outbox.configure(smtp_url=SecretStr(f"smtp://user:{'x' * 9}@localhost:{inbox.port}?tls=starttls"))
        await outbox.queue()
        await outbox.send()
    (row,) = await outbox.rows()
    assert (inbox.mails, row.state) == ([], "waiting")
    assert "certificate cannot be trusted" in row.last_error


@pytest.mark.one_database
async def test_starttls_that_is_not_offered_stops_the_mail(outbox):
    with mail_server() as inbox:
        outbox.configure(smtp_host="localhost", smtp_port=inbox.port, smtp_tls="starttls")
        await outbox.queue()
        await outbox.send()
    assert inbox.mails == []
    assert "STARTTLS" in (await outbox.rows())[0].last_error


@pytest.mark.one_database
async def test_neither_password_nor_recipient_gets_into_logs_or_errors(outbox, monkeypatch):
    heard = io.StringIO()
    monkeypatch.setattr("sys.stderr", heard)
    configure("debug", "json")
    with mail_server(needs_login=True) as inbox:
        inbox.answers = []
        outbox.configure(smtp_host="127.0.0.1", smtp_port=inbox.port, smtp_user="user", smtp_tls="none")
        outbox.settings = outbox.settings.model_copy(update={"smtp_password": SecretStr("wrong-word")})
        await outbox.queue(subject="Private matter")
        await outbox.send()
    (row,) = await outbox.rows()
    assert "user and password are refused" in row.last_error
    log = heard.getvalue()
    assert row.message_id in log
    for hidden in ("wrong-word", TO, "Private matter", "There is news"):
        assert hidden not in log + row.last_error
    assert "wrong-word" not in repr(outbox.settings) + repr(outbox.settings.smtp)


def test_what_settings_mean(tmp_path):
    def smtp(**given):
        return Settings(data=tmp_path, **given).smtp

    url = smtp(smtp_url="smtps://me%40x:a%3Ab@mail.example.org")
    assert (url.host, url.port, url.tls, url.user, url.password) == ("mail.example.org", 465, "tls", "me@x", "a:b")
    near = smtp(smtp_host="127.0.0.1")
    assert (near.port, near.tls) == (25, "none")
    far = smtp(smtp_host="mail.example.org")
    assert (far.port, far.tls) == (587, "starttls")
    assert smtp(smtp_host="mail.example.org", smtp_port=465).tls == "tls"
    assert smtp() is None
