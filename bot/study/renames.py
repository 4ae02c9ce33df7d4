"""Lessons that were renamed: what the store knows of them moves to the new slug, once, at the start.

So every query compares slugs of today; `Curriculum` follows the same redirects for buttons and links of old.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, func, update
from sqlalchemy.orm import aliased
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Card, GroupDrill, Item, Progress, Response, Review


async def move_renamed(session: AsyncSession, redirects: Mapping[str, str]) -> None:
    """Move cards, progress, answers and item parameters from former slugs to today's; doing it twice does no harm."""
    for old, new in redirects.items():
        await _move_cards(session, old, new)
        await _move_progress(session, old, new)
        await _move_drills(session, old, new)


async def _move_cards(session: AsyncSession, old: str, new: str) -> None:
    """Two lessons may have become one: then the new lesson's card stays, and the reviews of both belong to it."""
    other = aliased(Card)
    both = select(Card.id, other.id).join(other, col(other.learner_id) == col(Card.learner_id))
    for old_id, new_id in (await session.exec(both.where(Card.lesson == old, other.lesson == new))).all():
        await session.exec(update(Review).where(col(Review.card_id) == old_id).values(card_id=new_id))
        await session.exec(delete(Card).where(col(Card.id) == old_id))
    await session.exec(update(Card).where(col(Card.lesson) == old).values(lesson=new))


async def _move_progress(session: AsyncSession, old: str, new: str) -> None:
    begun = select(Progress.learner_id).where(Progress.lesson == new)
    await session.exec(
        delete(Progress).where(col(Progress.lesson) == old, col(Progress.learner_id).in_(begun.scalar_subquery()))
    )
    await session.exec(update(Progress).where(col(Progress.lesson) == old).values(lesson=new))


async def _move_drills(session: AsyncSession, old: str, new: str) -> None:
    """Move what is kept under the id of a drill, `slug/d1`. Of two rows where there can be one, that of today stays."""
    items, responses = aliased(Item), aliased(Response)
    taken = select(items.drill).where(items.drill == _renamed(col(Item.drill), old, new))
    answered = select(responses.id).where(responses.item == _renamed(col(Response.item), old, new))
    answered = answered.where(responses.placement_id == Response.placement_id)
    await session.exec(delete(Item).where(_of(col(Item.drill), old), taken.exists()))
    await session.exec(delete(Response).where(_of(col(Response.item), old), answered.exists()))
    drills: tuple[tuple[type[SQLModel], Any], ...] = (
        (Item, Item.drill),
        (Response, Response.item),
        (Review, Review.drill),
        (GroupDrill, GroupDrill.drill),
    )
    for table, drill in drills:
        moved = update(table).where(_of(col(drill), old)).values({drill: _renamed(col(drill), old, new)})
        await session.exec(moved.execution_options(synchronize_session=False))


def _of(drill: Any, slug: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = drill.startswith(f"{slug}/", autoescape=True)
    return found


def _renamed(drill: Any, old: str, new: str) -> Any:
    return func.replace(drill, f"{old}/", f"{new}/")
