"""Which keys are offered, in which order, and what is said of the others; a real ssh-agent where one is needed."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from elbroll.clock import SystemClock
from elbroll.errors import HostAccessError
from elbroll.model import Secret
from elbroll.transports import agent
from elbroll.transports.offers import KeyRing
from elbroll.transports.target import Identity, OnlyKeys, Target
from punctual import timed, within
from transports.machine import make_key, ssh_agent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(not shutil.which("ssh-agent"), reason="no OpenSSH client on this machine"),
    pytest.mark.usefixtures("no_leftovers"),
]

HOST = Target("web-1 (10.0.1.11)", "10.0.1.11", 22, "deploy")


@pytest.fixture
def ring() -> Iterator[KeyRing]:
    made = KeyRing(SystemClock())
    yield made
    made.close()


@pytest.fixture
def agent_with(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start an agent with these keys in it; answers its socket."""
    with ExitStack() as running:
        yield lambda *held: running.enter_context(ssh_agent(tmp_path / "agent", *held))


@pytest.fixture
def silent_agent(tmp_path: Path) -> Iterator[str]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "silent"))
        listener.listen()
        yield str(tmp_path / "silent")


@pytest.fixture
def a_key(tmp_path: Path) -> Path:
    return make_key(tmp_path / "key")


def chosen(*paths: Path) -> tuple[Identity, ...]:
    return tuple(Identity(path, chosen=True) for path in paths)


def usual(*paths: Path) -> tuple[Identity, ...]:
    return tuple(Identity(path, chosen=False) for path in paths)


def keys(folder: Path, count: int) -> list[Path]:
    return [make_key(folder / f"key{number}") for number in range(count)]


def labels(ring: KeyRing, target: Target) -> list[str]:
    return [offer.label for offer in ring.offers(target).keys]


@pytest.mark.rule("T-20")
def test_chosen_files_come_first_then_the_agent_then_the_usual_files(
    ring: KeyRing, agent_with: Callable[..., str], tmp_path: Path
) -> None:
    mine, held, common = keys(tmp_path, 3)
    target = replace(HOST, identities=(*usual(common), *chosen(mine)), agent=agent_with(held))
    assert labels(ring, target) == [str(mine), "test of the ssh-agent", str(common)]


@pytest.mark.rule("T-20")
def test_a_key_in_both_file_and_agent_is_offered_once(
    ring: KeyRing, agent_with: Callable[..., str], tmp_path: Path
) -> None:
    (mine,) = keys(tmp_path, 1)
    assert labels(ring, replace(HOST, identities=chosen(mine), agent=agent_with(mine))) == [str(mine)]


@pytest.mark.rule("T-20")
def test_identities_only_leaves_the_agents_other_keys_alone(
    ring: KeyRing, agent_with: Callable[..., str], tmp_path: Path
) -> None:
    mine, held = keys(tmp_path, 2)
    target = replace(HOST, identities=chosen(mine), agent=agent_with(held), only=OnlyKeys.LISTED)
    assert labels(ring, target) == [str(mine)]


@pytest.mark.rule("T-20")
def test_a_demanded_key_is_the_only_one(ring: KeyRing, agent_with: Callable[..., str], tmp_path: Path) -> None:
    mine, held = keys(tmp_path, 2)
    target = replace(HOST, identities=chosen(mine), agent=agent_with(held), only=OnlyKeys.DEMANDED)
    assert labels(ring, target) == [str(mine)]


@pytest.mark.rule("T-20", "T-21")
@pytest.mark.parametrize("form", ["locked", "public"])
def test_an_agent_signs_for_a_file_that_cannot(
    form: str, ring: KeyRing, agent_with: Callable[..., str], tmp_path: Path
) -> None:
    (plain,) = keys(tmp_path, 1)
    path = agent_with(plain)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-P", "", "-f", plain], check=True)
    named = plain if form == "locked" else plain.with_name("key0.pub")
    target = replace(HOST, identities=chosen(named), agent=path, only=OnlyKeys.DEMANDED)
    (offer,) = ring.offers(target).keys
    assert offer.label == f"{named} of the ssh-agent"
    assert offer.key.sign_ssh_data(b"data")


@pytest.mark.rule("T-21")
@pytest.mark.parametrize("word", ["secret", None])
def test_a_passphrase_is_asked_for_once_for_the_whole_run(word: str | None, tmp_path: Path) -> None:
    locked, asked = make_key(tmp_path / "locked", "ed25519", "-N", "secret"), []

    def passphrase(path: Path) -> Secret | None:
        asked.append(path)
        return Secret(word) if word else None

    ring = KeyRing(SystemClock(), passphrase)
    target = replace(HOST, identities=(*chosen(locked), *keys_of(tmp_path)))
    found = [labels(ring, target) for _ in range(3)]
    assert all((str(locked) in names) is (word is not None) for names in found)
    assert asked == [locked]


