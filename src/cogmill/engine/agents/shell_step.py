"""Runs one command of a session in its long-lived shell and puts the result into a step's contents."""

from collections.abc import Mapping

from cogmill.engine.agents.clipping import KEPT_OUTPUT, clip
from cogmill.engine.agents.seam import Json, Steps, Turn


async def run_command(
    turn: Turn,
    steps: Steps,
    command: str,
    *,
    timeout: float | None = None,
    environment: Mapping[str, str] | None = None,
    keep: int = KEPT_OUTPUT,
) -> Json:
    """Contents of a `shell_process` step: command, exit_code, output, seconds, truncated and stopped.

    `keep`: characters of the output.
    """
    variables = {**turn.secrets, **(environment or {}), "COGMILL_ATTEMPT": str(steps.attempt)}
    result = await turn.sandbox.run(command, timeout=timeout, secrets=variables, on_output=steps.output)
    output = clip(result.output, keep)
    contents: Json = {
        "command": command,
        "exit_code": result.exit_code,
        "output": output,
        "seconds": round(result.seconds, 3),
        "truncated": result.truncated or len(output) < len(result.output),
    }
    if result.stopped:
        contents["stopped"] = result.stopped
    return contents


def ended(contents: Json) -> str:
    """How a command ended, in words."""
    stopped = contents.get("stopped")
    if stopped == "timeout":
        return f"stopped after {contents.get('seconds', '?')} seconds (timeout)"
    if stopped:
        return f"stopped ({str(stopped).replace('_', ' ')})"
    if "error" in contents:
        return f"could not run: {contents['error']}"
    return f"exit code {contents.get('exit_code')}"
