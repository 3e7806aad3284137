"""What goes in and out of playbooks; names and meanings are the contract's."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from cogmill.web.json_schemas import usable_schema
from cogmill.web.params import Body, Out

MACRO = r"![A-Za-z0-9_-]+"
LONGEST = 200_000


class PlaybookIn(Body):
    """A playbook as a whole. Of an update: macro and schema that are left out stay, null takes them away."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"\S", strip_whitespace=True)]
    body: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST, pattern=r"\S")]
    macro: Annotated[str, StringConstraints(pattern=rf"^{MACRO}$", max_length=100)] | None = Field(
        None, description="`!name`: a prompt that holds it selects the playbook"
    )
    structured_output_schema: Annotated[dict[str, Any] | None, AfterValidator(usable_schema)] = Field(
        None, description="JSON Schema Draft 7, at most 64 KB; for sessions that bring none of their own"
    )


class PlaybookOut(Out):
    playbook_id: str
    title: str
    body: str
    macro: str | None
    structured_output_schema: dict[str, Any] | None
    access_type: Literal["enterprise", "org"]
    org_id: str | None
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str


class PlaybookVersionOut(Out):
    """One saved state of a playbook."""

    version: int
    title: str
    body: str
    macro: str | None
    structured_output_schema: dict[str, Any] | None
    created_at: int
    created_by: str
