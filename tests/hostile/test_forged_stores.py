"""What a stranger writes into a bucket or a folder is shown or refused, as in Parameter Store (S-5, S-9, F-11)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from cli.shell import wait_for
from cli.witness import everybody_serves, moves
from cli.worlds import variant
from hostile.forging import BucketVault, FolderVault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elbroll.demo.world import World
    from hostile.conftest import Said
    from hostile.forging import Vault

STRANGER = "i-0123456789abcdef0"
DEPLOY = ("deploy", "--lb", "demo", "--release", "v7")
KINDS: dict[str, type[BucketVault | FolderVault]] = {"s3": BucketVault, "file": FolderVault}
LIMIT = 262_144
"""Bytes that a value may have in both stores."""


@pytest.fixture(scope="module", params=list(KINDS))
def opened(request: pytest.FixtureRequest, world: World) -> tuple[Vault, str]:
    """A store, and the config that names it."""
    made: Vault = KINDS[request.param](world)
    return made, variant(world, request.param, {'store = "ssm"': f'store = "{made.spec}"'})


@pytest.fixture
def vault(opened: tuple[Vault, str], world: World) -> Iterator[Vault]:
    """Finds an empty ledger, and leaves one."""
    wait_for(lambda: everybody_serves(world), limit=15)
    yield opened[0]
    opened[0].wipe()


@pytest.fixture
def ask(opened: tuple[Vault, str], call: Callable[..., Said]) -> Callable[..., Said]:
    """`elbroll` with the config of that store."""

    def asked(command: str, *words: str) -> Said:
        return call(command, "--config", opened[1], *words)

    return asked


def whole(**fields: Any) -> bytes:
    """A value with all that each has."""
    head = {"schema": 1, "base": 0, "nonce": "f0f0f0f0f0f0f0f0", "epoch": 1, "run": "badbad"}
    return json.dumps({**head, **fields}).encode()


def record(host: str, /, **changes: Any) -> bytes:
    """A record as elbroll writes it, but for the changes."""
    fields = {"by": "badbad", "host": host, "state": "held", "why": "roll", "lb": "demo"}
    return whole(**{**fields, "since": "2026-11-22T21:30:00Z", **changes})


def lock(**changes: Any) -> bytes:
    """A held lock as elbroll writes it, but for the changes."""
    moment = "2026-11-22T21:30:00Z"
    fields = {"state": "held", "user": "ana", "machine": "m", "pid": 1, "command": "deploy", "started": moment}
    return whole(**{**fields, "beat": moment, **changes})


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "nothing at all": lambda _: b"",
    "garbage": lambda _: b'PWNED {"\x1b[2J[/bold]\n::error::x',
    "cut off": lambda body: body[:-20],
    "too long": lambda body: body + b" " * LIMIT,
    "no text": lambda body: body.replace(b"badbad", b"\xff\xfe\xfd"),
    "read in two ways": lambda body: body[:-1] + b', "state": "free", "state": "in-service"}',
    "a newer schema": lambda body: body.replace(b'"schema": 1', b'"schema": 2'),
    "an unknown state": lambda body: body.replace(b'"state": "held"', b'"state": "in-service!"'),
    "a wrong type": lambda body: body.replace(b'"epoch": 1', b'"epoch": "1"'),
}
"""What is done to a good value, so that nobody can read it any more."""
SWAPPED: dict[str, Callable[[bytes], bytes]] = {
    "another host's": lambda body: re.sub(rb"i-[0-9a-f]+", STRANGER.encode(), body)
}
"""What makes a record, and no lock, one of somebody else's."""


