"""The tables. Times are UTC and aware; enumerations are words."""

from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Dialect, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class Moment(TypeDecorator[datetime]):
    """An aware UTC time. SQLite has no such type, so it is stored naive there and made aware on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times, which would mean another instant on another machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    """Return the present, for default values of rows; rules take the time as an argument."""
    return datetime.now(UTC)


def _moment(**options: Any) -> Any:
    return Field(sa_type=Moment, **options)


class Group(SQLModel, table=True):
    """A study group: a Discord server, a Slack workspace, or a group of the built-in chat."""

    __table_args__ = (UniqueConstraint("chat", "external_id"),)

    id: int = Field(default=None, primary_key=True)
    chat: str = Field(description="which adapter reaches it")
    external_id: str
    name: str
    results_channel: str | None = Field(default=None, description="the chat's id of the channel for results")
    timezone: str = Field(default="UTC", description="IANA name, of the hours below")
    drill_channel: str | None = Field(default=None, description="where the daily drill is posted")
    drill_time: time = Field(default=time(9), description="local time of the daily drill")
    reveal_time: time = Field(default=time(20), description="local time at which its answers are shown")
    # Indexes for the minute's questions: whose daily drill and whose weekly summary is due?
    next_drill_at: datetime | None = _moment(default=None, index=True)
    next_summary_at: datetime | None = _moment(default=None, index=True)
    runs_per_day: int = Field(default=20, description="quota of runs a learner may submit in 24 hours")
    device_seconds_per_week: int | None = Field(default=None, description="quota of a learner; None: no limit")
    runner: str = Field(default="open", description="open; paused or draining: none of its runs start")
    set_up_by: int | None = Field(default=None, foreign_key="learner.id", description="who hears of what fails")
    runs_submitted: int = Field(default=0, description="the number of the group's last run")
    created_at: datetime = _moment(default_factory=now)


class Learner(SQLModel, table=True):
    """A person, as one chat knows them."""

    __table_args__ = (UniqueConstraint("chat", "external_id"),)

    id: int = Field(default=None, primary_key=True)
    chat: str
    external_id: str
    name: str = Field(description="the chat's display name, until the interview learns a better one")
    interview: str = Field(default="new", description="new, asking, paused or done")
    level: str | None = Field(default=None, description="beginner, intermediate or advanced")
    ability: float | None = Field(default=None, description="placed on the scale of drill difficulties, in logits")
    ability_sd: float | None = Field(default=None, description="its standard error")
    goal: str | None = Field(default=None, description="what orders the plan: a value of the interview's goals")
    forgetting_speed: float = Field(default=1.0, description="factor on elapsed days, learnt from reviews")
    draft: str | None = Field(default=None, description="the last config that was refused, to be mended")
    tutor_summary: str | None = Field(default=None, description="what the tutor remembers of older turns")
    summed_up_to: int | None = Field(default=None, description="the last turn that the summary covers")
    timezone: str | None = Field(default=None, description="IANA name; a learner's hour is kept as local time")
    reminder_time: time | None = Field(default=None, description="local time; None: no reminders")
    reminder_days: str = Field(default="mon,tue,wed,thu,fri,sat,sun")
    # Index for the minute's question: who is due?
    next_reminder_at: datetime | None = _moment(default=None, index=True)
    paused_until: datetime | None = _moment(default=None)  # reminders rest until then
    eased_off_at: datetime | None = _moment(default=None)  # reminders became rare after a silent week
    active_at: datetime | None = _moment(default=None)  # the last drill, run or lesson
    created_at: datetime = _moment(default_factory=now)


class Member(SQLModel, table=True):
    """A learner's place in a group."""

    group_id: int = Field(foreign_key="group.id", primary_key=True)
    learner_id: int = Field(foreign_key="learner.id", primary_key=True, index=True)
    joined_at: datetime = _moment(default_factory=now)
    last_seen_at: datetime = _moment(default_factory=now)


class Answer(SQLModel, table=True):
    """What a learner said to one question of the interview; `value` is how it was understood."""

    learner_id: int = Field(foreign_key="learner.id", primary_key=True)
    question: str = Field(primary_key=True)
    text: str
    value: str | None = None
    answered_at: datetime = _moment(default_factory=now)


class Placement(SQLModel, table=True):
    """One placement test: of everything, or of one topic to test out of it."""

    id: int = Field(default=None, primary_key=True)
    learner_id: int = Field(foreign_key="learner.id", index=True)
    topic: int | None = Field(default=None, description="the number of the topic tested; None: all of them")
    started_at: datetime = _moment(default_factory=now)
    finished_at: datetime | None = _moment(default=None)
    ability: float | None = None
    ability_sd: float | None = None
    level: str | None = None


