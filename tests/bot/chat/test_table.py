"""Tables that are too wide for a chat's page are told row by row."""

from bot.chat import discord_text, slack_mrkdwn
from bot.chat.table import is_wide, told

WIDE = """
| symptom | cause | fix |
|---|---|---|
| loss flat at ln(classes) from first to last | the rate is **too low** | ten times the rate, `learning_rate: 1e-3` |
| NaN | overflow in fp16 | bf16 |
"""
ROWS = (
    ("", "Lesson", "Why"),
    ("1.4", "Basic Training Loop", "because your last run diverged at step 30"),
    ("1.5", "X", ""),
)


def test_a_table_is_wide_when_its_aligned_rows_are() -> None:
    assert not is_wide((("Who", "Score"), ("ann", "9" * 40)))
    assert is_wide((("Who", "Score"), ("ann", "9" * 60)))
    assert not is_wide(((),))


def test_a_first_column_without_a_heading_belongs_to_the_name() -> None:
    assert told(ROWS, "*") == ("*1.4 Basic Training Loop*\nWhy: because your last run diverged at step 30\n\n*1.5 X*")


def test_discord_tells_a_wide_table_row_by_row_with_its_marks() -> None:
    assert discord_text.to_discord(WIDE).startswith(
        "**loss flat at ln(classes) from first to last**\ncause: the rate is **too low**\n"
        "fix: ten times the rate, `learning_rate: 1e-3`\n\n**NaN**\ncause: overflow in fp16"
    )
    assert discord_text.table((*ROWS, ("2", "snake_case*", "w" * 60))).endswith(
        "**2 snake\\_case\\***\nWhy: " + "w" * 60
    )


def test_slack_tells_a_wide_table_row_by_row_with_its_marks() -> None:
    told = "\n".join(slack_mrkdwn.sections(WIDE))
    assert "*loss flat at ln(classes) from first to last*\ncause: the rate is *too low*" in told
    assert "fix: ten times the rate, `learning_rate: 1e-3`" in told
    assert slack_mrkdwn.table((*ROWS, ("2", "<!here>", "w" * 60))).endswith("*2 &lt;!here&gt;*\nWhy: " + "w" * 60)
