"""For how long ended tasks are kept, one row a state that has a rule.  Who prunes: tasks/keeping/retention.py."""

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.columns import id_column
from models.database import Base
from models.scope import Owned
from models.states import State


class Retention(Owned, Base):
    """Ended tasks in this state are deleted so many seconds after their end, their files and history with them."""

    __tablename__ = "retention"

    id: Mapped[str] = id_column()
    state: Mapped[State] = mapped_column(String(20))
    keep_s: Mapped[int] = mapped_column(BigInteger)
    export: Mapped[bool] = mapped_column(default=True)
    """Whether what the rows say is written to an archive before."""

    __table_args__ = (Index("uq_retention_state", "tenant", "state", unique=True),)
