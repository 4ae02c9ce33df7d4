import pytest
from openai import AsyncOpenAI, Timeout
from pydantic import BaseModel

from bot.study.tutor.llm import FAILURES, REST, Model, ModelError, Said
from tests.llm_server import MODEL, Answer

HELLO = [Said("user", "hello")]


class Colour(BaseModel):
    colour: str
    shade: int


async def read(model, counted=None):
    pieces = [piece async for piece in model.stream(HELLO, (counted if counted is not None else []).append)]
    return "".join(pieces)


async def test_an_answer_comes_in_pieces_with_what_it_cost(model, llm):
    llm.answers = [Answer("one two three four", usage=77)]
    counted = []
    pieces = [piece async for piece in model.stream(HELLO, counted.append)]
    assert "".join(pieces) == "one two three four"
    assert len(pieces) == 4
    assert counted == [77]
    assert llm.requests[0]["stream_options"] == {"include_usage": True}
    assert "tools" not in llm.requests[0]


async def test_an_endpoint_that_counts_nothing_is_fine(model, llm):
    llm.answers = [Answer("words", usage=None)]
    counted = []
    assert await read(model, counted) == "words"
    assert counted == []


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_may_pass_is_tried_again(model, llm, status):
    llm.answers = [Answer(status=status), Answer(status=status), Answer("at last")]
    assert await read(model) == "at last"
    assert len(llm.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_what_will_not_pass_is_not_tried_again(model, llm, status):
    llm.answers = [Answer(status=status, error="no")]
    with pytest.raises(ModelError):
        await read(model)
    assert len(llm.requests) == 1


@pytest.mark.parametrize("ending", ["cut", "unfinished", "garbage", "odd", "silence"])
async def test_a_stream_that_breaks_gives_what_it_had_and_then_an_error(model, llm, ending):
    llm.answers = [Answer("the beginning", ending=ending)]
    said = ""
    with pytest.raises(ModelError):
        async for piece in model.stream(HELLO, print):
            said += piece
    assert said == "the beginning"


async def test_an_endpoint_that_is_not_there_is_an_error():
    model = Model(
        AsyncOpenAI(base_url="http://127.0.0.1:9/v1", api_key="x", timeout=Timeout(1.0), max_retries=0), "m", 8_192
    )
    with pytest.raises(ModelError):
        await read(model)
    await model.close()


async def test_after_some_failures_in_a_row_the_endpoint_is_left_alone_for_a_while(llm):
    seconds = [0.0]
    client = AsyncOpenAI(base_url=llm.base_url, api_key="x", max_retries=0)
    model = Model(client, MODEL, 8_192, clock=lambda: seconds[0])
    llm.answers = [*[Answer(status=500)] * (FAILURES + 1), Answer("back")]
    for _ in range(FAILURES):
        with pytest.raises(ModelError):
            await read(model)
    with pytest.raises(ModelError, match="left alone"):
        await read(model)
    assert len(llm.requests) == FAILURES
    seconds[0] = REST
    with pytest.raises(ModelError):  # one call finds out whether it is back: it is not
        await read(model)
    assert model.resting
    seconds[0] = 2 * REST
    assert await read(model) == "back"
    assert not model.resting
    await model.close()


@pytest.mark.parametrize(
    "error",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens",
        "the request exceeds the available context size. try increasing the context size",
        "Input is too long for requested model.",
    ],
)
async def test_a_context_that_is_too_long_is_told_apart_and_is_no_failure(model, llm, error):
    llm.answers = [Answer(status=400, error=error)]
    for _ in range(FAILURES + 1):
        with pytest.raises(ModelError) as refused:
            await read(model)
        assert refused.value.too_long
    assert not model.resting


async def test_a_model_that_knows_the_limit_by_its_new_name_is_understood(model, llm):
    wrong = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    llm.answers = [Answer(status=400, error=wrong), Answer("fine"), Answer("fine")]
    assert await read(model) == "fine"
    assert await read(model) == "fine"
    assert ["max_tokens" in body for body in llm.requests] == [True, False, False]


async def test_a_form_is_read_from_whatever_stands_around_it(model, llm):
    llm.answers = [Answer('Sure!\n```json\n{"colour": "red", "shade": 3}\n```')]
    assert await model.ask(HELLO, Colour, print) == Colour(colour="red", shade=3)


async def test_a_form_that_is_wrong_is_asked_for_once_more(model, llm):
    llm.answers = [Answer('{"colour": "red"}'), Answer('{"colour": "red", "shade": 3}')]
    counted = []
    assert (await model.ask(HELLO, Colour, counted.append)).shade == 3
    assert "shade: Field required" in llm.said
    assert counted == [321, 321]


@pytest.mark.parametrize("text", ["", "no", '{"colour": 1}', "{", "[]", '{"colour": "red", "shade": "dark"}'])
async def test_a_form_that_stays_wrong_is_given_up(model, llm, text):
    llm.answers = [Answer(text)]
    with pytest.raises(ModelError):
        await model.ask(HELLO, Colour, print)
    assert len(llm.requests) == 2
