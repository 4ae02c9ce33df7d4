import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config_errors import ConfigError, Problem, dotted, quoted, shown_key, shown_value


def test_a_problem_reads_as_one_line():
    assert str(Problem("unknown key", 7, "training.lr")) == "line 7: training.lr: unknown key"
    assert str(Problem("the config is empty")) == "the config is empty"
    assert str(Problem("missing", key="exercise")) == "exercise: missing"


def test_an_error_lists_its_problems_by_line():
    error = ConfigError([Problem("b", 9), Problem("c", 10), Problem("a", 2), Problem("none")])
    assert str(error) == "none\nline 2: a\nline 9: b\nline 10: c"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cosin", '"cosin"'),
        ("org/name", '"org/name"'),
        ("../../x", '"../../x"'),
        ("naïve 模型", '"naïve 模型"'),
        ("@everyone", '"\\x40everyone"'),
        ("<@123>", '"\\x3c\\x40123\\x3e"'),
        ("**bold**", '"\\x2a\\x2abold\\x2a\\x2a"'),
        ("`code`", '"\\x60code\\x60"'),
        ("__init__", '"\\x5f\\x5finit\\x5f\\x5f"'),
        ("https://a.b", '"https:\\x2f/a.b"'),
        ("a\nb\x1b", '"a\\x0ab\\x1b"'),
        ("\u202eevil", '"\\u202eevil"'),
        ("\U000e0041", '"\\U000e0041"'),
        ("x" * 61, '"' + "x" * 60 + '…"'),
    ],
)
def test_a_text_is_quoted_so_that_no_chat_acts_on_it(text: str, shown: str):
    assert quoted(text) == shown


@given(st.text())
@settings(deadline=None)
def test_nothing_dangerous_comes_through_quoting(text: str):
    shown = quoted(text)
    assert not set("@<>`*~[]#|{}$&^\n\r\t") & set(shown)
    assert shown.removesuffix('…"').removesuffix('"').isprintable()
    assert "://" not in shown


def test_only_plain_names_are_shown_unquoted():
    assert shown_key("learning_rate") == "learning_rate"
    assert shown_key("_target_") == '"\\x5ftarget\\x5f"'
    assert shown_key("a" * 61).endswith('…"')
    assert dotted(("training", "a.b")) == 'training."a.b"'


def test_a_value_is_shown_as_yaml_writes_it():
    assert [shown_value(v) for v in (True, False, 3, 1e-5, "x")] == ["true", "false", "3", "1e-05", '"x"']
    assert shown_value(10**90) == f"1{'0' * 59}…"
