"""The files of a world that elbroll reads: config, key, known_hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.demo.lifelike import ACCOUNT, REGION
from elbroll.demo.sshd.keys import write_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import paramiko

    from elbroll.demo.host import DemoHost
    from elbroll.demo.settings import WorldSettings


def write_files(folder: Path, hosts: Sequence[DemoHost], key: paramiko.PKey, settings: WorldSettings) -> Path:
    """Write all three into `folder`: the config's path."""
    write_key(key, folder / "key")
    known = folder / "known_hosts"
    known.write_text("".join(_known(hosts)))
    known.chmod(0o600)
    config = folder / "elbroll.toml"
    config.write_text(_config(hosts[0].sshd.port, settings))
    config.chmod(0o600)
    return config


def _known(hosts: Iterable[DemoHost]) -> Iterable[str]:
    """By instance id, as elbroll looks first, and by address, for everybody's own `ssh`."""
    for host in hosts:
        yield f"{host.instance} {host.sshd.known_host}\n"
        yield f"[{host.address}]:{host.sshd.port} {host.sshd.known_host}\n"


def _config(port: int, settings: WorldSettings) -> str:
    tables = "".join(_table(lb, settings) for lb in balancers(settings))
    return f"""\
[aws]
region = "{REGION}"
account = "{ACCOUNT}"

[ssh]
user = "demo"
port = {port}
identity_file = "key"
known_hosts = "known_hosts"
config_file = ""

[ledger]
store = "{settings.ledger.value}"
{tables}
{settings.toml}"""


def _table(lb: str, settings: WorldSettings) -> str:
    commands = ", ".join(f"'{line}'" for line in settings.deploy)
    return f"""
[lb.{lb}.deploy]
commands = [{commands}]
timeout = "30s"

[lb.{lb}.drain]
settle = "2s"

[lb.{lb}.verify]
timeout = "15s"
version = "/release"

[lb.{lb}.pace]
max_unavailable = 1
"""


def balancers(settings: WorldSettings) -> tuple[str, ...]:
    """Names of the load balancers, in the order of their pools, each once."""
    return tuple(dict.fromkeys(plan.lb_name for plan in settings.pools))
