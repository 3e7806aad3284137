"""What `cogmill doctor` looks at: each part ok, or what to do about it."""

import asyncio
import http.client
import json
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from cogmill.access.oidc_provider import CALLBACK, OidcProvider, ProviderFailed
from cogmill.domain.identity.service import fits_database, is_initialised
from cogmill.engine.agents.model.reach import reach
from cogmill.engine.agents.model.wire import ModelFailure
from cogmill.kit.settings import Settings, SettingsError
from cogmill.kit.smtp import probe
from cogmill.migrations.upgrade import HEAD, current
from cogmill.preconditions import (
    KEYS_FOREIGN,
    KEYS_LOST,
    Unusable,
    check_address,
    check_database_url,
    check_git,
    check_mail,
    check_model,
    check_oidc,
    check_port,
    check_tls,
    explain_database,
    make_data_folder,
    model_settings,
    read_keys,
)
from cogmill.server import sandbox_driver

LEAST_DISK = 1024**3
MAKES = "'cogmill init' or the first 'cogmill serve' makes it"
SOON = 14
"""Days before its end from which a certificate is worth a note."""
OLDEST_CLOCK = 1_760_000_000
"""Unix seconds of a day before this version was written; a clock behind it is wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of the environment. `is_ok` None: works, but the operator should know."""

    name: str
    is_ok: bool | None
    detail: str


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; a look that fails is itself a finding."""
    looks: dict[str, Callable[[Settings], Finding]] = {
        "sandbox": _sandbox, "git": _git, "model": _model, "clock": _clock, "disk": _disk, "data": _data,
        "keys": _keys, "database": _database, "address": _address,
    }  # fmt: skip
    if settings.oidc_issuer is not None:
        looks["sign-in"] = _sign_in
    if any(getattr(settings, name) is not None for name in ("smtp_url", "smtp_host", "mail_from")):
        looks["mail"] = _mail
    findings = []
    for name, look in looks.items():
        try:
            findings.append(look(settings))
        except (SettingsError, Unusable, ModelFailure) as error:
            findings.append(Finding(name, False, str(error)))
        except SQLAlchemyError as error:
            findings.append(Finding(name, False, explain_database(settings, error)))
        except Exception as error:
            words = " ".join(str(error).split())[:300]
            findings.append(Finding(name, False, f"This could not be looked at ({type(error).__name__}: {words})."))
    return findings


def _sandbox(settings: Settings) -> Finding:
    probe = sandbox_driver(settings).probe()
    if settings.unsafe_no_sandbox:
        return Finding("sandbox", None, "Switched off by unsafe_no_sandbox: sessions run WITHOUT isolation.")
    missing = [name for name, works in probe.checks.items() if not works]
    weak = f" Not available here: {', '.join(missing)}." if probe.usable and missing else ""
    return Finding("sandbox", probe.usable, probe.detail + weak)


def _git(_settings: Settings) -> Finding:
    check_git()
    found = shutil.which("git") or "git"
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    numbers = version.split()[2].split(".")
    if (int(numbers[0]), int(numbers[1])) < (2, 30):
        return Finding("git", False, f"{version.strip()} is too old; 2.30 or newer is needed.")
    return Finding("git", True, version.strip())


def _model(settings: Settings) -> Finding:
    if settings.model is None:
        return Finding(
            "model",
            None,
            "None configured: prompts with shell blocks run, free-form prompts wait. Set COGMILL_MODEL and its key.",
        )
    check_model(settings)
    model = model_settings(settings)
    if model is None:
        raise AssertionError
    from cogmill.engine.agents.model.provider import build_model

    build_model(model)
    if model.base_url is not None:
        is_listed, said = reach(model)
        return Finding("model", True if is_listed else None, f"{settings.model}: {said} Its price is set.")
    return Finding(
        "model", True, f"{settings.model}, its price is known. Whether its key works shows with the first use."
    )


def _sign_in(settings: Settings) -> Finding:
    check_oidc(settings)
    try:
        asyncio.run(OidcProvider(settings).description())
    except ProviderFailed as error:
        return Finding("sign-in", False, f"{settings.oidc_issuer} cannot be used: {error.extra['reason']}.")
    return Finding("sign-in", True, f"{settings.oidc_issuer}; it sends people back to {settings.base_url}{CALLBACK}")


def _mail(settings: Settings) -> Finding:
    check_mail(settings)
    server = settings.smtp
    if server is None:
        raise AssertionError
    wrong = probe(server)
    if wrong is not None:
        return Finding("mail", False, f"The mail server cannot be used: {wrong}. Correct COGMILL_SMTP_*, or start it.")
    login = f", logged in as {server.user}" if server.user else ""
    safe = {"tls": "over TLS", "starttls": "over STARTTLS", "none": "without TLS"}[server.tls]
    return Finding("mail", True, f"{server} answers {safe}{login}; mails come from {settings.mail_from}")


def _clock(settings: Settings) -> Finding:
    now = time.time()
    used = max((file.stat().st_mtime for file in settings.data.glob("cogmill.db*")), default=0.0)
    if used > now + 300:
        hours = (used - now) / 3600
        text = (
            f"The clock is {hours:.1f} hours behind the last use of {settings.data}; set it, e.g. with chrony or ntpd."
        )
        return Finding("clock", False, text)
    if now < OLDEST_CLOCK:
        return Finding("clock", False, "The clock is years behind; set it, or keys and limits will be wrong.")
    return Finding("clock", True, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def _disk(settings: Settings) -> Finding:
    place = _nearest(settings.data)
    free = shutil.disk_usage(place).free
    shown = f"{free / 1024**3:.1f} GiB free at {place}"
    if free < LEAST_DISK:
        return Finding("disk", False, f"{shown}; at least 1 GiB is needed: free some, or name another --data.")
    return Finding("disk", True, shown)


def _nearest(place: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    while not place.exists():
        place = place.parent
    return place


def _data(settings: Settings) -> Finding:
    if not settings.data.exists():
        place = _nearest(settings.data)
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            return Finding("data", False, f"{settings.data} cannot be made in {place}; name another --data.")
        return Finding("data", None, f"{settings.data} is not there yet; {MAKES}.")
    make_data_folder(settings)
    mode = settings.data.stat().st_mode & 0o777
    if mode & 0o022:
        text = f"{settings.data} can be written by others (mode {mode:o}): chmod 711 {settings.data}"
        return Finding("data", False, text)
    probe = settings.data / f".doctor-{os.getpid()}"
    try:
        probe.write_bytes(b"ok")
    except OSError as error:
        return Finding("data", False, f"Nothing can be written to {settings.data}: {error.strerror}.")
    finally:
        probe.unlink(missing_ok=True)
    return Finding("data", True, f"{settings.data}, writable by this user")


def _keys(settings: Settings) -> Finding:
    if settings.keys_file.exists():
        keyring = read_keys(settings)
        if not _ask(settings, lambda db: fits_database(db, keyring), otherwise=True):
            return Finding("keys", False, f"{settings.keys_file} {KEYS_FOREIGN}")
        return Finding("keys", True, f"{settings.keys_file}, readable by its owner only")
    if _ask(settings, is_initialised, otherwise=False):
        text = f"{settings.keys_file} is missing, but the database has keys that were made with it. {KEYS_LOST}"
        return Finding("keys", False, text)
    return Finding("keys", None, f"Not there yet; {MAKES}.")


def _ask(settings: Settings, question: Callable[[Connection], bool], *, otherwise: bool) -> bool:
    """What the database answers; `otherwise` when it cannot be asked, which is told elsewhere."""
    if not _is_there(settings):
        return otherwise
    engine = _engine(settings)
    try:
        with engine.connect() as db:
            return question(db) if current(db) == HEAD else otherwise
    except SQLAlchemyError:
        return otherwise
    finally:
        engine.dispose()


def _is_there(settings: Settings) -> bool:
    """Whether there is a database: another server's is asked, a file is looked for."""
    check_database_url(settings)
    url = make_url(settings.database)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def _engine(settings: Settings) -> Engine:
    seconds = {} if settings.database.startswith("sqlite") else {"connect_timeout": 5}
    return create_engine(settings.database, connect_args=seconds)


