from __future__ import annotations

import importlib.util
import os
from typing import Any

import pytest

from elbroll.demo.lifelike import child_environment, guarded, require_moto
from elbroll.demo.lifelike.guard import LOAD_IMAGES, without_images
from elbroll.errors import UsageError


@pytest.mark.rule("M7")
def test_inside_the_guard_nothing_of_the_users_aws_is_left_and_afterwards_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    before = dict(os.environ)
    with guarded("http://127.0.0.1:1"):
        inside = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    assert inside == {
        "AWS_ACCESS_KEY_ID": "AKIADEMODEMODEMODEMO",
        "AWS_SECRET_ACCESS_KEY": "demo-demo-demo-demo-demo-demo-demo-demo",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }
    assert dict(os.environ) == before


@pytest.mark.rule("M7")
def test_a_child_keeps_the_rest_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    environment = child_environment("http://127.0.0.1:1")
    assert (environment["LANG"], environment["AWS_ENDPOINT_URL"]) == ("C.UTF-8", "http://127.0.0.1:1")
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["NO_PROXY"] == "127.0.0.1,localhost"


@pytest.mark.parametrize("before", ["", "true"])
def test_motos_own_setting_comes_back(monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    monkeypatch.setenv(LOAD_IMAGES, before)
    with without_images():
        inside = os.environ[LOAD_IMAGES]
    assert (inside, os.environ[LOAD_IMAGES]) == ("false", before)


def test_where_moto_is_missing_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> Any:
        del name

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(UsageError) as caught:
        require_moto()
    assert caught.value.fix == ("pip install 'elbroll[demo]'",)


def test_with_moto_installed_nothing_is_missing() -> None:
    require_moto()