class Response(SQLModel, table=True):
    """One item put to a learner, in a placement test or as the day's calibration item."""

    __table_args__ = (UniqueConstraint("placement_id", "item"),)

    id: int = Field(default=None, primary_key=True)
    learner_id: int = Field(foreign_key="learner.id", index=True)
    placement_id: int | None = Field(default=None, foreign_key="placement.id", index=True)
    item: str = Field(index=True, description="the drill's id")
    at_random: bool = Field(default=False, description="not chosen by ability, so fit for calibration")
    asked_at: datetime = _moment(default_factory=now)
    answer: str | None = None
    right: bool | None = Field(default=None, description="None once answered: not sure")
    answered_at: datetime | None = _moment(default=None)


class Item(SQLModel, table=True):
    """The parameters of a placement item, fitted to answers; without a row its author's difficulty holds."""

    drill: str = Field(primary_key=True)
    discrimination: float
    difficulty: float = Field(description="in logits, on the scale of ability")
    answers: int = Field(description="how many it was fitted to")
    fitted_at: datetime = _moment()


class Memory(SQLModel, table=True):
    """FSRS weights fitted to a group's pooled reviews; without a row the package's defaults hold."""

    group_id: int = Field(foreign_key="group.id", primary_key=True)
    parameters: list[float] = Field(sa_column=Column(JSON, nullable=False))
    reviews: int = Field(description="how many they were fitted to")
    fitted_at: datetime = _moment()


class Progress(SQLModel, table=True):
    """What a learner did with a lesson, other than drill it."""

    learner_id: int = Field(foreign_key="learner.id", primary_key=True)
    lesson: str = Field(primary_key=True, description="the lesson's slug")
    status: str = Field(description="reading, read, skipped or tested_out")
    page: int = Field(default=0, description="the page they were on")
    changed_at: datetime = _moment(default_factory=now)


class Card(SQLModel, table=True):
    """A learner's memory of one lesson, as FSRS sees it."""

    __table_args__ = (UniqueConstraint("learner_id", "lesson"),)

    id: int = Field(default=None, primary_key=True)
    learner_id: int = Field(foreign_key="learner.id", index=True)
    lesson: str = Field(description="the lesson's slug")
    stability: float | None = None
    difficulty: float | None = None
    due_at: datetime = _moment()
    last_review_at: datetime | None = _moment(default=None)
    wanted_by: str | None = Field(default=None, description="the run whose finding asks for this lesson next")
    created_at: datetime = _moment(default_factory=now)


class Review(SQLModel, table=True):
    """One drill put to a learner, and the answer once there is one."""

    id: int = Field(default=None, primary_key=True)
    learner_id: int = Field(foreign_key="learner.id", index=True)
    card_id: int = Field(foreign_key="card.id")
    drill: str = Field(description="the drill's id")
    asked_at: datetime = _moment(default_factory=now)
    hints: int = Field(default=0, description="hints shown")
    answer: str | None = None
    right: bool | None = None
    rating: int | None = Field(default=None, description="FSRS rating: 1 again, 2 hard, 3 good, 4 easy")
    answered_at: datetime | None = _moment(default=None)
    appealed_at: datetime | None = _moment(default=None)  # the learner says that the answer was right


class GroupDrill(SQLModel, table=True):
    """The question that a group is asked on one day."""

    __table_args__ = (UniqueConstraint("group_id", "day"),)

    id: int = Field(default=None, primary_key=True)
    group_id: int = Field(foreign_key="group.id")
    day: date = Field(description="the group's local date")
    drill: str = Field(description="the drill's id")
    channel: str
    reveal_at: datetime = _moment(index=True)
    revealed: bool = False


class GroupAnswer(SQLModel, table=True):
    """A learner's private answer to a group's question of the day."""

    group_drill_id: int = Field(foreign_key="groupdrill.id", primary_key=True)
    learner_id: int = Field(foreign_key="learner.id", primary_key=True)
    answer: str
    right: bool
    answered_at: datetime = _moment(default_factory=now)


class Badge(SQLModel, table=True):
    """Something that a learner has earned, once."""

    learner_id: int = Field(foreign_key="learner.id", primary_key=True)
    name: str = Field(primary_key=True)
    earned_at: datetime = _moment(default_factory=now)


class Season(SQLModel, table=True):
    """A stretch of time with a leaderboard of its own; its ranks are kept when it has ended."""

    __table_args__ = (UniqueConstraint("group_id", "name"),)

    id: int = Field(default=None, primary_key=True)
    group_id: int = Field(foreign_key="group.id")
    name: str
    starts_at: datetime = _moment()
    ends_at: datetime = _moment(index=True)
    ranks: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))


