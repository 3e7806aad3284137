"""The metadata that all tables join, and the column kinds they share."""

from sqlalchemy import JSON, BigInteger, Index, Integer, MetaData, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BigId = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit key that counts up by itself on both databases."""

Json = JSON(none_as_null=True)
"""A document; Python None is SQL NULL."""


def where_set(name: str, *columns: str, called: str | None = None) -> Index:
    """An index of the rows alone in which the named column is not null: the others cost it nothing."""
    condition = text(f"{name} IS NOT NULL")
    return Index(called, *columns, sqlite_where=condition, postgresql_where=condition)
