import subprocess
import sys

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from bot.study.tutor.encoder import installed
from runner.catalog import package_folder

TEXTS = ("what is warmup", "Résumé: `zero_grad` — 3e-5?", "padding " * 400, "🤷")


@pytest.mark.parametrize("text", TEXTS)
def test_a_vector_is_the_one_that_transformers_computes(text):
    tokenizer, model = (kind.from_pretrained(package_folder()) for kind in (AutoTokenizer, AutoModel))
    with torch.no_grad():
        states = model(**tokenizer(text, return_tensors="pt", truncation=True, max_length=256)).last_hidden_state
    expected = torch.nn.functional.normalize(states.mean(1))[0].numpy()
    assert float(expected @ installed().encode(text)) > 0.9999


def test_what_means_the_same_is_near():
    encode = installed().encode
    question = encode("my gradients explode")
    assert question @ encode("clip the norm of the gradient") > question @ encode("load a parquet file") + 0.2
    assert np.linalg.norm(question) == pytest.approx(1, abs=1e-5)


def test_the_encoder_needs_no_torch():
    encoding = "from bot.study.tutor.encoder import installed; installed().encode('x')"
    code = f"import sys; {encoding}; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
