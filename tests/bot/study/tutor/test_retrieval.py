import asyncio
from dataclasses import replace

import numpy as np
import pytest

from bot.study.tutor import knowledge
from bot.study.tutor.encoder import installed
from bot.study.tutor.excerpt import excerpt
from bot.study.tutor.meaning import Meaning, key_of, meaning_of, stored, texts_of
from bot.study.tutor.retrieval import Index, Passage, index_of
from bot.study.tutor.words import terms
from lessons import Curriculum, Section, curriculum
from tests.bench.retrieval import FRESH, place, questions

TABLE = "| symptom | fix |\n|---|---|\n" + "\n".join(f"| case {n} | remedy {n} |" for n in range(9))


def recall(asked, cut, meaning=None):
    places = [place(index_of(curriculum()), question, slugs, meaning) for question, slugs in asked.items()]
    return sum(at <= cut for at in places) / len(places)


def test_words_alone_find_the_right_lesson_among_the_first_five_nine_times_in_ten():
    asked = questions()
    assert len(asked) >= 150
    assert recall(asked, 5) >= 0.9


def test_meaning_finds_more_also_of_questions_that_nothing_was_chosen_on():
    fresh = questions(FRESH)
    meaning = meaning_of(curriculum())
    assert len(fresh) == 60
    assert recall(fresh, 5, meaning) > recall(fresh, 5)
    assert recall(fresh, 1, meaning) > recall(fresh, 1)


def test_a_question_without_a_known_word_finds_nothing_whatever_it_is_near_to():
    assert index_of(curriculum()).search("xyzzy plugh", meaning=meaning_of(curriculum())) == []


def test_nearly_everything_that_lessons_say_has_its_vector():
    texts, vectors = [text for _, text in texts_of(curriculum())], stored()
    missing = [text[:60] for text in texts if key_of(text) not in vectors]
    assert len(missing) < len(texts) / 20, f"run `python -m bot.study.tutor.meaning`: {missing[:3]}"


def test_a_text_without_a_vector_counts_nothing():
    encoder = installed()
    text = "cats purr"
    vectors = {key_of(text): np.rint(encoder.encode(text) * 127).astype(np.int8)}
    near, unknown = Meaning(encoder, ["1.1", "1.2"], [("1.1", text), ("1.2", "dogs bark")], vectors).scores("a cat")
    assert near > 0 > unknown


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


async def test_a_curriculum_of_other_lessons_is_searched_by_words():
    lesson = replace(curriculum().lessons[0], id="1.1", slug="bananas", sections=(Section("Why", "Peel a banana.", 1),))
    found = await knowledge.find(Curriculum((lesson,)), "how do I peel a banana")
    assert [passage.slug for passage in found if passage.of_lesson] == ["bananas"]


async def test_many_who_ask_at_first_find_the_same():
    lessons = Curriculum(curriculum().lessons[:20])
    found = await asyncio.gather(*(knowledge.find(lessons, "what is a learning rate") for _ in range(8)))
    assert all(each == found[0] for each in found)


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
