"""The wrapper in the shells that hosts have, fed through pipes; no SSH."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.eventual import eventually
from elbroll.model import OnLoss, Secret
from elbroll.transports import jobs
from elbroll.transports.wrapper import BOOTSTRAP, program
from punctual import timed, within
from transports.working import a_job

if TYPE_CHECKING:
    from elbroll.model import Job

SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]
NONCE = "0123456789abcdef"
HELD_UP = "while [ -e hold ]; do sleep 0.1; done"
"""Part of a command that lasts until it is let go."""


@dataclass
class Machine:
    """A host whose `/bin/sh` is `shell`, with a home of its own."""

    shell: str
    home: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def begin(self, text: bytes) -> subprocess.Popen[bytes]:
        shell = shutil.which(self.shell)
        process = subprocess.Popen(
            [shell, "-c", BOOTSTRAP.replace("/bin/sh", shell)],  # type: ignore[list-item]
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"HOME": str(self.home), "PATH": "/usr/bin:/bin"},
            cwd=self.home,
        )
        self.running.append(process)
        assert process.stdin
        process.stdin.write(text)
        process.stdin.flush()
        return process

    def begin_held_up(self, job: Job) -> subprocess.Popen[bytes]:
        (self.home / "hold").touch()
        return self.begin(jobs.start_text(job, NONCE))

    def let_go(self) -> None:
        (self.home / "hold").unlink()

    def heard(self, process: subprocess.Popen[bytes]) -> tuple[str, list[str]]:
        """Output and control words, with the input kept open until the end."""
        assert process.stdout
        assert process.stderr
        out, err = process.stdout.read(), process.stderr.read()
        process.wait(20)
        words = [line.removeprefix(f"ELB1 {NONCE} ") for line in err.decode().splitlines()]
        return out.decode("utf-8", "backslashreplace"), words

    def run(self, line: str, **others: object) -> tuple[str, list[str]]:
        return self.heard(self.begin(jobs.start_text(a_job(line, **others), NONCE)))  # type: ignore[arg-type]

    def close(self) -> None:
        for process in self.running:
            process.kill()
            process.wait(20)
            for pipe in (process.stdin, process.stdout, process.stderr):
                assert pipe
                pipe.close()


@pytest.fixture(params=SHELLS)
def machine(request: pytest.FixtureRequest, tmp_path: Path):
    machine = Machine(request.param, tmp_path)
    yield machine
    machine.close()


def ends(words: list[str]) -> list[str]:
    return [word for word in words if not word.startswith("START")]


@pytest.mark.rule("H2", "T-30")
@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("true", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        ("false; true", 1),
        ("kill -9 $$", 137),
        ("kill -TERM $$", 143),
        ("if", 2),
        ("no-such-program", 127),
    ],
)
def test_the_status_is_the_commands_own(machine: Machine, line: str, status: int):
    _, words = machine.run(line)

    assert words[0].startswith("START ")
    assert ends(words) == [f"EXIT {status} - -"]


@pytest.mark.rule("H7")
def test_both_streams_arrive_in_their_order(machine: Machine):
    out, _ = machine.run("echo 1; echo 2 >&2; echo 3; printf 4")

    assert out == "1\n2\n3\n4"


@pytest.mark.rule("H8", "I-26")
def test_values_arrive_exactly_and_are_never_parsed(machine: Machine):
    value = "a'b\"c $HOME `id` $(id) \\n\nsecond\n\n  last\t*"

    out, words = machine.run('printf %s "$A$B"', env={"A": value}, secrets={"B": Secret("x'y\n$z")})

    assert out == value + "x'y\n$z"
    assert ends(words) == ["EXIT 0 - -"]


@pytest.mark.rule("I-20", "H8")
def test_neither_values_nor_the_command_show_in_ps(machine: Machine):
    out, _ = machine.run("ps -ww -eo args; : MARK-OF-THE-COMMAND", secrets={"S": Secret("very-secret-value")})

    assert "very-secret-value" not in out
    assert "MARK-OF-THE-COMMAND" not in out


@pytest.mark.rule("T-32")
@pytest.mark.parametrize("name", ["PATH", "l", "D", "n", "why", "rc", "LC_ALL", "ENV", "PS4", "HOME"])
def test_no_variable_of_the_user_hits_the_wrapper(machine: Machine, name: str):
    out, words = machine.run(f'echo "${name}"', env={name: "/usr/bin:/bin"})

    assert (out, ends(words)) == ("/usr/bin:/bin\n", ["EXIT 0 - -"])


@timed
@pytest.mark.rule("H5", "T-36")
def test_a_background_child_that_keeps_stdout_delays_nothing(machine: Machine):
    with within(5):
        out, words = machine.run("sleep 20 & echo $!")

    assert ends(words) == ["EXIT 0 - -"]
    assert Path(f"/proc/{out.strip()}").exists()
    subprocess.run(["kill", out.strip()], check=True)


@pytest.mark.rule("F-44", "T-34")
def test_at_the_limit_the_whole_group_goes_even_what_ignores_term(machine: Machine):
    out, words = machine.run("(trap '' TERM; echo $$; sleep 20; sleep 20) & sleep 20", limit=1.0)

    assert ends(words) == ["EXIT 143 limit -"]
    assert out.strip().isdigit()
    eventually(lambda: not _living(int(words[0].split()[1])))


@pytest.mark.rule("T-34")
def test_the_line_stop_ends_the_command(machine: Machine):
    process = machine.begin(jobs.start_text(a_job("echo started; sleep 20"), NONCE))
    assert process.stdout
    assert process.stdin
    process.stdout.readline()

    process.stdin.write(b"stop\n")
    process.stdin.flush()

    assert ends(machine.heard(process)[1]) == ["EXIT 143 asked -"]


@pytest.mark.rule("F-45")
def test_a_flood_is_stopped(machine: Machine):
    job = a_job("head -c 3000000 /dev/zero | tr '\\0' x; sleep 20")
    call = ("job", "", str(job.id), NONCE, 10, 1, "keep", 1 << 20)

    _, words = machine.heard(machine.begin(program("base", "job", call=call) + jobs.body(job.line, {})))

    assert ends(words) == ["EXIT 143 flood -"]


@pytest.mark.rule("H4")
@pytest.mark.parametrize(("rule", "lasts", "trace"), [(OnLoss.KEEP, 1, True), (OnLoss.END, 20, False)])
def test_the_rule_decides_what_a_lost_line_does(machine: Machine, rule: OnLoss, lasts: int, trace: bool):
    job = a_job(f"echo started; sleep {lasts}; : >trace", limit=60.0, on_loss=rule)
    process = machine.begin(jobs.start_text(job, NONCE))
    assert process.stdout
    assert process.stdin
    process.stdout.readline()

    process.stdin.close()

    process.wait(20)
    assert (machine.home / "trace").exists() is trace
    assert process.stderr
    assert (b"lost" in process.stderr.read()) is not trace


@pytest.mark.rule("H8")
def test_what_arrives_without_its_end_is_not_run(machine: Machine):
    text = jobs.start_text(a_job(": >trace"), NONCE).removesuffix(b".\n")
    process = machine.begin(text)
    assert process.stdin

    process.stdin.close()

    assert machine.heard(process)[1] == ["CUT"]
    assert not (machine.home / "trace").exists()


@pytest.mark.rule("I-17")
def test_of_eight_starters_of_one_id_one_runs(machine: Machine):
    text = jobs.start_text(a_job("echo x >>trace; sleep 0.3"), NONCE)

    processes = [machine.begin(text) for _ in range(8)]
    said = sorted(ends(machine.heard(process)[1])[0] for process in processes)

    assert said == ["DUP"] * 7 + ["EXIT 0 - -"]
    assert (machine.home / "trace").read_text() == "x\n"


@pytest.mark.rule("I-17")
def test_another_command_is_refused_while_one_runs(machine: Machine):
    first = a_job(f"echo started; {HELD_UP}", limit=60.0)
    running = machine.begin_held_up(first)
    assert running.stdout
    running.stdout.readline()

    _, words = machine.run("true")

    assert words == [f"BUSY {first.id}"]
    assert machine.heard(machine.begin(jobs.open_text(NONCE)))[1] == [f"OPEN {first.id}", "DONE"]
    machine.let_go()
    machine.heard(running)
    assert machine.heard(machine.begin(jobs.open_text(NONCE)))[1] == ["DONE"]


@pytest.mark.rule("T-31")
def test_a_missing_workdir_is_refused(machine: Machine):
    assert machine.run("true", workdir="/no/such/folder")[1] == ["REFUSED workdir"]


@pytest.mark.rule("T-31")
def test_the_command_runs_in_its_workdir(machine: Machine):
    (machine.home / "a b").mkdir()

    assert machine.run("pwd", workdir="~/a b")[0] == f"{machine.home}/a b\n"


# --- asking ------------------------------------------------------------------------------------------


@pytest.mark.rule("T-35", "F-43")
def test_asking_buries_what_never_began(machine: Machine):
    job = a_job(": >trace")

    asked = machine.heard(machine.begin(jobs.ask_text(job, NONCE, "+1")))[1]
    late = machine.heard(machine.begin(jobs.start_text(job, NONCE)))[1]

    assert (asked, late) == (["NEVER"], ["DUP"])
    assert not (machine.home / "trace").exists()


@pytest.mark.rule("T-35")
def test_asking_tells_an_end_and_the_output_from_a_byte_on(machine: Machine):
    job = a_job("echo 123456; exit 4")
    machine.heard(machine.begin(jobs.start_text(job, NONCE)))

    out, words = machine.heard(machine.begin(jobs.ask_text(job, NONCE, "+4")))

    assert (out, words) == ("456\n", ["EXIT 4 - -"])


@pytest.mark.rule("T-35")
def test_asking_follows_what_still_runs(machine: Machine):
    job = a_job(f"echo one; {HELD_UP}; echo two", limit=60.0)
    running = machine.begin_held_up(job)
    assert running.stdout
    running.stdout.readline()

    asking = machine.begin(jobs.ask_text(job, NONCE, "+1"))
    assert asking.stderr
    first = asking.stderr.readline()
    machine.let_go()
    out, words = machine.heard(asking)

    assert (first, out, words) == (f"ELB1 {NONCE} RUNNING\n".encode(), "one\ntwo\n", ["EXIT 0 - -"])


@pytest.mark.rule("T-38", "T-35")
@pytest.mark.parametrize(("boot", "said"), [("another-boot\n", "REBOOTED"), (None, "GONE")])
def test_what_vanished_is_told_apart(machine: Machine, boot: str | None, said: str):
    job = a_job("true")
    machine.heard(machine.begin(jobs.start_text(job, NONCE)))
    folder = machine.home / ".elbroll" / "jobs" / str(job.id)
    (folder / "rc").unlink()
    (folder / "boot").write_text(boot or (folder / "boot").read_text())

    assert machine.heard(machine.begin(jobs.ask_text(job, NONCE, "+1")))[1] == [said]


@pytest.mark.rule("I-17")
def test_a_reused_number_does_not_pass_for_a_running_command(machine: Machine):
    job = a_job("true")
    machine.heard(machine.begin(jobs.start_text(job, NONCE)))
    folder = machine.home / ".elbroll" / "jobs" / str(job.id)
    (folder / "rc").unlink()
    for name in ("wrap", "pid"):
        (folder / name).write_text("1 12345\n")

    assert machine.heard(machine.begin(jobs.open_text(NONCE)))[1] == ["DONE"]


def _living(group: int) -> list[str]:
    found = subprocess.run(["ps", "-o", "stat=", "-g", str(group)], capture_output=True, text=True, check=False)
    return [line for line in found.stdout.split() if not line.startswith("Z")]
