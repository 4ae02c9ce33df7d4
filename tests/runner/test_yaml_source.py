import pytest

from runner.config_errors import ConfigError
from runner.yaml_source import MAX_PROBLEMS, Document, read


def refused(source: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        read(source)
    return str(caught.value)


def problems(document: Document) -> list[str]:
    return [str(problem) for problem in document.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1e4", 1e4),
        ("1E-4", 1e-4),
        ("5e+5", 5e5),
        ("010", 10),
        ("-3", -3),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("on", "on"),
        ("no", "no"),
        ("12:30:00", "12:30:00"),
        ("2026-01-01", "2026-01-01"),
        ("1:2", "1:2"),
        ("_", "_"),
        ("=", "="),
        ('"1e-4"', "1e-4"),
        ("'true'", "true"),
    ],
)
def test_a_scalar_is_what_yaml_1_2_says(text: str, value: object):
    found = read(f"key: {text}").data["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_that_yaml_1_1_takes_for_booleans_are_words():
    assert read("on: 1\nyes: 2\nn: 3").data == {"on": 1, "yes": 2, "n": 3}


def test_json_is_read_too():
    assert read('{"a": {"b": [1, 2.5, null]}}').data == {"a": {"b": [1, 2.5, None]}}


def test_each_key_has_its_line():
    document = read("# first\na:\n  b: 1\n\n  c: {d: 2}\n")
    assert document.lines == {("a",): 2, ("a", "b"): 3, ("a", "c"): 5, ("a", "c", "d"): 5}


def test_a_windows_file_with_a_byte_order_mark_is_read():
    assert read("\ufeffa: 1\r\nb: 2\r\n".encode()).data == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"a: 1\n\xff\xfe", "line 2: the byte 0xff is not UTF-8"),
        (b"\x80\x04\x95pickle", "line 1: the byte 0x80 is not UTF-8"),
        ("a: 1\nb: \0", "line 2: the control character U+0000"),
        ("a: \x1b[31m", "line 1: the control character U+001B"),
        ("a: \ud800", "line 1: the control character U+D800"),
        ("", "the config is empty"),
        ("# only\n# comments\n", "the config is empty"),
        ("---\n", "the config is empty"),
        ("- a\n- b", "line 1: a config is key: value lines, and this is a list"),
        ("exercise", 'line 1: a config is key: value lines, and this is "exercise"'),
        ("exercise:match\nmodel:minilm", "put a space after each colon"),
        ("5", "line 1: a config is key: value lines, and this is 5"),
        ("&a [*a]", "line 1: the anchor"),
        ("x" * 2_000_000, "the config has 2,000,000 bytes; at most 16 KB are read"),
        ("é" * 9_000, "the config has 18,000 bytes"),
        (b"[" * 20_000, "the config has 20,000 bytes"),
        ("[" * 16_000, "nested over 6 levels deep"),
        ("{a: " * 4_000, "line 1: nested over 6 levels deep"),
        ("[\n" * 8_000, "line 7: nested over 6 levels deep"),
        ("- " * 8_000, "nested over 6 levels deep"),
        ("? " * 8_000, "nested over 6 levels deep"),
        ("%YAML 1.1\n---\na: 1", "directives"),
        ("%TAG ! tag:x,2026:\n---\na: 1", "directives"),
        ("a: 1\nb: 'x\nc: 2", "line 2: a quote that is never closed"),
        ("a: [1, 2\nb: 3", "a bracket that is never closed"),
        ("a:\n\tb: 1", "line 2: there is a tab here"),
        ("a:\n  b: 1\n c: 2", "line 3: the indentation does not fit"),
        ("a: 1\n  b: 2", "line 2: a colon that does not fit"),
        ("a: 1\nfoo\n", "line 2: a line without a colon"),
        ("a: @b", "line 1: a value cannot start with this character"),
        ('a: "\\q"', "line 1: a backslash in double quotes"),
        ('a: "\\UFFFFFFFF"', "an escape in double quotes that means no character"),
        ("a: !<x", "line 1: this is not YAML"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(source: str | bytes, message: str):
    assert message in refused(source)


def test_a_bomb_of_aliases_is_refused_without_being_expanded():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    assert "aliases are not allowed" in refused("\n".join(lines))


def test_aliases_anchors_tags_and_merge_keys_are_each_named_with_their_line():
    document = read("a: &x 1\nb: *x\n<<: {c: 1}\nd: !!python/object:os.system rm\ne: !mine {f: 2}\n")
    assert problems(document) == [
        'line 1: a: the anchor "x": anchors are not allowed',
        'line 2: b: the alias "x": aliases are not allowed; write the value out',
        "line 3: merge keys (<<) are not allowed; write the keys out",
        'line 4: d: the tag "!!python/object:os.system": tags are not allowed; a config is data only',
        'line 5: e: the tag "!mine": tags are not allowed; a config is data only',
    ]
    assert document.data == {"a": 1, "e": {"f": 2}}


def test_a_duplicate_key_is_named_with_both_lines():
    document = read("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\na: 2\n")
    assert problems(document) == [
        "line 5: b.c: given twice, in line 3 and in line 5; keep one of them",
        "line 6: a: given twice, in line 1 and in line 6; keep one of them",
    ]
    assert problems(read("{a: 1, a: 2}")) == ["line 1: a: given twice, in this line; keep one of them"]


def test_the_same_key_in_two_sections_is_no_duplicate():
    assert read("a: {k: 1}\nb: {k: 2}\nk: 3").problems == ()


def test_a_second_document_is_refused_and_not_read():
    document = read("a: 1\n---\na: 2\n")
    assert document.data == {"a": 1}
    assert problems(document) == ["line 2: a second document begins here; a config is one"]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("1: a", "1 stands"),
        ("true: a", "true stands"),
        ("1.5: a", "1.5 stands"),
        (": a", "nothing stands"),
        ("[x]: a", "a list or a section stands"),
        ("? {x: 1}\n: a", "a list or a section stands"),
    ],
)
def test_a_key_that_is_no_name_is_refused(source: str, what: str):
    document = read(f"{source}\nb: 1")
    assert problems(document) == [f"line 1: {what} where a key should be; keys are names such as seed"]
    assert document.data == {"b": 1}


@pytest.mark.parametrize("number", [".inf", "-.INF", ".nan", "1e999"])
def test_a_number_that_is_not_finite_is_refused(number: str):
    document = read(f"a: {number}")
    assert problems(document) == [f"line 1: a: {number} is not a finite number"]
    assert document.data == {}


def test_a_number_too_long_for_python_to_print_is_refused():
    assert problems(read(f"a: {'9' * 5_000}")) == ["line 1: a: a number of 5,000 characters is too long"]
    assert problems(read(f"a: 0x{'f' * 5_000}")) == ["line 1: a: a number of 5,002 characters is too long"]


def test_the_list_of_problems_ends_somewhere():
    text = refused("a: 1\n" * 3_000)
    assert len(text.splitlines()) == MAX_PROBLEMS + 1
    assert "more problems than can be listed" in text
