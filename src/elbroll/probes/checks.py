"""Which questions a host's app is asked: from its pools' own checks and `[verify]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from elbroll.config.schema import Expect
from elbroll.errors import Refused
from elbroll.probes.addresses import checked
from elbroll.probes.command import CommandProbe
from elbroll.probes.http import ConnectProbe, HttpProbe, Page, Place
from elbroll.probes.matcher import Matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from elbroll.config.schema import Verify
    from elbroll.engine.ports import Clock, Probe
    from elbroll.model import Host, Pool, PoolId, Registration
    from elbroll.probes.line import HostLine

LIMIT = 5.0
"""Seconds for a look where no pool's check gives a limit."""
_WELL = "200"


@dataclass(frozen=True, slots=True)
class _Target:
    """One registration as its pool's balancer checks it."""

    place: Place
    encrypted: bool
    path: str | None
    """None: the check only connects."""
    matcher: str


class PoolChecks:
    """Implements `engine.ports.Checks`. `pools` must hold the pool of every registration that is asked about."""

    def __init__(
        self,
        pools: Mapping[PoolId, Pool],
        verify: Verify,
        line: HostLine,
        clock: Clock,
        mask: Callable[[str], str] = str,
    ) -> None:
        self._pools = pools
        self._verify = verify
        self._line = line
        self._clock = clock
        self._mask = mask

    def of(self, host: Host, registrations: Collection[Registration], release: str | None) -> tuple[Probe, ...]:
        """Equal questions once, in a stable order; none only with `http = "off"` and nothing else: no question is no
        proof (I-7).

        Raises Refused where there is nothing to ask, and for addresses, statuses or URLs that cannot be asked.
        """
        targets = [target for entry in sorted(registrations, key=str) if (target := self._target(host, entry))]
        probes: list[Probe] = [*self._http(host, targets)]
        env = {"ELBROLL_RELEASE": release} if release else {}
        if self._verify.command:
            probes.append(
                CommandProbe(self._line, host, self._verify.command, env, self._limit(targets), mask=self._mask)
            )
        if self._verify.version and release:
            probes.extend(self._version(host, targets, self._verify.version, release))
        if not probes and self._verify.http != "off":
            raise Refused(
                f"nothing is known that {host.name} could be asked to see whether it is well", code="no-check"
            )
        return tuple(probe for number, probe in enumerate(probes) if probe not in probes[:number])

    # --- verify.http ------------------------------------------------------------------------------------

    def _http(self, host: Host, targets: list[_Target]) -> Iterator[Probe]:
        match self._verify.http:
            case "off":
                return
            case "auto":
                yield from (self._own_check(host, target) for target in targets)
            case path if path.startswith("/"):
                yield from (self._get(host, target.place, self._page(path, target)) for target in targets)
            case url:
                yield from (self._elsewhere(host, target, url) for target in targets)

    def _own_check(self, host: Host, target: _Target) -> Probe:
        if target.path is None:
            return ConnectProbe(self._line, self._clock, host, target.place)
        return self._get(host, target.place, self._page(target.path, target))

    def _elsewhere(self, host: Host, target: _Target, url: str) -> Probe:
        """`http://:9000/ready`: another port; another address only if it is spelled out."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise Refused(f"verify.http = {url!r} names no address and port") from error
        if parts.scheme not in ("http", "https") or "@" in parts.netloc:
            raise Refused(f'verify.http = {url!r} is neither "auto", "off", a path, nor an http(s) URL')
        encrypted = parts.scheme == "https"
        port = port or (443 if encrypted else 80)
        address = checked(parts.hostname) if parts.hostname else target.place.address
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        place = Place(address, port, target.place.limit)
        return self._get(host, place, self._page(path, target, encrypted=encrypted))

    def _page(self, path: str, target: _Target, *, encrypted: bool | None = None) -> Page:
        expect = self._verify.expect
        status = expect.status if isinstance(expect, Expect) else expect
        body = expect.body if isinstance(expect, Expect) else None
        over_tls = target.encrypted if encrypted is None else encrypted
        return Page(_sendable(path), Matcher.of(status or target.matcher), over_tls, body)

    def _get(self, host: Host, place: Place, page: Page) -> Probe:
        return HttpProbe(self._line, self._clock, host, place, page, self._mask)

    # --- verify.version ---------------------------------------------------------------------------------

    def _version(self, host: Host, targets: list[_Target], version: str, release: str) -> Iterator[Probe]:
        if not version.startswith("/") or " " in version:
            env = {"ELBROLL_RELEASE": release}
            yield CommandProbe(self._line, host, version, env, self._limit(targets), release, self._mask)
            return
        for target in targets:
            page = Page(_sendable(version), Matcher.of(_WELL), target.encrypted, whole=release)
            yield self._get(host, target.place, page)

    # --- targets ----------------------------------------------------------------------------------------

    def _target(self, host: Host, entry: Registration) -> _Target | None:
        pool = self._pools.get(entry.pool)
        if pool is None:
            return None
        check = pool.health_check
        address = host.private_ip if pool.arn is None or entry.id == host.id else entry.id
        if not address:
            raise Refused(f"{host.name} has no private address at which its app could be asked")
        place = Place(checked(address), check.port or entry.port or pool.port, check.timeout or LIMIT)
        web = check.protocol in ("HTTP", "HTTPS")
        return _Target(
            place, check.protocol == "HTTPS", check.path or "/" if web else None, check.matcher if web else _WELL
        )

    def _limit(self, targets: list[_Target]) -> float:
        return max((target.place.limit for target in targets), default=LIMIT)


def _sendable(path: str) -> str:
    """Raises Refused for what would not be one word of a request line (S-4)."""
    if not path.isascii() or any(char <= " " or char == "\x7f" for char in path):
        raise Refused(f"{path!r} cannot be asked for: write blanks and other special characters as %20")
    return path
