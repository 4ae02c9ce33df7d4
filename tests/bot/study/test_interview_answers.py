"""What people type, and how it is read. Written before the rules; `HELD_OUT` was never looked at while tuning them.

None: read as none of the choices, so kept in the learner's own words. Wrong is worse than unread: it is counted apart.
On the first look 45 of the 50 held out were right, 2 unread and 3 wrong; one rule was added after it, that what
somebody wants to learn they have not used. The same hand wrote both lists, so strangers will be read less well.
"""

import pytest

from bot.study.hardware import read_hardware
from bot.study.interview_questions import BY_KEY, read_rows

TUNED: list[tuple[str, str, str | None]] = [
    # goals
    ("goals", "I want to do LoRA on my own data", "fine-tune"),
    ("goals", "fine tune llama for my company's support tickets", "fine-tune"),
    ("goals", "finetuning", "fine-tune"),
    ("goals", "adapt BERT to medical texts", "fine-tune"),
    ("goals", "my PhD thesis", "research"),
    ("goals", "publish a paper on continual learning", "research"),
    ("goals", "I'd like to understand what actually happens when a model trains", "understand"),
    ("goals", "just curious tbh", "understand"),
    ("goals", "learn the basics properly this time", "understand"),
    ("goals", "get something into production at work", "ship"),
    ("goals", "build a product", "ship"),
    ("goals", "not research, I need to ship", "ship"),
    ("goals", "I don't care about theory, I want to fine-tune stuff", "fine-tune"),
    ("goals", "Modelle feintunen", "fine-tune"),
    ("goals", "verstehen, wie Training funktioniert", "understand"),
    ("goals", "quiero entender cómo funciona el entrenamiento", "understand"),
    ("goals", "comprendre l'entraînement", "understand"),
    ("goals", "微调自己的模型", "fine-tune"),
    ("goals", "做研究", "research"),
    ("goals", "🤷", None),
    ("goals", "Ich möchte tanzen", None),
    # deep learning
    ("deep_learning", "never", "none"),
    ("deep_learning", "not really", "none"),
    ("deep_learning", "none whatsoever", "none"),
    ("deep_learning", "nope, total beginner", "none"),
    ("deep_learning", "zero", "none"),
    ("deep_learning", "a couple of tutorials", "some"),
    ("deep_learning", "finished fast.ai part 1", "some"),
    ("deep_learning", "not much", "some"),
    ("deep_learning", "bits and pieces, mostly kaggle notebooks", "some"),
    ("deep_learning", "one semester at uni", "some"),
    ("deep_learning", "2 weeks", "some"),
    ("deep_learning", "played with MNIST once", "some"),
    ("deep_learning", "not professionally, but a few side projects", "some"),
    ("deep_learning", "10 years of research", "daily"),
    ("deep_learning", "it's my day job", "daily"),
    ("deep_learning", "started with some tutorials, now I train models every day", "daily"),
    ("deep_learning", "about 4 yrs", "daily"),
    ("deep_learning", "PhD in NLP", "daily"),
    ("deep_learning", "nein", "none"),
    ("deep_learning", "ein bisschen", "some"),
    ("deep_learning", "seit 5 Jahren beruflich", "daily"),
    ("deep_learning", "nunca", "none"),
    ("deep_learning", "un poco", "some"),
    ("deep_learning", "jamais", "none"),
    ("deep_learning", "un peu", "some"),
    ("deep_learning", "没有", "none"),
    ("deep_learning", "一点点", "some"),
    ("deep_learning", "💀", None),
    # framework
    ("framework", "started with Keras, now mostly torch", "both"),
    ("framework", "I've used PyTorch and a bit of TF", "both"),
    ("framework", "keras", "tensorflow"),
    ("framework", "tf2", "tensorflow"),
    ("framework", "pytorch, never tensorflow", "pytorch"),
    ("framework", "only ever TensorFlow, no torch", "tensorflow"),
    ("framework", "torch", "pytorch"),
    ("framework", "pytorch lightning", "pytorch"),
    ("framework", "not yet", "none"),
    ("framework", "neither tbh", "none"),
    ("framework", "I haven't used either of them", "none"),
    ("framework", "just scikit-learn", "none"),
    ("framework", "JAX", "none"),
    ("framework", "both", "both"),
    ("framework", "pytroch", "pytorch"),
    ("framework", "Tensorflow in 2018, then switched to PyTorch", "both"),
    ("framework", "keines von beiden", "none"),
    ("framework", "los dos", "both"),
    ("framework", "PyTorch用过一点", "pytorch"),
    ("framework", "ni l'un ni l'autre", "none"),
    ("framework", "TensorFlow at work, hoping to move to PyTorch", "tensorflow"),
    # gpu
    ("gpu", "what is CUDA", "none"),
    ("gpu", "I know what an OOM is, that's about it", "some"),
    ("gpu", "only on Colab", "some"),
    ("gpu", "never touched one", "none"),
    ("gpu", "I write CUDA kernels at work", "daily"),
    ("gpu", "no", "none"),
    ("gpu", "a little", "some"),
    ("gpu", "haha yes, way too many 2 a.m. OOMs", "daily"),
    ("gpu", "kaum", "some"),
    ("gpu", "nada", "none"),
    # workflows
    ("workflows", "I use wandb daily", "daily"),
    ("workflows", "tensorboard a few times", "some"),
    ("workflows", "nope", "none"),
    ("workflows", "not really, I just rerun the notebook", "none"),
    ("workflows", "MLflow in production, checkpoints, resume, all of it", "daily"),
    ("workflows", "what's a checkpoint?", "none"),
    ("workflows", "once or twice", "some"),
    ("workflows", "tous les jours", "daily"),
    ("workflows", "noch nie", "none"),
    # model
    ("model_type", "sentiment analysis with BERT", "classifier"),
    ("model_type", "spam filter", "classifier"),
    ("model_type", "NER on legal documents", "classifier"),
    ("model_type", "a small GPT", "language-model"),
    ("model_type", "a chatbot for our docs", "language-model"),
    ("model_type", "llama 3 8b", "language-model"),
    ("model_type", "something that writes code", "language-model"),
    ("model_type", "translation en->de", "language-model"),
    ("model_type", "image classification", "vision"),
    ("model_type", "stable diffusion", "vision"),
    ("model_type", "speech recognition, Whisper", "other"),
    ("model_type", "time series forecasting", "other"),
    ("model_type", "not an LLM, just a classifier", "classifier"),
    ("model_type", "no idea yet", "unknown"),
    ("model_type", "not sure", "unknown"),
    ("model_type", "weiß nicht", "unknown"),
    ("model_type", "文本分类", "classifier"),
    ("model_type", "大模型", "language-model"),
    ("model_type", "un classificateur de texte", "classifier"),
    ("model_type", "the good kind", None),
    # data
    ("dataset_size", "about 20k rows", "medium"),
    ("dataset_size", "about 50k tweets", "medium"),
    ("dataset_size", "a few hundred", "small"),
    ("dataset_size", "2 million tweets", "large"),
    ("dataset_size", "500", "small"),
    ("dataset_size", "1,500 labelled emails", "medium"),
    ("dataset_size", "10.000 Zeilen", "medium"),
    ("dataset_size", "3GB of text", "large"),
    ("dataset_size", "none yet", "unknown"),
    ("dataset_size", "I haven't collected any", "unknown"),
    ("dataset_size", "between 5k and 10k", "medium"),
    ("dataset_size", "1.2M", "large"),
    ("dataset_size", "250k", "large"),
    ("dataset_size", "maybe 80 examples per class, 5 classes", "small"),
    ("dataset_size", "not much, 300 docs or so", "small"),
    ("dataset_size", "a couple thousand", "medium"),
    ("dataset_size", "no clue", "unknown"),
    ("dataset_size", "keine Ahnung", "unknown"),
    ("dataset_size", "unos miles", "medium"),
    ("dataset_size", "50万条", "large"),
    ("dataset_size", "2e5", "large"),
    ("dataset_size", "huge, the whole of Wikipedia", "large"),
    ("dataset_size", "tiny", "small"),
    ("dataset_size", "42 🐱 pictures", "small"),
    # hardware
    ("hardware", "a 4090 and maybe Colab", "gpu"),
    ("hardware", "2x3090", "multi-gpu"),
    ("hardware", "M2 macbook", "apple"),
    ("hardware", "I don't have a GPU", "cpu"),
    ("hardware", "just my laptop's CPU", "cpu"),
    ("hardware", "2x A100", "multi-gpu"),
    ("hardware", "an A100 80GB", "large-gpu"),
    ("hardware", "nothing", "cpu"),
    ("hardware", "RTX 3060 12GB", "gpu"),
    ("hardware", "gtx 1650, 4gb :(", "gpu"),
    ("hardware", "free colab", "gpu"),
    ("hardware", "kaggle's two T4s", "multi-gpu"),
    ("hardware", "a cluster with 8 H100s at uni", "multi-gpu"),
    ("hardware", "one H100", "large-gpu"),
    ("hardware", "RTX 6000 Ada", "large-gpu"),
    ("hardware", "no GPU, only CPU, 16 GB RAM", "cpu"),
    ("hardware", "thinkpad with integrated graphics", "cpu"),
    ("hardware", "an old 1080 Ti", "gpu"),
    ("hardware", "5090", "gpu"),
    ("hardware", "Mac Studio M1 Ultra 64GB", "apple"),
    ("hardware", "dual 4090", "multi-gpu"),
    ("hardware", "8 GB VRAM", "gpu"),
    ("hardware", "two gpus", "multi-gpu"),
    ("hardware", "whatever the group has", "unknown"),
    ("hardware", "not sure", "unknown"),
    ("hardware", "keine GPU", "cpu"),
    ("hardware", "eine 3080 mit 10 GB", "gpu"),
    ("hardware", "no tengo gpu", "cpu"),
    ("hardware", "pas de GPU", "cpu"),
    ("hardware", "没有显卡", "cpu"),
    ("hardware", "AWS p4d.24xlarge", "multi-gpu"),
    ("hardware", "RX 7900 XTX", "gpu"),
    ("hardware", "a potato", None),
    ("hardware", "my work laptop has an RTX A2000, and I can rent an A100 when needed", "gpu"),
    # performance
    ("performance", "90% accuracy", "score"),
    ("performance", "beat the baseline", "score"),
    ("performance", "F1 above .8", "score"),
    ("performance", "under 50 ms per request", "speed"),
    ("performance", "has to train overnight", "speed"),
    ("performance", "before my thesis deadline in June", "deadline"),
    ("performance", "by Friday", "deadline"),
    ("performance", "that I understand what I'm doing", "learning"),
    ("performance", "no target, I just want to learn", "learning"),
    ("performance", "not losing my mind", None),
]

