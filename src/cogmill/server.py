"""Assembles the server: settings, keys, database, engine and API in one process."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from socket import socket
from threading import Event
from types import FrameType
from typing import Any

from starlette.applications import Starlette

from cogmill.access import data_keys
from cogmill.access.context import LoggedEvent, Runtime, Signals
from cogmill.access.key_services import KeyServiceFailed, key_services
from cogmill.access.oidc_provider import OidcProvider
from cogmill.access.principals import Authenticator
from cogmill.access.rate_limits import RateLimits
from cogmill.domain.identity.service import (
    FirstKeys,
    create_first_principals,
    fits_database,
    is_initialised,
    remember_keys,
)
from cogmill.engine.agents.choose import choose, make_agent
from cogmill.engine.agents.seam import Agent, LogEvent
from cogmill.engine.embedded import EmbeddedEngine
from cogmill.engine.runner import Tools
from cogmill.kit.clock import system_clock
from cogmill.kit.crypto import Keyring, create_keys
from cogmill.kit.db import Database, open_database, sqlite_engine
from cogmill.kit.hub import Hub
from cogmill.kit.settings import Settings, SettingsError
from cogmill.kit.traces import Traces
from cogmill.migrations.upgrade import is_import_unfinished, upgrade
from cogmill.preconditions import (
    BACKLOG,
    IMPORT_UNFINISHED,
    KEYS_FOREIGN,
    KEYS_LOST,
    MODES,
    Unusable,
    check_address,
    check_database_url,
    check_git,
    check_mail,
    check_model,
    check_oidc,
    check_tls,
    make_data_folder,
    model_settings,
    read_keys,
)
from cogmill.sandbox.protocol import SandboxDriver
from cogmill.sandbox.remote.frames import LARGEST_FRAME
from cogmill.scm.mirrors import MirrorCache
from cogmill.sole_server import Hold


@dataclass(frozen=True, slots=True)
class Installation:
    """A data folder that is ready for use. `first_keys` is set only by the call that made it."""

    keyring: Keyring
    first_keys: FirstKeys | None


def prepare(settings: Settings) -> Installation:
    """Make the data folder, keys, database and first principals where they are missing; migrate the database."""
    make_data_folder(settings)
    settings.data.chmod(0o711)  # sandboxes of other users pass through to their own folder, and see nothing here
    for folder in ("attachments", "build-logs", "builds", "forge", "indexes", "mirrors", "sessions", "snapshots"):
        (settings.data / folder).mkdir(exist_ok=True)
        (settings.data / folder).chmod(0o711 if folder in {"builds", "mirrors", "sessions", "snapshots"} else 0o700)
    engine = _engine(settings)
    try:
        with engine.begin() as db:
            if is_import_unfinished(db):
                raise Unusable(IMPORT_UNFINISHED)
        upgrade(engine)
        _protect_database(settings)
        with engine.begin() as db:
            initialised = is_initialised(db)
        keyring = _keyring(settings, initialised)
        with engine.begin() as db:
            if initialised:
                if not fits_database(db, keyring):
                    raise SettingsError(f"{settings.keys_file} {KEYS_FOREIGN}")
                remember_keys(db, keyring)
                return Installation(keyring, None)
            return Installation(keyring, create_first_principals(db, keyring, system_clock()))
    finally:
        engine.dispose()


def _engine(settings: Settings) -> Any:
    if settings.database.startswith("sqlite"):
        return sqlite_engine(settings.database)
    from sqlalchemy import create_engine

    return create_engine(settings.database)


def _protect_database(settings: Settings) -> None:
    for file in settings.data.glob("cogmill.db*"):
        file.chmod(0o600)


def _keyring(settings: Settings, initialised: bool) -> Keyring:
    if settings.keys_file.exists():
        return read_keys(settings)
    if initialised:
        raise SettingsError(
            f"{settings.keys_file} is missing, but the database has keys that were made with it. {KEYS_LOST}"
        )
    return create_keys(settings.keys_file)


def sandbox_driver(settings: Settings) -> SandboxDriver:
    """Bubblewrap; no isolation only where the operator asked for it in so many words."""
    if settings.unsafe_no_sandbox:
        from cogmill.sandbox.unsafe import UnsafeDriver

        return UnsafeDriver()
    from cogmill.sandbox.bubblewrap import BubblewrapDriver

    return BubblewrapDriver()


def build(settings: Settings, installation: Installation) -> tuple[Starlette, Runtime]:
    """The application and what lives as long as it; its lifespan starts and stops the engine."""
    from cogmill.api.app import create_app
    from cogmill.api.table import TABLE

    database = open_database(settings.database)
    keyring = _with_data_keys(settings, installation.keyring, database)
    hub, signals = Hub(), Signals()
    signals.appended = hub.publish
    authenticator = Authenticator(database, keyring)
    runtime = Runtime(
        settings, database, keyring, authenticator, system_clock, signals, hub, _record, _redactor,
        rate_limits=RateLimits.of(settings), oidc=OidcProvider.of(settings),
        traces=Traces.of(settings),
    )  # fmt: skip
    models = {mode: model_settings(settings, mode) for mode in MODES}

    def choose_agent(asked: str | None, text: str, mode: str) -> Agent:
        model = models.get(mode, models["normal"])
        return make_agent(choose(asked, text, model is not None), model)

    tools = Tools(
        runtime,
        sandbox_driver(settings),
        MirrorCache(settings.data / "mirrors", lends_keys=settings.on_loopback),
        choose_agent,
        asyncio.Event(),
        models["normal"],
    )
    engine = EmbeddedEngine(tools)
    signals.runnable, signals.cancelled, signals.runs = engine.runnable, engine.cancelled, engine.runs
    signals.due, signals.limited, signals.trouble = engine.due, engine.limited, engine.trouble
    workers = engine.workers
    signals.wanted, signals.let_go, signals.attached = workers.wanted, workers.let_go, workers.attached

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await engine.start()
        try:
            async with authenticator.uses.written_to(database), runtime.legacy_calls.written_to(database):
                yield
        finally:
            hub.close()
            await engine.stop()
            if runtime.traces is not None:
                await asyncio.to_thread(runtime.traces.close)
            await database.close()

    return create_app(runtime, TABLE, lifespan), runtime


def _with_data_keys(settings: Settings, keyring: Keyring, database: Database) -> Keyring:
    """The keyring with the keys of stored secrets, which the master key must open now rather than in a session."""
    try:
        with database.engine.begin() as db:
            data_keys.ensure(db, key_services(settings, keyring), system_clock())
        # A rotation changes the keys file while this runs, so it is read again when a key is to be opened.
        stored = data_keys.StoredDataKeys(
            database.engine.url, lambda: key_services(settings, _latest(settings, keyring))
        )
        stored.newest()
    except KeyServiceFailed as error:
        database.engine.dispose()
        raise Unusable(str(error)) from None
    return replace(keyring, data_keys=stored)


def _latest(settings: Settings, keyring: Keyring) -> Keyring:
    return read_keys(settings) if settings.keys_file.exists() else keyring


def _record(log: list[LoggedEvent]) -> dict[str, Any]:
    from cogmill.engine.agents.replay import record

    return record([LogEvent(seq, "", kind, "", "", 0.0, contents) for seq, kind, contents in log])


def _redactor(secrets: Mapping[str, str]) -> Callable[[str], str]:
    from cogmill.engine.redaction import Redactor

    return Redactor(secrets).text


def check_serving(settings: Settings) -> None:
    """Refuse settings and machines on which sessions would not be safe, or could not run."""
    check_address(settings)
    check_tls(settings)
    check_database_url(settings)
    check_model(settings)
    check_oidc(settings)
    check_mail(settings)
    check_git()
    probe = sandbox_driver(settings).probe()
    if not probe.usable:
        raise SettingsError(
            f"Sessions cannot be isolated on this machine: {probe.detail} 'cogmill doctor' tells more. On a throw-away "
            "machine you may start with --unsafe-no-sandbox."
        )


def _leave_out_of_collections() -> None:
    """What lives as long as the server is not walked again and again: each walk would hold all requests up.

    Requests leave hardly any cycles behind, so that what is young is looked at less often than Python's default, too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _is_no_refused_handshake(record: logging.LogRecord) -> bool:
    """To uvicorn a WebSocket that is answered with a refusal is an error of the application."""
    return "without completing handshake" not in record.msg


