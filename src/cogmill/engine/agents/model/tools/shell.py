"""Tools on the session's shell: commands and background jobs."""

from cogmill.engine.agents.clipping import KEPT_OUTPUT, clip, first_line
from cogmill.engine.agents.model.arguments import JobOutput, JobStop, Shell
from cogmill.engine.agents.model.tools.seam import Tool, ToolProblem
from cogmill.engine.agents.seam import Json, StepResult, Steps, Turn
from cogmill.engine.agents.shell_step import ended, run_command
from cogmill.sandbox.protocol import Job


async def shell(turn: Turn, steps: Steps, asked: Shell) -> StepResult:
    if asked.background:
        job = await turn.sandbox.start_job(asked.command, secrets=turn.secrets)
        return StepResult(_job(job), summary=f"Started job {job.job_id}: {first_line(asked.command, 80)}")
    contents = await run_command(turn, steps, asked.command, timeout=asked.timeout)
    ok = contents["exit_code"] == 0
    return StepResult(contents, summary=f"{first_line(asked.command, 80)} ({ended(contents)})", ok=ok)


async def job_output(turn: Turn, _steps: Steps, asked: JobOutput) -> StepResult:
    try:
        job = await turn.sandbox.job(asked.job_id)
    except KeyError:
        raise ToolProblem(f"There is no job {asked.job_id}; jobs do not survive a restart.") from None
    return StepResult(_job(job), summary=f"Looked at job {job.job_id}")


async def job_stop(turn: Turn, _steps: Steps, asked: JobStop) -> StepResult:
    try:
        job = await turn.sandbox.stop_job(asked.job_id)
    except KeyError:
        raise ToolProblem(f"There is no job {asked.job_id}.") from None
    return StepResult({**_job(job), "ended": True}, summary=f"Stopped job {job.job_id}")


def _job(job: Job) -> Json:
    return {
        "job_id": job.job_id,
        "command": job.command,
        "exit_code": job.exit_code,
        "output": clip(job.output, KEPT_OUTPUT),
    }


def render_shell(contents: Json) -> str:
    output = str(contents.get("output") or "").rstrip("\n")
    if "job_id" in contents:
        return _render_job(contents, output)
    state = ended(contents)
    cut = " (the middle of the output was left out)" if contents.get("truncated") else ""
    return f"{output}\n[{state}{cut}]" if output else f"[{state}, no output]"


def _render_job(contents: Json, output: str) -> str:
    if contents.get("ended"):
        state = "is stopped"
    elif contents.get("exit_code") is None:
        state = "is running"
    else:
        state = f"ended with exit code {contents['exit_code']}"
    return f"[job {contents['job_id']} {state}]\n{output}".rstrip()


def _title(asked: Shell) -> str:
    return first_line(asked.command, 100)


SHELL_TOOLS = (
    Tool(
        "shell",
        "Run a command in the session's bash. Folder, variables and functions last from one command to the next. "
        "Servers and other commands that do not end by themselves need background=true.",
        Shell, "shell_process", "shell", _title, shell, render_shell, on_cut="report",
    ),
    Tool(
        "job_output", "Show state and latest output of a background job.",
        JobOutput, "shell_job", "shell", lambda a: f"Look at job {a.job_id}", job_output, render_shell, effects=False,
    ),
    Tool(
        "job_stop", "Stop a background job and all its children.",
        JobStop, "shell_job_stop", "shell", lambda a: f"Stop job {a.job_id}", job_stop, render_shell,
    ),
)  # fmt: skip
