"""The oracle: judges time line, bell and ledger by none of elbroll's code (safety.md 11)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from crash.bell import ASKING, NOTHING, registered
from crash.groups import grouped, named
from crash.past import HOSTS, LOCKS, Past, effective, out_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from crash.bell import Rang
    from crash.past import Target
    from crash.site import Ended, Site
    from elbroll.demo.lifelike.timeline import Call

GOOD_IN_A_ROW = 3
SETTLE = 0.3
"""Seconds without a request that must go before a command, as the site's config says."""
CLOSED = {"in-service", "gone"}
HALTED, CANCELLED = 4, 143
"""How commands end."""
HANGS = 10.0
"""Seconds: twice what a signal may take (safety.md 8), as a busy computer may be slow."""
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
        self._past = Past(site.world)
        self._first_ring = len(site.bell.rung)
        self._begun: list[int] = []
        self._groups = grouped(site.world)

    # --- at one moment ---------------------------------------------------------------------------

    def at_start(self) -> None:
        """A command begins: what was read before it proves nothing to it."""
        self._begun.append(len(self._world.simulation.timeline))

    def at_kill(self) -> None:
        """Each registration that is missing now stands in its host's record (I-2), and so does its standby (A3)."""
        here, records = registered(self._world), effective(self._world, HOSTS)
        for pool, members in self.home.items():
            for target, port in members - here[pool]:
                kept = out_of(records.get(f"{HOSTS}{target}"))
                self._must((pool, target, port) in kept, f"I-2: {pool} {target}:{port} is missing and in no record")
        for group, target in self._away():
            kept_in = records.get(f"{HOSTS}{target}", {}).get("standby")
            self._must(kept_in == group, f"A3: {target} is out of {group}, its record says {kept_in}")

    def at_orderly_end(self, ended: Ended) -> None:
        """Whoever was not killed frees what it held, and has nothing to be ashamed of."""
        for name, value in effective(self._world, LOCKS).items():
            self._must(value["state"] == "free", f"I-4: after an end with {ended.code} {name} is {value['state']}")
        self._must(ended.code not in {1, 10}, f"I-4: ended with {ended.code}: {ended.said[-1500:]}")

    def at_cancelled_end(self, ended: Ended, seconds: float, moment: int, *, holds: bool) -> None:
        """SIGTERM, sent at that moment, ends a run soon and in order: nothing is forgotten, and a lock it had to leave
        is told (F-54). `holds`: it takes locks of its own.
        """
        self.at_kill()
        self._must(seconds < HANGS, f"F-54: ended {seconds:.1f} s after SIGTERM: {ended.said[-1500:]}")
        lasting = self._lasting(moment) if ended.code in {0, HALTED} else [f"an end with {ended.code}"]
        unheard = ended.code != CANCELLED and lasting
        self._must(not unheard, f"F-54: SIGTERM was followed by {lasting}: {ended.said[-1500:]}")
        left = [name for name, value in effective(self._world, LOCKS).items() if value["state"] != "free"]
        if holds:
            self._must(not left or "elbroll unlock" in ended.said, f"I-4: {left} not freed: {ended.said[-1500:]}")
        done = self._lasting(self._begun[-1], locks=not holds)
        modest = bool(done) and "nothing was changed" in ended.said
        self._must(not modest, f"I-9: after {done} it says that nothing was changed")

    def _lasting(self, moment: int, *, locks: bool = False) -> list[str]:
        """Deeds since a moment; a lock of one's own is given back, and counts for nothing."""
        done = [call for place, call in self._past.calls() if place >= moment and call.mutates]
        return [call.action for call in done if locks or not str(call.parameters.get("Name", "")).startswith(LOCKS)]

    def at_restored(self, ended: Ended) -> None:
        """What `restore` has left: only a host whose version nobody knows may be out, and it is named (I-4)."""
        here, records = registered(self._world), effective(self._world, HOSTS)
        for pool, members in self.home.items():
            for target, port in members - here[pool]:
                state = records.get(f"{HOSTS}{target}", {}).get("state")
                self._must(state == "deploying", f"I-4: restore has left {pool} {target}:{port} out in state {state}")
        for group, target in self._away():
            state = records.get(f"{HOSTS}{target}", {}).get("state")
            self._must(state == "deploying", f"I-4: restore has left {target} out of {group} in state {state}")
        left = {value["name"] for value in records.values() if value["state"] not in CLOSED}
        told = (
            ended.code != 0
            and all(name in ended.said for name in left)
            and re.search("elbroll (deploy|exec)", ended.said)
        )
        self._must(not left or bool(told), f"I-4: restore has left {left} and said: {ended.said[-1500:]}")

    def at_end(self, ended: Ended, release: str | None, code: int = 0) -> None:
        """All is as it was, and every host runs the release, or where that is None what its record says (I-4)."""
        here = registered(self._world)
        self._must(ended.code == code, f"I-4: the rerun ended with {ended.code}: {ended.said[-1500:]}")
        self._must(here == self.home, f"I-4: memberships differ: {here} instead of {self.home}")
        for name, pool in self._world.pools.items():
            self._must(self._world.in_service(name) == set(pool.ports), f"I-4: not all of {name} are in service")
        groups = grouped(self._world)
        self._must(groups == self._groups, f"I-4: groups differ: {groups} instead of {self._groups}")
        for name, value in effective(self._world, HOSTS).items():
            self._must(value["state"] == "in-service", f"I-4: {name} is {value['state']}")
            runs = self._world.host(value["host"]).release
            self._must(value.get("after") in {None, runs}, f"I-9: {name} says {value.get('after')}, it runs {runs}")
        for host in self._world.hosts:
            self._must(release in {None, host.release}, f"I-9: {host.name} has {host.release}, not {release}")

    # --- the whole time line ---------------------------------------------------------------------

    def history(self) -> list[str]:
        """All breaches, those of the whole time line included."""
        for place, call, name, value in self._past.writes():
            if name.startswith(HOSTS):
                self._record(place, call, value)
        for place, call in self._past.calls():
            self._deed(place, call)
        for ring in self._rung():
            if ring.word == "begin":
                self._command(ring)
        return self.breaches

    def _deed(self, place: int, call: Call) -> None:
        if call.action.startswith("Deregister"):
            self._leave(call, str(call.pool), set(call.targets))
        elif call.action.startswith("Register"):
            self._register(place, call)
        elif call.action == "EnterStandby":
            self._stand_by(call)
        elif call.action == "ExitStandby":
            self._come_back(call, named(call))

    def _record(self, place: int, call: Call, value: Mapping[str, Any]) -> None:
        """Each move is legal, and follows upon what it claims (I-24)."""
        host, state = value["host"], value["state"]
        _, before = self._past.written(f"{HOSTS}{host}", place)
        last = before["state"] if before else "in-service"
        self._must(state in MOVES[last], f"I-24: {host} went from {last} to {state}")
        kept = out_of(before) - out_of(value)
        self._must(not kept or state in CLOSED, f"I-2: the record of {host} has lost {kept}")
        rung = self._rung_of(host, call.seen)
        if (last, state) == ("deploying", "deployed"):
            self._must(_ended(rung), f"I-7: {host} called deployed: {_words(rung)}")
        elif state == "registering":
            self._must(_proven(rung), f"I-7: {host} called proven: {_words(rung)}")
        elif state == "in-service" and before is not None:
            self._closing(place, call, before)

    def _closing(self, place: int, call: Call, before: Mapping[str, Any]) -> None:
        """Two healthy reads of each item after its last move, by the run that closes (I-2)."""
        begun = max((moment for moment in self._begun if moment <= place), default=0)
        for pool, target, port in out_of(before):
            since = max(begun, self._past.moved_at(pool, (target, port), place))
            reads = self._past.healthy_reads(pool, (target, port), since, call.seen)
            self._must(reads >= 2, f"I-2: {target} closed after {reads} healthy reads of {pool}:{port}")

    def _leave(self, call: Call, pool: str, leaving: set[Target]) -> None:
        states = self._past.states(pool, call.seen)
        well = self.home[pool] - {target for target, state in states.items() if state != "healthy"}
        self._must(leaving <= self.home[pool], f"I-3: {call.action} of strangers {leaving}")
        out = {host for host in _hosts(self.home[pool]) - _hosts(leaving) if self._is_out(host, call.seen)}
        self._must(not out, f"I-10: {_hosts(leaving)} leave {pool} while {out} are out")
        if leaving & well:
            floor = len(_hosts(self.home[pool])) - 1
            left = _hosts(self.home[pool]) - _hosts(self.home[pool] - well) - _hosts(leaving)
            self._must(len(left) >= floor, f"I-1: {len(left)} left in {pool}, floor {floor}")
        for target, port in leaving:
            _, record = self._past.written(f"{HOSTS}{target}", call.seen)
            kept = (pool, target, port) in out_of(record)
            self._must(kept, f"I-2: {target}:{port} leaves {pool} without a record")
        self._locked(_hosts(leaving), {pool}, call.seen, call.action)

    def _register(self, place: int, call: Call) -> None:
        pool = str(call.pool)
        self._must(set(call.targets) <= self.home[pool], f"I-12: {call.action} of {call.targets}")
        self._come_back(call, _hosts(call.targets))
        for target, port in call.targets:
            _, record = self._past.written(f"{HOSTS}{target}", place)
            kept = (pool, target, port) in out_of(record)
            self._must(kept, f"I-12: {target}:{port} registered in {pool} without a record")
        self._locked(_hosts(call.targets), {pool}, call.seen, call.action)

    def _stand_by(self, call: Call) -> None:
        """The group takes its host out of the pools that it is attached to, on the pools' own ports."""
        group = self._groups[str(call.parameters["AutoScalingGroupName"])]
        decrements = call.parameters.get("ShouldDecrementDesiredCapacity")
        self._must(decrements == "true", f"A4: {call.action} without decrement")
        for target in named(call):
            _, record = self._past.written(f"{HOSTS}{target}", call.seen)
            kept_in = record.get("standby") if record else None
            self._must(kept_in == group.name, f"A3: {target} enters standby without a record")
            for pool, port in group.pools:
                self._leave(call, pool, {(target, port)})

    def _come_back(self, call: Call, targets: Iterable[str]) -> None:
        for target in targets:
            rung = self._rung_of(target, call.seen)
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

    def _command(self, ring: Rang) -> None:
        """Only on a host that is out, quiet, recorded as `deploying`, and alone (I-5, I-7, I-17)."""
        host = ring.host
        _, record = self._past.written(f"{HOSTS}{host}", ring.seen)
        self._must(not ring.registered, f"I-5: a command on {host}, registered in {set(ring.registered)}")
        self._must(ring.quiet >= SETTLE, f"I-5: a command on {host}, a request ended {ring.quiet:.2f} s ago")
        self._must(ring.rivals == 0, f"I-17: {ring.rivals + 1} commands at once on {host}")
        state = record["state"] if record else "none"
        self._must(state == "deploying", f"I-24: a command on {host} in state {state}")
        after = record.get("after") if record and ring.release else None  # a chore brings no release
        self._must(after in {None, ring.release}, f"I-24: {host} gets {ring.release}, its record says {after}")
        self._locked({host}, {pool for pool, *_ in out_of(record)}, ring.seen, "a command")

    def _locked(self, hosts: Iterable[str], pools: Iterable[str], moment: int, deed: str) -> None:
        """The run of the record holds the pools, and has proven so since it wrote that record (I-10, 3.5)."""
        for host in hosts:
            place, record = self._past.written(f"{HOSTS}{host}", moment)
            for pool in pools:
                proven, lock = self._past.written(f"{LOCKS}{pool}", moment)
                holds = bool(record and lock) and lock["state"] == "held" and lock["run"] == record["run"]
                self._must(holds and proven > place, f"I-10: {deed} on {host} without a proof of the lock of {pool}")

    def _is_out(self, host: str, moment: int) -> bool:
        _, record = self._past.written(f"{HOSTS}{host}", moment)
        return record is not None and record["state"] not in CLOSED

    def _rung_of(self, host: str, moment: int) -> list[Rang]:
        return [ring for ring in self._rung() if ring.host == host and ring.seen <= moment]

    def _rung(self) -> Sequence[Rang]:
        return self._site.bell.rung[self._first_ring :]

    def _must(self, holds: bool, rule: str) -> None:
        if not holds and rule not in self.breaches:
            self.breaches.append(rule)


