from datetime import timedelta

import pytest
from sqlmodel import select

from bot.errors import UserError
from bot.store.tables import Addition, Delivery
from bot.study import addition, catalog, leaderboard
from runner.config import ConfigError, parse

SOURCE = "name: news\ntask: text-classification\ndataset: lab/news\ntext_columns: [text]\nheads: {label: }\n"
NEWS = {
    "name": "news",
    "title": "Which section?",
    "summary": "Headlines.",
    "task": "text-classification",
    "dataset": "lab/news",
    "revision": "c0ffee",
    "files": "/store/data/abc",
    "text_columns": ["text"],
    "heads": {"label": ["sport", "science"]},
    "metric": {"name": "accuracy"},
    "baseline": "linear",
    "budget": {"train_tokens": 100_000, "seconds": 60},
    "train_rows": 1_000,
    "tokens_per_row": 20,
}
TINY = {
    "name": "lab/tiny",
    "title": "lab/tiny",
    "architecture": "encoder",
    "parameters": 21_408,
    "pretrained": True,
    "source": "hub",
    "max_length": 64,
    "revision": "c0ffee",
    "files": "/store/models/lab--tiny@c0ffee",
}


@pytest.fixture
async def lab(store, clock, people):
    """Ann's group, which has added an exercise and a model that are still to be looked at."""
    group, (ann, _, _) = people
    async with store.write() as session:
        await addition.add_exercise(session, group, ann, SOURCE, clock.now)
        await addition.add_model(session, group, ann, "lab/tiny", clock.now + timedelta(seconds=1))
    return group


async def looked_at(store, clock, **outcome):
    """Look at what is next, with this outcome; return what it was."""
    async with store.write() as session:
        found = await addition.claim(session, clock.now)
        await addition.end(session, found, clock.now, **outcome)
    return found


async def names(store, group, **options):
    async with store.read() as session:
        found = await catalog.of_group(session, group, **options)
    return "news" in found.exercises, "lab/tiny" in found.models


async def test_what_is_added_can_be_named_when_it_was_looked_at_and_found_right(lab, store, clock):
    assert await names(store, lab) == (False, False)
    await looked_at(store, clock, made=NEWS)
    assert await names(store, lab) == (True, False)
    await looked_at(store, clock, made=TINY)
    assert await names(store, lab) == (True, True)
    async with store.read() as session:
        found = await catalog.of_group(session, lab)
        assert not await addition.is_waiting(session)
    assert parse("exercise: news\nmodel: lab/tiny\n", found).config.model == "lab/tiny"


async def test_another_group_knows_nothing_of_it(lab, store, clock, people):
    await looked_at(store, clock, made=NEWS)
    assert await names(store, None) == (False, False)
    async with store.read() as session:
        with pytest.raises(UserError, match=r"There is no exercise news\.") as refused:
            await catalog.exercise(session, None, "news")
    assert "match" in refused.value.hint


async def test_whoever_added_it_hears_once_what_came_of_it(lab, store, clock):
    found = await looked_at(store, clock, error="the hub has no data set lab/news")
    async with store.write() as session:
        assert not await addition.end(session, found, clock.now, made=NEWS)
        told = (await session.exec(select(Delivery))).all()
        kept = await addition.find(session, lab, "exercise", "news")
    assert [(each.kind, each.channel) for each in told] == [("addition", "@ann")]
    assert (kept.status, kept.error, kept.made) == ("refused", "the hub has no data set lab/news", None)


async def test_what_was_ready_stays_in_force_until_it_is_ready_anew(lab, store, clock, people):
    _, (ann, _, _) = people
    await looked_at(store, clock, made=NEWS)
    await looked_at(store, clock, made=TINY)
    for outcome, title in (({"error": "no"}, "Which section?"), ({"made": {**NEWS, "title": "New"}}, "New")):
        async with store.write() as session:
            await addition.add_exercise(session, lab, ann, SOURCE, clock.now)
        assert await names(store, lab) == (True, True)
        await looked_at(store, clock, **outcome)
        async with store.read() as session:
            assert (await catalog.exercise(session, lab, "news")).title == title
            told = (await session.exec(select(Delivery.key).where(Delivery.kind == "addition"))).all()
    assert len(set(told)) == 4  # each time with an answer of its own


