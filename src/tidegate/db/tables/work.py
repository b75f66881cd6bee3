"""The table of the work room: tasks that were promised and are not done yet."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text

from tidegate.db.metadata import METADATA, UPKEEP, stamp, text

work_task = Table(
    "work_task",
    METADATA,
    Column(
        "seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    text("handler"),
    text("lane"),
    Column("payload", Text, nullable=False),
    text("state"),  # waiting | parked
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_after", Float, nullable=False, default=0.0),  # seconds after queued_at
    stamp("queued_at"),
    stamp("due_at"),
    text("problem_code", nullable=True),
    Column("problem", Text, nullable=True),
    info=UPKEEP,
)
Index("ix_work_task_state_due", work_task.c.state, work_task.c.due_at)
Index("ix_work_task_lane", work_task.c.lane, work_task.c.seq)
