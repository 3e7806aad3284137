"""`make soak`: kills a busy server at random moments, bounded, and looks for what was lost or doubled.

Each session has five steps; every step writes a line with its number and its attempt into the workspace, and the last
one prints them all. So the log of the session tells what was promised, and the printed lines tell what really happened.
"""

import argparse
import asyncio
import json
import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from bench import place
from bench.measures import details, event_contents, id_of
from bench.wire import Target
from cogmill.demo.local_server import LocalServer

STEPS = 5
LINE = re.compile(r"step=(\d+) attempt=(\d+)")
RESUME_SECONDS = 5.0


def prompt() -> str:
    blocks = []
    for number in range(1, STEPS + 1):
        note = f'echo "step={number} attempt=$COGMILL_ATTEMPT" >> /workspace/journal\nsleep 0.2'
        blocks.append(f"# Step {number}\n```sh\n{note}\n```\n")
    return "".join([*blocks, "# Tell\n```sh\ncat /workspace/journal\n```\n"])


@dataclass(slots=True)
class Findings:
    kills: int = 0
    accepted: list[str] = field(default_factory=list)
    """Sessions whose creation was answered: they must exist and finish."""
    refused: int = 0
    resumed: list[float] = field(default_factory=list)
    """Seconds from a start to the first session that had been cut and goes on."""
    cut_steps: int = 0
    wrong: list[str] = field(default_factory=list)


async def create(target: Target, wanted: int, findings: Findings, pause: float) -> None:
    """Create sessions until there are enough or the server is gone."""
    try:
        connection = await target.connect()
        request = target.request("POST", target.sessions, place.runbook(prompt()))
        while len(findings.accepted) < wanted:
            status, answer = await connection.ask(request)
            if status == 200:
                findings.accepted.append(id_of(answer))
            else:
                findings.refused += 1
            await asyncio.sleep(pause)
    except OSError:
        pass


async def first_resumed(target: Target, began: float, findings: Findings) -> None:
    """When the first session that ran at the kill has taken its next step."""
    try:
        connection = await target.connect()
        cut = [one for one in (await _all(target, connection)) if one["status"] in {"running", "claimed"}]
        cut = [one for one in cut if one["status_detail"] not in {"finished", "error"}]
        while cut and time.monotonic() - began < 2 * RESUME_SECONDS:
            for one in cut:
                path = f"{target.sessions}/{one['session_id']}/events?first=200&event_types=session_recovered"
                found = await target.ask(connection, "GET", path)
                if any(
                    event["created_at"] >= time.time() - (time.monotonic() - began) - 0.5 for event in found["items"]
                ):
                    findings.resumed.append(time.monotonic() - began)
                    return
            await asyncio.sleep(0.02)
    except (OSError, RuntimeError):
        pass


async def _all(target: Target, connection: Any) -> list[dict[str, Any]]:
    page = await target.ask(connection, "GET", f"{target.sessions}?first=200")
    return list(page["items"])


async def one_life(server: LocalServer, findings: Findings, wanted: int, life: float, *, recovered: bool) -> None:
    """Let the server work for a while, then kill it."""
    began = time.monotonic()
    target = place.target_of(server)
    helpers = [asyncio.create_task(create(target, wanted, findings, 0.02))]
    if recovered:
        helpers.append(asyncio.create_task(first_resumed(target, began, findings)))
    await asyncio.sleep(life)
    server.kill()
    findings.kills += 1
    for helper in helpers:
        helper.cancel()
    await asyncio.gather(*helpers, return_exceptions=True)


async def finish(server: LocalServer, findings: Findings, patience: float) -> None:
    """Let everything come to rest, then compare log and effects of every session."""
    target = place.target_of(server)
    connection = await target.connect()
    until = time.monotonic() + patience
    settled: dict[str, str] = {}
    while time.monotonic() < until:
        settled = await details(target, connection)
        if all(one in settled for one in findings.accepted):
            break
        await asyncio.sleep(0.3)
    for session_id in findings.accepted:
        if settled.get(session_id) != "finished":
            findings.wrong.append(f"{session_id}: lost or not finished, it is {settled.get(session_id)}")
            continue
        check(session_id, await event_contents(target, connection, session_id), findings)


def check(session_id: str, log: list[dict[str, Any]], findings: Findings) -> None:
    """The log has no gap and no step twice; what really happened is what the log says."""
    say = findings.wrong.append
    numbers = [event["seq"] for event in log]
    if numbers != list(range(1, len(numbers) + 1)):
        say(f"{session_id}: the sequence has gaps or doubles: {numbers}")
    done = Counter(one["contents"]["key"] for one in log if one["event_type"] == "shell_process_completed")
    started = Counter(one["contents"]["key"] for one in log if one["event_type"] == "shell_process_started")
    cut = Counter(one["contents"]["key"] for one in log if one["event_type"] == "shell_process_interrupted")
    findings.cut_steps += cut.total()
    if len(done) != STEPS + 1 or any(count != 1 for count in done.values()):
        say(f"{session_id}: finished steps {dict(done)}")
    for key, count in started.items():
        if count != 1 + cut[key]:
            say(f"{session_id}: {key} was begun {count} times and {cut[key]} cuts are told")
    told = [one["contents"] for one in log if one["event_type"] == "shell_process_completed"]
    effects = Counter(LINE.findall(told[-1]["output"])) if told else Counter()
    for (step, attempt), count in effects.items():
        if count > 1:
            say(f"{session_id}: step {step}, attempt {attempt} took effect {count} times")
    for step in range(1, STEPS + 1):
        attempts = sum(count for (number, _), count in effects.items() if number == str(step))
        key = told[step - 1]["key"] if len(told) > step else ""
        if not 1 <= attempts <= started[key]:
            say(f"{session_id}: step {step} took effect {attempts} times in {started[key]} attempts")


def soak(kills: int, sessions: int, seconds: float, seed: int) -> Findings:
    """At most `kills` kills within `seconds`; the random moments follow from the seed."""
    chance, findings, until = random.Random(seed), Findings(), time.monotonic() + seconds
    with place.folder() as root:
        data = Path(root / "data")
        data.mkdir()
        server = LocalServer(data)
        try:
            for number in range(kills):
                if time.monotonic() > until:
                    break
                server.start()
                life = chance.uniform(0.1, 1.5)
                asyncio.run(one_life(server, findings, sessions, life, recovered=number > 0))
            server.start()
            asyncio.run(finish(server, findings, max(30.0, until - time.monotonic())))
        finally:
            server.stop()
    return findings


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument("--sessions", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=120, help="no further kill after this long")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    print(f"{given.kills} kills at most, {given.sessions} sessions, seed {given.seed}")
    found = soak(given.kills, given.sessions, given.seconds, given.seed)
    slowest = max(found.resumed, default=0.0)
    shown = {
        "kills": found.kills, "sessions accepted": len(found.accepted), "refused": found.refused,
        "steps cut and told": found.cut_steps, "slowest to go on, s": round(slowest, 2), "wrong": len(found.wrong),
    }  # fmt: skip
    print(json.dumps(shown, indent=2))
    for line in found.wrong[:40]:
        print(line)
    if slowest > RESUME_SECONDS:
        print(f"Going on took more than {RESUME_SECONDS:g} s.")
    return 1 if found.wrong or slowest > RESUME_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
