"""Files: whole or not at all, and nobody else's."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
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
    assert sorted(path.name for path in folder.iterdir()) == ["+elbroll+v1+host+i-1.json", ".guard"]


@pytest.mark.rule("I-23")
def test_a_new_value_is_made_ready_in_its_own_folder(
    store: FileStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, ready = Path.replace, []

    def watched(path: Path, target: Path) -> Path:
        ready.append((path.parent, mode(path)))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", watched)
    store.write(KEY, DRAFT, None)

    assert ready == [(folder, 0o600)]


@pytest.mark.rule("I-23", "I-25")
def test_each_value_counts_on_from_the_one_it_was_written_over(store: FileStore, folder: Path) -> None:
    bases, versions = [], []
    for number in range(3):
        store.write(KEY, Draft({}, f"n{number}"), store.read(KEY))
        bases.append((loads(next(folder.glob("*.json")).read_text()) or {})["base"])
        versions.append(store.read(KEY).version)  # type: ignore[union-attr]

    assert (bases, versions) == ([0, 1, 2], [1, 2, 3])


@pytest.mark.rule("F-8")
@pytest.mark.parametrize(("ago", "age"), [(40.0, 40.0), (0.25, 0.25), (-3600.0, 0.0)])
def test_an_age_is_by_the_files_own_time_and_never_negative(tmp_path: Path, ago: float, age: float) -> None:
    clock = FakeClock()
    store = FileStore(tmp_path / "ledger", (), clock)
    store.write(KEY, DRAFT, None)
    written = clock.now().timestamp() - ago
    os.utime(next((tmp_path / "ledger").glob("*.json")), (written, written))

    assert store.read(KEY).age == pytest.approx(age, abs=1e-3)  # type: ignore[union-attr]


@pytest.mark.rule("F-15", "F-11")
def test_a_folder_that_may_not_be_listed_is_no_empty_ledger(
    store: FileStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(KEY, DRAFT, None)

    def closed(_: object) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", closed)
    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(StoreDown, match="Permission denied") as caught:
        store.list("/elbroll/v1/host/")
    assert caught.value.why == (str(folder),)


@pytest.mark.rule("F-15")
def test_a_listing_shows_values_and_nothing_else(store: FileStore, folder: Path) -> None:
    store.write(KEY, DRAFT, None)
    store.write("/elbroll/v1/lock/clb/api", DRAFT, None)
    (folder / ".new-left-by-a-crash").write_text("half a va")
    (folder / "notes.txt").write_text("mine")

    assert list(store.list("/elbroll/v1/host/")) == [KEY]
    assert list(store.list("/elbroll/v1/lock/")) == ["/elbroll/v1/lock/clb/api"]


@pytest.mark.rule("F-11", "L3")
def test_a_file_may_be_as_long_as_the_limit_says(store: FileStore, folder: Path) -> None:
    store.write(KEY, DRAFT, None)
    path = next(folder.glob("*.json"))
    path.write_text("x" * 262_144)
    whole = store.read(KEY)
    path.write_text("x" * 262_145)
    longer = store.read(KEY)

    assert (whole.text, longer.text) == ("x" * 262_144, None)  # type: ignore[union-attr]


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
        with pytest.raises(StoreDown, match=KEY):
            store.write(KEY, Draft({}, "x"), store.read(KEY))
    assert 5.0 <= clock.time - 1000.0 < 5.1


@pytest.mark.rule("F-9")
def test_a_writer_that_ends_soon_is_waited_for(tmp_path: Path) -> None:
    import fcntl  # noqa: PLC0415

    clock = FakeClock()
    store = FileStore(tmp_path / "ledger", (), clock)
    store.write(KEY, DRAFT, None)
    with (tmp_path / "ledger" / ".guard").open("r+") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        clock.at(3.0, lambda: fcntl.flock(guard, fcntl.LOCK_UN))
        assert store.write(KEY, Draft({}, "x"), store.read(KEY)) is Verdict.WON
    assert clock.time - 1000.0 < 3.1


WRITER = """
import os, sys, time
from pathlib import Path
from elbroll.clock import SystemClock
from elbroll.ledger.stores.file import FileStore
from elbroll.ledger.values import Draft

def struck(*_):
    print("here", flush=True)
    time.sleep(60)

store, key = FileStore(Path(sys.argv[1]), (), SystemClock()), "/elbroll/v1/host/i-1"
store.write(key, Draft({"word": "old"}, "1"), None)
rename = Path.replace
moments = {
    "unsynced": (os, "fsync", struck),
    "synced": (Path, "replace", struck),
    "renamed": (Path, "replace", lambda one, other: struck(rename(one, other))),
}
setattr(*moments[sys.argv[2]])
store.write(key, Draft({"word": "new"}, "2"), store.read(key))
"""


@pytest.mark.rule("I-23", "F-55")
@pytest.mark.parametrize(("moment", "word"), [("unsynced", "old"), ("synced", "old"), ("renamed", "new")])
def test_a_writer_that_is_killed_leaves_a_whole_value_and_nobody_locked_out(
    tmp_path: Path, moment: str, word: str
) -> None:
    words = [sys.executable, "-c", WRITER, str(tmp_path / "ledger"), moment]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"here\n"
        child.kill()
    store = FileStore(tmp_path / "ledger", (), SystemClock())
    seen = store.read(KEY)

    assert seen is not None
    assert (loads(seen.text or "") or {})["word"] == word
    assert set(store.list("/elbroll/v1/host/")) == {KEY}
    assert store.write(KEY, DRAFT, seen) is Verdict.WON
