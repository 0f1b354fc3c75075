"""Scripts that a hostile or careless deploy runs on its host, from files in the host's home."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.demo.host import DemoHost
    from elbroll.demo.world import World

LEAK = """\
import base64, json, os, shlex, sys, time, urllib.parse as url
out, err = sys.stdout, sys.stderr
for name in ("ENV_KIND", "FILE_KIND", "SSM_KIND", "LONG_KIND"):
    value = os.environ[name]
    raw = value.encode()
    forms = [value, repr(value), json.dumps(value), shlex.quote(value), url.quote(value), url.quote(value, ""),
             url.quote_plus(value), "postgres://u:" + url.quote(value, "") + "@db/x", value * 2,
             base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
    forms += [base64.b64encode(b"u" * n + b":" + raw + b"@tail").decode() for n in range(3)]
    forms += ["x" * n + value for n in range(4070, 4110, 7)]
    for form in forms:
        print(name, "says", form, flush=True)
        print(name, "warns", form, file=err, flush=True)
    base64.encode(__import__("io").BytesIO(raw), out.buffer)
    half = len(value) // 2
    for part in (value[:half], value[half:]):
        out.write(part)
        out.flush()
        time.sleep(0.15)
    print(flush=True)
"""
LEAK_LINE = (
    'for s in sh bash; do $s -xc \': "$ENV_KIND" "$FILE_KIND" "$SSM_KIND"; x=$FILE_KIND; export y="$ENV_KIND"\'; done; '
    "printf '%s' \"$LONG_KIND\" | base64; printf '%s' \"$FILE_KIND\" | base64 -w 64; "
    'bash -c \'printf "%q\\n" "$ENV_KIND" "$FILE_KIND"; declare -p ENV_KIND FILE_KIND; set\'; env; '
    '"$ELBROLL_DEMO_PYTHON" leak.py; printf \'last words: %s\\n\' "$ENV_KIND" "$SSM_KIND" >&2; '
    'web-ctl deploy "$ELBROLL_RELEASE" && exit "$(cat end)"'
)
"""Prints every secret in every way that a shell has, then deploys, then ends as the host's file `end` says."""


def put(host: DemoHost, files: Mapping[str, str]) -> None:
    """Write files into the host's home."""
    for name, text in files.items():
        (host.place.home / name).write_text(text)


def deploying(world: World, name: str, line: str, more: str = "") -> str:
    """A config whose only deploy command is this line: its path."""
    head, _, rest = world.config.read_text().partition("commands = [")
    path = world.directory / f"{name}.toml"
    tail = rest[rest.index("]\n") :]
    path.write_text(f"{head}commands = [{json.dumps(line)}{tail}{more}")
    path.chmod(0o600)
    return str(path)
