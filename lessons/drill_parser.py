"""Reads the drills of a lesson.

    ### d2 · choice · difficulty 3 · placement

    The question, any Markdown.

    - [x] An option
      > Why it is right.
    - [ ] Another
      > The misconception behind it.

    Hint: One or more, each its own paragraph.

`several` is written the same way. The other kinds have an `Answer:` with an explanation quoted under it:

- `number`: `Answer: 250 steps` or `Answer: 0.69 ± 0.01`;
- `spot`: `Answer: line 4`, a line of the code in the question;
- `order`: a plain list, then `Answer: b a c`;
- `output`: `Answer:`, then what the code in the question prints, fenced as `output`;
- `short`: `Answer:` with a model answer, then a list of `needs: one phrase, or another` and of
  `refuse: phrase`, the latter with an explanation quoted under it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.tree import SyntaxTreeNode

from lessons.answer import AllOf, Answer, Line, OneOf, Option, Order, Output, Refusal, Rubric, letter
from lessons.drill import KINDS, Drill, Kind
from lessons.number import Number
from lessons.page import Page, first_line, is_fence, last_line, plain

_HEADING = re.compile(r"(d[1-9]\d?) · (\w+) · difficulty ([1-5])( · placement)?")
_BOX = re.compile(r"\[([ xX])\]\s+")


@dataclass(frozen=True, slots=True)
class _Parts:
    """A drill's blocks, sorted by what they are for."""

    question: tuple[SyntaxTreeNode, ...]
    options: SyntaxTreeNode | None
    key: str | None
    key_line: int
    under_key: tuple[SyntaxTreeNode, ...]
    explanation: str
    hints: tuple[str, ...]


def read_drills(page: Page, nodes: Sequence[SyntaxTreeNode], lesson: str) -> tuple[Drill, ...]:
    """Return the drills under the heading *Drills*; raises LessonError at the first that is malformed."""
    if not nodes:
        raise page.error(len(page.lines), "there are no drills under the heading Drills")
    if nodes[0].tag != "h3":
        raise page.error(first_line(nodes[0]), "drills start with `### d1 · choice · difficulty 2`")
    starts = [index for index, node in enumerate(nodes) if node.tag == "h3"]
    ends = [*starts[1:], len(nodes)]
    return tuple(_read_drill(page, nodes[a:b], lesson) for a, b in zip(starts, ends, strict=True))


def _read_drill(page: Page, nodes: Sequence[SyntaxTreeNode], lesson: str) -> Drill:
    line = first_line(nodes[0])
    match = _HEADING.fullmatch(plain(nodes[0]))
    if match is None or match[2] not in KINDS:
        raise page.error(line, f"write `### d1 · KIND · difficulty 1` with KIND one of {', '.join(KINDS)}")
    name, kind = match[1], next(kind for kind in KINDS if kind == match[2])
    parts = _sort(page, nodes[1:], kind)
    if not parts.question:
        raise page.error(line, f"{name} asks nothing: the question stands under its heading")
    options = _read_options(page, parts.options, kind) if parts.options else ()
    answer = _read_answer(page, parts, kind, options, line)
    explanation = parts.explanation or "\n\n".join(option.explanation for option in options if option.right)
    if not explanation:
        raise page.error(line, f"{name} needs an explanation, quoted with `>` under its answer")
    return Drill(
        id=f"{lesson}/{name}",
        lesson=lesson,
        kind=kind,
        difficulty=int(match[3]),
        question=_number_lines(page, parts.question) if kind == "spot" else page.text(parts.question),
        options=options,
        answer=answer,
        hints=parts.hints,
        explanation=explanation,
        placement=bool(match[4]),
        line=line,
    )


def _sort(page: Page, nodes: Sequence[SyntaxTreeNode], kind: Kind) -> _Parts:
    """Split a drill's blocks at its options and its `Answer:`."""
    key = next((i for i, node in enumerate(nodes) if _starts(node, "Answer:")), None)
    lists = [i for i, node in enumerate(nodes[:key]) if node.type == "bullet_list"]
    listed = lists[-1] if lists and kind in ("choice", "several", "order") else None
    if listed is not None and key is not None and key != listed + 1:
        raise page.error(first_line(nodes[listed + 1]), "`Answer:` stands directly under the options")
    first_after = (key if key is not None else listed if listed is not None else len(nodes) - 1) + 1
    question = nodes[: listed if listed is not None else key]
    rest = nodes[first_after:]
    hints = tuple(hint for node in rest if _starts(node, "Hint:") for hint in _hints(node))
    other = [node for node in rest if not _starts(node, "Hint:")]
    quoted = other.pop() if other and other[-1].type == "blockquote" else None
    if other and kind not in ("output", "short"):
        raise page.error(first_line(other[0]), "only an explanation (`> …`) and `Hint: …` follow an answer")
    return _Parts(
        question=tuple(question),
        options=nodes[listed] if listed is not None else None,
        key=plain(nodes[key]).removeprefix("Answer:").strip() if key is not None else None,
        key_line=first_line(nodes[key]) if key is not None else 0,
        under_key=tuple(other),
        explanation=plain(quoted) if quoted else "",
        hints=hints,
    )


def _starts(node: SyntaxTreeNode, word: str) -> bool:
    return node.type == "paragraph" and plain(node).startswith(word)


