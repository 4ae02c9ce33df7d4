"""A run's model card, as the Hub shows it: what was trained, on what, how well, and how to do it again."""

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from runner.catalog import PACKAGED, Catalog
from runner.config import Config, render
from runner.run_dir import Result

_CARD = """\
---
{{ card_data }}
---

# {{ title }}

{{ summary }}

| | |
|---|---|
{% for name, value in facts %}| {{ name }} | {{ value }} |
{% endfor %}
## Config

```yaml
{{ config }}```

## Again

Put the config into a folder as `config.yaml` and run `python -m runner FOLDER`; `--again` on a finished folder says
whether it comes out the same.

## Limits

It was trained to teach training, on {{ data }}. Nobody has tested it for anything else.
"""


def model_card(config: Config, result: Result, title: str, catalog: Catalog = PACKAGED) -> str:
    """Return the card of a run that succeeded, as Markdown with metadata. Imports take a second the first time."""
    exercise = catalog.exercises[config.exercise]
    metric = exercise.metric
    assert result.test is not None  # noqa: S101  (a run that succeeded has a score)
    data = ModelCardData(
        language="en",
        library_name="peft" if config.method in ("lora", "prompt-tuning", "ia3") else "transformers",
        tags=["cohort", config.method],
        model_name=title,
        eval_results=[
            EvalResult(
                task_type="text-generation" if exercise.task == "text-generation" else "text-classification",
                dataset_type=f"cohort-{exercise.dataset}" if exercise.files is None else exercise.dataset,
                dataset_name=exercise.title,
                metric_type=metric.name,
                metric_value=round(result.test, 4),
            )
        ],
    )
    low, high = result.test_interval or (result.test, result.test)
    facts = [
        (
            f"Hidden test, {metric.name}",
            f"{metric.format(result.test)} ({metric.format(low)} to {metric.format(high)})",
        ),
        *((f"Baseline, {name}", metric.format(score)) for name, score in result.baselines.items()),
        ("Model", catalog.models[config.model].title),
        ("Method", f"{config.method}, {result.trainable:,} of {result.parameters:,} parameters"),
        ("Training", f"{result.steps} steps, {result.train_tokens:,} tokens, {result.train_seconds:.0f} s"),
        ("Device", f"{result.device}, {result.precision}"),
        ("Seed", str(result.seed)),
        ("Data", f"{exercise.dataset} {result.data_hash}"),
        *((f"Commit of {name}", revision) for name, revision in result.revisions.items()),
        ("Versions", ", ".join(f"{name} {version}" for name, version in result.versions.items())),
    ]
    card = ModelCard.from_template(
        data,
        template_str=_CARD,
        title=title,
        summary=exercise.summary,
        facts=facts,
        config=render(config, catalog),
        data="docstrings and source code of Python libraries" if exercise.files is None else exercise.dataset,
    )
    return str(card.content)
