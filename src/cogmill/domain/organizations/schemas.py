"""What goes in and out of the organization operations; names and meanings are the contract's."""

from typing import Annotated

from pydantic import Field, StringConstraints

from cogmill.web.params import Body, Out, Tag

MOST_TAGS = 1000
Name = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
Acus = Annotated[int, Field(ge=0, le=1_000_000_000)]
Tags = Annotated[list[Tag], Field(max_length=MOST_TAGS)]
OrgId = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class OrganizationIn(Body):
    name: Name
    max_session_acu_limit: Acus | None = Field(None, description="left out: the server's default; null: no limit")
    max_cycle_acu_limit: Acus | None = Field(None, description="null: no limit; 0: nothing may run")


class OrganizationPatch(Body):
    """What is left out stays as it is; null clears a limit."""

    name: Name | None = Field(None, description="null leaves it as it is: an organization has a name")
    max_session_acu_limit: Acus | None = None
    max_cycle_acu_limit: Acus | None = None


class OrganizationOut(Out):
    org_id: str
    name: str
    created_at: int
    updated_at: int
    max_session_acu_limit: int | None
    max_cycle_acu_limit: int | None


class AllowedTagsIn(Body):
    tags: Tags


class AllowedTagsOut(Out):
    tags: list[str] = Field(description="sorted; empty: sessions may carry any tag")


class DefaultTagIn(Body):
    tag: Tag


class DefaultTagOut(Out):
    default_tag: str | None


class OrgGroupIn(Body):
    org_ids: Annotated[list[OrgId], Field(max_length=10_000)]
    max_cycle_acus: Acus | None = Field(None, description="shared by the group; null: no limit; 0: nothing may run")


GroupName = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"\S")]


class OrgGroupsIn(Body):
    groups: Annotated[dict[GroupName, OrgGroupIn], Field(max_length=1000)]


class OrgGroupOut(Out):
    org_ids: list[str]
    max_cycle_acus: int | None


class OrgGroupsOut(Out):
    groups: dict[str, OrgGroupOut]
