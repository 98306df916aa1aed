from __future__ import annotations

import gzip
import importlib.util
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from retrieval.ray_embedding import on_ray
from retrieval.shard_files import ShardFolder
from retrieval.sharding import cut, embed, embed_shard, planned
from tests.retrieval.word_encoder import WordEncoder

ROOT = Path(__file__).parents[2]
MAKE = partial(WordEncoder, 16)


def shards(tmp_path: Path, name: str) -> ShardFolder:
    """Three shards of 2, 2 and 1 passages."""
    path = tmp_path / "five.tsv.gz"
    path.write_bytes(gzip.compress("".join(["id\ttext\ttitle\n", *(f"{n}\tRow {n}.\tT\n" for n in range(5))]).encode()))
    folder = ShardFolder(tmp_path / name)
    with folder.held(planned([path], MAKE(), passages_per_shard=2)):
        cut([path], folder)
    return folder


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray, an optional dependency, is not installed")
def test_a_real_cluster_embeds_what_is_not_finished_just_as_one_process_does(tmp_path: Path) -> None:
    folder, alone = shards(tmp_path, "shards"), shards(tmp_path, "alone")
    embed_shard(folder, 1, MAKE())
    finished = (folder.path / "00001.npz").stat().st_ino
    done = list(embed(folder, MAKE, on_ray(workers=1)))
    assert sorted((one.number, one.passages) for one in done) == [(0, 2), (2, 1)]
    assert (folder.path / "00001.npz").stat().st_ino == finished
    for number in range(3):
        embed_shard(alone, number, MAKE())
        assert folder.read_embedded(number).documents == alone.read_embedded(number).documents
        assert folder.read_embedded(number).vectors.tolist() == alone.read_embedded(number).vectors.tolist()


def test_without_ray_the_command_that_installs_it_is_named(tmp_path: Path) -> None:
    """A folder ``ray`` that cannot be imported stands in the way of the real one."""
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "__init__.py").write_text("raise ModuleNotFoundError('No module named ray')")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from pathlib import Path\n"
        "from domain.errors import Misconfigured; from retrieval.ray_embedding import on_ray\n"
        "try: list(on_ray()(Path('x'), [0], None))\n"
        "except Misconfigured as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert told == 'The engine ray needs Ray, which is not installed; install it: pip install "colloquy[ray]"\n'