@pytest.mark.rule("F-11", "S-5")
@pytest.mark.parametrize("spoil", (SPOILED | SWAPPED).values(), ids=SPOILED | SWAPPED)
def test_a_spoiled_record_is_refused_shown_and_never_overwritten(
    world: World, vault: Vault, ask: Callable[..., Said], spoil: Callable[[bytes], bytes]
) -> None:
    host, before = world.hosts[0], moves(world)
    vault.put(f"host/{host.instance}", spoil(record(host.instance)))
    kept = vault.everything()
    said = [ask(*DEPLOY), ask("restore", host.instance)]

    assert [each.code for each in said] == [5, 5], [each.text for each in said]
    assert all(f"the record of {host.name} cannot be read" in each.text for each in said), [each.text for each in said]
    assert not any(word in each.text for each in said for word in ("PWNED", "\x1b", "\n::error"))
    assert (vault.everything(), moves(world)) == (kept, before)


@pytest.mark.rule("F-11", "S-9", "F-7")
@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_spoiled_lock_is_never_free_and_never_overwritten(
    world: World, vault: Vault, ask: Callable[..., Said], spoil: Callable[[bytes], bytes]
) -> None:
    vault.put(f"lock/{world.pools['demo'].id}", spoil(lock()))
    kept, before = vault.everything(), moves(world)
    said = ask(*DEPLOY)

    assert said.code == 6, said.text
    assert "demo is locked by somebody unknown" in said.text
    assert not any(word in said.text for word in ("PWNED", "\x1b", "\n::error"))
    assert (vault.everything(), moves(world)) == (kept, before)


@pytest.mark.rule("F-11", "S-5")
def test_what_cannot_be_read_is_shown_and_stops_every_command_that_writes(
    world: World, vault: Vault, ask: Callable[..., Said]
) -> None:
    host = world.hosts[0]
    vault.put(f"host/{host.instance}", SPOILED["cut off"](record(host.instance)))
    vault.put(f"lock/{world.pools['extra'].id}", SPOILED["no text"](lock()))
    kept, before = vault.everything(), moves(world)
    shown = ask("status", "--lb", "demo", "--check")
    refused = [
        ask("restore", "--lb", "demo", "--if-needed"),
        ask("restore", host.name, "--give-up", "extra"),
        ask("drain", host.name, "--yes"),
        ask("exec", "--lb", "demo", "--yes", "--", "true"),
    ]

    assert shown.code == 7, shown.text
    assert "cannot be read" in shown.text
    assert {each.code for each in refused} <= {5, 6}, [each.text for each in refused]
    assert kept.items() <= vault.everything().items()
    assert moves(world) == before


@pytest.mark.rule("S-9", "F-11")
def test_a_lock_that_cannot_be_read_is_freed_by_its_version_alone(
    world: World, vault: Vault, ask: Callable[..., Said]
) -> None:
    key = f"lock/{world.pools['demo'].id}"
    vault.put(key, SPOILED["cut off"](lock()))
    kept = vault.everything()
    line = next(word for word in ask(*DEPLOY).text.splitlines() if "elbroll unlock" in word)
    version = line.partition("unlock demo ")[2].split()[0]
    wrong = ask("unlock", "demo", "v1", "--yes")
    untouched = vault.everything() == kept
    right = ask("unlock", "demo", version, "--yes")

    assert (wrong.code, untouched, right.code) == (5, True, 0), (wrong.text, right.text)
    assert json.loads(next(iter(vault.everything().values())))["state"] == "free"


@pytest.mark.rule("S-5", "I-12")
@pytest.mark.parametrize("lie", ["another account's pool", "another machine"])
def test_a_record_that_cannot_be_true_registers_nobody(
    world: World, vault: Vault, ask: Callable[..., Said], lie: str
) -> None:
    host, pool = world.hosts[0], world.pools["demo"]
    entries = {
        "another account's pool": {"pool": "tg/demo/ffffffffffffffff", "port": 80},
        "another machine": {"pool": pool.id, "id": world.hosts[1].instance, "port": 22},
    }
    vault.put(f"host/{host.instance}", record(host.instance, out=[entries[lie]]))
    before = moves(world)
    said = ask("restore", host.instance)
    (left,) = [body for key, body in vault.everything().items() if host.instance in key]

    assert said.code in {4, 5}, said.text
    assert "elbroll has a bug" not in said.text
    assert moves(world) == before
    assert str(entries[lie]["pool"]).encode() in left, "whatever it names stays recorded"
