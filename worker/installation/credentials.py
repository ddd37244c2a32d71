"""Whether the credentials of model providers can be read here: for doctor.py.  How they are kept: models/secret.py."""

from sqlalchemy import create_engine, select
from sqlalchemy.pool import NullPool

from models import secret
from models.provider import Provider
from models.secret import Unreadable
from settings import Settings


def unreadable(told: Settings) -> list[str]:
    """The names of the providers whose credential fits no key that is here, of every tenant."""
    table = Provider.__table__.c
    kept = select(table.name, table.credential).where(table.credential.is_not(None)).order_by(table.name)
    engine = create_engine(told.database, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            rows = connection.execute(kept).all()
    finally:
        engine.dispose()
    return [row.name for row in rows if not _is_readable(told, row.credential)]


def _is_readable(told: Settings, kept: str) -> bool:
    # Whoever asks for the keys where there are none has one made, which fits nothing that is there.
    if not told.encryption_keys and not (told.data_dir / "secrets" / "encryption").exists():
        return False
    try:
        secret.decrypt(kept, "a provider", told.keys)
    except Unreadable:
        return False
    return True
