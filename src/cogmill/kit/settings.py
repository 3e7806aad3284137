"""Settings: environment `COGMILL_*`, then `cogmill.toml`, then flags; the later one wins."""

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from cogmill.kit.networks import network
from cogmill.kit.smtp import SmtpServer, parse_url, usual_port, usual_tls

ProxyRange = Annotated[str, AfterValidator(lambda text: str(network(text)))]
"""An address or a range of addresses."""


class Settings(BaseSettings):
    """Everything an operator can set. Times are seconds, sizes bytes, money US dollars."""

    model_config = SettingsConfigDict(env_prefix="COGMILL_", extra="ignore", frozen=True)

    data: Path = Field(default_factory=lambda: user_data_path("cogmill"), description="Data folder")
    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8400, ge=0, le=65535, description="Port to listen on")
    public_url: str | None = Field(None, description="Address under which users reach the server, e.g. behind a proxy")
    behind_proxy: bool = Field(
        False, description="A TLS-ending proxy stands in front; allows listening beyond loopback"
    )
    trusted_proxies: list[ProxyRange] | None = Field(
        None, description="Addresses of proxies whose X-Forwarded-For and -Proto are believed; default: none"
    )
    tls_cert: Path | None = Field(None, description="PEM file of the TLS certificate and its chain")
    tls_key: Path | None = Field(None, description="PEM file of its key, without a password")
    database_url: SecretStr | None = Field(None, description="PostgreSQL URL; default is SQLite in the data folder")
    master_key: SecretStr | None = Field(
        None, description="Master key that wraps the keys of stored secrets: base64 of 32 bytes; else in keys.json"
    )
    master_key_old: SecretStr | None = Field(
        None, description="The one before, while 'cogmill secrets rotate-master-key' has not run"
    )
    key_service_url: str | None = Field(
        None, description="Key service instead: address of a key of a Vault transit engine (…/v1/transit/keys/NAME)"
    )
    key_service_token: SecretStr | None = Field(None, description="Token for the key service")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, else JSON")

    metrics_token: SecretStr | None = Field(
        None, description="Bearer token for /metrics; without one only a server on loopback shows them"
    )
    otlp_endpoint: str | None = Field(
        None, description="OpenTelemetry collector that gets traces, e.g. http://127.0.0.1:4318 (OTLP over HTTP)"
    )
    traces_file: Path | None = Field(None, description="File to which traces are appended, as OTLP JSON lines")

    model: str | None = Field(None, description="Model of the built-in agent, e.g. anthropic:claude-sonnet-5")
    model_base_url: str | None = Field(None, description="OpenAI-compatible endpoint (Ollama, vLLM, OpenRouter …)")
    model_api_key: SecretStr | None = Field(None, description="Key of the model provider; else its usual variable")
    model_input_usd_per_mtok: Decimal | None = Field(
        None, ge=0, description="Price of a million input tokens, if unknown"
    )
    model_output_usd_per_mtok: Decimal | None = Field(
        None, ge=0, description="Price of a million output tokens, if unknown"
    )
    model_fast: str | None = Field(None, description="Model of sessions with devin_mode fast; default: the same one")
    model_fast_input_usd_per_mtok: Decimal | None = Field(None, ge=0, description="Its prices, if unknown: input")
    model_fast_output_usd_per_mtok: Decimal | None = Field(None, ge=0, description="Its prices, if unknown: output")
    model_lite: str | None = Field(None, description="Model of sessions with devin_mode lite; default: the same one")
    model_lite_input_usd_per_mtok: Decimal | None = Field(None, ge=0, description="Its prices, if unknown: input")
    model_lite_output_usd_per_mtok: Decimal | None = Field(None, ge=0, description="Its prices, if unknown: output")
    model_context_tokens: int = Field(200_000, ge=4_000, description="Context window of the model")
    model_max_output_tokens: int = Field(8_192, ge=256, description="Most tokens the model may answer with per call")

    model_attempts: int = Field(6, ge=1, le=20, description="Attempts of a model call before the session is suspended")

    embedding_base_url: str | None = Field(
        None, description="OpenAI-compatible endpoint that ranks knowledge notes by meaning; default: by their words"
    )
    embedding_model: str | None = Field(None, description="Its embedding model; needed along with the endpoint")
    embedding_api_key: SecretStr | None = Field(None, description="Its key, where it wants one")
    embedding_similarity: float = Field(
        0.5, ge=-1, le=1, description="Least cosine of prompt and note that counts as fitting; depends on the model"
    )

    max_running_sessions: int = Field(16, ge=1, description="Sessions that run at once on this server")
    max_running_sessions_per_org: int = Field(16, ge=1, description="The same for one organization")
    code_scan_backlog: int = Field(100, ge=1, description="Code scans of an organization that may wait and run at once")
    max_child_sessions: int = Field(20, ge=0, description="Children that a session can have")
    max_session_depth: int = Field(2, ge=1, le=10, description="Generations of sessions below one that has no parent")
    cloud_instance_id: str | None = Field(
        None, max_length=200, description="Name of this machine at its cloud provider, shown with its hypervisor"
    )
    queue_elevated: int = Field(10, ge=1, description="Waiting sessions from which on the queue is called elevated")
    queue_high: int = Field(50, ge=1, description="Waiting sessions from which on the queue is called high")
    outpost_claim_seconds: float = Field(
        120, gt=0, le=86_400, description="How long the worker of an outpost has to connect after its claim"
    )
    idle_suspend_seconds: float = Field(1800, gt=0, description="Waiting time after which a session is suspended")
    workspace_keep_hours: float = Field(72, ge=0, description="How long the files of an ended session are kept")
    shutdown_grace_seconds: float = Field(5, ge=0, description="How long a stop waits for running steps to end")
    org_session_acu_limit: int | None = Field(
        None, ge=0, description="max_session_acu_limit of new organizations whose creator names none"
    )
    organization_retention_days: float = Field(
        30, ge=0, description="How long a deleted organization can be restored; then its data is removed for good"
    )
    acu_seconds: float = Field(900, gt=0, description="Active sandbox seconds that make one ACU")
    acu_per_usd: float = Field(0.5, ge=0, description="ACUs for one US dollar of model cost")

    rate_limit_key: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="Requests of a key in a minute; 0: any; default: any on loopback, else 600",
    )
    rate_limit_org: int | None = Field(
        None, ge=0, le=1_000_000, description="The same of an organization; default: any on loopback, else 3000"
    )
    idempotency_keep_hours: float = Field(24, gt=0, description="How long answers to repeated requests are kept")

    legacy_v1: bool = Field(True, description="Serve the old API v1; false: its operations answer 410")
    legacy_v2: bool = Field(True, description="The same for v2")
    legacy_sunset: date | None = Field(
        date(2027, 12, 31), description="Date that answers of v1 and v2 name as their end (Sunset); nothing ends by it"
    )

    browser_session_hours: float = Field(168, gt=0, description="How long a sign-in in a browser lasts at most")
    browser_session_idle_hours: float = Field(24, gt=0, description="Without use it ends after so long")
    invitation_hours: float = Field(72, gt=0, description="How long an invitation can be accepted")

    oidc_issuer: str | None = Field(None, description="OpenID Connect provider for signing in, as it calls itself")
    oidc_client_id: str | None = Field(None, description="This server's client id at that provider")
    oidc_client_secret: SecretStr | None = Field(None, description="Its client secret; none for a public client")
    oidc_name: str = Field("single sign-on", description="What the button on the sign-in page calls the provider")
    oidc_scope: str = Field("openid email profile", description="What is asked of the provider")
    oidc_groups_claim: str = Field("groups", description="Claim with the names of a person's groups")
    oidc_create_users: bool = Field(False, description="Make unknown people enterprise Members; else they are refused")
    oidc_trust_email: bool = Field(
        False, description="Take e-mail addresses as verified even where the provider does not say so"
    )

    smtp_url: SecretStr | None = Field(
        None, description="Server for outgoing mail: smtp://user:password@host:587, or smtps:// for TLS at once"
    )
    smtp_host: str | None = Field(None, description="The same in parts, instead of the URL: its name")
    smtp_port: int | None = Field(
        None, ge=1, le=65535, description="Its port; default 587, with smtp_tls=tls 465, on this machine 25"
    )
    smtp_user: str | None = Field(None, description="User name there, if it asks for one")
    smtp_password: SecretStr | None = Field(None, description="That user's password")
    smtp_tls: Literal["starttls", "tls", "none"] | None = Field(
        None, description="starttls, tls or none; default: tls at port 465, none on this machine, else starttls"
    )
    mail_from: str | None = Field(None, description="Sender of mails, e.g. Cogmill <cogmill@example.org>")

    webhook_private_addresses: list[ProxyRange] = Field(
        [], description="Addresses and ranges beyond the public internet that webhooks may go to"
    )
    webhook_log_days: float = Field(
        30, gt=0, description="How long deliveries of webhooks and runs of automations are kept"
    )
    automation_updates: Literal["merge_patch", "replace_groups"] = Field(
        "merge_patch", description="How PATCH changes an automation"
    )

    unsafe_no_sandbox: bool = Field(False, description="Run sessions without isolation. For throw-away machines only")
    sandbox_network: bool = Field(False, description="Give commands of sessions the host's network")
    sandbox_memory: int = Field(4 * 1024**3, ge=64 * 1024**2, description="Memory of one session")
    sandbox_processes: int = Field(512, ge=16, description="Processes of one session")
    sandbox_cpu_seconds: int = Field(3600, ge=1, description="CPU time of one process")
    sandbox_command_seconds: float = Field(600, gt=0, description="Wall time of one command")
    sandbox_output: int = Field(1024**2, ge=4096, description="Output kept of one command")
    sandbox_workspace: int = Field(10 * 1024**3, ge=1024**2, description="Disk use of one session")

    index_memory: int = Field(1024**3, ge=256 * 1024**2, description="Memory of the process that indexes code")
    index_seconds: float = Field(3600, gt=0, description="How long indexing one branch may take")
    max_running_builds: int = Field(2, ge=1, description="Snapshot builds that run at once on this server")
    snapshot_build_seconds: float = Field(3600, gt=0, description="Wall time of one snapshot build")
    snapshot_auto_builds: bool = Field(
        True, description="Build by itself after a blueprint was changed or a repository's branch has moved"
    )
    snapshot_quiet_seconds: float = Field(
        60, ge=0, description="How long such a build waits for further changes of blueprints"
    )
    snapshot_check_seconds: float = Field(
        3600, ge=1, description="After how long the branches of repositories with a blueprint are looked at again"
    )
    snapshot_full_hours: float = Field(
        168, ge=0, description="Age of the last build from nothing at which such a build begins from nothing, too"
    )
    snapshot_network: bool = Field(False, description="Give snapshot builds the host's network")
    snapshot_keep_hours: float = Field(
        168, ge=0, description="How long a snapshot is kept that no session starts from any more"
    )

    local_repos: list[Path] | None = Field(
        None, description="Folders whose git repositories may be named by path; default: all on loopback, else none"
    )
    git_author_name: str = Field("Cogmill", description="Author of the sessions' commits")
    git_author_email: str = Field("cogmill@localhost.invalid", description="E-mail of that author")
    pull_request_check_seconds: float = Field(
        120, gt=0, description="After how long a provider is asked for a pull request's state; older ones less often"
    )
    review_acu_limit: float | None = Field(
        None, ge=0, description="ACUs that all reviews of one pull request may use together; 0: any number"
    )
    max_attachment: int = Field(50 * 1024**2, ge=1024, description="Largest attachment")
    max_body: int = Field(4 * 1024**2, ge=1024, description="Largest request body other than an attachment")

    @property
    def base_url(self) -> str:
        """What `url` fields and printed addresses begin with, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "https" if self.has_tls else "http"
        return (self.public_url or f"{scheme}://{host}:{self.port}").rstrip("/")

    @property
    def has_tls(self) -> bool:
        """Whether this server ends TLS itself."""
        return self.tls_cert is not None and self.tls_key is not None

    @property
    def key_requests_per_minute(self) -> int:
        """0: any number."""
        return self.rate_limit_key if self.rate_limit_key is not None else 0 if self.on_loopback else 600

    @property
    def org_requests_per_minute(self) -> int:
        """0: any number."""
        return self.rate_limit_org if self.rate_limit_org is not None else 0 if self.on_loopback else 3000

    @property
    def smtp(self) -> SmtpServer | None:
        """The server for outgoing mail; ValueError when its URL is none."""
        if self.smtp_url is not None:
            return parse_url(self.smtp_url.get_secret_value())
        if self.smtp_host is None:
            return None
        tls = self.smtp_tls or usual_tls(self.smtp_host, self.smtp_port)
        password = self.smtp_password.get_secret_value() if self.smtp_password else None
        port = self.smtp_port or usual_port(self.smtp_host, tls)
        return SmtpServer(self.smtp_host, port, tls, self.smtp_user, password)

    @property
    def keys_file(self) -> Path:
        return self.data / "keys.json"

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the database."""
        if self.database_url is None:
            return f"sqlite:///{self.data / 'cogmill.db'}"
        url = self.database_url.get_secret_value()
        for scheme in ("postgresql://", "postgres://"):
            if url.startswith(scheme):
                return "postgresql+psycopg://" + url.removeprefix(scheme)
        return url

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine reaches the server."""
        return not self.behind_proxy and (self.host in {"::1", "localhost"} or self.host.startswith("127."))


class SettingsError(Exception):
    """A setting cannot be used; the text names it and says what is allowed."""


def load(flags: dict[str, Any] | None = None, toml: Path | None = None) -> Settings:
    """The effective settings. `toml` defaults to `cogmill.toml` in the working folder, else in the data folder."""
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    try:
        file = toml or _find_toml(given)
        stored = _read(file) if file else {}
        unknown = sorted(set(stored) - set(Settings.model_fields))
        if unknown:
            raise SettingsError(f"{file}: unknown setting {unknown[0]!r}; 'cogmill config show' lists all settings.")
        settings = Settings(**{**stored, **given})
    except ValueError as error:
        raise SettingsError(_explain(error)) from None
    return settings.model_copy(update={"data": settings.data.expanduser().absolute()})


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{file}: not valid TOML: {error}") from None


def _find_toml(flags: dict[str, Any]) -> Path | None:
    places = [Path("cogmill.toml")]
    places.append(Path(flags["data"] if "data" in flags else Settings().data).expanduser() / "cogmill.toml")
    return next((place for place in places if place.is_file()), None)


def _explain(error: ValueError) -> str:
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    lines = (f"COGMILL_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
    return "A setting cannot be used. " + "; ".join(lines)
