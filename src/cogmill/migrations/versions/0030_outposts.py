"""Outposts: queues of sessions that run on machines of the customer's."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CLAIMED = sa.text("acceptor_id IS NOT NULL AND connection IS NULL")


def upgrade() -> None:
    op.add_column("session", sa.Column("outpost_id", sa.String(44), comment="whose workers run it; null: this server"))
    op.create_table(
        "outpost",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("outpost_id", sa.String(44), nullable=False, comment="outpost_env- and 32 hex digits"),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), comment="of its machines, as whoever made it calls it"),
        sa.Column("description", sa.Text()),
        sa.Column("allowed_org_ids", sa.JSON(none_as_null=True), comment="null: all organizations of the enterprise"),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_outpost_enterprise_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outpost")),
        sa.UniqueConstraint("outpost_id", name=op.f("uq_outpost_outpost_id")),
        sa.UniqueConstraint("enterprise_id", "name", name=op.f("uq_outpost_enterprise_id_name")),
    )
    op.create_table(
        "outpost_entry",
        sa.Column("session", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("outpost_id", sa.String(44), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="new or resume"),
        sa.Column("acceptor_id", sa.String(), comment="who has claimed it; null: nobody"),
        sa.Column("claim_deadline", sa.Float(53), comment="until when its worker has to connect"),
        sa.Column("token_hash", sa.String(), comment="keyed; of the one token that the next connection is made with"),
        sa.Column("connection", sa.String(), comment="of the socket that its worker holds; null: none"),
        sa.Column("workspace", sa.String(), comment="name that the worker gave the files which the last run left"),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("updated_at", sa.Float(53), nullable=False),
        sa.Column("gone_at", sa.Float(53), comment="since when the session is over; kept a while for those who watch"),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="of the enterprise's feed, at its last change"),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_outpost_entry_session")),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_outpost_entry_org_id")),
        sa.ForeignKeyConstraint(["outpost_id"], ["outpost.outpost_id"], name=op.f("fk_outpost_entry_outpost_id")),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_outpost_entry")),
    )
    op.create_index(op.f("ix_outpost_entry_outpost_id"), "outpost_entry", ["outpost_id"])
    op.create_index(op.f("ix_outpost_entry_enterprise_id_version"), "outpost_entry", ["enterprise_id", "version"])
    op.create_index(
        "ix_outpost_entry_claim_deadline", "outpost_entry", ["claim_deadline"],
        sqlite_where=CLAIMED, postgresql_where=CLAIMED,
    )  # fmt: skip
    op.create_table(
        "outpost_feed",
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column(
            "version", sa.BigInteger(), nullable=False, comment="grows with every change, in the order of the commits"
        ),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_outpost_feed_enterprise_id")
        ),
        sa.PrimaryKeyConstraint("enterprise_id", name=op.f("pk_outpost_feed")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("outpost_feed")
    op.drop_table("outpost_entry")
    op.drop_table("outpost")
    op.drop_column("session", "outpost_id")