HELD_OUT: list[tuple[str, str, str | None]] = [
    ("goals", "we have a RAG thing at work and the embeddings suck, want to tune them", "fine-tune"),
    ("goals", "writing my master's thesis about prompt tuning", "research"),
    ("goals", "stop copy-pasting training scripts I don't understand", "understand"),
    ("goals", "deploy a moderation model for our forum", "ship"),
    ("goals", "reproduce results from papers", "research"),
    ("goals", "Ich will mein eigenes Sprachmodell anpassen", "fine-tune"),
    ("deep_learning", "I took it a long time ago", "some"),
    ("deep_learning", "Andrew Ng's course, half of it", "some"),
    ("deep_learning", "I'm a web dev, this is all new", "none"),
    ("deep_learning", "six years in industry", "daily"),
    ("deep_learning", "barely anything", "some"),
    ("deep_learning", "lead an ML team", "daily"),
    ("deep_learning", "pas vraiment", "none"),
    ("framework", "We used Keras and TF but I want to learn Pytorch now", "tensorflow"),
    ("framework", "torch for everything", "pytorch"),
    ("framework", "no, I come from R", "none"),
    ("framework", "PyTorch mainly, TF only when forced to", "both"),
    ("framework", "hf transformers on top of torch", "pytorch"),
    ("gpu", "rented one on vast.ai a couple of times", "some"),
    ("gpu", "I don't even own one", "none"),
    ("gpu", "profiled and optimised training jobs for years", "daily"),
    ("gpu", "ja, ein wenig", "some"),
    ("workflows", "I save the model at the end, that's all", "some"),
    ("workflows", "no tracking, no checkpoints, pure chaos", "none"),
    ("workflows", "yes, slurm + wandb, every week", "daily"),
    ("model_type", "detect toxic comments", "classifier"),
    ("model_type", "qwen 2.5 with QLoRA", "language-model"),
    ("model_type", "segmentation of CT scans", "vision"),
    ("model_type", "summaries of meeting notes", "language-model"),
    ("model_type", "haven't decided", "unknown"),
    ("dataset_size", "roughly 12 000 tickets", "medium"),
    ("dataset_size", "half a million", "large"),
    ("dataset_size", "a few dozen PDFs", "small"),
    ("dataset_size", "depends, I don't have it yet", "unknown"),
    ("dataset_size", "900 images", "small"),
    ("dataset_size", "around 1.5k", "medium"),
    ("dataset_size", "unas 300 frases", "small"),
    ("hardware", "NVIDIA GeForce RTX 5060 Laptop GPU, 8151 MiB", "gpu"),
    ("hardware", "AMD RX 7900 XT with 20GB", "gpu"),
    ("hardware", "a single A4000", "gpu"),
    ("hardware", "4 V100s on the department server", "multi-gpu"),
    ("hardware", "nur CPU", "cpu"),
    ("hardware", "my gaming pc (3070)", "gpu"),
    ("hardware", "macbook air m1, 8gb", "apple"),
    ("hardware", "i have a laptop without a graphics card", "cpu"),
    ("hardware", "colab pro, sometimes an A100", "gpu"),
    ("performance", "something better than what we have in prod", "score"),
    ("performance", "an epoch in less than an hour", "speed"),
    ("performance", "demo ready by end of the month", "deadline"),
    ("performance", "perplexity below 20", "score"),
]