def serve(settings: Settings, installation: Installation, hold: Hold, door: socket, ready: Callable[[], None]) -> None:
    """Serve at the listening socket until SIGTERM or SIGINT. `ready` is called when requests are answered.

    Unusable when another server took the database, which can happen while PostgreSQL was out of reach.
    """
    import uvicorn

    from cogmill.web.joined_writes import Protocol

    logging.getLogger("uvicorn.error").addFilter(_is_no_refused_handshake)
    sys.setswitchinterval(0.001)  # the loop shares the interpreter with the commit thread
    app, runtime = build(settings, installation)
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, loop="uvloop", http=Protocol, lifespan="on",
        ws="websockets-sansio", ws_max_size=LARGEST_FRAME, ws_per_message_deflate=False,
        ws_ping_interval=5, ws_ping_timeout=15,
        access_log=False, log_config=None, server_header=False, timeout_graceful_shutdown=3, backlog=BACKLOG,
        proxy_headers=False,  # the application reads them itself, of trusted proxies only
        ssl_certfile=settings.tls_cert, ssl_keyfile=settings.tls_key,
    )  # fmt: skip

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            _leave_out_of_collections()
            if not self.should_exit:
                ready()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the base class's signature
            runtime.hub.close()  # streams end by themselves, so that the server can
            self.force_exit = self.should_exit and sig == signal.SIGINT
            self.should_exit = True  # without the base class, which would kill the process by the signal at the end

    server, is_lost = Server(config), Event()

    def lost() -> None:
        is_lost.set()
        server.should_exit = True

    with hold.watched(lost):
        server.run(sockets=[door])
    if is_lost.is_set():
        raise Unusable("Another cogmill server has taken the database; this one has stopped.")
