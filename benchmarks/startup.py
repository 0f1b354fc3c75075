"""How long `elbroll --help` takes, against a bare `import click`. Best of many rounds, in turn."""

from __future__ import annotations

import subprocess
import sys
import time

ROUNDS = 25
RIVALS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    'python -c "import click"': [sys.executable, "-c", "import click"],
    "elbroll --help": [sys.executable, "-m", "elbroll", "--help"],
    "elbroll deploy --help": [sys.executable, "-m", "elbroll", "deploy", "--help"],
    "elbroll --version": [sys.executable, "-m", "elbroll", "--version"],
}


def main() -> None:
    """Measure all rivals round by round, so that a noisy moment hits them alike."""
    best = dict.fromkeys(RIVALS, float("inf"))
    for _ in range(ROUNDS):
        for name, command in RIVALS.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            best[name] = min(best[name], time.perf_counter() - began)
    click = best['python -c "import click"']
    for name, seconds in best.items():
        print(f"{name:<28} {seconds * 1000:6.0f} ms  {seconds / click:4.2f} x import click")


if __name__ == "__main__":
    main()
