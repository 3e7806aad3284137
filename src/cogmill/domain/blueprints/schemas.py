"""What goes in and out of blueprints; names and meanings are the contract's."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from cogmill.web.params import Body, Out, Query

Contents = Annotated[str, Field(description="YAML: initialize, maintenance, knowledge, post-build, clone")]


class EnterpriseBlueprintIn(Body):
    contents: Contents | None = Field(None, description="left out: a blank one")


class EnterpriseBlueprintPut(Body):
    contents: Contents


class BlueprintIn(Body):
    contents: Contents | None = Field(
        None, description="left out: a blank one; builds then read `.devin/blueprint.yaml` of a repository"
    )
    repo_name: Annotated[str, StringConstraints(min_length=1, max_length=2083)] | None = Field(
        None, description="whose blueprint it is, as `repos` of a session names it; left out: the organization's"
    )


class BlueprintPatch(Body):
    contents: Contents | None = Field(None, description="null leaves it as it is")
    position: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        None, description="order among blueprints of repositories; null leaves it as it is"
    )


class BlueprintQuery(Query):
    repo_name: str | None = Field(None, description="only the blueprint of this repository")


class FileQuery(Query):
    name: Annotated[str, Field(description="name of the file for the steps")]


class BlueprintOut(Out):
    blueprint_id: str
    type: Literal["enterprise", "org", "repo"]
    repo_name: str | None
    created_at: int
    updated_at: int


class BlueprintListOut(Out):
    data: list[BlueprintOut] = Field(description="in the order in which builds run them")


class BlueprintFileOut(Out):
    file_id: str
    blueprint_id: str
    name: str
    env_var_name: str = Field(description="the variable in which steps find the path of the file")
    size_bytes: int
    created_at: int
    updated_at: int


class BlueprintFileListOut(Out):
    data: list[BlueprintFileOut]
