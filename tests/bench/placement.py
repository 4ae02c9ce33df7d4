"""Places simulated learners, to compare designs and to hold DESIGN §6; run by hand:

python tests/bench/placement.py [--banks 20] [--learners 250]

The simulation follows LEARNING-FACTS. A bank has 195 items, 15 in each of 13 topics; an author's difficulty is off by
0.6 logits, discriminations are log-normal around 1.35. Those two numbers are chosen so that the first three rows
repeat LEARNING-FACTS's own (fixed .74/.54, adaptive .84/.33, author's difficulty .77/.48 at 12 questions), where
nobody guesses and nobody is asked for their own opinion. All other rows have four options: who does not know says
"not sure" (40 to 100% of the time, each learner their own share) or guesses. Uneven profiles differ by 0.5 logits from
topic to topic. Calibrated items are fitted by `girth` to 120 random answers each. Simulated learners are not people.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from rich.console import Console
from rich.table import Table

from bot.study import adaptive_test as test
from bot.study import calibration
from bot.study import item_response as irt
from bot.study.item_bank import AUTHOR_SD, DISCRIMINATION, TOPICS, ItemBank, author_difficulty

PER_TOPIC = 15
AUTHORED = (1, 3, 5, 2, 3, 4, 1, 2, 4, 2, 3, 5, 2, 3, 4)  # difficulties of a topic's items
STEEPNESS, STEEPNESS_SD = 1.35, 0.3
UNEVEN = 0.5
HONEST = (0.4, 1.0)
RESPONDENTS, ANSWERS_EACH = 780, 30  # 120 answers an item
AT = 12


@dataclass(frozen=True)
class Learners:
    """Simulated learners: abilities overall and by topic, what they say of themselves, and how often "not sure"."""

    overall: np.ndarray
    topics: np.ndarray
    said: np.ndarray
    honesty: np.ndarray

    @property
    def level(self) -> np.ndarray:
        return np.digitize(self.overall, test.CUTS)


@dataclass(frozen=True)
class Design:
    """One way to test; `guess` is what the scoring makes of the guessing term."""

    name: str
    knows: str = "author"
    uneven: bool = True
    honest: tuple[float, float] = HONEST
    fixed: bool = False
    options: bool = True
    self_report: bool = True
    guess: Callable[..., np.ndarray] = irt.honest_guess


@dataclass
class Outcome:
    """Shares and means over learners; at 12 questions, and where the test stops."""

    right_at: float
    rmse_at: float
    asked: float
    right: float
    far_off: float
    claimed: float
    unclear: float


def make_banks(rng: np.random.Generator) -> dict[str, ItemBank]:
    """Return a bank as it is, and as its authors see it."""
    topics = np.repeat(np.arange(TOPICS), PER_TOPIC)
    author = np.array([author_difficulty(topic + 1, AUTHORED[i % PER_TOPIC]) for i, topic in enumerate(topics)])
    guess = np.full(len(topics), 0.25)
    steepness = STEEPNESS * np.exp(rng.normal(0, STEEPNESS_SD, len(topics)))
    known = ItemBank((), topics, steepness, author + rng.normal(0, AUTHOR_SD, len(topics)), guess)
    return {
        "known": known,
        "author": replace(known, discrimination=np.full(len(topics), DISCRIMINATION), difficulty=author),
    }


def calibrate(bank: ItemBank, author: ItemBank, rng: np.random.Generator) -> ItemBank:
    """Return the bank as the production fit sees it, from items given at random."""
    people = make_learners(RESPONDENTS, UNEVEN, HONEST, rng)
    answers = np.full((len(bank.topics), RESPONDENTS), calibration.MISSING)
    given = np.argsort(rng.random((RESPONDENTS, len(bank.topics))), axis=1)[:, :ANSWERS_EACH]
    for place in range(ANSWERS_EACH):
        right, _ = respond(people, bank, given[:, place], True, rng)
        answers[given[:, place], np.arange(RESPONDENTS)] = right
    chosen = calibration.usable(answers)
    discrimination, difficulty = author.discrimination.copy(), author.difficulty.copy()
    discrimination[chosen], difficulty[chosen] = calibration.fit(answers[chosen], author.difficulty[chosen])
    return replace(author, discrimination=discrimination, difficulty=difficulty)


def make_learners(count: int, uneven: float, honest: tuple[float, float], rng: np.random.Generator) -> Learners:
    overall = rng.normal(0, test.POPULATION_SD, count)
    profile = rng.normal(0, uneven, (count, TOPICS))
    profile -= profile.mean(axis=1, keepdims=True)
    opinion = test.VALIDITY * overall / test.POPULATION_SD + (1 - test.VALIDITY**2) ** 0.5 * rng.normal(size=count)
    said = np.digitize(opinion, (-0.43, 0.43))  # thirds
    return Learners(overall, overall[:, None] + profile, said, rng.uniform(*honest, count))


def respond(
    people: Learners, bank: ItemBank, items: np.ndarray, options: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return who is right and who is not sure, of one item each."""
    everybody = np.arange(len(people.overall))
    ability = people.topics[everybody, bank.topics[items]]
    knows = rng.random(len(items)) < irt.probability_right(
        ability, bank.discrimination[items], bank.difficulty[items], 0
    )
    if not options:
        return knows, np.zeros_like(knows)
    unsure = ~knows & (rng.random(len(items)) < people.honesty)
    lucky = ~knows & ~unsure & (rng.random(len(items)) < bank.guess[items])
    return knows | lucky, unsure


