"""Tools on the checked-out repositories: status, diff, commit, push, pull request."""

from cogmill.engine.agents.clipping import KEPT_OUTPUT, clip, first_line
from cogmill.engine.agents.delivery import pull_request_contents
from cogmill.engine.agents.model.arguments import GitCommit, GitDiff, GitPush, GitStatus, OpenPullRequest
from cogmill.engine.agents.model.tools.seam import Tool, ToolProblem, pick_checkout
from cogmill.engine.agents.seam import Checkout, Json, StepResult, Steps, Turn

_BYPRODUCTS = ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", "node_modules")
"""What running tests and tools leaves behind; new files in there are committed only when they are named."""
_NOTHING_NEW = "There are no new commits on the work branch; commit first."


async def _git(
    turn: Turn, checkout: Checkout, *argv: str, stdin: bytes = b"", allowed: frozenset[int] = frozenset({0})
) -> str:
    done = await turn.sandbox.exec(["git", "-C", checkout.path, *argv], stdin=stdin, timeout=120)
    out = done.stdout.decode(errors="replace")
    if done.exit_code not in allowed:
        problem = done.stderr.decode(errors="replace").strip() or out.strip()
        raise ToolProblem(f"git {argv[0]} failed: {problem or done.stopped}")
    return out


async def status(turn: Turn, _steps: Steps, asked: GitStatus) -> StepResult:
    checkout = pick_checkout(turn.task, asked.repo)
    text = await _git(turn, checkout, "status", "--short", "--branch")
    return StepResult({"repo": checkout.name, "output": clip(text, KEPT_OUTPUT)}, summary="Looked at git status")


async def diff(turn: Turn, _steps: Steps, asked: GitDiff) -> StepResult:
    checkout = pick_checkout(turn.task, asked.repo)
    argv = ["diff", "--no-color", "--no-ext-diff"]
    if asked.against_base:
        argv.append(await _fork_point(turn, checkout))
    elif asked.staged:
        argv.append("--cached")
    text = await _git(turn, checkout, *argv, "--", *([asked.path] if asked.path else []))
    return StepResult({"repo": checkout.name, "output": clip(text, KEPT_OUTPUT)}, summary="Looked at the diff")


async def _fork_point(turn: Turn, checkout: Checkout) -> str:
    try:
        return (await _git(turn, checkout, "merge-base", f"origin/{checkout.base_branch}", "HEAD")).strip()
    except ToolProblem:
        return (await _git(turn, checkout, "merge-base", checkout.base_branch, "HEAD")).strip()


async def commit(turn: Turn, _steps: Steps, asked: GitCommit) -> StepResult:
    checkout = pick_checkout(turn.task, asked.repo)
    if asked.paths:
        await _git(turn, checkout, "add", "--", *asked.paths)
    else:
        await _git(turn, checkout, "add", "--update")
        left_out = [f":(exclude,glob)**/{name}/**" for name in _BYPRODUCTS]
        await _git(turn, checkout, "add", "--all", "--", ".", *left_out)
    files = (await _git(turn, checkout, "diff", "--cached", "--name-only")).splitlines()
    if not files:
        raise ToolProblem("There is nothing to commit.")
    await _git(turn, checkout, "commit", "--quiet", "--file=-", stdin=asked.message.encode())
    sha = (await _git(turn, checkout, "rev-parse", "HEAD")).strip()
    contents: Json = {"repo": checkout.name, "sha": sha, "message": asked.message, "files": files[:200]}
    return StepResult(contents, summary=f"Committed {sha[:7]}: {first_line(asked.message, 80)}")


async def push(turn: Turn, _steps: Steps, asked: GitPush) -> StepResult:
    checkout = pick_checkout(turn.task, asked.repo)
    try:
        sha = await turn.commit_push(checkout)
    except ValueError:
        raise ToolProblem(_NOTHING_NEW) from None
    contents: Json = {"repo": checkout.name, "sha": sha, "branch": checkout.work_branch}
    return StepResult(contents, summary=f"Pushed {checkout.work_branch}")


async def pull_request(turn: Turn, _steps: Steps, asked: OpenPullRequest) -> StepResult:
    checkout = pick_checkout(turn.task, asked.repo)
    try:
        opened = await turn.open_pull_request(checkout, asked.title, asked.body)
    except ValueError:
        raise ToolProblem(_NOTHING_NEW) from None
    return StepResult(pull_request_contents(checkout, opened), summary=f"{opened.title} ({opened.url})")


def _render_output(contents: Json) -> str:
    return str(contents["output"]).rstrip() or "No changes."


def _render_commit(contents: Json) -> str:
    return f"Committed {contents['sha'][:10]}: {', '.join(contents['files'])}"


GIT_TOOLS = (
    Tool(
        "git_status", "Show branch and changed files.",
        GitStatus, "git_status", "git", lambda _: "git status", status, _render_output, effects=False,
    ),
    Tool(
        "git_diff", "Show changes as a diff; files that git does not know yet are not in it.",
        GitDiff, "git_diff", "git", lambda _: "git diff", diff, _render_output, effects=False,
    ),
    Tool(
        "git_commit", "Commit changes on the work branch; caches such as __pycache__ stay out unless you name them.",
        GitCommit, "git_commit", "git", lambda a: f"Commit: {first_line(a.message, 80)}", commit, _render_commit,
        on_cut="report",
    ),
    Tool(
        "git_push", "Push the work branch without a pull request.",
        GitPush, "git_push", "git", lambda _: "Push the work branch", push,
        lambda c: f"Pushed {c['branch']} at {c['sha'][:10]}.",
    ),
    Tool(
        "open_pull_request", "Push the work branch and open its pull request, or update the open one.",
        OpenPullRequest, "pull_request", "git", lambda a: f"Open a pull request: {a.title}", pull_request,
        lambda c: f"Pull request #{c['number']} is {c['state']}: {c['url']}",
    ),
)  # fmt: skip