def _outcomes(table: list[tuple[str, str, str | None]]) -> dict[str, list[tuple[str, str, str | None, str | None]]]:
    """Sort answers into read right, unread (own words kept) and misread."""
    outcomes: dict[str, list[tuple[str, str, str | None, str | None]]] = {"right": [], "unread": [], "misread": []}
    for key, text, wanted in table:
        choice = BY_KEY[key].read(text)
        value = choice.value if choice else None
        outcome = "right" if value == wanted else "unread" if value is None else "misread"
        outcomes[outcome].append((key, text, wanted, value))
    return outcomes


@pytest.mark.parametrize(("key", "text", "value"), TUNED)
def test_a_typed_answer_is_understood(key: str, text: str, value: str | None) -> None:
    found = BY_KEY[key].read(text)
    assert (found.value if found else None) == value


def test_answers_that_no_rule_was_tuned_on_are_read_right_or_left_alone() -> None:
    outcomes = _outcomes(HELD_OUT)
    assert len(outcomes["right"]) >= 0.9 * len(HELD_OUT), outcomes
    assert len(outcomes["misread"]) <= 3, outcomes


@pytest.mark.parametrize("key", BY_KEY)
@pytest.mark.parametrize(
    "text", ["x" * 10_000, "🤷‍♀️🔥", "no " * 4_000, "9" * 10_000, "2 x " * 3_000, "\u202e\0\n", "'; drop table"]
)
def test_whatever_is_typed_is_read_at_once_and_breaks_nothing(key: str, text: str) -> None:
    BY_KEY[key].read(text)


