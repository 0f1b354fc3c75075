"""Secrets by reference, and files that others may read or write (S-3, S-10)."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from botocore.stub import Stubber
from click.testing import CliRunner

from elbroll.aws import Clients
from elbroll.cli.app import app
from elbroll.cli.records import RunFolder
from elbroll.cli.secrets import cautions, parameter, resolve
from elbroll.config.load import load
from elbroll.demo.lifelike import REGION, guarded
from elbroll.errors import Unanswered, UsageError
from elbroll.model import RunId, Secret
from elbroll.outputs.mask import Masker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elbroll.config.load import Loaded


def nobody(name: str) -> str:
    """AWS, where it must not be asked."""
    raise AssertionError(f"{name} was asked for")


@pytest.fixture
def clients() -> Iterator[Clients]:
    with guarded():
        yield Clients(region=REGION)


def a_file(path: Path, mode: int, text: str | bytes = "hunter22\n") -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def loaded(folder: Path, mode: int = 0o644, deploy: str = "") -> Loaded:
    config = a_file(folder / "elbroll.toml", mode, f"[defaults.deploy]\n{deploy}\n")
    return load({}, config=str(config), environ={}, cwd=folder)


@pytest.mark.rule("S-10", "S-3")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o604, 0o400])
def test_a_secret_file_is_used_and_warned_about_where_others_may_read_it(tmp_path: Path, mode: int) -> None:
    a_file(tmp_path / "secret", mode)
    config = loaded(tmp_path, deploy='secrets = { DB = "file:secret" }')
    settings = config.settings.defaults

    assert resolve(settings.deploy.secrets, config.base, nobody)["DB"].reveal() == "hunter22"
    assert bool(cautions(config, settings)) == bool(mode & 0o044)
    assert all("chmod 600" in text and "hunter22" not in text for text in cautions(config, settings))


@pytest.mark.rule("S-10", "S-3")
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_secret_file_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = a_file(tmp_path / "secret", mode)
    with pytest.raises(UsageError, match="others may write") as caught:
        resolve({"DB": "file:secret"}, tmp_path, nobody)
    assert caught.value.fix == (f"chmod 600 {path}",)


@pytest.mark.rule("S-3", "I-20")
@pytest.mark.parametrize(
    ("content", "says"), [(b"hunter22\xff", "not UTF-8"), (b"x" * 300_000, "larger than"), (b"\n", "empty or not set")]
)
def test_a_useless_secret_file_is_refused_without_showing_it(tmp_path: Path, content: bytes, says: str) -> None:
    a_file(tmp_path / "secret", 0o600, content)
    with pytest.raises(UsageError, match=says) as caught:
        resolve({"DB": "file:secret"}, tmp_path, nobody)
    assert "hunter22" not in f"{caught.value} {caught.value.why} {caught.value.__cause__}"


@pytest.mark.rule("S-3")
def test_a_parameter_that_is_not_there_is_the_users_to_mend(clients: Clients) -> None:
    with Stubber(clients.ssm) as told:
        told.add_client_error("get_parameter", "ParameterNotFound", http_status_code=400)
        with pytest.raises(UsageError, match="no parameter /web/db"):
            parameter("/web/db", clients)


@pytest.mark.rule("S-3", "F-15")
def test_half_an_answer_is_no_empty_secret(clients: Clients) -> None:
    with Stubber(clients.ssm) as told:
        told.add_response("get_parameter", {"Parameter": {"Name": "/web/db"}})
        with pytest.raises(Unanswered):
            parameter("/web/db", clients)


@pytest.mark.rule("S-3")
def test_a_secret_may_come_through_a_pipe(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"hunter22\n")
    os.close(writer)
    found = resolve({"DB": f"file:/dev/fd/{reader}"}, tmp_path, nobody)
    os.close(reader)

    assert found["DB"].reveal() == "hunter22"


@pytest.mark.rule("S-10")
@pytest.mark.parametrize("name", ["DB_PASSWORD", "GITHUB_TOKEN", "api_key", "AWS_SECRET_ACCESS_KEY", "DBPASS"])
def test_a_config_that_others_may_read_is_spoken_of_where_a_secret_seems_to_stand_in_it(
    tmp_path: Path, name: str
) -> None:
    told = {}
    for mode in (0o600, 0o644):
        config = loaded(tmp_path, mode, f'env = {{ {name} = "hunter22" }}')
        told[mode] = cautions(config, config.settings.defaults)

    assert told[0o600] == ()
    assert [name in text and "deploy.secrets" in text for text in told[0o644]] == [True]
    assert "hunter22" not in told[0o644][0]


@pytest.mark.rule("S-10")
def test_a_config_without_secrets_is_made_to_be_read_by_others(tmp_path: Path) -> None:
    config = loaded(tmp_path, 0o644, 'env = { APP_PORT = "80", KEYBOARD = "us", BYPASS_CACHE = "1" }')
    assert cautions(config, config.settings.defaults) == ()


@pytest.mark.rule("S-10")
def test_checking_a_config_tells_each_caution_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = '[defaults.deploy]\nenv = { DB_PASSWORD = "x" }\n[lb.web]\n[lb.api]\n'
    a_file(tmp_path / "elbroll.toml", 0o644, shared)
    monkeypatch.chdir(tmp_path)

    ended = CliRunner().invoke(app, ["config", "check"])

    assert (ended.exit_code, ended.stderr.count("warning: "), "is well" in ended.stdout) == (0, 1, True)
    assert "DB_PASSWORD" in ended.stderr


@pytest.mark.rule("S-10")
def test_a_runs_folder_is_for_its_user_alone_with_all_that_had_to_be_made(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    folder = RunFolder(tmp_path / "state" / "new", RunId("7f3a9c"))
    for outlet in folder.outlets({}, Masker()):
        outlet.close()
    folder.close()
    made = list((tmp_path / "state").rglob("*"))

    assert {path.name for path in made} >= {"new", "runs", "7f3a9c", "events.jsonl", "debug.log"}
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in made} == {0}


@pytest.mark.rule("S-10")
@pytest.mark.parametrize("planted", ["folder", "link"])
def test_a_folder_that_somebody_laid_out_for_a_run_is_not_used(
    tmp_path: Path, planted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, elsewhere = tmp_path / "runs", tmp_path / "elsewhere"
    runs.mkdir()
    elsewhere.mkdir(mode=0o777)
    {"folder": (runs / "7f3a9c").mkdir, "link": lambda: (runs / "7f3a9c").symlink_to(elsewhere)}[planted]()

    assert RunFolder(tmp_path, RunId("7f3a9c")).outlets({}, Masker()) == []
    assert "this run is not kept" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


@pytest.mark.rule("I-20", "I-16", "T-8")
@pytest.mark.parametrize("kept", [True, False])
def test_a_thread_that_breaks_says_nothing_on_the_screen_and_no_secret_in_the_log(
    tmp_path: Path, kept: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").touch(mode=0o600)
    state = {True: tmp_path / "state", False: tmp_path}[kept]
    folder, before = RunFolder(state, RunId("7f3a9c")), threading.excepthook
    outlets = folder.outlets({}, Masker([Secret("hunter22")]))
    capfd.readouterr()
    thread = threading.Thread(target=int, args=("hunter22",), name="ssh-stream")
    thread.start()
    thread.join()
    logging.getLogger("some.library").warning("sent %s", "hunter22")
    for outlet in outlets:
        outlet.close()
    folder.close()
    logs = "".join(path.read_text() for path in state.rglob("debug.log"))

    assert "".join(capfd.readouterr()) == ""
    assert "hunter22" not in logs
    assert ("ssh-stream has ended by a bug" in logs) is kept
    assert ("ValueError" in logs) is kept
    assert threading.excepthook is before


LIBRARY = """
import logging
from elbroll.cli.options import Flags
from elbroll.cli.session import Session
Session(Flags())
logging.getLogger("botocore.credentials").warning("\\x1b[2J of a credential process: hunter22")
"""


@pytest.mark.rule("I-20", "I-21", "T-8")
def test_what_a_library_logs_before_there_is_a_log_reaches_no_screen() -> None:
    ended = subprocess.run([sys.executable, "-c", LIBRARY], capture_output=True, text=True, check=True)

    assert (ended.stdout, ended.stderr) == ("", "")
