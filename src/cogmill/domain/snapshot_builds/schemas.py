"""What goes in and out of snapshot builds; names and meanings are the contract's."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cogmill.web.links import LinkQuery
from cogmill.web.params import Body, Out, PageQuery

Status = Literal["pending", "running", "succeeded", "failed", "cancelled"]


class EmptyIn(Body):
    """Nothing is asked for; no body at all is taken, too."""

    @model_validator(mode="before")
    @classmethod
    def _nothing(cls, sent: Any) -> Any:
        return {} if sent is None else sent


class BuildIn(EmptyIn):
    partial: bool = Field(
        False, description="ours: run only what has changed, on top of the last snapshot; false: all, from nothing"
    )


class BuildQuery(PageQuery):
    status: Status | None = None
    active: bool | None = Field(None, description="true: only the build that new sessions start from")


class LogQuery(LinkQuery):
    offset: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1)] | None = None


class BuildOut(Out):
    build_id: str
    status: Status
    trigger: Literal["manual", "auto"] | None
    triggered_by_user_id: str | None
    pinned: bool
    created_at: int
    started_at: int | None
    completed_at: int | None
    updated_at: int
    base_build_id: str | None = Field(description="ours: on whose snapshot it was made; null: from nothing")
    failed_step: str | None = Field(description="ours: which step failed, and how; the log has its output")
