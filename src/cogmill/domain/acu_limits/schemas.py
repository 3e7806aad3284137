"""What goes in and out of the limits of a cycle; names and meanings are the contract's where it has them."""

from typing import Annotated, Literal

from pydantic import Field

from cogmill.web.params import Body, Out


class AcuLimitIn(Body):
    cycle_acu_limit: Annotated[int, Field(ge=0, le=1_000_000_000, description="ACUs of a cycle; 0: nothing may run")]


class AcuLimitOut(Out):
    cycle_acu_limit: int
    scope: Literal["enterprise", "org", "user"]
    org_id: str | None
    user_id: str | None


class StandingOut(Out):
    """A limit, and what of it is gone in the current cycle."""

    scope: Literal["enterprise", "org", "org_group", "user"]
    org_id: str | None
    group_name: str | None
    user_id: str | None
    cycle_acu_limit: int
    acus_used: float
    acus_reserved: float = Field(description="set aside for steps under way")
    after: int = Field(description="beginning of the cycle, unix seconds")
    before: int = Field(description="the first second that is not in it")
