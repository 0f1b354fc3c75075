"""One world in real time for many tests, since it takes seconds to come up."""

from __future__ import annotations

import http.client
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.eventual import eventually
from demo.onhost import QUICK, on
from elbroll.config.schema import Settings
from elbroll.demo.app import CHECKER, Break
from elbroll.demo.balancer import Target
from elbroll.demo.checks import check
from elbroll.demo.settings import WorldSettings
from elbroll.demo.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elbroll.demo.host import DemoHost


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(3, WorldSettings(app=QUICK, first_check=0.1, keep_alive=0.5)) as up:
        yield up


def target(world: World, host: DemoHost, pool: str = "demo") -> dict[str, object]:
    return {"Id": host.instance, "Port": world.pools[pool].ports[host.instance]}


def deregister(world: World, host: DemoHost) -> None:
    group = world.pools["demo"].arn
    world.client("elbv2").deregister_targets(TargetGroupArn=group, Targets=[target(world, host)])


def register(world: World, host: DemoHost) -> None:
    group = world.pools["demo"].arn
    world.client("elbv2").register_targets(TargetGroupArn=group, Targets=[target(world, host)])
    eventually(lambda: host.instance in world.in_service("demo"))


def connections(world: World, host: DemoHost) -> str:
    port = world.pools["demo"].ports[host.instance]
    return on(world, host, f'ss -Htn state established "sport = :{port}"').stdout


def test_every_host_is_in_service_and_its_release_is_served(world: World) -> None:
    with world.traffic(rate=30) as traffic:
        eventually(lambda: traffic.count.answered >= 20)

    assert world.in_service("demo") == {host.instance for host in world.hosts}
    assert (set(traffic.count.by_release), traffic.count.failed) == ({"v1"}, 0)


def test_the_account_knows_the_hosts_by_name_zone_and_address(world: World) -> None:
    found = [
        instance
        for group in world.client("ec2").describe_instances()["Reservations"]
        for instance in group["Instances"]
        if instance["InstanceId"] in {host.instance for host in world.hosts}
    ]
    seen = {(one["Tags"][0]["Value"], one["PrivateIpAddress"], one["Placement"]["AvailabilityZone"]) for one in found}

    assert seen == {(host.name, host.address, host.place.zone) for host in world.hosts}
    assert {one["State"]["Name"] for one in found} == {"running"}
    assert len({host.place.zone for host in world.hosts}) == 2


@pytest.mark.rule("E3")
def test_the_balancers_nodes_are_found_by_their_description(world: World) -> None:
    described = world.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    nodes = {one["PrivateIpAddress"] for one in described if one["Description"].startswith("ELB app/demo/")}

    assert nodes == set(world.pools["demo"].nodes)


def test_the_config_is_one_that_elbroll_takes(world: World) -> None:
    read = tomllib.loads(world.config.read_text())
    settings = Settings.model_validate(read)

    assert settings.ssh.port == world.hosts[0].sshd.port
    assert settings.lb["demo"].deploy.commands == ('web-ctl deploy "$ELBROLL_RELEASE"',)


def test_a_child_gets_nothing_of_the_users(world: World) -> None:
    assert world.environment["AWS_ENDPOINT_URL"] == world.endpoint
    assert Path(world.environment["HOME"]).is_relative_to(world.directory)
    assert not {"AWS_PROFILE", "SSH_AUTH_SOCK", "XDG_STATE_HOME", "ELBROLL_LB"} & world.environment.keys()


def test_every_host_has_an_address_an_ssh_server_and_a_home_of_its_own(world: World) -> None:
    seen = [on(world, host, 'echo "$HOME $ELBROLL_DEMO_HOST"; cat RELEASE').stdout for host in world.hosts]

    assert seen == [f"{host.place.home} {host.name}\nv1\n" for host in world.hosts]
    assert len({host.address for host in world.hosts}) == len(world.hosts)
    assert {host.sshd.port for host in world.hosts} == {world.hosts[0].sshd.port}


@pytest.mark.rule("T8", "E3")
def test_a_drained_host_is_deployed_and_comes_back_without_a_lost_request(world: World) -> None:
    host = world.hosts[0]
    with world.traffic(rate=40) as traffic:
        eventually(lambda: connections(world, host))
        deregister(world, host)
        eventually(lambda: not connections(world, host))
        done = on(world, host, 'web-ctl deploy "v2"')
        eventually(lambda: check(Target(*address(world, host)), "127.0.0.1", 2) is None)
        assert traffic.count.by_release.keys() == {"v1"}
        register(world, host)
        eventually(lambda: "v2" in traffic.count.by_release)

    assert done.returncode == 0, done.stderr
    assert traffic.count.failures == {}


def address(world: World, host: DemoHost) -> tuple[str, int]:
    return host.address, world.pools["demo"].ports[host.instance]


def test_a_restart_of_a_host_in_service_loses_requests(world: World) -> None:
    host = world.hosts[1]
    with world.traffic(rate=40) as traffic:
        eventually(lambda: traffic.count.answered >= 10)
        assert on(world, host, "web-ctl restart").returncode == 0
        eventually(lambda: traffic.count.failed > 0)

    assert set(traffic.count.failures) == {"502"}
    eventually(lambda: check(Target(*address(world, host)), "127.0.0.1", 2) is None)


@pytest.fixture
def drained(world: World) -> Iterator[DemoHost]:
    """A host out of service, which is put back on a good release afterwards."""
    host = world.hosts[2]
    deregister(world, host)
    yield host
    on(world, host, "web-ctl deploy good")
    eventually(lambda: check(Target(*address(world, host)), "127.0.0.1", 2) is None)
    register(world, host)


def test_a_release_broken_in_deploy_changes_nothing(world: World, drained: DemoHost) -> None:
    before = drained.release
    world.break_release("bad1", Break.DEPLOY)
    done = on(world, drained, "web-ctl deploy bad1")

    assert (done.returncode, drained.release) == (1, before)
    assert "cannot apply" in done.stderr


def test_a_release_broken_in_verify_answers_502(world: World, drained: DemoHost) -> None:
    world.break_release("bad2", Break.VERIFY)
    assert on(world, drained, "web-ctl deploy bad2").returncode == 0

    eventually(lambda: asked(world, drained, "me") == 502)


def test_a_release_broken_in_register_is_well_to_all_but_the_balancer(world: World, drained: DemoHost) -> None:
    world.break_release("bad3", Break.REGISTER)
    assert on(world, drained, "web-ctl deploy bad3").returncode == 0

    eventually(lambda: asked(world, drained, "me") == 200)
    assert asked(world, drained, CHECKER) == 503


def test_a_release_broken_by_die_dies_and_stays_dead(world: World, drained: DemoHost) -> None:
    world.break_release("bad4", Break.DIE)
    assert on(world, drained, "web-ctl deploy bad4").returncode == 0

    eventually(lambda: not drained.service.running)
    assert on(world, drained, "web-ctl ping").returncode != 0


def asked(world: World, host: DemoHost, name: str) -> int:
    connection = http.client.HTTPConnection(*address(world, host), timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"User-Agent": name})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()