def place(people: Learners, truth: ItemBank, seen: ItemBank, design: Design, rng: np.random.Generator) -> Outcome:
    """Give everybody the test of `bot.study.adaptive_test`, all at once, and go on to its end for the figures at 12."""
    count = len(people.overall)
    prior = np.stack([test.prior(level if design.self_report else None) for level in test.LEVELS])[people.said]
    bank = seen if design.options else replace(seen, guess=np.zeros_like(seen.guess))
    form = fixed_form(seen, rng)
    asked = np.zeros((count, test.LIMIT), int)
    right, unsure = np.zeros((2, count, test.LIMIT), bool)
    stopped, bands_at_stop = np.zeros(count, int), np.zeros((count, len(test.LEVELS)))
    posterior = prior
    for number in range(1, test.LIMIT + 1):
        items = (
            np.full(count, form[number - 1]) if design.fixed else choose(posterior, bank, asked[:, : number - 1], rng)
        )
        asked[:, number - 1] = items
        right[:, number - 1], unsure[:, number - 1] = respond(people, truth, items, design.options, rng)
        so_far = asked[:, :number]
        guess = design.guess(bank.guess[so_far], right[:, :number], unsure[:, :number])
        each = irt.likelihood(right[:, :number], bank.discrimination[so_far], bank.difficulty[so_far], guess)
        posterior = irt.posterior(prior, irt.joint(each, bank.topics[so_far], TOPICS))
        bands = irt.band_probabilities(posterior, test.CUTS)
        ends = (stopped == 0) & ((bands.max(axis=1) >= test.SURE) | (number == test.LIMIT))
        stopped[ends], bands_at_stop[ends] = number, bands[ends]
        if number == AT:
            error = irt.estimate(posterior)[0] - people.overall
            right_at, rmse_at = np.mean(bands.argmax(axis=1) == people.level), np.sqrt(np.mean(error**2))
    off = np.abs(bands_at_stop.argmax(axis=1) - people.level)
    claimed = bands_at_stop.max(axis=1)
    return Outcome(
        right_at, rmse_at, stopped.mean(), np.mean(off == 0), np.mean(off == 2), claimed.mean(), np.mean(claimed < 0.7)
    )


