"""Discovery, precedence and origins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elbroll.config.describe import origin_lines
from elbroll.config.load import load
from elbroll.errors import ConfigError
from elbroll.model import Amount

if TYPE_CHECKING:
    from pathlib import Path

    from elbroll.config.load import Loaded, Override

LAYERS = """\
[aws]
region = "eu-west-1"
profile = "acme"
[defaults]
other_pools = "refuse"
[defaults.pace]
max_unavailable = 2
floor = "50%"
[defaults.deploy]
prepare = ["a", "b"]
env = { MODE = "blue", LEVEL = "1" }
[lb.web]
[lb.web.pace]
floor = 4
[lb.web.deploy]
prepare = "c"
env = { MODE = "green" }
[lb."dotted.name"]
target_groups = ["one"]
"""


def loaded(folder: Path, text: str = LAYERS, said: dict[str, Override] | None = None, **environ: str) -> Loaded:
    (folder / "elbroll.toml").write_text(text)
    return load(said or {}, config=None, environ=environ, cwd=folder)


# --- discovery ------------------------------------------------------------------------------------------


def test_the_nearest_file_upward_counts(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "elbroll.toml").write_text("")
    (tmp_path / "a" / "elbroll.toml").write_text("")
    found = load({}, config=None, environ={}, cwd=inner)
    assert (found.path, found.base, found.name) == (tmp_path / "a" / "elbroll.toml", tmp_path / "a", "elbroll.toml")


def test_a_repository_ends_the_search(tmp_path: Path) -> None:
    (tmp_path / "elbroll.toml").write_text("")
    inner = tmp_path / "repository" / "src"
    inner.mkdir(parents=True)
    (tmp_path / "repository" / ".git").write_text("gitdir: elsewhere")
    found = load({}, config=None, environ={}, cwd=inner)
    assert (found.path, found.base, found.name) == (None, inner, "no elbroll.toml")


def test_the_search_ends_at_home_and_looks_there(tmp_path: Path) -> None:
    home = tmp_path / "home"
    inner = home / "work"
    inner.mkdir(parents=True)
    (tmp_path / "elbroll.toml").write_text("")
    assert load({}, config=None, environ={"HOME": str(home)}, cwd=inner).path is None
    (home / "elbroll.toml").write_text("")
    assert load({}, config=None, environ={"HOME": str(home)}, cwd=inner).path == home / "elbroll.toml"


def test_an_option_beats_the_variable_beats_the_search(tmp_path: Path) -> None:
    for name in ("elbroll.toml", "variable.toml", "option.toml"):
        (tmp_path / name).write_text("")
    environ = {"ELBROLL_CONFIG": "variable.toml"}
    assert load({}, config="option.toml", environ=environ, cwd=tmp_path).path == tmp_path / "option.toml"
    assert load({}, config=None, environ=environ, cwd=tmp_path).path == tmp_path / "variable.toml"
    assert load({}, config=None, environ={"ELBROLL_CONFIG": ""}, cwd=tmp_path).path == tmp_path / "elbroll.toml"


@pytest.mark.parametrize(
    ("config", "environ", "who"),
    [("gone.toml", {}, "--config"), (None, {"ELBROLL_CONFIG": "gone.toml"}, "ELBROLL_CONFIG")],
)
def test_a_named_file_that_does_not_exist_is_named(
    config: str | None, environ: dict[str, str], who: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=rf"^error: {who} names gone\.toml, and there is no such file") as caught:
        load({}, config=config, environ=environ, cwd=tmp_path)
    assert caught.value.exit_code == 2


# --- precedence -----------------------------------------------------------------------------------------


def test_tables_merge_key_by_key_while_lists_and_texts_replace(tmp_path: Path) -> None:
    web = loaded(tmp_path).lb("web")
    assert web.other_pools == "refuse"
    assert (web.pace.max_unavailable, web.pace.floor) == (Amount(count=2), Amount(count=4))
    assert web.deploy.prepare == ("c",)
    assert web.deploy.env == {"MODE": "green", "LEVEL": "1"}


def test_an_unknown_balancer_has_the_defaults(tmp_path: Path) -> None:
    found = loaded(tmp_path)
    assert not found.has_table("other")
    assert found.lb("other").pace.floor == Amount(percent=50)
    assert found.lb("dotted.name").target_groups == ("one",)


def test_what_is_said_beats_every_table(tmp_path: Path) -> None:
    said: dict[str, Override] = {
        "pace.floor": ("--floor", "25%"),
        "pace.max_failures": ("ELBROLL_MAX_FAILURES", "2"),
        "deploy.timeout": ("--step-timeout", "1m"),
        "ssh.port": ("ELBROLL_PORT", "2222"),
    }
    found = loaded(tmp_path, said=said)
    for table in (found.lb("web"), found.settings.defaults):
        assert (table.pace.floor, table.pace.max_failures, table.deploy.timeout) == (Amount(percent=25), 2, 60.0)
    assert found.settings.ssh.port == 2222


def test_awss_own_variables_beat_the_file(tmp_path: Path) -> None:
    aws = loaded(tmp_path, AWS_REGION="us-east-1", AWS_DEFAULT_REGION="us-west-2", AWS_PROFILE="other").settings.aws
    assert (aws.region, aws.profile) == ("us-east-1", "other")
    assert loaded(tmp_path, AWS_DEFAULT_REGION="us-west-2").settings.aws.region == "us-west-2"


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"])
def test_credentials_of_the_environment_make_the_profile_moot(variable: str, tmp_path: Path) -> None:
    found = loaded(tmp_path, **{variable: "x"})
    assert found.settings.aws.profile is None
    assert found.origins["aws.profile"] == variable


def test_a_profile_option_beats_the_environment(tmp_path: Path) -> None:
    found = loaded(tmp_path, said={"aws.profile": ("--profile", "mine")}, AWS_ACCESS_KEY_ID="x", AWS_PROFILE="y")
    assert found.settings.aws.profile == "mine"


# --- origins --------------------------------------------------------------------------------------------


def test_every_setting_knows_where_it_comes_from(tmp_path: Path) -> None:
    found = loaded(tmp_path, said={"pace.order": ("--order", "zone")}, AWS_REGION="us-east-1")
    rows = {key: (value, origin) for key, value, origin in origin_lines(found, "web")}
    assert rows["aws.region"] == ('"us-east-1"', "AWS_REGION")
    assert rows["aws.profile"] == ('"acme"', "elbroll.toml:3")
    assert rows["lb.web.pace.max_unavailable"] == ("2", "elbroll.toml:7")
    assert rows["lb.web.pace.floor"] == ("4", "elbroll.toml:14")
    assert rows["lb.web.pace.order"] == ('"zone"', "--order")
    assert rows["lb.web.pace.bake"] == ('"0s"', "built in")
    assert rows["lb.web.deploy.env.MODE"] == ('"green"', "elbroll.toml:17")
    assert rows["lb.web.deploy.env.LEVEL"] == ('"1"', "elbroll.toml:11")
    assert not [key for key in rows if key.startswith("defaults.")]
    assert rows["hooks.gate"] == ("[]", "built in")


def test_without_a_name_everything_is_shown(tmp_path: Path) -> None:
    rows = {key: origin for key, _, origin in origin_lines(loaded(tmp_path), None)}
    assert rows["defaults.pace.floor"] == "elbroll.toml:8"
    assert rows['lb."dotted.name".pace.floor'] == "elbroll.toml:8"
    assert rows['lb."dotted.name".target_groups'] == "elbroll.toml:19"
