"""What a server stands on: data folder, keys, database, model, address. What is wrong is said in words that help."""

import errno
import os
import shutil
import socket
import ssl
from urllib.parse import urlsplit

from cogmill.engine.agents.seam import ModelSettings
from cogmill.kit.crypto import Keyring, load_keys
from cogmill.kit.mail import sender
from cogmill.kit.settings import Settings, SettingsError

KEY_BYTES, BACKLOG = 32, 2048
KEYS_LOST = "Put it back from your backup; without it no API key works and no secret can be read."
KEYS_FOREIGN = "holds other keys than those this database was made with. Put the right file back from your backup."
IMPORT_UNFINISHED = (
    "An import into this database was cut. Run the same 'cogmill import' again: it goes on where it was. "
    "To give it up, add --discard."
)
USUAL_KEYS = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
DATABASES = ("sqlite:///", "postgresql://", "postgres://", "postgresql+psycopg://")


class Unusable(Exception):
    """Something this server stands on cannot be used; the text says what, and what to do."""


def make_data_folder(settings: Settings) -> None:
    """The data folder itself, for this server's user to write in."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise Unusable(f"The data folder {settings.data} is a file. Name another one with --data.") from None
    except OSError as error:
        text = f"The data folder {settings.data} cannot be made: {error.strerror}. Name another one with --data."
        raise Unusable(text) from None
    if not os.access(settings.data, os.R_OK | os.W_OK | os.X_OK):
        raise Unusable(f"The data folder {settings.data} cannot be written by this user. Give it to them with chown.")


def read_keys(settings: Settings) -> Keyring:
    """The keys of the keys file. SettingsError when it is damaged or others can read it."""
    file = settings.keys_file
    try:
        keyring = load_keys(file)
    except PermissionError:
        raise SettingsError(f"{file} cannot be read by this user. Give it to them with chown.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{file} is damaged ({type(error).__name__}). {KEYS_LOST}") from None
    lengths = {len(key) for key in (keyring.master, *keyring.wrapping)}
    if lengths != {KEY_BYTES}:
        raise SettingsError(f"{file} is damaged (a key has {min(lengths)} bytes). {KEYS_LOST}")
    mode = file.stat().st_mode & 0o777
    if mode & 0o077:
        raise SettingsError(f"{file} can be read by others (mode {mode:o}): chmod 600 {file}")
    return keyring


MODES = ("normal", "fast", "lite")
"""Values of devin_mode."""


def model_settings(settings: Settings, mode: str = "normal") -> ModelSettings | None:
    """The model of a session's mode, or None where no model is configured."""
    if settings.model is None:
        return None
    prefix = "model"
    if mode in {"fast", "lite"} and getattr(settings, f"model_{mode}") is not None:
        prefix = f"model_{mode}"
    name: str = getattr(settings, prefix)
    key = settings.model_api_key
    if name.rpartition(":")[0] != settings.model.rpartition(":")[0] and settings.model_base_url is None:
        key = None  # another provider's: it has its usual variable
    return ModelSettings(
        name=name,
        base_url=settings.model_base_url,
        api_key=key.get_secret_value() if key else None,
        input_usd_per_mtok=getattr(settings, f"{prefix}_input_usd_per_mtok"),
        output_usd_per_mtok=getattr(settings, f"{prefix}_output_usd_per_mtok"),
        context_tokens=settings.model_context_tokens,
        max_output_tokens=settings.model_max_output_tokens,
        attempts=settings.model_attempts,
    )


def check_model(settings: Settings) -> None:
    """A model without a known price is a configuration error: its spend could not be bounded."""
    if settings.model is None and (settings.model_fast or settings.model_lite):
        raise SettingsError("COGMILL_MODEL_FAST and COGMILL_MODEL_LITE stand beside COGMILL_MODEL: set that, too.")
    for mode in MODES:
        _check_model(model_settings(settings, mode), mode)


def _check_model(model: ModelSettings | None, mode: str) -> None:
    if model is None:
        return
    if model.base_url is not None and not model.base_url.startswith(("http://", "https://")):
        raise SettingsError(
            f"COGMILL_MODEL_BASE_URL={model.base_url} is no http(s) address; write it like http://127.0.0.1:11434/v1."
        )
    from cogmill.engine.agents.pricing import check_price

    try:
        check_price(model)
    except ValueError as error:
        raise SettingsError(str(error) if mode == "normal" else f"Model of devin_mode {mode}: {error}") from None
    if model.base_url is None and model.api_key is None:
        _check_model_key(model)


def _check_model_key(model: ModelSettings) -> None:
    provider = model.name.partition(":")[0].partition("-")[0]
    variable = USUAL_KEYS.get(provider)
    if variable is not None:
        if not os.environ.get(variable) and not os.environ.get(f"{provider.upper()}_BASE_URL"):
            raise SettingsError(f"There is no API key for {model.name}: set COGMILL_MODEL_API_KEY or {variable}.")
        return
    from cogmill.engine.agents.model.provider import build_model  # takes two seconds, so not for the usual providers
    from cogmill.engine.agents.model.wire import ModelFailure

    try:
        build_model(model)
    except ModelFailure as failure:
        raise SettingsError(failure.text) from None


def check_address(settings: Settings) -> None:
    """Refuse to let keys travel unencrypted."""
    if not settings.on_loopback and not settings.behind_proxy and not settings.has_tls:
        raise SettingsError(
            f"host {settings.host}: beyond loopback keys would travel unencrypted. Give --tls-cert and --tls-key, "
            "put a TLS proxy in front and start with --behind-proxy, or listen on 127.0.0.1."
        )


