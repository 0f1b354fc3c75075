"""Files: whole or not at all, and nobody else's."""

from __future__ import annotations

import os
import stat
import threading
from itertools import count
from pathlib import Path

import pytest

from elbroll.clock import SystemClock
from elbroll.errors import Refused, StoreDown
from elbroll.ledger.change import Change, Desk, Patience
from elbroll.ledger.ports import Verdict
from elbroll.ledger.stores.file import FileStore
from elbroll.ledger.values import Draft, loads
from fakes import FakeClock

KEY = "/elbroll/v1/host/i-1"
DRAFT = Draft({"word": "mine"}, "mine")


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "ledger", ("123456789012", "us-east-1"), SystemClock())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger" / "123456789012" / "us-east-1"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.rule("S-10")
def test_folders_and_files_are_the_owners_alone(store: FileStore, folder: Path, tmp_path: Path) -> None:
    store.write(KEY, DRAFT, None)

    assert {mode(path) for path in (tmp_path / "ledger", folder.parent, folder)} == {0o700}
    assert {mode(path) for path in folder.iterdir()} == {0o600}


@pytest.mark.rule("I-15")
def test_reading_creates_nothing(store: FileStore, tmp_path: Path) -> None:
    assert store.read(KEY) is None
    assert store.list("/elbroll/v1/host/") == {}
    assert not (tmp_path / "ledger").exists()


@pytest.mark.rule("S-10")
@pytest.mark.parametrize("bit", [stat.S_IWGRP, stat.S_IWOTH])
@pytest.mark.parametrize("which", ["root", "folder", "file"])
def test_what_others_may_write_is_refused(store: FileStore, folder: Path, tmp_path: Path, bit: int, which: str) -> None:
    store.write(KEY, DRAFT, None)
    path = {"root": tmp_path / "ledger", "folder": folder, "file": next(folder.glob("*.json"))}[which]
    path.chmod(mode(path) | bit)

    with pytest.raises(Refused, match="will not use") as caught:
        store.read(KEY)
    assert str(path) in caught.value.fix[0]


@pytest.mark.rule("S-10")
def test_a_folder_that_is_a_link_is_refused(store: FileStore, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "ledger").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="link"):
        store.write(KEY, DRAFT, None)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.rule("S-10")
def test_a_file_that_is_a_link_is_not_followed(store: FileStore, folder: Path, tmp_path: Path) -> None:
    store.write(KEY, DRAFT, None)
    path = next(folder.glob("*.json"))
    path.unlink()
    (tmp_path / "target").write_text("precious")
    path.symlink_to(tmp_path / "target")

    with pytest.raises(StoreDown):
        store.read(KEY)
    with pytest.raises(StoreDown):
        store.write(KEY, DRAFT, None)
    assert (tmp_path / "target").read_text() == "precious"


@pytest.mark.rule("S-10")
def test_a_file_that_is_a_pipe_does_not_block(store: FileStore, folder: Path) -> None:
    store.write(KEY, DRAFT, None)
    path = next(folder.glob("*.json"))
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(Refused, match="no plain file"):
        store.read(KEY)


@pytest.mark.rule("S-10")
def test_a_file_of_another_user_is_refused(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(KEY, DRAFT, None)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(Refused, match="another user"):
        store.read(KEY)


@pytest.mark.rule("I-23")
@pytest.mark.parametrize("breaking", ["fsync", "replace"])
def test_a_write_that_breaks_off_leaves_the_old_value_whole(
    store: FileStore, folder: Path, breaking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(KEY, DRAFT, None)
    seen = store.read(KEY)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(*{"fsync": (os, "fsync"), "replace": (Path, "replace")}[breaking], full)
        with pytest.raises(StoreDown, match="No space left"):
            store.write(KEY, Draft({"word": "new"}, "new"), seen)

    assert store.read(KEY).text == seen.text  # type: ignore[union-attr]
    assert not list(folder.glob(".new-*"))


@pytest.mark.rule("F-11")
@pytest.mark.parametrize("body", [b"\xff\xfe", b"x" * 300_000, b""], ids=["no text", "endless", "empty"])
def test_a_file_that_is_no_value_of_ours_is_kept(store: FileStore, folder: Path, body: bytes) -> None:
    store.write(KEY, DRAFT, None)
    path = next(folder.glob("*.json"))
    path.write_bytes(body)

    found = store.read(KEY)

    assert found is not None
    assert loads(found.text or "") is None
    assert store.write(KEY, Draft({}, "x"), None) is Verdict.LOST
    assert path.read_bytes() == body


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    numbers = count(1)

    def add_five(name: str) -> None:
        store = FileStore(tmp_path / "ledger", (), SystemClock())
        desk = Desk(store, SystemClock(), lambda: f"{name}-{next(numbers)}", numbers)
        patience = Patience(SystemClock(), 30.0, lambda: False)
        for _ in range(5):
            change = Change(desk, KEY, lambda seen: {"sum": (loads(seen.text or "") or {})["sum"] + 1 if seen else 1})
            change.settle(patience)

    threads = [threading.Thread(target=add_five, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    stored = FileStore(tmp_path / "ledger", (), SystemClock()).read(KEY)
    assert stored is not None
    assert (loads(stored.text or "") or {})["sum"] == 20


def test_a_writer_that_never_ends_is_not_waited_for_forever(tmp_path: Path) -> None:
    import fcntl  # noqa: PLC0415

    clock = FakeClock()
    store = FileStore(tmp_path / "ledger", (), clock)
    store.write(KEY, DRAFT, None)
    with (tmp_path / "ledger" / ".guard").open("r+") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        with pytest.raises(StoreDown):
            store.write(KEY, Draft({}, "x"), store.read(KEY))
    assert clock.time - 1000.0 < 6.0
