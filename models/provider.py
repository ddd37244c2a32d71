"""Who offers language models, and which; prices are whole micro-dollars per million tokens, None is unknown.

Choosing one for a task: tasks/providers/choice.py.  Credentials: models/secret.py.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.columns import UtcTime, id_column, now
from models.database import Base
from models.scope import Owned


class ProviderKind(StrEnum):
    """What a provider's server speaks beyond the OpenAI protocol."""

    OPENROUTER = "openrouter"
    OLLAMA = "ollama"
    OPENAI = "openai"
    """Any server that speaks the OpenAI chat protocol."""


class Provider(Owned, Base):
    """A server of models, and what it wants to see before it answers."""

    __tablename__ = "provider"

    id: Mapped[str] = id_column()
    name: Mapped[str] = mapped_column(String(80))
    """A slug; models are called `provider/model`."""
    kind: Mapped[ProviderKind] = mapped_column(String(20))
    base_url: Mapped[str] = mapped_column(String(500))
    credential: Mapped[str | None] = mapped_column(Text)
    """Encrypted; None where the server asks for none."""
    disabled_at: Mapped[datetime | None] = mapped_column(UtcTime)
    tested_at: Mapped[datetime | None] = mapped_column(UtcTime)
    test_error: Mapped[str | None] = mapped_column(String(500))
    """What the last test said; None where it went well."""
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=now)
    event_count: Mapped[int] = mapped_column(default=0)

    models: Mapped[list["LanguageModel"]] = relationship(
        back_populates="provider", order_by="LanguageModel.position", cascade="all, delete-orphan"
    )

    __table_args__ = (Index("uq_provider_name", "tenant", "name", unique=True),)


class LanguageModel(Owned, Base):
    """One model of a provider, and which tasks it is for."""

    __tablename__ = "language_model"

    id: Mapped[str] = id_column()
    provider_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), ForeignKey("provider.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    """As its provider calls it."""
    input_price: Mapped[int | None] = mapped_column(BigInteger)
    output_price: Mapped[int | None] = mapped_column(BigInteger)
    output_tokens: Mapped[int] = mapped_column(default=4096)
    """Most that one answer may have: with it a call's cost is known before it is made."""
    context_tokens: Mapped[int | None]
    complexity_min: Mapped[int] = mapped_column(default=1)
    complexity_max: Mapped[int] = mapped_column(default=10)
    position: Mapped[int] = mapped_column(default=0)
    """Among those that cover a complexity the lowest is asked first; the next ones where it fails."""
    disabled_at: Mapped[datetime | None] = mapped_column(UtcTime)

    provider: Mapped[Provider] = relationship(back_populates="models")

    __table_args__ = (Index("uq_language_model_name", "provider_id", "name", unique=True),)
