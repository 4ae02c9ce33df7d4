"""What configs can name, and what a run carries along of it."""

from dataclasses import replace

from runner.catalog import PACKAGED, Own

NEWS = PACKAGED.exercises["match"].model_copy(update={"name": "news", "files": "/store/data/1"})
TINY = replace(PACKAGED.models["tiny"], name="lab/tiny", source="hub")


def test_a_group_s_catalog_has_the_packaged_ones_and_its_own() -> None:
    catalog = PACKAGED.plus([NEWS], [TINY])
    assert set(catalog.exercises) == {*PACKAGED.exercises, "news"}
    assert set(catalog.models) == {*PACKAGED.models, "lab/tiny"}
    assert "news" not in PACKAGED.exercises


def test_a_run_carries_what_is_not_packaged_and_nothing_else() -> None:
    catalog = PACKAGED.plus([NEWS], [TINY])
    assert Own.of("match", "tiny", catalog) == Own()
    assert Own.of("news", "tiny", catalog) == Own(exercise=NEWS)
    assert Own.of("match", "lab/tiny", catalog) == Own(model=TINY)
    assert Own.of("news", "lab/tiny", catalog).catalog == catalog


def test_a_group_s_own_holds_against_a_packaged_one_of_the_same_name() -> None:
    taken = NEWS.model_copy(update={"name": "match"})
    catalog = PACKAGED.plus([taken])
    assert Own.of("match", "tiny", catalog) == Own(exercise=taken)
    assert Own.of("match", "tiny", catalog).catalog.exercises["match"] == taken
