"""The oracle: judges time line, bell and ledger by none of elbroll's code (safety.md 11)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crash.bell import registered
from elbroll.demo.lifelike.timeline import Call, Moved, pool_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from crash.bell import Rang
    from crash.site import Ended, Site
    from elbroll.demo.world import World

GOOD_IN_A_ROW = 3
HOSTS = "/elbroll/v1/host/"
LOCKS = "/elbroll/v1/lock/"
MOVES: Mapping[str, frozenset[str]] = {
    "in-service": frozenset({"held"}),
    "held": frozenset({"held", "deploying", "in-service"}),
    "deploying": frozenset({"deploying", "deployed"}),
    "deployed": frozenset({"deployed", "deploying", "registering"}),
    "registering": frozenset({"registering", "deployed", "deploying", "in-service"}),
}
"""Which state of a record may follow which; no record at all is like `in-service`. A state may be written again."""


class Judge:
    """Watches a site from now on, when all serve; `breaches` are the rules broken so far, by number."""

    def __init__(self, site: Site) -> None:
        self.breaches: list[str] = []
        self.home = registered(site.world)
        self._site = site
        self._world = site.world
        self._first = len(site.world.simulation.timeline)
        self._first_ring = len(site.bell.rung)
        self._states = {name: value["state"] for name, value in effective(site.world, HOSTS).items()}
        self._groups = grouped(site.world)

    def at_kill(self) -> None:
        """Each registration that is missing now stands in its host's record (I-2), and so does its standby (A3)."""
        here, records = registered(self._world), effective(self._world, HOSTS)
        for pool, members in self.home.items():
            for target, port in members - here[pool]:
                kept = _out(records.get(f"{HOSTS}{target}"))
                self._must((pool, target, port) in kept, f"I-2: {pool} {target}:{port} is missing and in no record")
        for group, target in self._away():
            kept_in = records.get(f"{HOSTS}{target}", {}).get("standby")
            self._must(kept_in == group, f"A3: {target} is out of {group}, its record says {kept_in}")

    def at_restored(self) -> None:
        """What `restore` has left: only a host whose version nobody knows may be out (I-4)."""
        here, records = registered(self._world), effective(self._world, HOSTS)
        for pool, members in self.home.items():
            for target, port in members - here[pool]:
                state = records.get(f"{HOSTS}{target}", {}).get("state")
                self._must(state == "deploying", f"I-4: restore has left {pool} {target}:{port} out in state {state}")
        for group, target in self._away():
            state = records.get(f"{HOSTS}{target}", {}).get("state")
            self._must(state == "deploying", f"I-4: restore has left {target} out of {group} in state {state}")

    def at_end(self, ended: Ended, release: str | None) -> None:
        """All is as it was, and every host runs the release, unless that is None (I-4)."""
        here = registered(self._world)
        self._must(ended.code == 0, f"I-4: the rerun ended with {ended.code}: {ended.said[-1500:]}")
        self._must(here == self.home, f"I-4: memberships differ: {here} instead of {self.home}")
        for name, pool in self._world.pools.items():
            self._must(self._world.in_service(name) == set(pool.ports), f"I-4: not all of {name} are in service")
        groups = grouped(self._world)
        self._must(groups == self._groups, f"I-4: groups differ: {groups} instead of {self._groups}")
        for name, value in effective(self._world, LOCKS).items():
            self._must(value["state"] == "free", f"I-4: {name} is {value['state']}")
        for name, value in effective(self._world, HOSTS).items():
            self._must(value["state"] == "in-service", f"I-4: {name} is {value['state']}")
        for host in self._world.hosts:
            self._must(release in {None, host.release}, f"I-9: {host.name} has {host.release}, not {release}")

    def history(self) -> list[str]:
        """All breaches, those of the whole time line included."""
        entries = self._world.simulation.timeline.entries
        for call in entries[self._first :]:
            if isinstance(call, Call) and call.applied and call.mutates:
                self._call(call, entries[self._first : call.seen])
        for ring in self._rung():
            if ring.word == "begin":
                self._must(not ring.registered, f"I-5: a command on {ring.host}, registered in {set(ring.registered)}")
                self._must(ring.rivals == 0, f"I-17: {ring.rivals + 1} commands at once on {ring.host}")
        return self.breaches

    def _call(self, call: Call, before: Sequence[Call | Moved]) -> None:
        name = str(call.parameters.get("Name", ""))
        if call.action == "PutParameter" and name.startswith(HOSTS):
            self._record(name, json.loads(call.parameters["Value"]))
        elif call.action.startswith("Deregister"):
            self._leave(call, str(call.pool), set(call.targets), before)
        elif call.action.startswith("Register"):
            self._must(set(call.targets) <= self.home[str(call.pool)], f"I-12: {call.action} of {call.targets}")
            self._come_back(call, {target for target, _ in call.targets})
        elif call.action == "EnterStandby":
            self._stand_by(call, before)
        elif call.action == "ExitStandby":
            self._come_back(call, _named(call))

    def _record(self, name: str, value: Mapping[str, Any]) -> None:
        state, last = value["state"], self._states.get(name, "in-service")
        self._must(state in MOVES[last], f"I-24: {name} went from {last} to {state}")
        self._states[name] = state

    def _leave(
        self, call: Call, pool: str, leaving: set[tuple[str, int | None]], before: Sequence[Call | Moved]
    ) -> None:
        well = self.home[pool] - {target for target, state in _states(pool, before).items() if state != "healthy"}
        self._must(leaving <= self.home[pool], f"I-3: {call.action} of strangers {leaving}")
        if leaving & well:
            floor = len(_hosts(self.home[pool])) - 1
            left = _hosts(self.home[pool]) - _hosts(self.home[pool] - well) - _hosts(leaving)
            self._must(len(left) >= floor, f"I-1: {len(left)} left in {pool}, floor {floor}")
        for target, port in leaving:
            kept = _out(_last_record(target, before))
            self._must((pool, target, port) in kept, f"I-2: {target}:{port} leaves {pool} without a record")

    def _stand_by(self, call: Call, before: Sequence[Call | Moved]) -> None:
        """The group takes its host out of the pools that it is attached to, on the pools' own ports."""
        group = self._groups[str(call.parameters["AutoScalingGroupName"])]
        decrements = call.parameters.get("ShouldDecrementDesiredCapacity")
        self._must(decrements == "true", f"A4: {call.action} without decrement")
        for target in _named(call):
            record = _last_record(target, before) or {}
            self._must(record.get("standby") == group.name, f"A3: {target} enters standby without a record")
            for pool, port in group.pools:
                self._leave(call, pool, {(target, port)}, before)

    def _come_back(self, call: Call, targets: Iterable[str]) -> None:
        for target in targets:
            rung = [ring for ring in self._rung() if ring.host == target and ring.at < call.at]
            self._must(_proven(rung), f"I-7: {call.action} of {target}, unproven: {_words(rung)}")

    def _away(self) -> list[tuple[str, str]]:
        """Members of groups that are not in service there as they were, with their group."""
        now = grouped(self._world)
        return [
            (name, target)
            for name, group in self._groups.items()
            for target, state in group.members.items()
            if now[name].members.get(target) != state
        ]

    def _rung(self) -> Sequence[Rang]:
        return self._site.bell.rung[self._first_ring :]

    def _must(self, holds: bool, rule: str) -> None:
        if not holds:
            self.breaches.append(rule)


