"""One-time sign-in links: the digest is kept, never the link."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Index, String, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.columns import UtcTime, database_now, id_column, now
from models.database import Base
from models.scope import Owned

VALID_FOR = timedelta(hours=24)


class SignInLink(Owned, Base):
    """Good for one sign-in until it expires."""

    __tablename__ = "sign_in_link"

    id: Mapped[str] = id_column()
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = (Index("uq_sign_in_link_digest", "digest", unique=True),)


def new_link(session: Session) -> str:
    """The secret part of a new link; it cannot be read again."""
    secret = secrets.token_urlsafe(24)
    session.add(SignInLink(digest=_digest(secret), expires_at=now() + VALID_FOR))
    return secret


def redeem(session: Session, secret: str) -> bool:
    """Whether the link was good; it is not any more."""
    link = update(SignInLink).where(
        SignInLink.digest == _digest(secret),
        SignInLink.used_at.is_(None),
        SignInLink.expires_at > database_now(),
    )
    used = link.values(used_at=database_now()).returning(SignInLink.id)
    return session.scalar(used.execution_options(synchronize_session=False)) is not None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
