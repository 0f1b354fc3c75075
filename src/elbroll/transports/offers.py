"""Which keys are offered to a host, in which order (T-20): read once for the whole run, few enough to be welcome."""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.errors import HostAccessError
from elbroll.transports import certificates
from elbroll.transports.agent import Agent, AgentSilent
from elbroll.transports.keys import IsPublic, Loaded, NeedsPassphrase, Unusable, load
from elbroll.transports.target import OnlyKeys

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from paramiko import PKey

    from elbroll.engine.ports import Clock
    from elbroll.transports.keys import Passphrase
    from elbroll.transports.target import Identity, Target

MOST = 5
"""Keys offered in one login: the sixth wrong one makes sshd hang up (H20)."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A key to log in with; `label` is its path or its name in the agent."""

    label: str
    key: PKey


@dataclass(frozen=True, slots=True)
class Offers:
    """What to offer, in order, and sentences about all that is not."""

    keys: tuple[Offer, ...]
    notes: tuple[str, ...] = ()


class KeyRing:
    """Loads key files and asks agents, each once; safe to use from several threads."""

    def __init__(self, clock: Clock, passphrase: Passphrase | None = None) -> None:
        self._clock = clock
        self._passphrase = passphrase
        self._lock = threading.RLock()
        self._files: dict[Path, Loaded | Unusable | OSError] = {}
        self._agents: dict[str, Agent | AgentSilent] = {}

    def offers(self, target: Target) -> Offers:
        """The keys for a target. Raises HostAccessError where a demanded key is unusable or there is none at all."""
        with self._lock:
            sorting = _Sorting(self, target)
        if sorting.offers:
            return _few(sorting.offers, tuple(sorting.notes))
        raise HostAccessError(
            f"there is no key to log in to {target.label} with",
            why=tuple(sorting.notes),
            fix=('identity_file = "PATH" in [ssh], or ssh-add PATH',),
        )

    def file(self, path: Path) -> Loaded | Unusable | OSError:
        """The key of a file, or why there is none."""
        if path not in self._files:
            self._files[path] = self._loaded(path)
        return self._files[path]

    def agent(self, path: str | None) -> tuple[PKey, ...]:
        """The keys that an agent holds. Raises AgentSilent, at once where it has been silent before."""
        if path is None:
            return ()
        known = self._agents.get(path)
        if known is None or (isinstance(known, Agent) and known.lost):
            known = self._agents[path] = self._asked(path) if known is None else AgentSilent(f"{path} fell silent")
        if isinstance(known, AgentSilent):
            raise known
        return known.keys

    def certified(self, path: Path, key: PKey) -> PKey | None:
        """The key with the certificate beside it; None without one. Raises certificates.NotNow."""
        certificate = certificates.beside(path)
        try:
            certificates.check(certificate, self._clock.now())
        except OSError:
            return None
        with_certificate = copy.copy(key)
        with_certificate.load_certificate(str(certificate))
        return with_certificate

    def close(self) -> None:
        """Hang up on the agents."""
        with self._lock:
            for agent in self._agents.values():
                if isinstance(agent, Agent):
                    agent.close()

    def _loaded(self, path: Path) -> Loaded | Unusable | OSError:
        try:
            return load(path, self._passphrase)
        except (Unusable, OSError) as error:
            return error

    def _asked(self, path: str) -> Agent | AgentSilent:
        try:
            return Agent(path)
        except AgentSilent as error:
            return error


class _Sorting:
    """Puts the keys of one target in order: chosen files, the agent's keys, the usual files."""

    def __init__(self, ring: KeyRing, target: Target) -> None:
        self._ring = ring
        self._target = target
        self.offers: list[Offer] = []
        self.notes: list[str] = []
        self._agent_keys = self._agents()
        self._add_files(identity for identity in target.identities if identity.chosen)
        if target.only is OnlyKeys.ANY:
            for key in self._agent_keys:
                self._add(f"{_name(key)} of the ssh-agent", key)
        self._add_files(identity for identity in target.identities if not identity.chosen)

    def _agents(self) -> tuple[PKey, ...]:
        try:
            return self._ring.agent(self._target.agent)
        except AgentSilent as error:
            self.notes.append(str(error))
            return ()

    def _add_files(self, identities: Iterable[Identity]) -> None:
        for identity in identities:
            found = self._ring.file(identity.path)
            match found:
                case Loaded():
                    self.notes.extend(found.warnings)
                    self._add_with_certificate(identity.path, found.key)
                case NeedsPassphrase() | IsPublic() if key := self._held_by_agent(identity.path, found.public):
                    self._add(f"{identity.path} of the ssh-agent", key)
                case FileNotFoundError() if not identity.chosen:
                    pass
                case _:
                    self._pass_over(identity.path, found)

    def _pass_over(self, path: Path, why: Unusable | OSError) -> None:
        reason = f"cannot be read: {why.strerror}" if isinstance(why, OSError) else str(why)
        if self._target.only is OnlyKeys.DEMANDED:
            raise HostAccessError(f"the identity_file {path} {reason}")
        self.notes.append(f"{path} {reason}")

    def _add_with_certificate(self, path: Path, key: PKey) -> None:
        try:
            with_certificate = self._ring.certified(path, key)
        except certificates.NotNow as error:
            self.notes.append(f"{certificates.beside(path)} {error}; the plain key is offered")
        else:
            if with_certificate:
                self.offers.append(Offer(f"{path} with its certificate", with_certificate))
        self._add(str(path), key)

    def _held_by_agent(self, path: Path, public: bytes | None) -> PKey | None:
        wanted = public or _public_beside(path)
        return next((key for key in self._agent_keys if key.asbytes() == wanted), None)

    def _add(self, label: str, key: PKey) -> None:
        plain = [offer.key for offer in self.offers if not offer.key.public_blob]
        if all(offered.asbytes() != key.asbytes() for offered in plain):
            self.offers.append(Offer(label, key))


def _few(offers: list[Offer], notes: tuple[str, ...]) -> Offers:
    if not (skipped := [offer.label for offer in offers[MOST:]]):
        return Offers(tuple(offers), notes)
    note = f"only {MOST} keys are offered, so not {', '.join(skipped)}; identity_file in [ssh] names the right one"
    return Offers(tuple(offers[:MOST]), (*notes, note))


def _public_beside(path: Path) -> bytes | None:
    try:
        load(path.with_name(f"{path.name}.pub"))
    except IsPublic as found:
        return found.public
    except (Unusable, OSError):
        return None
    return None


def _name(key: PKey) -> str:
    return str(getattr(key, "comment", "")) or key.get_name()
