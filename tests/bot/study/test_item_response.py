import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.study import item_response as irt

logits = st.floats(-3, 3)
slopes = st.floats(0.3, 3)
guesses = st.floats(0, 0.5)


def answers(*marks: str) -> tuple[np.ndarray, np.ndarray]:
    return np.array([mark == "right" for mark in marks]), np.array([mark == "unsure" for mark in marks])


def test_the_curve_is_halfway_above_the_guess_where_ability_meets_difficulty():
    assert irt.probability_right(1.0, 1.3, 1.0, 0.25) == pytest.approx(0.625)
    assert irt.probability_right(-40.0, 1.3, 0.0, 0.25) == pytest.approx(0.25)


@given(logits, slopes, logits, guesses)
def test_information_is_the_squared_slope_over_the_variance_of_the_answer(ability, slope, difficulty, guess):
    step = 1e-5
    above, below = (irt.probability_right(ability + each, slope, difficulty, guess) for each in (step, -step))
    right = irt.probability_right(ability, slope, difficulty, guess)
    expected = ((above - below) / (2 * step)) ** 2 / (right * (1 - right))
    assert irt.information(ability, slope, difficulty, guess) == pytest.approx(expected, rel=1e-3, abs=1e-7)


@given(st.lists(st.tuples(st.booleans(), slopes, logits, guesses), max_size=16))
def test_a_posterior_is_a_distribution_whatever_was_answered(items):
    right, slope, difficulty, guess = (np.array([item[i] for item in items]) for i in range(4))
    each = irt.likelihood(right.astype(bool), slope, difficulty, guess)
    topics = np.arange(len(items)) % 13
    found = irt.posterior(irt.normal(0.0, 1.15), irt.joint(each, topics, 13))
    assert found.sum() == pytest.approx(1.0)
    assert np.isfinite(found).all()
    mean, sd = irt.estimate(found)
    assert -4 < mean < 4
    assert 0 < sd < 4  # a surprise may leave more doubt than there was before


@given(slopes, logits, guesses)
def test_a_right_answer_never_lowers_the_ability_and_a_wrong_one_never_raises_it(slope, difficulty, guess):
    item = (np.array([slope]), np.array([difficulty]), np.array([guess]))
    means = [
        irt.estimate(
            irt.posterior(irt.normal(0.0, 1.15), irt.joint(irt.likelihood([right], *item), np.zeros(1, int), 13))
        )[0]
        for right in (False, True)
    ]
    assert means[0] <= 1e-9
    assert means[1] >= -1e-9


def test_without_answers_the_estimate_is_the_prior():
    mean, sd = irt.estimate(irt.posterior(irt.normal(0.3, 0.8), np.ones((13, irt.GRID.size))))
    assert mean == pytest.approx(0.3, abs=1e-3)
    assert sd == pytest.approx(0.8, abs=1e-3)


def test_a_normal_prior_with_a_normal_likelihood_gives_the_textbook_posterior():
    evidence = np.exp(-0.5 * ((irt.GRID - 1.0) / 0.6) ** 2)[None]  # of one topic, which adds its own variance
    mean, sd = irt.estimate(irt.posterior(irt.normal(0.0, 1.0), evidence))
    precision = 1 / (0.6**2 + irt.PROFILE_SD**2)
    assert mean == pytest.approx(precision / (1 + precision), abs=0.01)
    assert sd == pytest.approx((1 + precision) ** -0.5, abs=0.01)


def test_answers_on_different_topics_say_more_than_as_many_on_one():
    each = irt.likelihood(np.ones(4, bool), np.full(4, 1.3), np.zeros(4), np.zeros(4))
    prior = irt.normal(0.0, 1.15)
    _, apart = irt.estimate(irt.posterior(prior, irt.joint(each, np.arange(4), 13)))
    _, together = irt.estimate(irt.posterior(prior, irt.joint(each, np.zeros(4, int), 13)))
    assert apart < together


def test_an_answer_moves_its_own_topic_most_and_the_others_a_little():
    each = irt.likelihood(np.ones(2, bool), np.full(2, 1.3), np.zeros(2), np.zeros(2))
    means, sds = irt.estimate(irt.topic_posteriors(irt.normal(0.0, 1.15), irt.joint(each, np.array([4, 4]), 13)))
    assert means.argmax() == 4
    assert 0 < means[0] < means[4]
    assert sds[4] < sds[0]


def test_many_learners_at_once_get_what_each_gets_alone():
    rng = np.random.default_rng(0)
    right, topics = rng.random((5, 8)) < 0.5, rng.integers(0, 13, (5, 8))
    slope, difficulty = rng.uniform(0.8, 2, (5, 8)), rng.normal(size=(5, 8))
    guess = irt.honest_guess(np.full((5, 8), 0.25), right, ~right & (rng.random((5, 8)) < 0.5))
    prior = irt.normal(np.zeros(5), np.ones(5))
    together = irt.posterior(prior, irt.joint(irt.likelihood(right, slope, difficulty, guess), topics, 13))
    for row in range(5):
        each = irt.likelihood(right[row], slope[row], difficulty[row], guess[row])
        assert irt.posterior(prior[row], irt.joint(each, topics[row], 13)) == pytest.approx(together[row])


def test_not_sure_is_worth_what_a_wrong_answer_is_but_for_the_guesses_it_spares():
    guess = np.full(4, 0.25)
    honest = irt.honest_guess(guess, *answers("right", "unsure", "unsure", "unsure"))
    guessing = irt.honest_guess(guess, *answers("right", "wrong", "wrong", "wrong"))
    assert (honest < guessing).all()
    assert (guessing < 0.25).all()
    nothing = irt.honest_guess(guess, *answers("right", "right", "right", "right"))
    assert nothing == pytest.approx(0.125)  # no sign of either: half
    one_wrong = irt.likelihood(np.zeros(1, bool), np.ones(1), np.zeros(1), np.array([0.25]))
    without_guess = irt.likelihood(np.zeros(1, bool), np.ones(1), np.zeros(1), np.array([0.0]))
    assert one_wrong / one_wrong.sum() == pytest.approx(without_guess / without_guess.sum())


@given(st.floats(-2, 2), st.floats(0.2, 1.0))
def test_bands_share_out_a_distribution_as_the_normal_curve_does(mean, sd):
    from statistics import NormalDist

    bands = irt.band_probabilities(irt.normal(mean, sd), (-0.83, 0.5))
    curve = NormalDist(mean, sd)
    expected = [curve.cdf(-0.83), curve.cdf(0.5) - curve.cdf(-0.83), 1 - curve.cdf(0.5)]
    assert bands == pytest.approx(expected, abs=0.01)
    assert bands.sum() == pytest.approx(1.0)


def test_drawing_is_among_the_best_and_never_what_is_forbidden():
    merit = np.array([0.1, 0.9, 0.8, -np.inf, 0.7])
    rng = np.random.default_rng(0)
    assert {int(irt.draw_best(merit, 3, rng)) for _ in range(100)} == {1, 2, 4}
    assert {int(irt.draw_best(np.array([-np.inf, 0.2]), 5, rng)) for _ in range(20)} == {1}
    rows = irt.draw_best(np.stack([merit] * 50), 2, rng)
    assert set(rows.tolist()) == {1, 2}
