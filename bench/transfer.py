"""Export and import of an instance with many sessions: time, and memory of the process."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from bench.numbers import Number
from bench.seeded import installation
from cogmill.demo.local_server import environment
from cogmill.models.access import organization
from cogmill.models.sessions import session, session_event

SESSIONS, EVENTS = int(os.environ.get("BENCH_SESSIONS", "100000")), 10
BATCH = 1000


def export_and_import(root: Path, _runs: int) -> list[Number]:
    """Once each, as the command runs."""
    size = f"{SESSIONS:,} sessions with {EVENTS} events, SQLite"
    rows = [Number(f"{name}, {size}", unit) for name in ("export", "import") for unit in ("s", "MB")]
    with installation(root, "SQLite") as (server, engine):
        with engine.begin() as db:
            _fill(db)
        engine.dispose()
        file, other = root / "bench.cogmill", root / "imported"
        other.mkdir()
        shutil.copy(server.data / "keys.json", other)
        for number, (command, data) in enumerate((("export", server.data), ("import", other))):
            seconds, memory = _run(command, str(file), "--data", str(data))
            rows[2 * number].values.append(seconds)
            rows[2 * number + 1].values.append(memory)
        rows[0].note = f"{file.stat().st_size / 2**20:.0f} MB file"
        shutil.rmtree(other)
        file.unlink()
    return rows


def _run(*arguments: str) -> tuple[float, float]:
    """Seconds, and the greatest resident size in MB."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "cogmill", *arguments], env=environment({}))
    _, status, used = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, arguments
    process.returncode = 0
    return time.monotonic() - began, used.ru_maxrss / 1024


def _fill(db: Connection) -> None:
    org_id = db.execute(select(organization.c.org_id)).scalar_one()
    for begin in range(0, SESSIONS, BATCH):
        numbers = range(begin + 1, begin + BATCH + 1)
        db.execute(insert(session), [_session(number, org_id) for number in numbers])
        db.execute(insert(session_event), [_event(one, seq) for one in numbers for seq in range(1, EVENTS + 1)])


def _session(number: int, org_id: str) -> dict[str, Any]:
    return {
        "id": number, "session_id": f"devin-{number:032x}", "org_id": org_id, "origin": "api", "prompt": "Fix it.",
        "request": {}, "tags": [], "is_archived": False, "created_at": 1.7e9 + number, "status": "exit",
        "updated_at": 1.7e9 + number, "last_seq": EVENTS, "acus_micro": 0, "usd_micro": 0, "epoch": 1,
        "run_state": "idle",
    }  # fmt: skip


def _event(number: int, seq: int) -> dict[str, Any]:
    return {
        "session": number, "seq": seq, "event_type": "shell_process_completed", "category": "shell",
        "direction": "outgoing", "created_at": 1.7e9 + number + seq, "summary": f"Step {seq} of session {number}",
        "contents": '{"output": "' + f"line {number * seq} of what a command prints, " * 8 + '", "exit_code": 0}',
    }  # fmt: skip
