"""The doctor's look at the tutor's endpoint, each fault at a real server."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.doctor import examine as examine_all
from bot.settings import Settings
from bot.study.tutor.endpoint_doctor import examine
from tests.llm_server import MODEL, Answer

SECRET = "sk-hush"


async def look(llm, name=MODEL, **limits):
    return await examine(llm.base_url, SECRET, name, **limits)


async def test_an_endpoint_that_answers_is_good(llm):
    found = await look(llm)
    assert found.ok
    assert found.found.startswith(f"{MODEL} at {llm.base_url} answers")
    assert llm.keys == [f"Bearer {SECRET}"]
    assert llm.requests[0]["stream"] is True


async def test_one_without_a_list_of_models_or_a_count_of_tokens_is_good_too(llm):
    llm.models, llm.answers = None, [Answer(usage=None)]
    found = await look(llm)
    assert found.ok
    assert "budgets are estimated" in found.found


async def test_one_that_answers_under_any_name_is_good(llm):
    llm.models = ["what-is-loaded"]
    assert (await look(llm)).ok


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (["tiny-tutor-2", "other"], "did you mean tiny-tutor-2?"),
        (["a", "b"], "it has a, b"),
        ([], "it has none at all"),
    ],
)
async def test_a_model_that_is_not_there_is_named_with_the_nearest(llm, listed, said):
    llm.models, llm.answers = listed, [Answer(status=404, error="no such model")]
    found = await look(llm)
    assert found.ok is False
    assert said in found.found
    assert "COHORT_OPENAI_MODEL" in found.fix


@pytest.mark.parametrize(
    ("status", "said", "fix"),
    [
        (401, "refuses the key", "COHORT_OPENAI_API_KEY"),
        (403, "refuses the key", "COHORT_OPENAI_API_KEY"),
        (404, "not this model", "COHORT_OPENAI_BASE_URL"),
        (429, "takes no more requests now", "quota"),
        (500, "is broken (500)", "log"),
        (400, "does not take the tutor's request", "chat model"),
    ],
)
async def test_a_refusal_says_what_to_do_and_no_secret(llm, status, said, fix):
    llm.answers = [Answer(status=status, error=f"your key {SECRET} is odd")]
    found = await look(llm)
    assert found.ok is False
    assert said in found.found
    assert fix in found.fix
    assert "hush" not in f"{found.found} {found.fix}"


@pytest.mark.parametrize("ending", ["cut", "unfinished", "garbage", "odd"])
async def test_an_answer_that_breaks_is_bad(llm, ending):
    llm.answers = [Answer(ending=ending)]
    found = await look(llm)
    assert found.ok is False
    assert found.fix


async def test_an_answer_of_no_words_is_bad(llm):
    llm.answers = [Answer("")]
    assert "answers nothing" in (await look(llm)).found


async def test_one_that_is_silent_is_given_up(llm):
    llm.answers = [Answer(ending="silence")]
    found = await look(llm, patience=0.2)
    assert found.ok is False
    assert "did not answer within" in found.found


async def test_a_slow_one_is_noted(llm):
    ticks = iter([*[0.0] * 4, *[7.5] * 20])
    found = await look(llm, clock=lambda: next(ticks))
    assert found.ok is None
    assert "its first word came after 7.5 s" in found.found


async def test_nobody_at_home_says_where_it_looked():
    found = await examine("http://127.0.0.1:1/v1", None, MODEL)
    assert found.found == "http://127.0.0.1:1/v1 cannot be reached"
    assert "Does the server run?" in found.fix


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/v1", "http://[broken"])
async def test_what_is_no_url_says_what_one_is_like(url):
    found = await examine(url, None, MODEL)
    assert found.ok is False
    assert "COHORT_OPENAI_BASE_URL" in found.fix


@pytest.mark.parametrize("content_type", ["text/html", "application/json"])
async def test_a_server_of_another_kind_is_told_from_openais(content_type):
    async def page(request):
        return web.Response(text='"<html>Welcome</html>"', content_type=content_type)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    async with TestServer(app) as server:
        found = await examine(str(server.make_url("/v1")), None, MODEL)
    assert found.ok is False
    assert "does not answer as OpenAI's API does" in found.found


async def test_the_doctor_looks_at_the_tutor(llm, tmp_path):
    settings = Settings(home=tmp_path, openai_model=MODEL, openai_base_url=llm.base_url)
    assert {check.name: check.ok for check in await examine_all(settings)}["tutor"] is True
    without = {check.name: check for check in await examine_all(Settings(home=tmp_path))}["tutor"]
    assert (without.ok, without.found) == (None, "no model: it quotes the lessons")