class Sweep(SQLModel, table=True):
    """Runs that differ in what a learner wants to compare: proposed first, and started when they say so."""

    __table_args__ = (
        UniqueConstraint("group_id", "number"),
        # The watch over sweeps asks: which are running?
        Index("ix_sweep_status", "status"),
    )

    id: str = Field(primary_key=True)
    number: int | None = Field(default=None, description="counts with the group's runs, once it has started")
    group_id: int = Field(foreign_key="group.id")
    learner_id: int = Field(foreign_key="learner.id", index=True)
    exercise: str
    submitted: str = Field(description="the config with its lists and ranges, as it was sent")
    kind: str = Field(description="grid, ablation or search")
    keys: list[str] = Field(sa_column=Column(JSON, nullable=False), description="what differs, dotted, less the seed")
    trials: int = Field(description="settings that it tries")
    seeds: int = Field(description="runs of each setting")
    chat: str
    channel: str = Field(description="where its messages go")
    status: str = Field(default="proposed", description="proposed, running, ended or cancelled")
    asked: int = Field(default=0, description="settings whose runs have been made")
    created_at: datetime = _moment(default_factory=now)
    started_at: datetime | None = _moment(default=None)
    finished_at: datetime | None = _moment(default=None)
    finding: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))


class Run(SQLModel, table=True):
    """One training run."""

    __table_args__ = (
        UniqueConstraint("group_id", "number"),
        # The queue and the watch over what is running read by status.
        Index("ix_run_status", "status"),
        # The leaderboard reads by group and exercise.
        Index("ix_run_board", "group_id", "exercise"),
    )

    id: str = Field(primary_key=True)
    number: int = Field(description="counts within the group; what people call it by")
    group_id: int = Field(foreign_key="group.id")
    learner_id: int = Field(foreign_key="learner.id", index=True)
    exercise: str
    submitted: str = Field(description="the config as it was sent")
    config: str = Field(description="the config with every default filled in")
    own: dict[str, Any] | None = Field(
        default=None,
        sa_column=Column(JSON),
        description="the group's own exercise and model, as they were",
    )
    sweep_id: str | None = Field(default=None, foreign_key="sweep.id", index=True, description="the sweep it is of")
    trial: int | None = Field(default=None, description="which setting of the sweep, from 0")
    setting: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSON), description="dotted key → value of that setting, less the seed"
    )
    chat: str
    channel: str = Field(description="where its messages go")
    resumed_from: str | None = Field(default=None, description="the run whose last checkpoint it goes on from")
    teacher: str | None = Field(default=None, description="the run whose model it learns from")
    status: str = "queued"
    attempt: int = Field(default=1)
    runner: str | None = Field(default=None, description="the runner that has this attempt, once it is claimed")
    devices: float = Field(default=1.0, description="how many of its devices the run takes: half a GPU, or several")
    run_dir: str
    queued_at: datetime = _moment(default_factory=now)
    started_at: datetime | None = _moment(default=None)  # this attempt: handed to the engine, then its first step
    cancel_requested_at: datetime | None = _moment(default=None)
    finished_at: datetime | None = _moment(default=None)
    event_offset: int = Field(default=0, description="bytes of events.jsonl already taken in")
    note: str | None = Field(default=None, description="the last sentence that the training process had for us")
    step: int = 0
    resumed_at: int = Field(default=0, description="the step that this attempt went on from")
    total_steps: int = 0
    loss: float | None = None
    score: float | None = Field(default=None, description="hidden test score, once it succeeded")
    data_hash: str | None = None
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    record: str | None = Field(default=None, description="personal or group, when it was one")
    findings: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(JSON))
    error: str | None = None


class Addition(SQLModel, table=True):
    """An exercise, or a model of the hub, that a group's admin has added. It is looked at before it can be used."""

    __table_args__ = (
        UniqueConstraint("group_id", "kind", "name"),
        # Whoever looks at them asks: what is new?
        Index("ix_addition_status", "status"),
    )

    id: int = Field(default=None, primary_key=True)
    group_id: int = Field(foreign_key="group.id")
    kind: str = Field(description="exercise or model")
    name: str
    source: str = Field(description="as it was sent: an exercise's YAML, or the model's name")
    status: str = Field(default="checking", description="checking, ready or refused")
    made: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSON), description="what configs name: of the last time that it was ready"
    )
    error: str | None = Field(default=None, description="why it was refused")
    learner_id: int | None = Field(
        default=None, foreign_key="learner.id", description="who added it, and hears what came of it"
    )
    times: int = Field(default=1, description="how often it was added: each has an answer of its own")
    added_at: datetime = _moment(default_factory=now)
    claimed_until: datetime | None = _moment(default=None)
    removed_at: datetime | None = _moment(default=None)


class Runner(SQLModel, table=True):
    """A machine or a cluster that takes runs from the queue, as it last told of itself."""

    name: str = Field(primary_key=True, description="the same after a restart")
    devices: str = Field(description="what it trains on, in words")
    slots: int = Field(description="runs that it takes at once")
    seen_at: datetime = _moment()


