import pytest

from bot.study.tutor import knowledge
from bot.study.tutor.excerpt import excerpt
from bot.study.tutor.retrieval import Index, Passage, index_of
from bot.study.tutor.words import terms
from lessons import curriculum
from tests.bench.retrieval import place, questions

TABLE = "| symptom | fix |\n|---|---|\n" + "\n".join(f"| case {n} | remedy {n} |" for n in range(9))


def test_the_right_lesson_is_among_the_first_five_nine_times_in_ten():
    index, asked = index_of(curriculum()), questions()
    assert len(asked) >= 150
    places = [place(index, question, slugs) for question, slugs in asked.items()]
    assert sum(at <= 5 for at in places) / len(places) >= 0.9


@pytest.mark.parametrize("question", ["", "   ", "🤷", "the of and", "xyzzy plugh", "x" * 10_000, "`" * 500])
def test_what_says_nothing_finds_nothing(question):
    assert index_of(curriculum()).search(question) == []


@pytest.mark.parametrize("text", ["hello?", "thanks!", "how are you today", "what is your name", "🤷", "see you"])
async def test_small_talk_is_not_about_the_field(text):
    assert not await knowledge.knows(curriculum(), text)


@pytest.mark.parametrize(
    "text", ["lora", "my gradients explode", "what is the learning rate?", "how does tokenization work"]
)
async def test_a_question_about_the_field_is(text):
    assert await knowledge.knows(curriculum(), text)


async def test_a_guide_comes_after_the_lessons():
    found = await knowledge.find(curriculum(), "my gradients explode")
    assert [passage.of_lesson for passage in found] == [True] * 5 + [False]
    assert found[0].mark == "6.3"


def test_words_are_found_whole_in_parts_and_by_their_stem():
    assert {"dataload", "data", "loader"} <= set(terms("DataLoader"))
    assert set(terms("zero_grad")) == {"zero_grad", "zero", "grad"}
    assert terms("clipping") == terms("clipped")
    assert terms("fine-tuning") == terms("finetune") == terms("Fine Tuning")
    assert terms("out of memory") == terms("OutOfMemoryError") == terms("OOM")
    assert terms("lr") == terms("learning rate")


def test_an_excerpt_is_the_fitting_paragraph_and_whole():
    passage = Passage("1.1", "x", "X", "Why", "0", "About cats.\n\nAbout dogs.\n\n```python\ndogs = 1\n```\n\nThe end.")
    assert excerpt(passage, "dogs", 20) == "…\n\nAbout dogs."
    assert excerpt(passage, "cats", 500).endswith("The end.")


def test_an_excerpt_of_a_table_has_its_fitting_rows():
    found = excerpt(Passage("1.1", "x", "X", "Why", "0", TABLE), "remedy 7", 500)
    assert "| remedy 7 |" in found.replace("case 7 ", "")
    assert len(found.splitlines()) == 5


def test_an_index_of_nothing_finds_nothing():
    assert Index([]).search("lora") == []
