"""Keep every query inside one tenant; let system work ask for the wide scope by name.

The hook at the end of this file sees every statement of every session: without a scope it
raises, inside a tenant it adds the tenant to each `Owned` table, in the wide scope it lets
the statement pass.  Who acts is remembered beside the tenant and becomes a row's author.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, event
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column, with_loader_criteria

from models.errors import Misconfigured

DEFAULT_TENANT = "default"


@dataclass(frozen=True)
class Scope:
    """Whose rows are seen (`tenant`, None for all) and who acts (`author`, `kind:name`)."""

    tenant: str | None
    author: str


_scope: ContextVar[Scope | None] = ContextVar("opscore_scope", default=None)


@contextmanager
def acting(author: str, tenant: str = DEFAULT_TENANT) -> Iterator[None]:
    """Within: queries see this tenant's rows, new rows are this author's."""
    yield from _within(Scope(tenant, author))


@contextmanager
def wide(author: str) -> Iterator[None]:
    """Within: queries see every tenant's rows.  For system work only; new rows name their tenant."""
    yield from _within(Scope(None, author))


def _within(scope: Scope) -> Iterator[None]:
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


def current() -> Scope:
    """The scope in force.

    Raises:
        Misconfigured: nobody said for whom this work is done.
    """
    scope = _scope.get()
    if scope is None:
        raise Misconfigured("cannot query without a scope: use acting() or wide()")
    return scope


class Owned:
    """A row that belongs to a tenant and remembers its author."""

    tenant: Mapped[str] = mapped_column(String(40))
    author: Mapped[str] = mapped_column(String(120))


@event.listens_for(Session, "before_flush")
def _sign_new_rows(session: Session, _context: Any, _objects: Any) -> None:
    for row in session.new:
        if isinstance(row, Owned):
            scope = current()
            row.author = row.author or scope.author
            row.tenant = row.tenant or scope.tenant  # type: ignore[assignment]  # refused in the next line
            if row.tenant is None:
                raise Misconfigured("cannot add a row in the wide scope without naming its tenant")


@event.listens_for(Session, "do_orm_execute")
def _keep_in_scope(state: ORMExecuteState) -> None:
    # Lazy loads of a column or a relation follow a row that was already found inside the scope.
    if state.is_column_load or state.is_relationship_load:
        return
    tenant = current().tenant
    if tenant is None:
        return
    if not state.is_orm_statement:
        raise Misconfigured("cannot run a plain statement inside a tenant: use wide()")
    if not state.is_insert:
        state.statement = state.statement.options(_only(tenant))


def _only(tenant: str) -> Any:
    return with_loader_criteria(Owned, lambda cls: cls.tenant == tenant, include_aliases=True)
