"""Pushes what an agent without a model committed: one pull request for each checkout with new commits."""

from cogmill.engine.agents.clipping import first_line
from cogmill.engine.agents.seam import Checkout, Json, PullRequest, StepOutcome, StepResult, Steps, Task, Turn

_COUNT = (
    'git -C "$1" rev-list --count "origin/$2..HEAD" 2>/dev/null || git -C "$1" rev-list --count "$2..HEAD" 2>/dev/null'
)


def pull_request_contents(checkout: Checkout, opened: PullRequest) -> Json:
    return {
        "repo": checkout.name,
        "url": opened.url,
        "number": opened.number,
        "pr_title": opened.title,  # "title" is the step's own
        "state": opened.state,
        "branch": opened.branch,
    }


def title_for(task: Task) -> str:
    return first_line(task.title or "", 72) or first_line(task.prompt.lstrip("# "), 72) or "Work of a Cogmill session"


async def deliver(turn: Turn, suffix: str) -> list[str]:
    """Open the pull requests; answers one line for each. `suffix` tells one delivery of the session from the next."""
    lines: list[str] = []
    for checkout in turn.task.checkouts:
        if not await _has_commits(turn, checkout, suffix):
            continue
        outcome = await _open(turn, checkout, suffix)
        if not outcome.ok:
            lines.append(f"- {checkout.name}: the pull request could not be opened: {outcome.contents.get('error')}")
        elif outcome.contents.get("url"):
            lines.append(f"- {checkout.name}: {outcome.contents['url']}")
    return lines


async def _has_commits(turn: Turn, checkout: Checkout, suffix: str) -> bool:
    async def check(_steps: Steps) -> StepResult:
        done = await turn.sandbox.exec(["sh", "-c", _COUNT, "sh", checkout.path, checkout.base_branch])
        counted = done.stdout.decode(errors="replace").split()
        # None: the base is not known by name inside the sandbox; the push will find out.
        number = int(counted[-1]) if counted and counted[-1].isdigit() else None
        return StepResult({"repo": checkout.name, "new_commits": number}, summary=f"{number or 'no'} new commits")

    title = f"Look for new commits in {checkout.name}"
    outcome = await turn.step(f"commits-{suffix}-{checkout.name}", "git_status", "git", title, check, effects=False)
    return outcome.contents.get("new_commits") != 0


async def _open(turn: Turn, checkout: Checkout, suffix: str) -> StepOutcome:
    async def push(_steps: Steps) -> StepResult:
        try:
            opened = await turn.open_pull_request(checkout, title_for(turn.task), turn.task.prompt)
        except ValueError:
            return StepResult({"repo": checkout.name, "new_commits": 0}, summary="no new commits")
        return StepResult(pull_request_contents(checkout, opened), summary=f"{opened.title} ({opened.url})")

    title = f"Open a pull request in {checkout.name}"
    key = f"pull-request-{suffix}-{checkout.name}"
    return await turn.step(key, "pull_request", "git", title, push, input={"repo": checkout.name})
