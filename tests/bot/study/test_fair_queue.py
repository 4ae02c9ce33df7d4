from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.store.tables import Run
from bot.study.fair_queue import order

START = datetime(2026, 1, 1, tzinfo=UTC)


def runs(learners: str) -> list[Run]:
    """One run a letter, submitted a minute apart by the learner of that letter."""
    return [
        Run(id=f"{n:03}{who}", number=n, learner_id=ord(who), queued_at=START + timedelta(minutes=n))
        for n, who in enumerate(learners)
    ]


def names(ordered: list[Run]) -> str:
    return "".join(chr(run.learner_id) for run in ordered)


def test_everybody_gets_a_first_turn_before_anybody_a_second():
    assert names(order(runs("aaabbc"), [])) == "abcaba"


def test_a_run_that_trains_counts_as_a_turn():
    assert names(order(runs("ab"), runs("a"))) == "ba"


@given(st.text("abcd", max_size=12), st.text("abcd", max_size=3))
def test_order_keeps_every_run_and_each_learners_own_sequence(queued, active):
    waiting = runs(queued)
    ordered = order(reversed(waiting), runs(active))
    assert sorted(run.id for run in ordered) == sorted(run.id for run in waiting)
    for who in set(queued):
        own = [run.id for run in ordered if run.learner_id == ord(who)]
        assert own == sorted(own)


@given(st.text("abcd", max_size=12))
def test_nobody_is_served_twice_more_than_another_who_waits(queued):
    ordered = names(order(runs(queued), []))
    for end in range(len(ordered)):
        for other in set(ordered[end:]):
            assert all(ordered[:end].count(who) <= ordered[:end].count(other) + 1 for who in set(ordered[:end]))