def check_tls(settings: Settings) -> None:
    """Refuse a certificate and a key that would not serve together."""
    cert, key = settings.tls_cert, settings.tls_key
    if cert is None and key is None:
        return
    if cert is None or key is None:
        raise SettingsError("--tls-cert and --tls-key go together; one of them is missing.")
    for file in (cert, key):
        if not os.access(file, os.R_OK) or not file.is_file():
            raise SettingsError(f"{file} is no file that this user can read. Correct --tls-cert or --tls-key.")
    if key.stat().st_mode & 0o007:
        raise SettingsError(f"{key} can be read by everybody (mode {key.stat().st_mode & 0o777:o}): chmod 640 {key}")
    try:
        # A password would be asked for on the terminal, which a service does not have; an empty one is refused.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        why = getattr(error, "reason", None) or "no PEM"
        raise SettingsError(
            f"{cert} and {key} do not work together ({why}). Both are PEM files, the key without a password."
        ) from None


def check_oidc(settings: Settings) -> None:
    """Refuse an identity provider that cannot be used, or not safely."""
    issuer, client_id = settings.oidc_issuer, settings.oidc_client_id
    if issuer is None and client_id is None:
        return
    if issuer is None or client_id is None:
        raise SettingsError("COGMILL_OIDC_ISSUER and COGMILL_OIDC_CLIENT_ID go together; one of them is missing.")
    url = urlsplit(issuer)
    is_near = url.hostname in {"localhost", "::1"} or (url.hostname or "").startswith("127.")
    if not url.hostname or (url.scheme != "https" and not (url.scheme == "http" and is_near)):
        raise SettingsError(f"COGMILL_OIDC_ISSUER={issuer} must be an https:// address; http:// only on this machine.")
    if "openid" not in settings.oidc_scope.split():
        raise SettingsError("COGMILL_OIDC_SCOPE must contain openid.")


def check_mail(settings: Settings) -> None:
    """Refuse settings for mail that are incomplete, or under which a password would travel in the clear."""
    parts = ("smtp_host", "smtp_port", "smtp_user", "smtp_password", "smtp_tls")
    given = [name for name in parts if getattr(settings, name) is not None]
    if settings.smtp_url is not None and given:
        raise SettingsError(f"COGMILL_SMTP_URL says it all: leave COGMILL_{given[0].upper()} out, or the URL.")
    try:
        server = settings.smtp
    except ValueError as error:
        raise SettingsError(f"COGMILL_SMTP_URL {error}.") from None
    if server is None:
        if given or settings.mail_from is not None:
            raise SettingsError("For mail set COGMILL_SMTP_URL or COGMILL_SMTP_HOST, together with COGMILL_MAIL_FROM.")
        return
    if settings.mail_from is None or sender(settings.mail_from) is None:
        raise SettingsError("COGMILL_MAIL_FROM must be the sender of mails, like Cogmill <cogmill@example.org>.")
    if (server.user is None) != (server.password is None):
        raise SettingsError("COGMILL_SMTP_USER and COGMILL_SMTP_PASSWORD go together; one of them is missing.")
    if server.password is not None and server.tls == "none" and not server.is_near:
        raise SettingsError(f"COGMILL_SMTP_TLS=none would send the password to {server} in the clear: use starttls.")


def check_git() -> None:
    """Sessions on repositories need git on the host."""
    if shutil.which("git") is None:
        raise SettingsError("git is not installed; install it, e.g. 'apt-get install git'.")


def listen(settings: Settings) -> socket.socket:
    """The listening socket."""
    try:
        return socket.create_server((settings.host, settings.port), family=_family(settings), backlog=BACKLOG)
    except OSError as error:
        raise _unusable(settings, error) from None


def check_port(settings: Settings) -> None:
    """Refuse an address that cannot be had now. Binds without listening: two that look at once do not disturb."""
    try:
        with socket.socket(_family(settings), socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        raise _unusable(settings, error) from None


def _family(settings: Settings) -> socket.AddressFamily:
    return socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]


def _unusable(settings: Settings, error: OSError) -> Unusable:
    hints = {
        errno.EADDRINUSE: "Is another server running? Stop it, or name another --port.",
        errno.EACCES: "Ports below 1024 need root; name another --port.",
    }
    hint = hints.get(error.errno or 0, "Name an address of this machine with --host.")
    text = f"Cannot listen on {settings.host} port {settings.port}: {os.strerror(error.errno or 0)}. {hint}"
    return Unusable(text.replace("Unknown error -2", "no such name"))


def check_database_url(settings: Settings) -> None:
    """Refuse addresses of databases that this version does not speak with."""
    if settings.database_url is not None and not settings.database_url.get_secret_value().startswith(DATABASES):
        raise SettingsError("COGMILL_DATABASE_URL must look like postgresql://user:password@host:5432/name.")


def explain_database(settings: Settings, error: Exception) -> str:
    """What a database said, where it is, and what to do; the password stays out."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import DBAPIError

    said = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
    said = said.partition(" Is the server running")[0]
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite":
        if any(word in said for word in ("malformed", "not a database")):
            return f"The database {url.database} is damaged ({said}). Restore it from your backup."
        return f"The database {url.database} cannot be used: {said}. 'cogmill doctor' tells more."
    if url.password:
        said = said.replace(url.password, "***")
    where = f"{url.host or 'localhost'}:{url.port or 5432}/{url.database or ''}"
    return f"PostgreSQL at {where} cannot be used: {said.rstrip('.')}. Start it, or correct COGMILL_DATABASE_URL."