def keys_of(folder: Path) -> tuple[Identity, ...]:
    return chosen(make_key(folder / "plain"))


@pytest.mark.rule("H20", "T-20")
def test_more_than_five_keys_are_named_and_not_offered(ring: KeyRing, tmp_path: Path) -> None:
    paths = keys(tmp_path, 7)
    offers = ring.offers(replace(HOST, identities=chosen(*paths)))
    assert [offer.label for offer in offers.keys] == [str(path) for path in paths[:5]]
    assert str(paths[5]) in offers.notes[-1]
    assert str(paths[6]) in offers.notes[-1]
    assert "identity_file" in offers.notes[-1]


@timed
@pytest.mark.rule("T-20", "H9")
def test_a_silent_agent_costs_its_limit_once_and_is_told(
    silent_agent: str, a_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent.Agent.__init__, "__defaults__", (0.2,))
    target = replace(HOST, identities=chosen(a_key), agent=silent_agent)
    with closing(KeyRing(SystemClock())) as ring, within(0.5):
        notes = [ring.offers(target).notes for _ in range(3)]
    assert all("no answer within 0.2s" in found[0] for found in notes)


@pytest.mark.rule("T-20")
def test_an_agent_that_is_gone_is_told_and_the_files_are_used(ring: KeyRing, tmp_path: Path) -> None:
    target = replace(HOST, identities=chosen(*keys(tmp_path, 1)), agent=str(tmp_path / "gone"))
    offers = ring.offers(target)
    assert len(offers.keys) == 1
    assert "No such file" in offers.notes[0]


@pytest.mark.rule("T-20", "F-38")
def test_without_any_key_the_reasons_are_listed(ring: KeyRing, tmp_path: Path) -> None:
    (tmp_path / "not-a-key").write_text("hello")
    paths = (tmp_path / "missing", tmp_path / "not-a-key")
    with pytest.raises(HostAccessError, match="no key") as caught:
        ring.offers(replace(HOST, identities=chosen(*paths)))
    assert "cannot be read: No such file" in caught.value.why[0]
    assert "not a private key" in caught.value.why[1]


@pytest.mark.rule("T-20")
def test_usual_files_that_are_missing_are_not_worth_a_word(ring: KeyRing, tmp_path: Path) -> None:
    offers = ring.offers(replace(HOST, identities=usual(tmp_path / "id_rsa", *keys(tmp_path, 1))))
    assert (len(offers.keys), offers.notes) == (1, ())


@pytest.mark.rule("T-20", "T-21")
def test_a_demanded_key_that_is_unusable_is_an_error_by_itself(ring: KeyRing, tmp_path: Path) -> None:
    target = replace(HOST, identities=chosen(tmp_path / "missing"), only=OnlyKeys.DEMANDED)
    with pytest.raises(HostAccessError, match=r"identity_file .*missing cannot be read"):
        ring.offers(target)


# --- certificates ------------------------------------------------------------------------------------------


def certified(folder: Path, validity: str) -> Path:
    authority, key = make_key(folder / "authority"), make_key(folder / "key")
    subprocess.run(
        ["ssh-keygen", "-q", "-s", authority, "-I", "test", "-n", "deploy", "-V", validity, f"{key}.pub"], check=True
    )
    return key


def span(begin: timedelta, end: timedelta) -> str:
    now = datetime.now(UTC)
    return ":".join((now + moment).strftime("%Y%m%d%H%M%SZ") for moment in (begin, end))


@pytest.mark.rule("T-22", "H20")
def test_a_valid_certificate_is_offered_before_its_plain_key(ring: KeyRing, tmp_path: Path) -> None:
    key = certified(tmp_path, "always:forever")
    offers = ring.offers(replace(HOST, identities=chosen(key)))
    assert [offer.label for offer in offers.keys] == [f"{key} with its certificate", str(key)]
    assert offers.keys[0].key.public_blob
    assert not offers.keys[1].key.public_blob


@pytest.mark.rule("T-22", "H20")
@pytest.mark.parametrize(
    ("begin", "end", "word"),
    [(timedelta(days=-2), timedelta(days=-1), "expired"), (timedelta(days=1), timedelta(days=2), "not valid yet")],
)
def test_a_certificate_out_of_its_dates_is_told_and_left_aside(
    begin: timedelta, end: timedelta, word: str, ring: KeyRing, tmp_path: Path
) -> None:
    key = certified(tmp_path, span(begin, end))
    offers = ring.offers(replace(HOST, identities=chosen(key)))
    assert [offer.label for offer in offers.keys] == [str(key)]
    assert word in offers.notes[0]


@pytest.mark.rule("T-22")
def test_rubbish_in_the_certificates_place_is_told_and_left_aside(ring: KeyRing, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    (tmp_path / "key-cert.pub").write_text("rubbish")
    offers = ring.offers(replace(HOST, identities=chosen(key)))
    assert len(offers.keys) == 1
    assert "cannot be read" in offers.notes[0]
