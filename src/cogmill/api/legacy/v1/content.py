"""Secrets, knowledge and playbooks of v1."""

from starlette.responses import Response

from cogmill.access.context import Context
from cogmill.api.legacy.reading import as_input, everything, iso
from cogmill.api.legacy.v1.schemas import (
    DetailOut,
    IdOut,
    KnowledgeCreatorOut,
    KnowledgeFolderOut,
    KnowledgeIn,
    KnowledgeListOut,
    KnowledgeOut,
    PlaybookV1In,
    PlaybookV1Out,
    SecretV1In,
    SecretV1Out,
    StatusOut,
)
from cogmill.domain.knowledge import folders
from cogmill.domain.knowledge import queries as note_queries
from cogmill.domain.knowledge import service as notes
from cogmill.domain.knowledge.schemas import NoteIn, NoteListQuery, NoteOut
from cogmill.domain.members.names import names
from cogmill.domain.playbooks import service as playbooks
from cogmill.domain.playbooks.schemas import PlaybookIn, PlaybookOut
from cogmill.domain.secrets import service as secrets
from cogmill.domain.secrets.schemas import SecretIn
from cogmill.web.params import PageQuery

IN_V1 = {"trigger": "trigger_description", "folder_id": "parent_folder_id", "is_sensitive": "sensitive"}
IN_V3 = {old: new for new, old in IN_V1.items()}
DONE = StatusOut(status="success")


def list_secrets(ctx: Context) -> list[SecretV1Out]:
    """Secrets of the organization, and your personal ones, without their values."""
    found = everything(lambda after, first: secrets.list_page(ctx, PageQuery(after=after, first=first)))
    return [
        SecretV1Out(id=one.secret_id, type=one.secret_type, key=one.key, created_at=iso(one.created_at))
        for one in found
    ]


def create_secret(ctx: Context, body: SecretV1In) -> IdOut:
    """A secret for sessions that are created from now on."""
    data = as_input(SecretIn, _renamed(body.model_dump()), IN_V1)
    return IdOut(id=secrets.create_unique(ctx, data).secret_id)


def delete_secret(ctx: Context, secret_id: str) -> DetailOut:
    secrets.remove(ctx, secret_id)
    return DetailOut(detail="Secret deleted successfully")


def list_knowledge(ctx: Context) -> KnowledgeListOut:
    """All notes, newest first, and all folders."""
    found = everything(lambda after, first: note_queries.list_page(ctx, NoteListQuery(after=after, first=first)))
    made = folders.creation_times(ctx)
    shown = [
        KnowledgeFolderOut(id=one.folder_id, name=one.name, description=one.path, created_at=iso(made[one.folder_id]))
        for one in folders.tree(ctx).folders
    ]
    return KnowledgeListOut(knowledge=_notes(ctx, found), folders=shown)


def create_knowledge(ctx: Context, body: KnowledgeIn) -> KnowledgeOut:
    """Sessions that start from now on are given it."""
    return _notes(ctx, [notes.create(ctx, _note(body))])[0]


def replace_knowledge(ctx: Context, note_id: str, body: KnowledgeIn) -> KnowledgeOut:
    """Pin and folder that are left out are taken away."""
    return _notes(ctx, [notes.replace(ctx, note_id, _note(body))])[0]


def delete_knowledge(ctx: Context, note_id: str) -> Response:
    notes.remove(ctx, note_id)
    return Response(status_code=204)


def _note(body: KnowledgeIn) -> NoteIn:
    return as_input(NoteIn, _renamed(body.model_dump(exclude_unset=True)), IN_V1)


def _renamed(values: dict[str, object]) -> dict[str, object]:
    return {IN_V3.get(name, name): value for name, value in values.items()}


def _notes(ctx: Context, found: list[NoteOut]) -> list[KnowledgeOut]:
    makers = note_queries.creators(ctx, [one.note_id for one in found])
    called = names(ctx, makers.values())
    return [
        KnowledgeOut(
            id=one.note_id, name=one.name, body=one.body, trigger_description=one.trigger,
            created_at=iso(one.created_at), created_by=_creator(makers[one.note_id], called), macro=one.macro,
            parent_folder_id=one.folder_id, pinned_repo=one.pinned_repo,
        )
        for one in found
    ]  # fmt: skip


def _creator(principal_id: str, called: dict[str, str]) -> KnowledgeCreatorOut:
    return KnowledgeCreatorOut(full_name=called.get(principal_id, principal_id), id=principal_id, image_url=None)


def list_playbooks(ctx: Context) -> list[PlaybookV1Out]:
    """Newest first; those of the organization and those that the enterprise shares."""
    return _playbooks(
        ctx, everything(lambda after, first: playbooks.list_page(ctx, PageQuery(after=after, first=first)))
    )


def create_playbook(ctx: Context, body: PlaybookV1In) -> PlaybookV1Out:
    return _playbooks(ctx, [playbooks.create(ctx, as_input(PlaybookIn, body.model_dump()))])[0]


def get_playbook(ctx: Context, playbook_id: str) -> PlaybookV1Out:
    return _playbooks(ctx, [playbooks.get(ctx, playbook_id)])[0]


def replace_playbook(ctx: Context, playbook_id: str, body: PlaybookV1In) -> StatusOut:
    """Saves a new version. A macro that is left out stays, as does the schema of output, which v1 does not know."""
    playbooks.replace(ctx, playbook_id, as_input(PlaybookIn, body.model_dump(exclude_unset=True)))
    return DONE


def delete_playbook(ctx: Context, playbook_id: str) -> StatusOut:
    playbooks.remove(ctx, playbook_id)
    return DONE


def _playbooks(ctx: Context, found: list[PlaybookOut]) -> list[PlaybookV1Out]:
    called = names(ctx, [who for one in found for who in (one.created_by, one.updated_by)])
    return [
        PlaybookV1Out(
            playbook_id=one.playbook_id, title=one.title, body=one.body, macro=one.macro, status="published",
            access_type="team" if one.org_id else "community", org_id=one.org_id or ctx.scope.one_org,
            created_at=iso(one.created_at), updated_at=iso(one.updated_at), created_by_user_id=one.created_by,
            created_by_user_name=called.get(one.created_by), updated_by_user_id=one.updated_by,
            updated_by_user_name=called.get(one.updated_by),
        )
        for one in found
    ]  # fmt: skip