def choose(posterior: np.ndarray, bank: ItemBank, asked: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the next item for everybody, by the rule of `AdaptiveTest.choose`."""
    mean, _ = irt.estimate(posterior)
    merit = irt.information(mean[:, None], bank.discrimination, bank.difficulty, 0.0)
    per_topic = (bank.topics[asked][:, :, None] == np.arange(TOPICS)).sum(axis=1)
    merit[per_topic[:, bank.topics] >= test.PER_TOPIC] = -np.inf
    np.put_along_axis(merit, asked, -np.inf, axis=1)
    return irt.draw_best(merit, test.BEST, rng)


def fixed_form(bank: ItemBank, rng: np.random.Generator) -> np.ndarray:
    """Return the same items for everybody: spread evenly over the difficulties, in a mixed order."""
    ordered = np.argsort(bank.difficulty, kind="stable")
    return rng.permutation(ordered[np.linspace(4, len(ordered) - 5, test.LIMIT).astype(int)])


def full_guess(guess: np.ndarray, right: np.ndarray, unsure: np.ndarray) -> np.ndarray:
    return guess


def no_guess(guess: np.ndarray, right: np.ndarray, unsure: np.ndarray) -> np.ndarray:
    return np.zeros_like(guess)


FACTS = {"uneven": False, "options": False, "self_report": False}
DESIGNS = (
    Design("as LEARNING-FACTS: fixed form, known", "known", fixed=True, **FACTS),
    Design("as LEARNING-FACTS: adaptive, known", "known", **FACTS),
    Design("as LEARNING-FACTS: adaptive, author's difficulty", **FACTS),
    Design("day one, uneven"),
    Design("day one, flat", uneven=False),
    Design("calibrated, uneven", "calibrated"),
    Design("calibrated, flat", "calibrated", uneven=False),
    Design("known, uneven", "known"),
    Design("known, flat", "known", uneven=False),
    Design("fixed form, known, uneven", "known", fixed=True),
    Design("fixed form, known, flat", "known", fixed=True, uneven=False),
    Design("fixed form, day one, uneven", fixed=True),
    Design("day one, uneven: never says not sure", honest=(0.0, 0.0)),
    Design("day one, uneven: always says not sure", honest=(1.0, 1.0)),
    Design("the same with the full guessing term", guess=full_guess),
    Design("  never says not sure", honest=(0.0, 0.0), guess=full_guess),
    Design("  always says not sure", honest=(1.0, 1.0), guess=full_guess),
    Design("the same without a guessing term", guess=no_guess),
    Design("  never says not sure", honest=(0.0, 0.0), guess=no_guess),
    Design("  always says not sure", honest=(1.0, 1.0), guess=no_guess),
    Design("the same without self-report", self_report=False),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--banks", type=int, default=20)
    parser.add_argument("--learners", type=int, default=250, help="on each bank")
    options = parser.parse_args()
    started = time.process_time()
    outcomes: list[list[Outcome]] = [[] for _ in DESIGNS]
    for seed in range(options.banks):
        banks = make_banks(np.random.default_rng([seed, 0]))
        banks["calibrated"] = calibrate(banks["known"], banks["author"], np.random.default_rng([seed, 1]))
        for row, design in enumerate(DESIGNS):
            people = make_learners(
                options.learners, UNEVEN * design.uneven, design.honest, np.random.default_rng([seed, 2])
            )
            rng = np.random.default_rng([seed, 3])
            outcomes[row].append(place(people, banks["known"], banks[design.knows], design, rng))
    report({id(design): average(found) for design, found in zip(DESIGNS, outcomes, strict=True)})
    print(f"{options.banks} banks, {options.learners} learners on each; {time.process_time() - started:.0f} s of CPU")


def average(found: list[Outcome]) -> Outcome:
    return Outcome(*np.mean([list(vars(each).values()) for each in found], axis=0))


def report(by_design: dict[int, Outcome]) -> None:
    table = Table(
        "", "right level at 12", "RMSE at 12", "stops at", "right level", "two off", "P claimed", "P < .7", box=None
    )
    for design in DESIGNS:
        o = by_design[id(design)]
        table.add_row(
            design.name, f"{o.right_at:.3f}", f"{o.rmse_at:.2f}",
            f"{o.asked:.1f}", f"{o.right:.3f}", f"{o.far_off:.2%}", f"{o.claimed:.3f}", f"{o.unclear:.0%}",
        )  # fmt: skip
    console = Console(width=130)
    console.print(table)
    named = {design.name: by_design[id(design)] for design in reversed(DESIGNS)}
    day, calibrated = named["day one, uneven"], named["calibrated, uneven"]
    known, form = named["as LEARNING-FACTS: adaptive, known"], named["as LEARNING-FACTS: fixed form, known"]
    gain = known.right_at - form.right_at
    with_options = named["known, uneven"].right_at - named["fixed form, known, uneven"].right_at
    goals = Table("DESIGN §6", "goal", "measured", "", box=None)
    for name, goal, measured, reached in (
        ("day one, right level", ">= 0.72", f"{day.right:.3f}", day.right >= 0.72),
        ("day one, questions", "<= 12", f"{day.asked:.1f}", day.asked <= 12),
        ("day one, two levels off", "<= 0.30%", f"{day.far_off:.2%}", day.far_off <= 0.003),
        ("calibrated, right level", ">= 0.78", f"{calibrated.right:.3f}", calibrated.right >= 0.78),
        ("known, right level at 12", ">= 0.84", f"{known.right_at:.3f}", known.right_at >= 0.84),
        ("known, RMSE at 12", "<= 0.33", f"{known.rmse_at:.3f}", round(known.rmse_at, 2) <= 0.33),
        ("fixed form beaten by, no guessing", ">= 0.08", f"{gain:.3f}", gain >= 0.08),
        ("the same, four options, uneven", ">= 0.08", f"{with_options:.3f}", with_options >= 0.08),
    ):  # fmt: skip
        goals.add_row(name, goal, measured, "reached" if reached else "MISSED")
    console.print(goals)


if __name__ == "__main__":
    main()
