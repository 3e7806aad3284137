"""Handlers of knowledge, for organizations and for the enterprise: the scope tells them apart."""

from cogmill.access.context import Context
from cogmill.domain.knowledge import folders, queries, service
from cogmill.domain.knowledge.schemas import (
    EnterpriseNoteListQuery,
    FolderIn,
    FolderOut,
    FolderPatch,
    FolderTreeOut,
    NoteIn,
    NoteListQuery,
    NoteOut,
)
from cogmill.web.params import Page, page_of


def list_(ctx: Context, query: NoteListQuery) -> Page[NoteOut]:
    """Newest first; an organization sees its own and those that the enterprise shares."""
    return page_of(queries.list_page(ctx, query))


def list_everywhere(ctx: Context, query: EnterpriseNoteListQuery) -> Page[NoteOut]:
    """Newest first; those that the enterprise shares and those of its organizations."""
    return page_of(queries.list_page(ctx, query))


def create(ctx: Context, body: NoteIn) -> NoteOut:
    """Sessions that start from now on are given it: pinned ones always, others when their prompt fits the trigger."""
    return service.create(ctx, body)


def get(ctx: Context, note_id: str) -> NoteOut:
    return service.get(ctx, note_id)


def replace(ctx: Context, note_id: str, body: NoteIn) -> NoteOut:
    """Pin and folder that are left out are taken away. Sessions that were given the note keep its earlier text."""
    return service.replace(ctx, note_id, body)


def delete(ctx: Context, note_id: str) -> NoteOut:
    return service.remove(ctx, note_id)


def list_folders(ctx: Context) -> FolderTreeOut:
    """The whole tree; an organization's with the folders that the enterprise shares."""
    return folders.tree(ctx)


def create_folder(ctx: Context, body: FolderIn) -> FolderOut:
    return folders.create(ctx, body)


def update_folder(ctx: Context, folder_id: str, body: FolderPatch) -> FolderOut:
    """Renames, moves, or switches off: notes in it and below it are then not used, whatever they say themselves."""
    return folders.change(ctx, folder_id, body)


def delete_folder(ctx: Context, folder_id: str) -> FolderOut:
    """Deletes an empty folder."""
    return folders.remove(ctx, folder_id)
