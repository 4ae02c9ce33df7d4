"""What a run's events say, as series: read by the curves and by the coach."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from runner.run_dir import Eval, Event, Note, Start, Step


@dataclass(frozen=True, slots=True)
class History:
    """The events of one run's last attempt, by kind and in order."""

    start: Start | None
    steps: tuple[Step, ...]
    evals: tuple[Eval, ...]
    notes: tuple[Note, ...]

    @classmethod
    def of(cls, events: Iterable[Event]) -> Self:
        """Collect events; a second start (the run was started again) forgets what came before it.

        What led to the checkpoint that it goes on from is kept.
        """
        start: Start | None = None
        steps: list[Step] = []
        evals: list[Eval] = []
        notes: list[Note] = []
        for event in events:
            match event:
                case Start():
                    start, notes = event, []
                    steps = [step for step in steps if step.step <= event.resumed_at]
                    evals = [evaluation for evaluation in evals if evaluation.step <= event.resumed_at]
                case Step():
                    steps.append(event)
                case Eval():
                    evals.append(event)
                case Note():
                    notes.append(event)
        return cls(start, tuple(steps), tuple(evals), tuple(notes))
