"""What `cogmill doctor` looks at: each part ok, or what to do about it."""

import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import create_engine, text

from cogmill.kit.crypto import load_keys
from cogmill.kit.settings import Settings, SettingsError
from cogmill.migrations.upgrade import HEAD, current
from cogmill.server import check_model, sandbox_driver

LEAST_DISK = 1024**3
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
        "sandbox": _sandbox, "git": _git, "model": _model, "clock": _clock, "disk": _disk, "keys": _keys,
        "database": _database,
    }  # fmt: skip
    findings = []
    for name, look in looks.items():
        try:
            findings.append(look(settings))
        except Exception as error:
            findings.append(Finding(name, False, f"{type(error).__name__}: {error}"))
    return findings


def _sandbox(settings: Settings) -> Finding:
    probe = sandbox_driver(settings).probe()
    if settings.unsafe_no_sandbox:
        return Finding("sandbox", None, "Switched off by unsafe_no_sandbox: sessions run WITHOUT isolation.")
    missing = [name for name, works in probe.checks.items() if not works]
    weak = f" Not available here: {', '.join(missing)}." if probe.usable and missing else ""
    return Finding("sandbox", probe.usable, probe.detail + weak)


def _git(_settings: Settings) -> Finding:
    found = shutil.which("git")
    if found is None:
        return Finding("git", False, "git is not installed; install it, e.g. 'apt-get install git'.")
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
    try:
        check_model(settings)
    except SettingsError as error:
        return Finding("model", False, str(error))
    return Finding(
        "model", True, f"{settings.model}, its price is known. Whether its key works shows with the first use."
    )


def _clock(_settings: Settings) -> Finding:
    now = time.time()
    if now < OLDEST_CLOCK:
        return Finding("clock", False, "The clock is years behind; set it, or keys and limits will be wrong.")
    return Finding("clock", True, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def _disk(settings: Settings) -> Finding:
    place = settings.data
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if settings.data.exists():
        probe = settings.data / ".doctor"
        probe.write_bytes(b"ok")
        probe.unlink()
    shown = f"{free / 1024**3:.1f} GiB free at {place}"
    if free < LEAST_DISK:
        return Finding("disk", False, f"{shown}; at least 1 GiB is needed.")
    return Finding("disk", True, shown)


def _keys(settings: Settings) -> Finding:
    if not settings.keys_file.exists():
        return Finding("keys", None, "Not there yet; 'cogmill init' or the first 'cogmill serve' makes them.")
    load_keys(settings.keys_file)
    mode = settings.keys_file.stat().st_mode & 0o777
    if mode & 0o077:
        return Finding("keys", False, f"{settings.keys_file} can be read by others (mode {mode:o}): chmod 600 it.")
    return Finding("keys", True, f"{settings.keys_file}, readable by its owner only")


def _database(settings: Settings) -> Finding:
    sqlite = settings.database.startswith("sqlite")
    if sqlite and not (settings.data / "cogmill.db").exists():
        return Finding("database", None, "Not there yet; 'cogmill init' or the first 'cogmill serve' makes it.")
    engine = create_engine(settings.database)
    try:
        with engine.connect() as db:
            if sqlite and (said := db.execute(text("PRAGMA quick_check")).scalar()) != "ok":
                return Finding("database", False, f"SQLite says: {said}. Restore a backup.")
            at = current(db)
    finally:
        engine.dispose()
    kind = "SQLite" if sqlite else "PostgreSQL"
    if at != HEAD:
        return Finding("database", None, f"{kind} at revision {at}; the next 'cogmill serve' migrates it to {HEAD}.")
    return Finding("database", True, f"{kind} at revision {at}")
