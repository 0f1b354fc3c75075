"""All faults at once, in place, in plain words; never another exception."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from elbroll.config.document import LARGEST
from elbroll.config.keys import leaves
from elbroll.config.load import load
from elbroll.config.schema import Written
from elbroll.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from elbroll.config.load import Override


def refused(folder: Path, text: str | bytes, said: dict[str, Override] | None = None) -> ConfigError:
    (folder / "elbroll.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load(said or {}, config=None, environ={}, cwd=folder)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value


MOCKUP = """\
error: elbroll.toml:9:1: unknown key "max_unavalable" in [defaults.pace]
    9 | max_unavalable = 2
      | ^^^^^^^^^^^^^^ did you mean "max_unavailable"?
error: elbroll.toml:14:12: "timeout" wants a duration such as "90s" or "5m", not 300
   14 | timeout  = 300
      |            ^^^
2 errors in elbroll.toml. Nothing was done."""


@pytest.mark.rule("F-1", "I-15")
def test_all_faults_come_at_once_with_place_line_and_suggestion(tmp_path: Path) -> None:
    text = "\n" * 7 + "[defaults.pace]\nmax_unavalable = 2\n\n[lb.a]\n[lb.b]\n[lb.b.deploy]\ntimeout  = 300\n"
    error = refused(tmp_path, text)
    assert error.message == MOCKUP
    assert error.faults == 2


@pytest.mark.rule("F-1")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[awz]", '1:2: unknown table "awz"\n    1 | [awz]\n      |  ^^^ did you mean "aws"?'),
        ("[pace]\nfloor = 1", "it belongs in [defaults.pace] or [lb.NAME.pace]"),
        ("[aws]\naccount = 123456789012", '2:11: "account" wants an account of 12 digits in quotes'),
        ("[aws]\nregion = 3", '2:10: "region" wants a text, not 3'),
        ("[ssh]\nport = 0", '"port" wants at least 1, not 0'),
        ("[ssh]\nport = 70000", '"port" wants at most 65535, not 70000'),
        ("[ssh]\nport = '22'", '"port" wants a whole number, not "22"'),
        ("[ssh]\nport = true", '"port" wants a whole number, not true'),
        ("[ssh]\nuser = '-oProxyCommand=x'", "does not begin with -"),
        ('[ssh]\nproxy_jump = "a\\nb"', "without control characters"),
        ("[ssh]\nhost_keys = 'of'", '"host_keys" wants "strict", "accept-new" or "console", not "of"'),
        ("[ssh]\nconnect_timeout = '0s'", '"connect_timeout" wants more than "0s"'),
        ("[ledger]\nstore = 's4://x'", '"store" wants "ssm", "s3://bucket/prefix" or "file:PATH", not "s4://x"'),
        ("[defaults]\nname = 'x'", '"name" belongs in a table [lb.NAME], not in [defaults]'),
        ("[defaults]\ntarget_groups = []", '"target_groups" belongs in a table [lb.NAME]'),
        ("[defaults]\ntransport = 'ssm'", '2:13: "transport" cannot be "ssm": that is not supported yet'),
        ("[defaults.guard]\nalarms = ['x']", '2:1: "alarms" is not supported yet'),
        ("[defaults.pace]\ncanary = { hosts = 1, command = 'x' }", '2:23: "command" is not supported yet'),
        ("[defaults.pace]\ncanary = {}", '"hosts" is missing'),
        ("[defaults.pace]\nfloor = 0", '"floor" wants a count such as 2 or a share such as "25%", not 0'),
        ("[defaults.pace]\nfloor = '101%'", 'not "101%"'),
        ("[defaults.pace]\nmax_failures = -1", '"max_failures" wants at least 0, not -1'),
        ("[hooks]\ngate = 3", '2:8: "gate" wants a command or a list of its words, not 3'),
        ("[hooks]\ngate = ''", '"gate" wants a command, not ""'),
        ("[hooks]\ngate = []", '"gate" wants a command, not a list'),
        ('[hooks]\ngate = "./check \'x"', '"gate" wants a command whose quotes are closed'),
        ("[hooks]\nstarted = 'echo a|b'", '"started" is run without a shell, which | is for'),
        ("[hooks]\nfinished = 'x && y'", '"finished" is run without a shell, which && is for'),
        ("[defaults.verify]\nconsecutive = 0", '"consecutive" wants at least 1, not 0'),
        ("[defaults.verify]\nhttp = 'ftp://x'", '"http" wants "auto"'),
        ("[defaults.verify]\nhttp = '/gr\u00fcn'", '"http" wants "auto"'),
        ("[defaults.verify]\nhttp = '/a b'", '"http" wants "auto"'),
        ("[defaults.verify]\nexpect = '2xx'", '"expect" wants statuses'),
        ("[defaults.verify]\nexpect = { stats = '200' }", '2:12: unknown key "stats" in [defaults.verify.expect]'),
        ("[defaults.deploy]\ncommands = ['a', 3]", '"commands" wants a shell line or a list of them, not a list'),
        ('[defaults.deploy]\ncommands = "a\\u0000b"', "without NUL or a lone carriage return"),
        ('[defaults.deploy]\ncommands = "a\\rb"', "without NUL or a lone carriage return"),
        ("[defaults.deploy]\ncommands = ['']", "not an empty one"),
        ("[defaults.deploy]\nenv = { A-B = 'x' }", '2:9: "A-B" is no name of a variable'),
        ("[defaults.deploy]\nenv = { ELBROLL_RUN = 'x' }", '"ELBROLL_RUN" is a name that belongs to elbroll'),
        ("[defaults.deploy]\nsecrets = { IFS = 'env:X' }", '"IFS" is a name that belongs to the shell'),
        ("[defaults.deploy]\nenv = { A = 1 }", '"A" wants a text, not 1'),
        ("[defaults.deploy]\nenv = { A = 'x' }\nsecrets = { A = 'env:X' }", '3:13: "A" stands in env too'),
        ("[[defaults.deploy.upload]]\nfrom = 'x'", '"to" is missing'),
        ("[[defaults.deploy.upload]]\nfrom = 'x'\nto = 'x'", '3:6: "to" wants a file by its whole path'),
        ("[[defaults.deploy.upload]]\nfrom = 'x'\nto = '/a/../b'", 'without ".."'),
        ("[[defaults.deploy.upload]]\nfrom = 'x'\nto = '/a/'", '"to" wants a file'),
        ("[[defaults.deploy.upload]]\nfrom = 'x'\nto = '/a'\nmode = '8'", '"mode" wants permissions such as "0644"'),
        ("[defaults.deploy]\nupload = 'x'", '"upload" wants a list of tables, not "x"'),
        ("[lb.web]\ntarget_groups = 'x'", '2:17: "target_groups" wants a list of texts, not "x"'),
        ("lb = 3", '1:6: "lb" wants a table, not 3'),
        ("[lb]\nweb = 3", '2:7: "web" wants a table, not 3'),
        ("[lb.'']", "is no name for a load balancer"),
        ("[[lb]]", '"lb" wants a table, not a list'),
    ],
)
def test_a_fault_in_plain_words(text: str, says: str, tmp_path: Path) -> None:
    error = refused(tmp_path, text)
    assert says in error.message
    assert error.faults == 1
    assert error.message.endswith("1 error in elbroll.toml. Nothing was done.")


@pytest.mark.rule("S-3")
def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    error = refused(tmp_path, "[lb.a.deploy.secrets]\nKEY = 'hunter2'\n")
    assert '"KEY" wants "env:NAME", "file:PATH" or "ssm:/path", never the secret itself' in error.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = \n", "elbroll.toml:1:5: invalid value"),
        ("[a]\nx = 1\nx = 2\n", "elbroll.toml:3:1: a.x is given a second time"),
        ("[a]\n[a]\n", "elbroll.toml:2:2: a is given a second time"),
        ("a = 'x", "elbroll.toml:1:7:"),
        ("a = '''x\n", "elbroll.toml:2:1:"),
        (b"[aws]\nregion = '\xff'", "elbroll.toml:2:11: this is not UTF-8"),
        ("x = " + "[" * 100_000, "nested too deep"),
        ("x = " + "9" * 5000, "Exceeds"),
    ],
)
def test_what_is_no_toml_is_told_in_place(text: str | bytes, says: str, tmp_path: Path) -> None:
    assert says.lower() in refused(tmp_path, text).message.lower()


def test_a_fault_of_the_defaults_is_told_once(tmp_path: Path) -> None:
    assert refused(tmp_path, "[defaults.pace]\nfloor = 0\n[lb.a]\n[lb.b]\n").faults == 1


def test_a_clash_within_the_defaults_is_told_once(tmp_path: Path) -> None:
    text = "[defaults.deploy]\nenv.A = 'x'\nsecrets.A = 'env:X'\n[lb.a]\n[lb.b]\n"
    error = refused(tmp_path, text)
    assert error.faults == 1
    assert "elbroll.toml:3:9:" in error.message


def test_a_clash_between_tables_is_found_when_they_are_merged(tmp_path: Path) -> None:
    error = refused(tmp_path, "[defaults.deploy]\nenv.A = 'x'\n[lb.a.deploy]\nsecrets.A = 'env:X'\n[lb.b]\n")
    assert error.faults == 1
    assert "elbroll.toml:4:9:" in error.message


def test_an_option_is_blamed_by_name_and_once(tmp_path: Path) -> None:
    said: dict[str, Override] = {"pace.floor": ("--floor", "x"), "pace.bake": ("ELBROLL_BAKE", "1")}
    error = refused(tmp_path, "[lb.a]\n[lb.b]\n", said)
    assert (
        error.message.splitlines()[:2]
        == [
            'error: --floor wants a count such as 2 or a share such as "25%", not "x"',
            'error: ELBROLL_BAKE wants a duration such as "90s" or "5m", not "1"',
        ]
        or error.faults == 2
    )
    assert "options and environment" in error.message


def test_options_come_after_the_file(tmp_path: Path) -> None:
    error = refused(tmp_path, "[awz]", {"pace.order": ("--order", "zon")})
    first, last = (line for line in error.message.splitlines() if line.startswith("error: "))
    assert first.startswith("error: elbroll.toml:1:2:")
    assert last == 'error: --order wants "spread", "zone" or "name", not "zon" (did you mean "zone"?)'


@pytest.mark.rule("S-10")
@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_file_that_others_may_write_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "elbroll.toml"
    path.write_text("")
    path.chmod(mode)
    with pytest.raises(ConfigError, match="others may write") as caught:
        load({}, config=None, environ={}, cwd=tmp_path)
    assert caught.value.fix == ("chmod go-w elbroll.toml",)


@pytest.mark.parametrize(("name", "says"), [("pipe", "pipe is no file"), (".", "cannot be read: Is a directory")])
def test_what_is_no_file_is_refused_without_waiting(name: str, says: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match=says):
        load({}, config=name, environ={}, cwd=tmp_path)


@pytest.mark.rule("F-1")
def test_an_oversized_file_is_refused(tmp_path: Path) -> None:
    assert "larger than 1 MiB" in refused(tmp_path, b"#" * (LARGEST + 1)).message


def test_a_long_line_is_cut_around_its_fault(tmp_path: Path) -> None:
    error = refused(tmp_path, f"lb = {{ {'a' * 300} = {{}}, b = 3 }}")
    _, row, marker, _ = error.message.splitlines()
    assert len(row) < 140
    assert row[marker.index("^")] == "3"


# --- nothing trips it -----------------------------------------------------------------------------------

KEYS = st.sampled_from(sorted({str(part) for path in leaves(Written) for part in path} | {"x", "", "web", "a b"}))
SCALARS = (
    st.none().map(lambda _: "1979-05-27")
    | st.integers().map(str)
    | st.sampled_from(["true", "inf", "nan", "-0.0", '"5m"', '"25%"', '"auto"', '"ssm"', '"/x"', '"\\u0000"', "''"])
    | st.text(max_size=5).map(lambda text: '"' + "".join(f"\\U{ord(one):08x}" for one in text) + '"')
)


def inline(table: dict[str, str]) -> str:
    return "{ " + ", ".join(f'"{key}" = {value}' for key, value in table.items()) + " }"


VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.dictionaries(KEYS, inner, max_size=4).map(inline)
        | st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]")
    ),
    max_leaves=12,
)
TOPS = st.sampled_from(["aws", "ssh", "ledger", "hooks", "defaults", "lb", "other", "defaults.pace", "lb.web.deploy"])
PAIRS = st.dictionaries(KEYS, VALUES, max_size=5)
FILES = st.dictionaries(TOPS, PAIRS, max_size=6).map(
    lambda told: "".join(
        f"[{top}]\n" + "".join(f'"{key}" = {value}\n' for key, value in table.items()) for top, table in told.items()
    )
)


def taken_or_refused(folder: Path, raw: bytes, said: dict[str, Override]) -> None:
    """Any exception but ConfigError ends the test."""
    (folder / "elbroll.toml").write_bytes(raw)
    message = "error: "
    try:
        load(said, config=None, environ={}, cwd=folder)
    except ConfigError as error:
        message = error.message
    assert message.startswith("error: ")


FUZZ: Any = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150
)


@pytest.mark.rule("F-1")
@FUZZ
@given(raw=st.binary(max_size=80) | FILES.map(str.encode))
@example(raw=b"lb = {a = [[]]}\n")
@example(raw=b"\xef\xbb\xbf[aws]\n")
def test_any_file_is_taken_or_refused(raw: bytes, tmp_path: Path) -> None:
    taken_or_refused(tmp_path, raw, {})


@FUZZ
@given(key=st.sampled_from(["pace.floor", "pace.order", "aws.region", "deploy.timeout", "ssh.port"]), value=st.text())
def test_any_option_is_taken_or_refused(key: str, value: str, tmp_path: Path) -> None:
    taken_or_refused(tmp_path, b"[lb.a]\n", {key: ("--option", value)})
