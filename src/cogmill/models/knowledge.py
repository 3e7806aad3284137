"""Knowledge: notes, their folders, and how many notes hold which word. The full-text index itself is in no metadata."""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects.postgresql import TSVECTOR

from cogmill.models.metadata import BigId, metadata

knowledge_folder = Table(
    "knowledge_folder",
    metadata,
    Column("folder_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("org_id", ForeignKey("organization.org_id"), comment="null: shared with every organization"),
    Column("parent_folder_id", ForeignKey("knowledge_folder.folder_id", ondelete="CASCADE")),
    Column("name", String, nullable=False),
    Column("path", String, nullable=False, comment="names from the root on, each after a /"),
    Column("is_enabled", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False, comment="it and all folders above it are enabled"),
    Column("created_at", Float(53), nullable=False),
    Column("created_by", String, nullable=False),
    Index(None, "enterprise_id", "org_id", "path"),
    Index(None, "parent_folder_id"),
)

knowledge_note = Table(
    "knowledge_note",
    metadata,
    Column("id", BigId, primary_key=True, comment="order of creation; the key of pages and of the full-text index"),
    Column("note_id", String, nullable=False, unique=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("org_id", ForeignKey("organization.org_id"), comment="null: shared with every organization"),
    Column("place", String, nullable=False, comment="the organization, or the enterprise of a shared one"),
    Column("folder_id", ForeignKey("knowledge_folder.folder_id")),
    Column("name", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("macro", String, comment="with its !"),
    Column("pinned_repo", String, comment="as it was given; all: every repository"),
    Column("pinned_to", String, comment="the same as sessions name their repositories, in small letters"),
    Column("is_enabled", Boolean, nullable=False),
    Column("fit_words", Text, nullable=False, comment="by which prompts select it, as the index holds them"),
    Column("created_at", Float(53), nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Column("updated_by", String, nullable=False),
    Index(None, "place", "id"),
    Index(None, "place", "folder_id", "id"),
    Index(None, "place", "pinned_to", "id"),
    Index(None, "place", "macro"),
    Index(None, "enterprise_id", "id"),
    Index(None, "folder_id"),
)

knowledge_word = Table(
    "knowledge_word",
    metadata,
    Column("place", String, primary_key=True),
    Column("word", String, primary_key=True, comment="empty: all notes of the place"),
    Column("org_id", ForeignKey("organization.org_id"), comment="the place, if that is an organization"),
    Column("notes", Integer, nullable=False, comment="how many are selected by it"),
    Index(None, "org_id"),
    comment="rare words say more than frequent ones, and are looked up sooner",
    sqlite_with_rowid=False,
)

# The full-text index of notes: an FTS5 table on SQLite, tsvectors under GIN on PostgreSQL. Migrations make both.
sqlite_words = Table(
    "knowledge_words",
    MetaData(),
    Column("rowid", Integer, primary_key=True, comment="id of the note"),
    Column("place", Text),
    Column("fit", Text),
    Column("said", Text),
)
postgres_words = Table(
    "knowledge_words",
    MetaData(),
    Column("note", BigInteger, primary_key=True),
    Column("fit", TSVECTOR),
    Column("said", TSVECTOR),
)
