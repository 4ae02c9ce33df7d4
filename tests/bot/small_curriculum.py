"""Ten lessons on three levels, whose prerequisites fit on a screen."""

from lessons import Curriculum, Lesson, Section

LEVELS = {1: "beginner", 2: "beginner", 3: "beginner", 6: "intermediate", 8: "intermediate", 9: "advanced"}
NEEDS = {
    "1.1 overview": "",
    "1.2 loop": "overview",
    "2.1 tokenization": "overview",
    "2.2 batching": "tokenization loop",
    "3.1 loading": "overview",
    "3.2 scripts": "loading batching",
    "6.1 schedules": "loop",
    "8.1 memory": "batching",
    "9.1 peft": "loading memory",
    "9.2 lora": "peft schedules",
}


def _lesson(name: str, needs: str) -> Lesson:
    number, slug = name.split()
    topic = int(number.split(".")[0])
    return Lesson(
        number, slug, topic, f"topic-{topic}", f"Topic {topic}", slug.upper(), LEVELS[topic], 20,
        tuple(needs.split()), (), False, {}, (), (Section("Why", "", 1), Section("How", "", 2)), None, (), "",
    )  # fmt: skip


SMALL = Curriculum(tuple(_lesson(name, needs) for name, needs in NEEDS.items()))
