"""What a run's own curve says went wrong, with the evidence in numbers, one change to make and the lesson.

The rules stand in `learning_rules` (what the loss did) and `efficiency_rules` (what the run made of its budget and
its device). How often they are right is measured on real runs by tests/bench/coach.py.
"""

from bot.study import efficiency_rules, learning_rules
from bot.study.finding import Finding
from bot.study.observed import Observed
from runner.catalog import PACKAGED, Catalog
from runner.config import Config
from runner.history import History
from runner.run_dir import Result

__all__ = ["Finding", "diagnose"]

RULES = (*learning_rules.RULES, *efficiency_rules.RULES)
DECISIVE = ("random_weights", "diverged")
LEAST_STEPS = 4  # logged; before that a curve says nothing


def diagnose(history: History, config: Config, result: Result, catalog: Catalog = PACKAGED) -> list[Finding]:
    """Return what the rules find, gravest first; nothing for a run that was stopped before it said anything.

    Of a run that cannot have learnt anything nothing else is worth saying.
    """
    if len(history.steps) < LEAST_STEPS:
        return []
    run = Observed(history, config, result, catalog)
    findings = [finding for rule in RULES if (finding := rule(run))]
    return findings[:1] if findings and findings[0].rule in DECISIVE else findings