async def test_what_is_removed_is_named_by_no_config_but_keeps_its_runs_and_ranks(lab, store, clock, people, new_run):
    _, (ann, _, _) = people
    await looked_at(store, clock, made=NEWS)
    own = {"exercise": NEWS, "model": None}
    async with store.write() as session:
        session.add(
            new_run(ann, exercise="news", status="succeeded", score=0.8, finished_at=clock.now, data_hash="d", own=own)
        )
        await addition.remove(session, lab, "exercise", "news", clock.now)
    assert await names(store, lab) == (False, False)
    assert await names(store, lab, removed=True) == (True, False)
    async with store.read() as session:
        exercise = await catalog.exercise(session, lab, "news", removed=True)
        (rank,) = await leaderboard.board(session, lab, exercise)
    assert (rank.place, rank.score) == (1, 0.8)
    assert catalog.exercise_of(rank.run).title == "Which section?"


async def test_one_process_looks_at_it_and_a_lost_one_leaves_it_to_the_next(lab, store, clock):
    async with store.write() as session:
        first = await addition.claim(session, clock.now)
        second = await addition.claim(session, clock.now)
        assert (first.name, second.name) == ("news", "lab/tiny")
        assert await addition.claim(session, clock.now) is None
    clock.advance(minutes=1)
    async with store.write() as session:
        await addition.renew(session, second, clock.now)
    clock.advance(minutes=1.5)
    async with store.write() as session:
        assert (await addition.claim(session, clock.now)).name == "news"
        assert await addition.claim(session, clock.now) is None
        await addition.renew(session, second, None)
        assert (await addition.claim(session, clock.now)).name == "lab/tiny"


async def test_what_was_changed_or_removed_meanwhile_is_not_ended_by_an_old_look(lab, store, clock, people):
    _, (ann, _, _) = people
    async with store.write() as session:
        old = await addition.claim(session, clock.now)
    async with store.write() as session:
        await addition.add_exercise(session, lab, ann, SOURCE + "subset: b\n", clock.now)
        assert not await addition.end(session, old, clock.now, made=NEWS)
        new = await addition.claim(session, clock.now)
        assert new.source.endswith("subset: b\n")
        await addition.remove(session, lab, "exercise", "news", clock.now)
        assert not await addition.end(session, new, clock.now, made=NEWS)
    assert await names(store, lab, removed=True) == (False, False)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("../../etc", "looks like a path"),
        ("/etc/passwd", "looks like a path"),
        ("bert", "lacks its owner"),
        ("a/b/c", "is no name on the Hub"),
        ("a--b/c", "is no name on the Hub"),
        ("lab/x@", "is no branch"),
        ("lab/x@a b", "is no branch"),
        ("minilm", "minilm is packaged"),
    ],
)
async def test_a_model_is_a_name_on_the_hub_and_no_path(store, clock, people, source, said):
    group, (ann, _, _) = people
    async with store.write() as session:
        with pytest.raises(UserError, match=said):
            await addition.add_model(session, group, ann, source, clock.now)
        assert (await session.exec(select(Addition))).all() == []


async def test_an_exercise_with_mistakes_is_not_kept(store, clock, people):
    group, (ann, _, _) = people
    async with store.write() as session:
        with pytest.raises(ConfigError, match="unknown key"):
            await addition.add_exercise(session, group, ann, SOURCE + "titel: x\n", clock.now)
        with pytest.raises(UserError, match="has no exercise"):
            await addition.find(session, group, "exercise", "news")


async def test_a_group_has_at_most_so_many_of_its_own(store, clock, people, monkeypatch):
    monkeypatch.setattr(addition, "MOST", 1)
    group, (ann, _, _) = people
    async with store.write() as session:
        await addition.add_model(session, group, ann, "lab/one", clock.now)
        with pytest.raises(UserError, match="has 1 models of its own already"):
            await addition.add_model(session, group, ann, "lab/two", clock.now)
