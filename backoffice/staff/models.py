from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id


class StaffMember(Base):
    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    login: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(20), doc="agent, supervisor, admin")
    password_hash: Mapped[str] = mapped_column(String(200))
