"""Knowledge notes, their folders, counted words and the full-text index."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INDEX = {
    "sqlite": [
        "CREATE VIRTUAL TABLE knowledge_words USING fts5(place, fit, said, tokenize = 'unicode61 remove_diacritics 0')",
        "CREATE TRIGGER knowledge_words_of_a_deleted_note AFTER DELETE ON knowledge_note"
        " BEGIN DELETE FROM knowledge_words WHERE rowid = old.id; END",
    ],
    "postgresql": [
        "CREATE TABLE knowledge_words ("
        "note bigint PRIMARY KEY REFERENCES knowledge_note (id) ON DELETE CASCADE,"
        " fit tsvector NOT NULL, said tsvector NOT NULL)",
        "CREATE INDEX ix_knowledge_words_fit ON knowledge_words USING gin (fit)",
        "CREATE INDEX ix_knowledge_words_said ON knowledge_words USING gin (said)",
    ],
}


def upgrade() -> None:
    _folders()
    _notes()
    op.create_table(
        "knowledge_word",
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("word", sa.String(), nullable=False, comment="empty: all notes of the place"),
        sa.Column("org_id", sa.String(), nullable=True, comment="the place, if that is an organization"),
        sa.Column("notes", sa.Integer(), nullable=False, comment="how many are selected by it"),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_knowledge_word_org_id")),
        sa.PrimaryKeyConstraint("place", "word", name=op.f("pk_knowledge_word")),
        comment="rare words say more than frequent ones, and are looked up sooner",
        sqlite_with_rowid=False,
    )
    _index("knowledge_word", ["org_id"])
    for statement in INDEX[op.get_bind().dialect.name]:
        op.execute(statement)


def _folders() -> None:
    op.create_table(
        "knowledge_folder",
        sa.Column("folder_id", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=True, comment="null: shared with every organization"),
        sa.Column("parent_folder_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False, comment="names from the root on, each after a /"),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False, comment="it and all folders above it are enabled"),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_knowledge_folder_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_knowledge_folder_org_id")),
        sa.ForeignKeyConstraint(
            ["parent_folder_id"],
            ["knowledge_folder.folder_id"],
            name=op.f("fk_knowledge_folder_parent_folder_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("folder_id", name=op.f("pk_knowledge_folder")),
    )
    for columns in (["enterprise_id", "org_id", "path"], ["parent_folder_id"]):
        _index("knowledge_folder", columns)


def _notes() -> None:
    op.create_table(
        "knowledge_note",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False,
            comment="order of creation; the key of pages and of the full-text index",
        ),
        sa.Column("note_id", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=True, comment="null: shared with every organization"),
        sa.Column("place", sa.String(), nullable=False, comment="the organization, or the enterprise of a shared one"),
        sa.Column("folder_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("macro", sa.String(), nullable=True, comment="with its !"),
        sa.Column("pinned_repo", sa.String(), nullable=True, comment="as it was given; all: every repository"),
        sa.Column(
            "pinned_to", sa.String(), nullable=True,
            comment="the same as sessions name their repositories, in small letters",
        ),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column(
            "fit_words", sa.Text(), nullable=False, comment="by which prompts select it, as the index holds them"
        ),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_knowledge_note_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_knowledge_note_org_id")),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["knowledge_folder.folder_id"], name=op.f("fk_knowledge_note_folder_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_note")),
        sa.UniqueConstraint("note_id", name=op.f("uq_knowledge_note_note_id")),
    )  # fmt: skip
    for columns in (
        ["place", "id"], ["place", "folder_id", "id"], ["place", "pinned_to", "id"], ["place", "macro"],
        ["enterprise_id", "id"], ["folder_id"],
    ):  # fmt: skip
        _index("knowledge_note", columns)


def _index(table: str, columns: list[str]) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns, unique=False)


def downgrade() -> None:
    for table in ("knowledge_words", "knowledge_word", "knowledge_note", "knowledge_folder"):
        op.drop_table(table)
