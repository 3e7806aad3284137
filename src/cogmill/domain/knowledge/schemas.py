"""What goes in and out of knowledge; names and meanings are the contract's."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from cogmill.web.params import Body, Out, PageQuery

MACRO = r"![A-Za-z0-9_-]+"
EVERYWHERE = "all"
"""Pinned to every repository."""
LONGEST = 100_000
AccessType = Literal["enterprise", "org"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"\S", strip_whitespace=True)]
FolderName = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^/]*[^/\s][^/]*$", strip_whitespace=True)
]
FolderId = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class NoteIn(Body):
    """A note as a whole: an update that leaves out pin or folder takes it away."""

    name: Name
    body: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST, pattern=r"\S")]
    trigger: Annotated[str, StringConstraints(max_length=5_000)] = Field(
        description="when the note applies; sessions whose prompt fits are given it"
    )
    folder_id: FolderId | None = None
    is_enabled: bool | None = Field(None, description="left out: true in a new note, as it was in one that is there")
    pinned_repo: Annotated[
        Annotated[str, StringConstraints(max_length=512, strip_whitespace=True)] | None,
        BeforeValidator(lambda given: None if isinstance(given, str) and not given.strip() else given),
    ] = Field(None, description="a repository as sessions name it, or `all`: its sessions are always given the note")
    macro: Annotated[str, StringConstraints(pattern=rf"^{MACRO}$", max_length=100)] | None = Field(
        None, description="extension; `!name`: a prompt that holds it selects the note; left out: stays as it was"
    )


class NoteOut(Out):
    note_id: str
    folder_id: str | None
    folder_path: str
    name: str
    body: str
    trigger: str
    is_enabled: bool = Field(description="its own switch; one of a disabled folder is not used all the same")
    created_at: int
    updated_at: int
    access_type: AccessType
    org_id: str | None
    macro: str | None
    pinned_repo: str | None


class NoteListQuery(PageQuery):
    """Filters of the list; several of them narrow it further."""

    search: Annotated[str, StringConstraints(max_length=1_000)] | None = Field(
        None, description="words that name, trigger, body or macro all hold; the last one may be a beginning"
    )
    folder_path: str | None = Field(None, description="notes right in this folder; `/`: in none")
    pinned_repo: str | None = None


class EnterpriseNoteListQuery(NoteListQuery):
    access_type: AccessType | None = Field(None, description="enterprise: shared ones; org: those of organizations")


class FolderIn(Body):
    """A new folder."""

    name: FolderName
    parent_folder_id: FolderId | None = None
    is_enabled: bool = True


class FolderPatch(Body):
    """What changes of a folder; what is left out stays."""

    name: FolderName | None = None
    parent_folder_id: FolderId | None = Field(None, description="null: to the top")
    is_enabled: bool | None = None


class FolderOut(Out):
    folder_id: str
    name: str
    path: str
    note_count: int = Field(description="notes right in it")
    parent_folder_id: str | None
    is_enabled: bool = Field(description="extension; false: no note in it or below is used")
    access_type: AccessType = Field(description="extension")


class FolderTreeOut(Out):
    folders: list[FolderOut]
    root_note_count: int
