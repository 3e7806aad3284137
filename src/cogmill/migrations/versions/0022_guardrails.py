"""Guardrails and their violations; every enterprise gets those that one begins with."""

import secrets
import time

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BEGINNING = (
    (
        'Removing everything', 'command', 'block',
        '(?:^|[\\s;&|(])rm\\s+(?:-\\S+\\s+)*(?:-[a-zA-Z]*[rR][a-zA-Z]*|--recursive)\\s+(?:-\\S+\\s+)*[\\"\']'
        '?(?:/|/\\*|~/?|\\$HOME/?|\\$\\{HOME\\}/?)[\\"\']?(?:\\s|$|[;&|)])',
    ),
    (
        'Overwriting disks', 'command', 'block',
        '\\bdd\\b[^\\n;&|]*\\bof=/dev/(?:sd|hd|vd|xvd|nvme|mmcblk)|(?:^|[\\s;&|(])mkfs(?:\\.\\w+)?\\s+(?:-\\'
        'S+\\s+)*/dev/',
    ),
    (
        'Fork bomb', 'command', 'block',
        ':\\s*\\(\\s*\\)\\s*\\{\\s*:\\s*\\|\\s*:\\s*&\\s*\\}',
    ),
    (
        'Pushing to the main branch by force', 'command', 'ask',
        '\\bgit\\s+(?:-[cC]\\s+\\S+\\s+|-\\S+\\s+)*push\\b(?:[^\\n;&|]*\\s(?:-f|--force)\\b[^\\n;&|]*[\\s/:](?:m'
        'ain|master)(?:\\s|$|[;&|)])|[^\\n;&|]*[\\s/:](?:main|master)\\s+[^\\n;&|]*(?:-f|--force)\\b|[^\\n'
        ';&|]*\\s\\+\\S*(?:main|master)(?:\\s|$|[;&|)]))',
    ),
    (
        'Metadata service of the cloud', 'egress', 'block',
        '^(?:169\\.254\\.169\\.254|169\\.254\\.170\\.2|100\\.100\\.100\\.200|fd00:ec2::254|metadata\\.google\\'
        '.internal|metadata\\.azure\\.com)$',
    ),
    (
        'Credentials of the machine', 'path', 'block',
        '^/etc/(?:shadow|gshadow|sudoers)(?:$|[-./])|^/(?:root|home/[^/]+)/\\.(?:aws/credentials|con'
        'fig/gcloud/|azure/|kube/config|docker/config\\.json)|^/(?:root|host)/\\.(?:ssh|netrc|git-cre'
        'dentials|gnupg)(?:$|/)|^/proc/1/environ$',
    ),
    (
        'Writing outside the workspace', 'write', 'warn',
        '^/(?:bin|boot|etc|lib|lib64|opt|root|sbin|srv|sys|usr)(?:/|$)',
    ),
    (
        'Secrets in plain text', 'secret', 'warn',
        '\\b(?:AKIA|ASIA)[0-9A-Z]{16}\\b|\\bgh[pousr]_[A-Za-z0-9]{36}|\\bgithub_pat_[A-Za-z0-9_]{60}|\\b'
        'glpat-[\\w-]{20}|\\bxox[abprs]-[\\w-]{20}|\\bsk-(?:ant-|proj-)[\\w-]{30}|\\bAIza[\\w-]{35}|\\bcog_'
        '[a-z0-9]{40}|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----',
    ),
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "guardrail",
        sa.Column("guardrail_id", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=True, comment="null: holds in every organization"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False, comment="prompt, command, egress, path, write or secret"),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("action", sa.String(), nullable=False, comment="warn, ask or block"),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("created_by", sa.String(), nullable=True, comment="null: it came with the enterprise"),
        sa.Column("updated_at", sa.Float(53), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.enterprise_id"], name=op.f("fk_guardrail_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_guardrail_org_id")),
        sa.PrimaryKeyConstraint("guardrail_id", name=op.f("pk_guardrail")),
    )
    op.create_index(
        op.f("ix_guardrail_enterprise_id_guardrail_id"), "guardrail", ["enterprise_id", "guardrail_id"], unique=False
    )
    op.create_index(op.f("ix_guardrail_org_id"), "guardrail", ["org_id"], unique=False)
    _violations()
    _begin()


def _violations() -> None:
    op.create_table(
        "guardrail_violation",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("guardrail_id", sa.String(), nullable=False, comment="which may be deleted by now"),
        sa.Column("guardrail_name", sa.String(), nullable=False),
        sa.Column(
            "session_id", sa.String(), nullable=True, comment="null: a prompt was refused, so that there is none"
        ),
        sa.Column(
            "event_id",
            sa.String(),
            nullable=False,
            comment="of the session; of the audit record where nothing was logged",
        ),
        sa.Column("user_message", sa.Text(), nullable=False),
        sa.Column("reasoning", sa.Text(), nullable=False),
        sa.Column("confidence_score", sa.Float(53), nullable=False),
        sa.Column(
            "action_taken", sa.String(), nullable=False, comment="warned, blocked, asked; then approved or declined"
        ),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.org_id"], name=op.f("fk_guardrail_violation_org_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guardrail_violation")),
    )
    for columns in (["org_id", "id"], ["session_id", "event_id"]):
        name = op.f(f"ix_guardrail_violation_{'_'.join(columns)}")
        op.create_index(name, "guardrail_violation", columns, unique=False)


def _begin() -> None:
    enterprises = op.get_bind().execute(sa.text("SELECT enterprise_id FROM enterprise")).scalars().all()
    now, table = time.time(), sa.table("guardrail", *(sa.column(name) for name in (*_NAMES, *_DATES)))
    rows = [
        {
            "guardrail_id": f"guardrail-{int(now * 1000) + number:012x}{secrets.token_hex(10)}",
            "enterprise_id": enterprise_id, "name": name, "target": target, "action": action, "pattern": pattern,
            "is_enabled": True, "created_at": now, "updated_at": now,
        }
        for enterprise_id in enterprises
        for number, (name, target, action, pattern) in enumerate(BEGINNING)
    ]  # fmt: skip
    if rows:
        op.bulk_insert(table, rows)


_NAMES = ("guardrail_id", "enterprise_id", "name", "target", "action", "pattern")
_DATES = ("is_enabled", "created_at", "updated_at")


def downgrade() -> None:
    op.drop_table("guardrail_violation")
    op.drop_table("guardrail")
