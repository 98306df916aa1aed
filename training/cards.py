"""Model cards, written by the command that trained the model: what it is, from what, how, how good, how far."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.loop import Trained

LICENCES = {
    "CANARD": "CC BY-SA 4.0",
    "GECOR CamRest676": "CC BY 4.0",
    "Alexa CQR": "MIT-0",
    "Doc2Dial": "CC BY 3.0",
    "DSTC11 track 5": "CDLA-Sharing 1.0",
    "DSTC9 FAQs": "Apache-2.0",
    "MedQuAD": "CC BY 4.0",
    "SQuAD 1.1": "CC BY-SA 4.0",
    "QED (Natural Questions)": "CC BY-SA 3.0",
    "PolicyQA": "MIT",
    "COVID-QA": "Apache-2.0",
    "public service pages (doc_*)": "public domain, CC0, OGL, CC BY-SA 3.0",
    "Schema-Guided Dialogue": "CC BY-SA 4.0",
    "STAR": "MIT",
    "Taskmaster-4": "CC BY 4.0",
    "Colloquy's service conversations (corpora/data)": "Apache-2.0",
}
"""Every source of training text by the name cards use, with its licence."""

READING_SOURCES = (
    "SQuAD 1.1",
    "PolicyQA",
    "QED (Natural Questions)",
    "COVID-QA",
    "MedQuAD",
    "DSTC9 FAQs",
    "Doc2Dial",
    "Colloquy's service conversations (corpora/data)",
)
"""What ``training.reading_data`` reads."""


@dataclass(frozen=True, slots=True)
class Card:
    """``what`` and ``architecture``: a sentence each. ``sources``: names of ``LICENCES``, or of a file given by hand.
    ``figures``: a line each, with what it was measured on."""

    model: str
    what: str
    architecture: str
    sources: Sequence[str]
    command: str
    figures: Sequence[str]
    limits: Sequence[str]


def write_card(destination: Path, card: Card, trained: Trained) -> None:
    """Writes ``destination/README.md``."""
    minutes = trained.seconds / 60
    when = time.strftime("%-d %B %Y", time.gmtime())
    best = "; ".join(f"{name} {value:.4g}" for name, value in trained.best.items() if name != "step")
    kept = f"; the weights kept are those of step {trained.best['step']:.0f}" if trained.best else ""
    lines = [
        f"# Model card: {card.model}",
        "",
        f"- **What**: {card.what}",
        f"- **Architecture**: {card.architecture}",
        f"- **Data**: {'; '.join(_sourced(name) for name in card.sources)}.",
        f"- **Command**: `{card.command}`",
        f"- **Training**: {trained.steps} steps, {trained.examples:,} examples seen, {minutes:.0f} minutes on "
        f"{trained.device}, {when}{kept}.",
        *([f"- **Development figures**: {best}."] if best else []),
        *(f"- **Measured**: {line}" for line in card.figures),
        *(f"- **Limits**: {line}" for line in card.limits),
    ]
    destination.mkdir(parents=True, exist_ok=True)
    (destination / "README.md").write_text("\n".join(lines) + "\n", "utf-8")


def _sourced(name: str) -> str:
    return f"{name} ({LICENCES[name]})" if name in LICENCES else name
