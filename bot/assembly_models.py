"""The models this bot runs: those that ship, or those that the hub profile names; each opened when first needed, so
that ``search`` never waits for the generator. Beside ``bot/assembly.py`` the only file that reads settings.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

from bot.hub_parts import Machine, Named, open_answerer, open_dpr, open_encoder, open_reader, open_rewriter
from domain.protocols import AnswerGenerator, QueryRewriter
from generation.answering import CopyAnswerer
from generation.calibration import AnswerWeights, open_answer_weights, threshold_for
from generation.explaining import Explainer, open_explainer
from generation.hub_rewriting import RewritingOptions
from generation.rewriting import CopyRewriter
from generation.seq2seq import FusionMode
from generation.seq2seq_answering import Prompt, WritingOptions
from generation.tokenizing import WordPieces
from memory.window import HistoryWindow
from retrieval.encoders import MiniLMEncoder, minilm_folder
from retrieval.hub_encoders import HubEncoder
from retrieval.reader import CachedReader, MiniLMReader
from retrieval.sentences import sentence_spans
from settings import GenerationSettings, HubSettings, Settings

MODELS = Path(__file__).resolve().parent.parent / "models"


class Models:
    """Safe for several threads as far as the models are."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    def cache(self) -> Path:
        return self.settings.data_dir / "models"

    @cached_property
    def encoder(self) -> MiniLMEncoder | HubEncoder:
        """What makes vectors of queries and passages."""
        question, context, whole = map(self._named, ("question_encoder", "context_encoder", "encoder"))
        if question and context:
            return open_dpr(question, context, self._machine)
        return open_encoder(whole, self._machine) if whole else shipped_encoder(self.cache)

    @cached_property
    def reader(self) -> CachedReader:
        if named := self._named("reranker"):
            return CachedReader(open_reader(named, self._machine))
        return CachedReader(MiniLMReader(MODELS / "reader", self.cache))

    @cached_property
    def rewriter(self) -> QueryRewriter:
        named = self._named("rewriter")
        if named is None:
            return CopyRewriter(MODELS / "rewriter", minilm_folder())
        return open_rewriter(named, self._machine, RewritingOptions(separator=self.settings.hub.separator))

    @cached_property
    def answerer(self) -> AnswerGenerator:
        hub, chosen, named = self.settings.hub, self.settings.generation, self._named("answerer")
        modes = tuple(map(FusionMode, hub.modes if named else chosen.modes))
        if named is None:
            return CopyAnswerer(
                MODELS / "answerer",
                minilm_folder(),
                beams=chosen.beams,
                max_tokens=chosen.max_tokens,
                modes=modes,
                reader=self.reader,
            )
        options = WritingOptions(modes, chosen.beams, chosen.max_tokens, concat_window=hub.window)
        prompt = Prompt(hub.instruction, tuple((x.context, x.question, x.answer) for x in hub.examples))
        return open_answerer(named, self._machine, options, prompt=prompt, window=hub.window, reader=self.reader)

    def _named(self, part: str) -> Named | None:
        """The model that the hub profile names for ``part``; None where what ships does it."""
        hub, on = self.settings.hub, self.settings.generation.profile == "hub"
        name = getattr(hub, part) if on else None
        return Named(name, getattr(hub, f"{part}_revision")) if name else None

    @property
    def _machine(self) -> Machine:
        hub = self.settings.hub
        return Machine(self.cache, hub.runtime, hub.device, hub.compute_type, hub.precision)

    @cached_property
    def explainer(self) -> Explainer:
        return open_explainer(MODELS / "answerer", minilm_folder(), sentence_spans)

    @cached_property
    def pieces(self) -> WordPieces:
        """What tokens are counted in."""
        return WordPieces(minilm_folder())

    @cached_property
    def window(self) -> HistoryWindow:
        return HistoryWindow(self.settings.window.max_turns, self.settings.window.max_tokens, self.pieces.count)

    @cached_property
    def answer_weights(self) -> AnswerWeights | None:
        """How candidates are weighed, as fitted on development turns; None where nothing was."""
        return open_answer_weights(MODELS / "weighting" / "answers.json")

    @property
    def abstain_below(self) -> float:
        """The confidence below which the assistant does not answer: as set, or what the wanted precision asks for."""
        chosen = self.settings.weighting
        if chosen.target_precision is None or self.answer_weights is None:
            return chosen.abstain_below
        return threshold_for(self.answer_weights.curve, chosen.target_precision)


def encoder_maker(settings: Settings) -> Callable[[], MiniLMEncoder | HubEncoder]:
    """Makes the encoder of ``settings`` anew wherever it is called: it can be sent to other processes and machines,
    and takes no secret along."""
    return partial(_encoder_of, settings.data_dir, settings.generation, settings.hub)


def _encoder_of(data_dir: Path, generation: GenerationSettings, hub: HubSettings) -> MiniLMEncoder | HubEncoder:
    return Models(Settings.model_construct(data_dir=data_dir, generation=generation, hub=hub)).encoder


def shipped_encoder(cache: Path) -> MiniLMEncoder:
    """MiniLM with the weights that ship, converted once into ``cache``."""
    return MiniLMEncoder(cache, tuned=MODELS / "bi-encoder")