@pytest.mark.parametrize(
    ("text", "device", "count", "memory_gb", "bf16"),
    [
        ("a 4090 and maybe Colab", "RTX 4090", 1, 24, True),
        ("2x3090", "RTX 3090", 2, 24, True),
        ("an A100 80GB", "A100", 1, 80, True),
        ("gtx 1650, 4gb :(", "GTX 1650", 1, 4, False),
        ("a cluster with 8 H100s at uni", "H100", 8, 80, True),
        ("free colab", "Colab's T4", 1, 16, False),
        ("RTX 3060 12GB with 64 GB RAM", "RTX 3060", 1, 12, True),
        ("i9, 64 GB of RAM and a 3080 ti", "RTX 3080 Ti", 1, 12, True),
        ("M2 macbook", "Apple M2", 1, 0, False),
        ("8 GB VRAM", "", 1, 8, False),
        ("no tengo gpu", "", 1, 0, False),
    ],
)
def test_hardware_is_read_with_its_number_and_memory(
    text: str, device: str, count: int, memory_gb: int, bf16: bool
) -> None:
    found = read_hardware(text)
    assert found is not None
    assert (found.device, found.count, found.memory_gb, found.bf16) == (device, count, memory_gb, bf16)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("about 50k tweets", 50_000),
        ("1,500 labelled emails", 1_500),
        ("10.000 Zeilen", 10_000),
        ("roughly 12 000 tickets", 12_000),
        ("1.2M", 1_200_000),
        ("half a million", 500_000),
        ("a few hundred", 300),
        ("50万条", 500_000),
        ("2e5", 200_000),
        ("3 GB of logs, maybe 40k lines", 40_000),
        ("none yet", None),
    ],
)
def test_amounts_are_read_with_their_units(text: str, rows: int | None) -> None:
    assert read_rows(text) == rows
