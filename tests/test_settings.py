from __future__ import annotations

import itertools
import json
import os
import re
import tomllib
from pathlib import Path

import pytest

from domain.errors import Misconfigured
from settings import Settings, knobs, load_settings

EXAMPLE = Path(__file__).parents[1] / "settings.toml"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but the test's own: neither the environment's nor a file in the current folder."""
    for name in list(os.environ):
        if name.upper().startswith("COLLOQUY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_without_file_and_environment_everything_has_its_default() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 7860, Path("data"))
    assert settings.redis_url is None
    assert settings.memory.ttl_seconds == 30 * 24 * 3600
    assert settings.knowledge_base == "harbourline"


def test_the_example_holds_every_knob_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    text = EXAMPLE.read_text("utf-8")
    told = tomllib.loads(re.sub(r"^# (?=[a-z_]+ = )", "", text, flags=re.MULTILINE))  # what is left out by default too
    keys = {f"{k}.{inner}" for k, v in told.items() if isinstance(v, dict) for inner in v}
    assert keys | {k for k, v in told.items() if not isinstance(v, dict)} == {key for _, key in knobs()}
    defaults = load_settings()
    monkeypatch.setenv("COLLOQUY_SETTINGS", str(EXAMPLE))
    assert load_settings() == defaults


def test_every_knob_of_the_example_has_its_reason() -> None:
    lines = EXAMPLE.read_text("utf-8").splitlines()
    bare = [
        line
        for before, line in itertools.pairwise(lines)
        if "=" in line and not line.startswith("#") and not before.startswith("#") and not before.startswith("host")
    ]
    assert bare == []


def test_the_environment_wins_over_the_file_and_an_option_over_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "settings.toml").write_text("port = 1001\nhost = 'a.example'\n[retrieval]\ntop_k = 7\npool = 60\n")
    monkeypatch.setenv("COLLOQUY_PORT", "1002")
    monkeypatch.setenv("COLLOQUY_RETRIEVAL__TOP_K", "9")
    settings = load_settings(host="b.example", knowledge_base=None)
    assert (settings.port, settings.host) == (1002, "b.example")
    assert (settings.retrieval.top_k, settings.retrieval.pool) == (9, 60)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1
    with pytest.raises(ValueError, match="frozen"):
        load_settings().retrieval.top_k = 1


def test_an_empty_redis_address_means_the_built_in_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLOQUY_REDIS_URL", "")
    assert load_settings().redis_url is None


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:6379/0",
        "rediss://:secret@cache.example:6380",
        "unix:///run/redis.sock",
        "redis+sentinel://a.example:26379,b.example:26379,c.example/conversations",
        "rediss+sentinel://me:secret@a.example:26379/conversations?sentinel_password=x",
        "redis+cluster://a.example:6379,b.example:6379",
    ],
)
def test_redis_addresses_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("COLLOQUY_REDIS_URL", url)
    assert load_settings().redis_url == url


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("COLLOQUY_PORT", "abc", ["port", "'abc'", "integer", "COLLOQUY_PORT"]),
        ("COLLOQUY_PORT", "65536", ["port", "'65536'", "65535"]),
        ("COLLOQUY_HOST", "http://x", ["host", "'http://x'", "without http://"]),
        ("COLLOQUY_REDIS_URL", "http://x", ["redis_url", "http://x", "redis://host:6379/0"]),
        ("COLLOQUY_REDIS_URL", "redis://x:99999", ["redis_url", "99999", "0-65535"]),
        ("COLLOQUY_REDIS_URL", "redis://", ["redis_url", "redis://host"]),
        (
            "COLLOQUY_REDIS_URL",
            "redis+sentinel://a.example",
            ["redis_url", "redis+sentinel://host:26379,host:26379/se"],
        ),
        ("COLLOQUY_REDIS_URL", "redis+cluster://a.example/0", ["redis_url", "redis+cluster://host:6379,host:6379"]),
        ("COLLOQUY_RETRIEVAL__TOP_K", "0", ["retrieval.top_k", "'0'", "COLLOQUY_RETRIEVAL__TOP_K"]),
        ("COLLOQUY_WEIGHTING__MODE", "x", ["weighting.mode", "'x'", "'adaptive' or 'fixed'"]),
        ("COLLOQUY_WEIGHTING__RETRIEVAL_WEIGHT", "1.5", ["retrieval_weight", "'1.5'", "less than or equal to 1"]),
        ("COLLOQUY_KNOWLEDGE_BASE", "A b", ["knowledge_base", "'A b'"]),
        ("COLLOQUY_LOG_LEVEL", "loud", ["log_level", "'loud'", "'debug'"]),
        ("COLLOQUY_PROT", "1", ["COLLOQUY_PROT", "'1'", "COLLOQUY_PORT"]),
        ("COLLOQUY_RETRIEVAL__TOPK", "1", ["COLLOQUY_RETRIEVAL__TOPK", "COLLOQUY_RETRIEVAL__TOP_K"]),
        ("COLLOQUY_SETTINGS", "nowhere.toml", ["COLLOQUY_SETTINGS", "nowhere.toml", "correct the path"]),
    ],
)
def test_a_bad_variable_is_named_with_its_value_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: list[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured) as caught:
        load_settings()
    assert [part for part in told if part not in str(caught.value)] == []


@pytest.mark.parametrize(
    "origin",
    [
        "*", "null", "", "shop.example", "//shop.example", "https://", "https://*", "https://*.shop.example",
        "https://shop.example/", "https://shop.example/help", "https://shop.example?a", "https://shop.example#a",
        "https://me@shop.example", "https://me:secret@shop.example", "https://shop.example\\evil", "https://a b",
        "https://shop.example\n", "https://shop.example,https://b.example", "https://Shop.example", "HTTPS://shop.example",
        "https://shop.example:443", "http://shop.example:80", "https://shop.example:", "https://shöp.example",
        "https://[::1", "file:///shop", "javascript:alert(1)", "data:text/html,x",
    ],
    ids=range(28),
)  # fmt: skip
def test_what_is_no_site_may_not_carry_the_widget_and_stops_the_start(tmp_path: Path, origin: str) -> None:
    (tmp_path / "settings.toml").write_text(f"[web]\nwidget_origins = {json.dumps(['https://a.example', origin])}\n")
    with pytest.raises(Misconfigured) as caught:
        load_settings()
    told = ["web.widget_origins", "write https://shop.example", "no path", "settings.toml"]
    assert [part for part in told if part not in str(caught.value)] == []


@pytest.mark.parametrize("origins", [[1], [None], "https://shop.example", 3, [["https://shop.example"]]], ids=range(5))
def test_sites_that_are_no_list_of_texts_stop_the_start(tmp_path: Path, origins: object) -> None:
    (tmp_path / "settings.toml").write_text(f"[web]\nwidget_origins = {json.dumps(origins).replace('null', '{}')}\n")
    with pytest.raises(Misconfigured, match=r"web\.widget_origins"):
        load_settings()


@pytest.mark.parametrize(
    "origin", ["https://shop.example", "http://localhost:3000", "http://[::1]:8080", "https://xn--shp-sna.example:8443"]
)
def test_a_site_may_carry_the_widget(tmp_path: Path, origin: str) -> None:
    (tmp_path / "settings.toml").write_text(f'[web]\nwidget_origins = ["{origin}"]\n')
    assert load_settings().web.widget_origins == (origin,)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("prot = 1", ["prot", "did you mean port?", "settings.toml"]),
        ("[retrieval]\ntopk = 1", ["retrieval.topk", "did you mean retrieval.top_k?"]),
        ("port = 'x'", ["port", "'x'", "Correct it in “settings.toml”"]),
        ("port = \nhost = 1", ["settings.toml", "is not TOML", "line 1"]),
        ("[memory]\nmax_turns = 0", ["memory.max_turns", "0", "greater than or equal to 1"]),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong_in_it(tmp_path: Path, content: str, told: list[str]) -> None:
    (tmp_path / "settings.toml").write_text(content)
    with pytest.raises(Misconfigured) as caught:
        load_settings()
    assert [part for part in told if part not in str(caught.value)] == []


@pytest.mark.parametrize(
    "name", ["COLLOQUY_HAND_OFF_SECRT", "COLLOQUY_MILVUS_TOKENS", "COLLOQUY_PASSWORD", "COLLOQUY_API_KEY"]
)
def test_a_secret_under_a_mistyped_name_is_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "hunter2-hunter2")
    with pytest.raises(Misconfigured, match=rf"{name}=\*\*\* is no setting") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_a_password_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLOQUY_REDIS_URL", "http://user:secret@cache.example")
    with pytest.raises(Misconfigured) as caught:
        load_settings()
    assert "secret" not in str(caught.value)
    assert "user:***@cache.example" in str(caught.value)


def test_a_bad_option_is_blamed_on_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLOQUY_PORT", "8000")
    with pytest.raises(Misconfigured, match=r"70000.*the option --port"):
        load_settings(port=70000)


def test_knobs_name_the_variable_of_every_setting() -> None:
    named = dict(knobs())
    assert named["COLLOQUY_DATA_DIR"] == "data_dir"
    assert named["COLLOQUY_GENERATION__BEAMS"] == "generation.beams"
    assert set(Settings.model_fields) <= {key.partition(".")[0] for key in named.values()}