class Turn(SQLModel, table=True):
    """A question to the tutor, and its answer as it grows."""

    __table_args__ = (
        # The tutor asks: what is waiting for an answer, or was left in the middle of one?
        Index(
            "ix_turn_open",
            "claimed_until",
            postgresql_where=text("answered_at IS NULL"),
            sqlite_where=text("answered_at IS NULL"),
        ),
    )

    id: int = Field(default=None, primary_key=True)
    learner_id: int = Field(foreign_key="learner.id", index=True)
    group_id: int | None = Field(default=None, foreign_key="group.id", description="whose budget it is counted to")
    mode: str = Field(description="explain, quiz, debug, review or plan")
    question: str
    run_id: str | None = Field(default=None, foreign_key="run.id", description="the run that it is about")
    config: str | None = Field(default=None, description="the config that it is about")
    status: str = Field(default="asked", description="asked, writing, answered, stopped or failed")
    answer: str = ""
    proposal: str | None = Field(default=None, description="a config that the answer proposes, checked")
    tokens: int = Field(default=0, description="read and written, as the endpoint counts them")
    asked_at: datetime = _moment(default_factory=now)
    claimed_until: datetime | None = _moment(default=None)
    answered_at: datetime | None = _moment(default=None)


class Reading(SQLModel, table=True):
    """Words of a learner that the tutor's model is asked about: a drill's short answer, or one of the interview's."""

    __table_args__ = (
        # The reader asks: what is waiting, or was left in the middle?
        Index(
            "ix_reading_open",
            "claimed_until",
            postgresql_where=text("read_at IS NULL"),
            sqlite_where=text("read_at IS NULL"),
        ),
    )

    id: int = Field(default=None, primary_key=True)
    learner_id: int = Field(foreign_key="learner.id", index=True)
    group_id: int | None = Field(default=None, foreign_key="group.id", description="whose budget it is counted to")
    review_id: int | None = Field(default=None, foreign_key="review.id", index=True, description="the drill's")
    question: str | None = Field(default=None, description="the interview's")
    words: str
    found: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON), description="a Verdict, or a choice")
    asked_at: datetime = _moment(default_factory=now)
    claimed_until: datetime | None = _moment(default=None)
    read_at: datetime | None = _moment(default=None)


class Usage(SQLModel, table=True):
    """Tokens that a learner's questions took on one day."""

    learner_id: int = Field(foreign_key="learner.id", primary_key=True)
    day: date = Field(primary_key=True, description="in UTC")
    tokens: int


class GroupUsage(SQLModel, table=True):
    """Tokens that a group's questions took in one month; it names nobody."""

    group_id: int = Field(foreign_key="group.id", primary_key=True)
    month: date = Field(primary_key=True, description="its first day, in UTC")
    tokens: int


class Delivery(SQLModel, table=True):
    """Something to say unasked: what it is about, never its words, which are drawn when it is sent."""

    __table_args__ = (
        # The outbox asks: what is due on the chats that are up?
        Index(
            "ix_delivery_due",
            "chat",
            "due_at",
            postgresql_where=text("pending"),
            sqlite_where=text("pending"),
        ),
        # And for each: is an older message of its channel still to be said?
        Index(
            "ix_delivery_channel",
            "chat",
            "channel",
            "id",
            postgresql_where=text("pending"),
            sqlite_where=text("pending"),
        ),
    )

    id: int = Field(default=None, primary_key=True)
    key: str = Field(unique=True, description="says it once, whatever is restarted; also the chat's nonce")
    kind: str = Field(description="which announcement draws it")
    subject: str = Field(description="the id of what it is about")
    chat: str
    channel: str = Field(description="the chat's id of the channel, or @ and the learner's for a direct message")
    under: str | None = Field(default=None, description="the key of the delivery in whose thread it is said")
    group_id: int | None = Field(default=None, foreign_key="group.id", description="whose channel it is")
    pending: bool = True
    revision: int = Field(default=1, description="grows when there is news; an edit follows")
    due_at: datetime = _moment(default_factory=now)
    claimed_until: datetime | None = _moment(default=None)
    attempts: int = 0
    reference: str | None = Field(default=None, description="the chat's id of the message, once sent")
    error: str | None = None
    created_at: datetime = _moment(default_factory=now)
    sent_at: datetime | None = _moment(default=None)


class Post(SQLModel, table=True):
    """A message in the built-in chat (console, web): this chat's server is our own store."""

    id: int = Field(default=None, primary_key=True)
    channel: str = Field(index=True)
    nonce: str = Field(unique=True)
    author: str
    message: bytes = Field(sa_column=Column(LargeBinary, nullable=False), description="a view.Message as JSON")
    revision: int = 1
    updated_at: datetime = _moment(default_factory=now, index=True)
