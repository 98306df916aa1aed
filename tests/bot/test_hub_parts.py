"""The parts of the hub profile, opened from tiny models and put to work on one question."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.hub_parts import Machine, Named, open_answerer, open_reader, open_rewriter, open_runtime
from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Turn
from domain.errors import Misconfigured
from domain.passage import Passage, RetrievedPassage
from generation.ctranslate_runtime import CTranslate2Runtime
from generation.fusing import Layout
from generation.hub_rewriting import RewritingOptions
from generation.seq2seq import FusionMode
from generation.seq2seq_answering import Prompt, WritingOptions
from generation.torch_runtime import TorchSeq2SeqRuntime
from tests.retrieval.hub_models import save_cross_encoder
from tests.training.tiny_models import tiny_bart, tiny_t5

TEXTS = ("a red light means a fault", "the late bill costs nine pounds", "closed sunday")


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_t5(tmp_path_factory.mktemp("models") / "t5")


def evidence() -> list[RetrievedPassage]:
    passages = [Passage(f"p{i}", "d", "router", text, "file.md", (0, len(text))) for i, text in enumerate(TEXTS)]
    return [RetrievedPassage(one, 1.0 / rank, rank) for rank, one in enumerate(passages, 1)]


@pytest.mark.parametrize(
    ("runtime", "modes", "kind"),
    [
        ("auto", [FusionMode.CONCAT, FusionMode.RAG_SEQUENCE], CTranslate2Runtime),
        ("auto", [FusionMode.CONCAT, FusionMode.FID], TorchSeq2SeqRuntime),
        ("pytorch", [FusionMode.CONCAT], TorchSeq2SeqRuntime),
        ("ctranslate2", [FusionMode.FID], CTranslate2Runtime),
    ],
)
def test_the_runtime_follows_the_modes_unless_it_is_named(
    runtime: str, modes: list[FusionMode], kind: type, t5: Path, tmp_path: Path
) -> None:
    machine = Machine(tmp_path, runtime)  # type: ignore[arg-type]
    assert isinstance(open_runtime(t5, modes, machine), kind)


@pytest.mark.parametrize("mode", list(FusionMode))
def test_the_answerer_drafts_by_every_mode(mode: FusionMode, t5: Path, tmp_path: Path) -> None:
    prompt = Prompt("answer the question", (("the fee is nine", "what is the fee", "nine"),))
    answerer = open_answerer(
        Named(str(t5)), Machine(tmp_path), WritingOptions((mode,), beams=2, max_tokens=6), prompt=prompt, window=120
    )
    *_, drafts = answerer.stream("what is the fee", [], evidence())
    assert drafts
    assert all(not isinstance(one, str) and one.origin.startswith(f"{mode} beam") for one in drafts)


def test_a_mode_that_the_named_runtime_lacks_is_refused(t5: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path, "ctranslate2")
    with pytest.raises(Misconfigured, match="by fid on this runtime; choose of: concat, rag-sequence"):
        open_answerer(Named(str(t5)), machine, WritingOptions(), prompt=Prompt(), window=120)


def test_an_answerer_we_taught_reads_as_it_was_taught(tmp_path: Path) -> None:
    folder = tiny_bart(tmp_path / "bart")
    Layout("fid", "task: ", window=40, reply=6).write(folder)
    options = WritingOptions(beams=1, max_tokens=6)
    answerer = open_answerer(Named(str(folder)), Machine(tmp_path), options, prompt=Prompt(), window=100)
    request, _ = answerer.request(FusionMode.FID, "what is the fee", evidence())
    assert max(map(len, request.sources)) <= 40


def test_the_rewriter_and_the_reader_open_by_name(t5: Path, tmp_path: Path) -> None:
    rewriter = open_rewriter(Named(str(t5)), Machine(tmp_path), RewritingOptions())
    history = [Turn("", "what is the fee", Query("what is the fee", ""), Answer("nine pounds", AnswerKind.GENERATED))]
    assert rewriter.rewrite("what of it?", history).original == "what of it?"
    reader = open_reader(Named(str(save_cross_encoder(tmp_path / "reader", 5))), Machine(tmp_path))
    assert 0 < reader.read("how", [evidence()[0].passage])[0].relevance < 1


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="nowhere' does not exist"):
        open_reader(Named(str(tmp_path / "nowhere")), Machine(tmp_path))