def _hints(node: SyntaxTreeNode) -> Iterator[str]:
    for hint in re.split(r"\n(?=Hint:)", plain(node)):
        yield hint.removeprefix("Hint:").strip()


def _read_options(page: Page, listed: SyntaxTreeNode, kind: Kind) -> tuple[Option, ...]:
    options = tuple(_read_option(page, item, boxed=kind != "order") for item in listed.children)
    if not 2 <= len(options) <= 8:
        raise page.error(first_line(listed), f"a drill has 2 to 8 options, not {len(options)}")
    return options


def _read_option(page: Page, item: SyntaxTreeNode, *, boxed: bool) -> Option:
    line, text = first_line(item), plain(item.children[0])
    if not boxed:
        return Option(text)
    box = _BOX.match(text)
    if box is None:
        raise page.error(line, "an option starts with `[x]` (right) or `[ ]` (wrong)")
    quoted = [child for child in item.children if child.type == "blockquote"]
    if len(quoted) != 1:
        raise page.error(line, "every option, right or wrong, has its explanation quoted under it with `>`")
    return Option(text[box.end() :], right=box[1] != " ", explanation=plain(quoted[0]))


def _read_answer(page: Page, parts: _Parts, kind: Kind, options: tuple[Option, ...], line: int) -> Answer:
    if kind in ("choice", "several"):
        return _read_choice(page, options, kind, line)
    if parts.key is None:
        raise page.error(line, f"a `{kind}` drill needs an `Answer:`")
    match kind:
        case "number":
            return _read_number(page, parts)
        case "order":
            return _read_order(page, parts, options)
        case "spot":
            return _read_line(page, parts)
        case "output":
            return _read_output(page, parts)
        case _:
            return _read_rubric(page, parts)


def _read_choice(page: Page, options: tuple[Option, ...], kind: Kind, line: int) -> Answer:
    right = sum(option.right for option in options)
    if kind == "several" and right:
        return AllOf(options)
    if kind == "choice" and right == 1:
        return OneOf(options)
    wanted = "exactly one option marked `[x]`" if kind == "choice" else "at least one option marked `[x]`"
    raise page.error(line, f"a `{kind}` drill has {wanted}, not {right}")


def _read_number(page: Page, parts: _Parts) -> Number:
    try:
        return Number.parse(parts.key or "")
    except ValueError as problem:
        raise page.error(parts.key_line, str(problem)) from None


def _read_order(page: Page, parts: _Parts, options: tuple[Option, ...]) -> Order:
    letters = (parts.key or "").split()
    known = [letter(index) for index in range(len(options))]
    if not known or sorted(letters) != known:
        raise page.error(parts.key_line, "an `order` drill has a list, then `Answer:` with every letter once: `b a c`")
    return Order(tuple(known.index(each) for each in letters))


def _read_line(page: Page, parts: _Parts) -> Line:
    code = next((node for node in parts.question if node.type == "fence"), None)
    lines = len(code.content.splitlines()) if code else 0
    match = re.fullmatch(r"line ([1-9]\d?)", parts.key or "")
    if match is None or int(match[1]) > lines:
        raise page.error(parts.key_line, f"write `Answer: line 3`: a line of the code above, which has {lines}")
    return Line(int(match[1]), lines)


def _read_output(page: Page, parts: _Parts) -> Output:
    shown = [node for node in parts.under_key if is_fence(node, "output")]
    if len(shown) != 1 or parts.key or not any(is_fence(node, "python") for node in parts.question):
        wanted = "a `python` block in the question, and under `Answer:` a block fenced as `output`"
        raise page.error(parts.key_line, f"an `output` drill has {wanted}")
    return Output(shown[0].content.rstrip("\n"))


def _read_rubric(page: Page, parts: _Parts) -> Rubric:
    rules = parts.under_key[0] if parts.under_key else None
    if rules is None or rules.type != "bullet_list":
        raise page.error(parts.key_line, "a `short` drill lists `needs: phrase, or another` under its model answer")
    needs: list[tuple[str, ...]] = []
    refusals: list[Refusal] = []
    for item in rules.children:
        rule, _, phrases = plain(item.children[0]).partition(":")
        words = tuple(phrase.strip() for phrase in phrases.split(",") if phrase.strip())
        quoted = [plain(child) for child in item.children if child.type == "blockquote"]
        if rule == "needs" and words and not quoted:
            needs.append(words)
        elif rule == "refuse" and words and quoted:
            refusals.append(Refusal(words, quoted[0]))
        else:
            raise page.error(
                first_line(item), "write `needs: a, b`, or `refuse: a` with its explanation quoted under it"
            )
    if not needs:
        raise page.error(parts.key_line, "without a `needs:` line every sentence would be right")
    return Rubric(parts.key or "", tuple(needs), tuple(refusals))


def _number_lines(page: Page, question: tuple[SyntaxTreeNode, ...]) -> str:
    """Put a number before each line of the code, because the answer is one of them."""
    lines = list(page.lines)
    code = next(node for node in question if node.type == "fence")
    for number, index in enumerate(range(first_line(code), last_line(code) - 1), 1):
        lines[index] = f"{number:>2}  {lines[index]}".rstrip()
    return "\n".join(lines[first_line(question[0]) - 1 : last_line(question[-1])])