def _database(settings: Settings) -> Finding:
    if not _is_there(settings):
        return Finding("database", None, f"Not there yet; {MAKES}.")
    engine = _engine(settings)
    is_sqlite = settings.database.startswith("sqlite")
    try:
        with engine.connect() as db:
            if is_sqlite and (said := db.execute(text("PRAGMA quick_check(1)")).scalar()) != "ok":
                words = " ".join(str(said).split())
                return Finding("database", False, f"SQLite found damage ({words}). Restore it from your backup.")
            at = current(db)
    finally:
        engine.dispose()
    kind = "SQLite" if is_sqlite else "PostgreSQL"
    if at is None:
        return Finding("database", None, f"{kind}, empty; {MAKES}.")
    if at > HEAD:
        newer = f"{kind} at revision {at}, newer than this Cogmill ({HEAD}): install the newer one."
        return Finding("database", False, newer)
    if at != HEAD:
        return Finding("database", None, f"{kind} at revision {at}; the next 'cogmill serve' migrates it to {HEAD}.")
    return Finding("database", True, f"{kind} at revision {at}")


def _answers(settings: Settings) -> bool:
    """Whether a Cogmill server has the port: then it is no wonder that nobody else can have it."""
    asked = http.client.HTTPConnection(settings.host, settings.port, timeout=3)
    if settings.has_tls:
        context = ssl.create_default_context(cafile=settings.tls_cert)
        context.check_hostname = False  # the certificate is its own, whatever name it is for
        asked = http.client.HTTPSConnection(settings.host, settings.port, timeout=3, context=context)
    try:
        asked.request("GET", "/healthz")
        return set(json.loads(asked.getresponse().read(4096))) == {"status", "version"}
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        asked.close()


def _address(settings: Settings) -> Finding:
    check_address(settings)
    check_tls(settings)
    try:
        check_port(settings)
    except Unusable:
        if not _answers(settings):
            raise
        return Finding("address", True, f"{settings.base_url}, where a Cogmill server answers now")
    if settings.behind_proxy and not settings.trusted_proxies:
        text = "trusted_proxies names no proxy: every caller counts as coming from the proxy's own address."
        return Finding("address", None, f"{settings.base_url}; {text}")
    if not settings.has_tls or settings.tls_cert is None:
        return Finding("address", True, settings.base_url)
    from cryptography.x509 import load_pem_x509_certificate

    ends = load_pem_x509_certificate(settings.tls_cert.read_bytes()).not_valid_after_utc
    left = (ends.timestamp() - time.time()) / 86400
    if left < 0:
        return Finding("address", False, f"{settings.tls_cert} ended on {ends:%Y-%m-%d}; clients refuse it. Renew it.")
    said = f"{settings.base_url}, TLS by this server, certificate until {ends:%Y-%m-%d}"
    return Finding("address", True if left > SOON else None, said if left > SOON else f"{said}: renew it soon.")