def _since_last(rung: Sequence[Rang]) -> Sequence[Rang] | None:
    """The last command and all after it; None where there was none since we watch."""
    begun = [number for number, ring in enumerate(rung) if ring.word == "begin"]
    return rung[begun[-1] :] if begun else None


def _ended(rung: Sequence[Rang]) -> bool:
    """Whether the last command has come to its good end."""
    last = _since_last(rung)
    return last is not None and any(ring.word == "end" for ring in last)


def _proven(rung: Sequence[Rang]) -> bool:
    """Untouched since we watch; or the last command ended well, and a row of good answers followed (I-7)."""
    last = _since_last(rung)
    if last is None:
        return True
    if not _ended(last):
        return False
    ends = max(number for number, ring in enumerate(last) if ring.word == "end")
    said = {word: [ring.release for ring in last[ends:] if ring.word == word] for word in ASKING}
    looks, asked = said["look"][-GOOD_IN_A_ROW:], said["ask"][-GOOD_IN_A_ROW:]
    well = len(looks) == GOOD_IN_A_ROW and NOTHING not in looks
    return well and (not last[0].release or asked == [last[0].release] * GOOD_IN_A_ROW)


def _hosts(targets: Iterable[Target]) -> set[str]:
    return {target for target, _ in targets}


def _words(rung: Sequence[Rang]) -> str:
    return " ".join(f"{ring.word}={ring.release}" for ring in rung)