@dataclass(frozen=True, slots=True)
class Grouped:
    """An Auto Scaling group as it stands."""

    name: str
    sizes: tuple[int, int, int]
    """Minimum, desired, maximum."""
    members: Mapping[str, str]
    """Lifecycle states by instance."""
    pools: tuple[tuple[str, int], ...]
    """Attached ones with their own port."""


def grouped(world: World) -> dict[str, Grouped]:
    """All groups of the account, none of them with a classic balancer."""
    client = world.client("autoscaling")
    rows = client.describe_auto_scaling_instances()["AutoScalingInstances"]
    states = {row["InstanceId"]: row["LifecycleState"] for row in rows}
    return {
        row["AutoScalingGroupName"]: Grouped(
            row["AutoScalingGroupName"],
            (row["MinSize"], row["DesiredCapacity"], row["MaxSize"]),
            {each["InstanceId"]: states[each["InstanceId"]] for each in row["Instances"]},
            tuple((pool_of(arn), _port(world, arn)) for arn in row.get("TargetGroupARNs", ())),
        )
        for row in client.describe_auto_scaling_groups()["AutoScalingGroups"]
    }


def _port(world: World, arn: str) -> int:
    (group,) = world.client("elbv2").describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    return int(group["Port"])


def _named(call: Call) -> set[str]:
    """Instances that a call to a group names."""
    return {str(value) for key, value in call.parameters.items() if key.startswith("InstanceIds.")}


def effective(world: World, path: str) -> dict[str, dict[str, Any]]:
    """The effective values under a path: the newest version that was written over the one before it (2.5)."""
    ssm = world.client("ssm")
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path.rstrip("/"), Recursive=True)
    names = [one["Name"] for page in pages for one in page["Parameters"]]
    return {name: _effective(ssm, name) for name in names}


def _effective(ssm: Any, name: str) -> dict[str, Any]:
    pages = ssm.get_paginator("get_parameter_history").paginate(Name=name)
    versions = {one["Version"]: json.loads(one["Value"]) for page in pages for one in page["Parameters"]}
    counting = [version for version, value in versions.items() if value["base"] == version - 1]
    value: dict[str, Any] = versions[max(counting)]
    return value


def _out(record: Mapping[str, Any] | None) -> set[tuple[str, str, int | None]]:
    """What a record says is to be put back."""
    if record is None:
        return set()
    return {(one["pool"], one.get("id", record["host"]), one.get("port")) for one in record.get("out", ())}


def _last_record(target: str, before: Sequence[Call | Moved]) -> Mapping[str, Any] | None:
    """As it was last written since we watch."""
    written = [
        call.parameters["Value"]
        for call in before
        if isinstance(call, Call) and call.applied and call.parameters.get("Name") == f"{HOSTS}{target}"
        if call.action == "PutParameter"
    ]
    return json.loads(written[-1]) if written else None


def _states(pool: str, before: Sequence[Call | Moved]) -> dict[tuple[str, int | None], str]:
    """The last state of every target that has moved since we watch."""
    return {(one.id, one.port): one.state for one in before if isinstance(one, Moved) and one.pool == pool}


def _proven(rung: Sequence[Rang]) -> bool:
    """Untouched since we watch; or the last command ended well, and a row of good answers followed (I-7)."""
    deeds = [ring.word for ring in rung if ring.word != "ask"]
    if "begin" not in deeds:
        return True
    last = max(number for number, ring in enumerate(rung) if ring.word == "begin")
    ends = [number for number, ring in enumerate(rung) if ring.word == "end" and number > last]
    if not ends:
        return False
    answers = [ring.release for ring in rung[ends[0] + 1 :] if ring.word == "ask"]
    return answers[-GOOD_IN_A_ROW:] == [rung[last].release] * GOOD_IN_A_ROW


def _hosts(targets: Iterable[tuple[str, int | None]]) -> set[str]:
    return {target for target, _ in targets}


def _words(rung: Sequence[Rang]) -> str:
    return " ".join(f"{ring.word}={ring.release}" for ring in rung)
