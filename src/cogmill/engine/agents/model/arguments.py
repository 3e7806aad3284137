"""Parameters of the model's tools: they check the calls and describe the tools to the model."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Arguments(BaseModel):
    """Unknown parameters are ignored: models like to add some."""

    model_config = ConfigDict(extra="ignore")


class Shell(Arguments):
    command: str = Field(min_length=1)
    timeout: float | None = Field(default=None, gt=0, le=3600, description="Seconds after which it is stopped.")
    background: bool = Field(default=False, description="Start it as a job and go on at once.")


class JobOutput(Arguments):
    job_id: str


class JobStop(Arguments):
    job_id: str


class ReadFile(Arguments):
    path: str = Field(min_length=1)
    offset: int = Field(default=1, ge=1, description="First line to show, counted from 1.")
    limit: int = Field(default=2000, ge=1, le=5000, description="Number of lines to show.")


class WriteFile(Arguments):
    path: str = Field(min_length=1)
    content: str


class EditFile(Arguments):
    path: str = Field(min_length=1)
    old: str = Field(min_length=1, description="Exact text to replace, without line numbers.")
    new: str
    replace_all: bool = False


class Search(Arguments):
    pattern: str = Field(min_length=1)
    path: str = Field(default=".", description="File or folder to search in.")
    glob: str | None = Field(default=None, description="Only files whose name matches, e.g. *.py.")
    fixed: bool = Field(default=False, description="The pattern is plain text, not a regular expression.")
    ignore_case: bool = False
    limit: int = Field(default=100, ge=1, le=1000)


class CodeSearch(Arguments):
    query: str = Field(min_length=1, max_length=200, pattern=r"^[^\r\n]+$", description="A name, its part, or a text.")
    kind: Literal["symbols", "text"] = "symbols"
    path: str | None = Field(default=None, max_length=200, description="Only files whose path fits, e.g. src/*.py.")
    language: str | None = Field(default=None, description="Only files of this language, e.g. python.")
    limit: int = Field(default=50, ge=1, le=200)


class InRepository(Arguments):
    repo: str | None = Field(default=None, description="Needed only when several repositories are checked out.")


class GitStatus(InRepository):
    pass


class GitDiff(InRepository):
    path: str | None = None
    staged: bool = False
    against_base: bool = Field(default=False, description="Everything since the work branch left the base branch.")


class GitCommit(InRepository):
    message: str = Field(min_length=1)
    paths: list[str] | None = Field(default=None, description="Files to commit; without it, all changes.")


class GitPush(InRepository):
    pass


class OpenPullRequest(InRepository):
    title: str = Field(min_length=1, max_length=250)
    body: str = ""


class PlanItem(Arguments):
    text: str = Field(min_length=1)
    status: Literal["pending", "in_progress", "done"] = "pending"


class UpdatePlan(Arguments):
    items: list[PlanItem]


class AskUser(Arguments):
    question: str = Field(min_length=1)


class AskApproval(Arguments):
    action: str = Field(min_length=1, description="What you want to do, why, and what it changes or costs.")


class StartSession(Arguments):
    prompt: str = Field(min_length=1, max_length=100_000)
    title: str | None = Field(default=None, max_length=200)
    repos: list[str] | None = Field(default=None, description="Without it, those of this session.")
    playbook_id: str | None = Field(default=None, description="Without it, the playbook meant for such sessions.")
    max_acu_limit: int | None = Field(default=None, ge=1)
    structured_output_schema: dict[str, Any] | None = Field(
        default=None, description="JSON schema of a result that you will read as data."
    )


class ListSessions(Arguments):
    pass


class ReadSession(Arguments):
    session_id: str = Field(min_length=1)


class MessageSession(Arguments):
    session_id: str = Field(min_length=1)
    message: str = Field(min_length=1, max_length=100_000)


class EndSession(Arguments):
    session_id: str = Field(min_length=1)


class SavePlaybook(Arguments):
    title: str = Field(min_length=1, max_length=500)
    body: str = Field(min_length=1, description="Markdown: procedure, specifications, advice, forbidden actions.")
    macro: str | None = Field(default=None, description="`!name`, by which prompts select it.")
    playbook_id: str | None = None


class ListNotes(Arguments):
    search: str | None = Field(default=None, max_length=1_000)


class SaveNote(Arguments):
    name: str = Field(min_length=1, max_length=500)
    body: str = Field(min_length=1)
    trigger: str = Field(description="When it applies: sessions whose prompt fits are given it.")
    note_id: str | None = None


class StructuredOutput(Arguments):
    output: Any


class Finish(Arguments):
    summary: str = Field(min_length=1, description="What was done and how it was checked, for the user.")
