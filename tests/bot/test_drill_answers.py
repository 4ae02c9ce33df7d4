"""Answers to drills that cannot be read: nothing is counted, and the form's field is named."""

from bot.app import App
from bot.dispatch import Request
from bot.study.membership import Sender
from bot.view import Edit, Refused, read_action


async def test_an_answer_that_is_not_understood_names_its_field_and_leaves_the_question_open(app: App):
    def ann(route: str, **values: str) -> Request:
        return Request(Sender("local", "ann", "Ann"), "#lab", route, values, ("#lab", "lab"))

    asked = await app.dispatch(ann("drill", topic="basic-training-loop"))
    _, ids = read_action(asked.buttons[0].action)
    reply = await app.dispatch(ann("drill.answer", review=ids["review"], choice="🤷"))
    assert isinstance(reply, Refused)
    ((field, problem),) = reply.errors
    assert field == "choice"
    assert isinstance(reply.answer, Edit)
    assert reply.answer.message.body.startswith(problem)
    again = await app.dispatch(ann("drill", topic="basic-training-loop"))
    assert read_action(again.buttons[0].action)[1]["review"] == ids["review"]
