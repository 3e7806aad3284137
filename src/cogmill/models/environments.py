"""What sessions start from: blueprints, their files, and builds that make a snapshot of them."""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, text

from cogmill.models.metadata import BigId, Json, metadata

blueprint = Table(
    "blueprint",
    metadata,
    Column("blueprint_id", String, primary_key=True),
    Column("enterprise_id", ForeignKey("enterprise.enterprise_id"), nullable=False),
    Column("org_id", ForeignKey("organization.org_id"), comment="null: of the whole enterprise"),
    Column("repo_name", String, comment="null: of the whole organization"),
    Column("place", String, unique=True, comment="what it is for, so that there is one of each; null: deleted"),
    Column("position", Integer, nullable=False, comment="order among those of repositories"),
    Column("contents", Text, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Column("updated_by", String, nullable=False),
    Column("deleted_at", Float(53)),
    Index(None, "enterprise_id", "org_id", "deleted_at", "position", "blueprint_id"),
)

blueprint_file = Table(
    "blueprint_file",
    metadata,
    Column("file_id", String, primary_key=True),
    Column("blueprint_id", ForeignKey("blueprint.blueprint_id"), nullable=False),
    Column("name", String, nullable=False),
    Column("env_var_name", String, nullable=False, comment="the variable in which steps find its path"),
    Column("size", BigInteger, nullable=False),
    Column("sealed", Text, nullable=False, comment="its bytes in base64, encrypted"),
    Column("created_at", Float(53), nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Index(None, "blueprint_id", "name", unique=True),
)

snapshot_build = Table(
    "snapshot_build",
    metadata,
    Column("build_id", String, primary_key=True),
    Column("org_id", ForeignKey("organization.org_id"), nullable=False),
    Column("status", String, nullable=False, comment="pending, running, succeeded, failed or cancelled"),
    Column("trigger", String, nullable=False, comment="manual or auto"),
    Column("triggered_by", String, comment="the user, if one did"),
    Column("attempt", Integer, nullable=False, comment="grows with every claim; a runner of an older one is refused"),
    Column("is_pinned", Boolean, nullable=False),
    Column("is_partial", Boolean, comment="to be made on the last snapshot, if that is possible; null: older"),
    Column("base_build_id", String, comment="on whose snapshot it was made; null: from nothing"),
    Column("made_of", Json, comment="what its parts were, so that later builds know what has changed"),
    Column("failed_step", Text, comment="which step failed, and how"),
    Column("context", Json, comment="what sessions are told: maintenance, knowledge, clones"),
    Column("created_at", Float(53), nullable=False),
    Column("started_at", Float(53)),
    Column("completed_at", Float(53)),
    Column("updated_at", Float(53), nullable=False),
    Column("removed_at", Float(53), comment="since when its snapshot is gone"),
    Index(None, "org_id", "build_id"),
    Index(None, "org_id", "status", "build_id"),
    Index(
        "ix_snapshot_build_open",
        "build_id",
        sqlite_where=text("status IN ('pending', 'running')"),
        postgresql_where=text("status IN ('pending', 'running')"),
    ),
    # Two builds of one organization never run at once, whoever claims them.
    Index(
        "uq_snapshot_build_running",
        "org_id",
        unique=True,
        sqlite_where=text("status = 'running'"),
        postgresql_where=text("status = 'running'"),
    ),
)

session_snapshot = Table(
    "session_snapshot",
    metadata,
    Column("session", BigId, ForeignKey("session.id"), primary_key=True),
    Column("build_id", ForeignKey("snapshot_build.build_id"), nullable=False, index=True),
    comment="the snapshot that a session began with; it is kept as long as the session can run",
)
