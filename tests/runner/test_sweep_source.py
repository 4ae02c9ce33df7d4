"""Configs that are sweeps: what they stand for, and what is said of one that is wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config import ConfigError, parse
from runner.sweep import Choice, Range, SweepPlan, write
from runner.sweep_source import MAX_RUNS, read_sweep


def sweep_of(source: str) -> SweepPlan:
    plan = read_sweep(source)
    assert plan
    return plan


def problems_of(source: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        read_sweep(source)
    return [str(problem) for problem in error.value.problems]


def all_configs(plan: SweepPlan) -> list[str]:
    return [config for setting in plan.settings() for config in plan.configs(setting)]


@pytest.mark.parametrize(
    "source",
    [
        "exercise: match\n",
        "exercise: match\ntraining: {learning_rate: 1e-4}\n",
        "exercise: multi\nmulti: {loss_weights: {library: 1, kind: 2}}\n",
        "exercise: match\ntraining: {learnig_rate: 1}\n",
        "exercise: [match, library]\n",
        "{}",
    ],
)
def test_one_run_is_no_sweep_whether_right_or_wrong(source: str):
    assert read_sweep(source) is None


def test_lists_are_a_grid_and_seeds_repeat_each_setting():
    plan = sweep_of(
        "exercise: match\ntraining: {learning_rate: [1e-5, 1e-4], seed: [1, 2, 3]}\nmethod: [full, bitfit]\n"
    )
    assert (plan.kind, plan.trials, plan.runs, plan.seeds) == ("grid", 4, 12, (1, 2, 3))
    configs = [parse(config).config for config in all_configs(plan)]
    assert {(c.training.learning_rate, c.method, c.training.seed) for c in configs} == {
        (rate, method, seed) for rate in (1e-5, 1e-4) for method in ("full", "bitfit") for seed in (1, 2, 3)
    }


def test_an_ablation_changes_one_thing_at_a_time_from_the_first_values():
    plan = sweep_of(
        "exercise: match\ntraining: {weight_decay: [0.01, 0.1, 0.3], max_grad_norm: [1.0, 0]}\n"
        "sweep: {kind: ablation}\n"
    )
    assert [tuple(setting.values()) for setting in plan.settings()] == [(0.01, 1.0), (0.1, 1.0), (0.3, 1.0), (0.01, 0)]


def test_a_range_is_searched_and_its_values_are_rounded_into_it():
    plan = sweep_of(
        "exercise: match\ntraining: {learning_rate: {from: 1e-5, to: 1e-3, scale: log}, seed: [1, 2]}\n"
        "freeze_layers: {from: 0, to: 4}\nsweep: {trials: 5, sampler: random}\n"
    )
    assert (plan.kind, plan.trials, plan.runs, plan.sampler) == ("search", 5, 10, "random")
    rate, layers = plan.axes
    assert isinstance(rate, Range)
    assert isinstance(layers, Range)
    assert (rate.at(0.5), rate.fit(0.000123456), rate.fit(2.0)) == (1e-4, 0.000123, 1e-3)
    assert (layers.fit(2.4), layers.whole) == (2, True)
    assert list(plan.settings()) == []


def test_a_list_of_sections_is_an_axis_too():
    plan = sweep_of(
        "exercise: multi\nmulti: {loss_weights: [{library: 1, kind: 1}, {library: 3, kind: 1}]}\nmodel: tiny\n"
    )
    weights = [parse(config).config.multi.loss_weights for config in all_configs(plan)]
    assert weights == [{"library": 1, "kind": 1}, {"library": 3, "kind": 1}]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        (
            "exercise: match\ntraining:\n  learning_rate:\n  - 1e-5\n  - oops\n  - -3\n"
            "  sed: [1, 2]\nmodel: [tiny, minlm]\n",
            [
                'line 5: training.learning_rate: "oops" is text; a number over 0 and at most 1 is needed',
                "line 6: training.learning_rate: -3 is out of range; a number over 0 and at most 1 is needed",
                "line 7: training.sed: unknown key; did you mean seed?",
                'line 8: model: there is no model "minlm"; did you mean minilm? The models are minilm, tiny',
            ],
        ),
        (
            "exercise: match\ntraining: {seed: [1], weight_decay: [], learning_rate: [1e-4, 1e-4]}\n",
            [
                "line 2: training.seed: a list of one value; give two or more to compare, or one without brackets",
                "line 2: training.weight_decay: an empty list; give two or more to compare, or one without brackets",
                "line 2: training.learning_rate: 0.0001 is given twice; a run of it more would say nothing new",
            ],
        ),
        (
            "exercise: match\ntraining:\n  learning_rate: {from: 1e-3, to: 1e-5}\n"
            "  weight_decay: {frm: 0, scale: lgo}\n"
            "  seed: {from: 1, to: 3}\nsweep: {trails: 3}\n",
            [
                "line 3: training.learning_rate: from 0.001 to 1e-05 is no range; from is the lower end",
                "line 4: training.weight_decay.frm: unknown key; did you mean from? "
                "The keys of a range are from, to, scale",
                "line 4: training.weight_decay: a range needs from: write {from: …, to: …}",
                "line 4: training.weight_decay: a range needs to: write {from: …, to: …}",
                "line 4: training.weight_decay.scale: did you mean log? The scales are linear, log",
                "line 6: sweep.trails: unknown key; did you mean trials?",
            ],
        ),
        (
            "exercise: match\ntraining: {learning_rate: {from: 0, to: x, scale: log}}\n",
            [
                "line 2: training.learning_rate: 0 is out of range; a number over 0 and at most 1 is needed",
                'line 2: training.learning_rate: "x" is text; a number over 0 and at most 1 is needed',
            ],
        ),
        (
            "exercise: match\ntraining: {learning_rate: {from: 1e-5, to: 1e-3}}\n",
            [
                "line 2: training.learning_rate: a search needs a number of settings to try: write sweep: {trials: 8}",
            ],
        ),
        (
            "exercise: match\ntraining: {seed: {from: 1, to: 3}, weight_decay: {from: 0, to: 1, scale: log}}\n"
            "sweep: {trials: 4}\n",
            ["line 2: training.weight_decay: a logarithmic scale needs from above 0"],
        ),
        (
            "exercise: match\ntraining: {learning_rate: {from: 1e-5, to: 1e-3}}\nsweep: {kind: ablation, trials: 4}\n",
            [
                "line 2: training.learning_rate: a range is for a search; with kind: ablation list the values",
                "line 3: sweep.trials: not used with kind: ablation, which runs all that is listed",
            ],
        ),
        ("exercise: match\nsweep: 3\n", ["line 2: sweep: 3 is a number; a section of keys is needed"]),
        (
            "exercise: match\nsweep: {kind: gird}\n",
            [
                'line 2: sweep.kind: "gird" is not a choice; did you mean grid? '
                "The choices are auto, grid, ablation, search",
            ],
        ),
        (
            "exercise: match\nsweep: {trials: 4}\n",
            ["line 2: sweep: no key has a list or a range, so there is nothing to compare"],
        ),
        (
            "exercise: match\ntraining: {seed: [1, 2]}\nsweep: {kind: ablation}\n",
            ["line 3: sweep: only seeds are listed; leave sweep out, and each of them is a run"],
        ),
        (
            "exercise: match\ntraining: {seed: {from: 1, to: 4}}\nsweep: {trials: 4}\n",
            [
                "line 2: training.seed: seeds are listed: [1, 2, 3]",
                "line 3: sweep: only seeds are listed; leave sweep out, and each of them is a run",
            ],
        ),
        (
            "exercise: match\ntraining: {weight_decay: [0, 0.1]}\nsweep: {trials: 4}\n",
            ["line 3: sweep.trials: there are only 2 combinations; leave sweep out, and all of them run"],
        ),
        (
            "exercise: match\ntraining: {learning_rate: [1e-5, 1e-4, 1e-3, 1e-2, 1e-1], seed: [1, 2, 3]}\n"
            "method: [full, lora, ia3, bitfit, head-only]\n",
            [
                "line 2: training.learning_rate: 5 × 5 × 3 = 75 runs, "
                "and a sweep has at most 64; try fewer values or seeds"
            ],
        ),
        (
            "exercise: match\ntraining: {weight_decay: {from: 0, to: 1}, seed: [1, 2, 3]}\nsweep: {trials: 30}\n",
            ["line 3: sweep: 30 × 3 = 90 runs, and a sweep has at most 64; try fewer values or seeds"],
        ),
        (
            "exercise: match\ntraining:\n  num_train_epochs:\n  - 1\n  - 20\n",
            [
                "line 5: training.num_train_epochs: this run would see about 1,920,000 tokens, and match allows "
                "490,000; with 4,000 rows the largest num_train_epochs that fits is 5.1",
            ],
        ),
        (
            "exercise: match\ntraining: {warmup_steps: {from: 0.05, to: 100}}\nsweep: {trials: 4}\n",
            [
                "line 2: training.warmup_steps: 38.2 is neither a share of all steps (below 1) nor a whole number of "
                "steps; write 0.382 for 38.2%, or 38",
            ],
        ),
        (
            "exercise: match\ntraining: {seed: [*one, 2]}\n",
            ['line 2: training.seed: the alias "one": aliases are not allowed; write the value out'],
        ),
    ],
)
def test_all_that_is_wrong_is_said_at_once_with_its_line(source: str, lines: list[str]):
    assert problems_of(source) == lines


def test_what_is_suspicious_is_said_of_the_value_that_is():
    plan = sweep_of("exercise: match\ntraining:\n  learning_rate:\n  - 1e-4\n  - 1e-2\n")
    (warning,) = plan.warnings
    assert str(warning).startswith("line 5: training.learning_rate: 0.01 is high")
    plan = sweep_of(
        "exercise: match\nmodel: tiny\ntraining: {learning_rate: {from: 1e-5, to: 1e-2}}\nsweep: {trials: 4}\n"
    )
    assert "scale: log" in str(plan.warnings[0])


VALUES = {
    "training.learning_rate": st.floats(1e-6, 1e-1),
    "training.weight_decay": st.floats(0, 1),
    "training.num_train_epochs": st.floats(0.1, 2),
    "training.per_device_train_batch_size": st.integers(8, 512),
    "training.lr_scheduler_type": st.sampled_from(["linear", "cosine", "constant", "inverse_sqrt"]),
    "model": st.sampled_from(["tiny", "minilm"]),
    "method": st.sampled_from(["full", "lora", "head-only"]),
    "early_stopping_patience": st.none(),
    "training.seed": st.integers(0, 99),
}


@st.composite
def grids(draw: st.DrawFn) -> dict[str, list[object]]:
    keys = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True))
    return {key: draw(st.lists(VALUES[key], min_size=1, max_size=4, unique=True)) for key in keys}


@settings(max_examples=60, deadline=None)
@given(grids(), st.sampled_from(["grid", "ablation"]))
def test_every_run_of_a_sweep_is_a_config_of_its_own_with_the_values_that_were_listed(grid, kind):
    data: dict[str, object] = {"exercise": "match"}
    for key, values in grid.items():
        section, _, name = key.rpartition(".")
        value = values if len(values) > 1 else values[0]
        (data.setdefault(section, {}) if section else data)[name] = value  # type: ignore[index]
    lists = {key: values for key, values in grid.items() if len(values) > 1}
    if lists.keys() - {"training.seed"}:
        data["sweep"] = {"kind": kind}
    source = write(data)
    try:
        plan = read_sweep(source)
    except ConfigError as error:
        assert "at most 64" in str(error)
        return
    if not lists:
        assert plan is None
        parse(source)
        return
    assert plan
    configs = all_configs(plan)
    assert len(configs) == plan.runs <= MAX_RUNS
    assert len(set(configs)) == plan.runs
    for text in configs:
        config = parse(text).config.model_dump()
        for key, values in grid.items():
            section, _, name = key.rpartition(".")
            assert (config[section] if section else config)[name] in values


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["training", "sweep", "model", "data"]))
def test_whatever_is_written_it_is_a_plan_no_sweep_or_a_config_error(text, key):
    for source in (text, f"exercise: match\n{key}: {text}\n", f"exercise: match\n{key}: [{text}, 1]\n"):
        try:
            plan = read_sweep(source)
        except ConfigError as error:
            assert error.problems
        else:
            assert plan is None or 2 <= plan.runs <= MAX_RUNS


def test_an_axis_keeps_the_words_that_were_written():
    plan = sweep_of("exercise: match\ntraining: {lr_scheduler_type: [linear, cosine]}\n")
    assert plan.axes == (Choice("training.lr_scheduler_type", ("linear", "cosine")),)
    assert plan.exercise == "match"
