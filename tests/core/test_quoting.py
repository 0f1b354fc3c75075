"""What shells, programs, pages and addresses make of a secret is known as the secret (I-20)."""

from __future__ import annotations

import subprocess

import pytest

from elbroll.core.disguises import disguises, finder, whole_lines

SIGNS = "a/b c~d*(e)!f'@g:h&i=j+k,l;m$n#o?p%q[r]ü"


def masked(secret: str, text: str) -> str:
    """The text without the secret, each line by itself as it is heard."""
    pattern = finder(disguises(secret, 4), whole_lines(secret))
    assert pattern is not None
    return "\n".join(pattern.sub("***", line) for line in text.split("\n"))


# --- programs, pages, addresses


@pytest.mark.rule("I-20")
@pytest.mark.parametrize(
    ("secret", "written"),
    [
        ("it's\x07", "it's\\x07"),
        ("it's\x07", "it's\\x07\" and so on"),
        ("über\x07", "über\\x07"),
        ("pässwört", "p\\xe4ssw\\xf6rt"),
        ("pässwört", "p\\xc3\\xa4ssw\\xc3\\xb6rt"),
        ("it's so", "it''s so"),
        ('say "it"', 'say ""it""'),
        ('q"ü/\x07', 'q\\"\\u00fc/\\u0007'),
        ('q"ü/\x07', 'q\\"\\u00FC/\\u0007'),
        ('q"ü/\x07', 'q\\"ü/\\u0007'),
        ('q"ü/\x07', 'q\\"\\u00fc\\/\\u0007'),
        ('q"ü/\x07', 'q\\"ü\\/\\u0007'),
        ('q"ü/\x07', 'q\\\\\\"\\\\u00fc/\\\\u0007'),
        ('q"ü/\x07', 'q\\\\\\"\\u00fc/\\\\u0007'),
        ('q"ü/\x07', 'q\\\\\\"ü/\\\\u0007'),
        ("x='<y>'&z", "x='\\u003cy\\u003e'\\u0026z"),
        ("x='<y>'&z", "x\\u003d\\u0027\\u003cy\\u003e\\u0027\\u0026z"),
        ("x=\"<y>'+`", "x=\\u0022\\u003Cy\\u003E\\u0027\\u002B\\u0060"),
    ],
)
def test_what_programs_write_between_quotes_is_known(secret: str, written: str) -> None:
    assert masked(secret, f"<{written}>").replace('" and so on', "") == "<***>"


@pytest.mark.rule("I-20")
@pytest.mark.parametrize("single", ["'", "&#39;", "&#039;", "&#x27;", "&apos;"])
@pytest.mark.parametrize("double", ["&quot;"])
def test_what_pages_hold_is_known(single: str, double: str) -> None:
    assert masked("a='b' & \"<c>\"", f"<p>a={single}b{single} &amp; {double}&lt;c&gt;{double}</p>") == "<p>***</p>"


@pytest.mark.rule("I-20")
@pytest.mark.parametrize("written", ["a='b' &amp; \"&lt;c&gt;\"", "a=&#39;b&#39; &amp; &#34;&lt;c&gt;&#34;"])
def test_what_pages_hold_outside_of_attributes_and_by_number_is_known(written: str) -> None:
    assert masked("a='b' & \"<c>\"", f"<p>{written}</p>") == "<p>***</p>"


@pytest.mark.rule("I-20")
@pytest.mark.parametrize(
    "written",
    [
        "a%2Fb%20c~d%2A%28e%29%21f%27%40g%3Ah%26i%3Dj%2Bk%2Cl%3Bm%24n%23o%3Fp%25q%5Br%5D%C3%BC",
        "a/b%20c~d%2A%28e%29%21f%27%40g%3Ah%26i%3Dj%2Bk%2Cl%3Bm%24n%23o%3Fp%25q%5Br%5D%C3%BC",
        "a%2Fb%20c~d*(e)!f'%40g%3Ah%26i%3Dj%2Bk%2Cl%3Bm%24n%23o%3Fp%25q%5Br%5D%C3%BC",
        "a/b%20c~d*(e)!f'@g:h&i=j+k,l;m$n#o?p%25q%5Br%5D%C3%BC",
        "a%2Fb%20c~d%2A%28e%29%21f%27%40g%3Ah&i=j+k,l;m$n%23o%3Fp%25q%5Br%5D%C3%BC",
        "a%2Fb%20c~d%2A%28e%29%21f%27@g:h&i=j+k%2Cl%3Bm$n%23o%3Fp%25q%5Br%5D%C3%BC",
        "a%2Fb%20c~d*(e)!f'@g:h&i=j+k,l;m$n%23o%3Fp%25q%5Br%5D%C3%BC",
        "a%2Fb+c~d%2A%28e%29%21f%27%40g%3Ah%26i%3Dj%2Bk%2Cl%3Bm%24n%23o%3Fp%25q%5Br%5D%C3%BC",
        "a%2Fb+c%7Ed*%28e%29%21f%27%40g%3Ah%26i%3Dj%2Bk%2Cl%3Bm%24n%23o%3Fp%25q%5Br%5D%C3%BC",
    ],
    ids=[
        "strict",
        "Python",
        "JavaScript, part",
        "JavaScript, whole",
        "Go, user",
        "Go, path",
        "RFC 3986",
        "form",
        "Java",
    ],
)
def test_what_addresses_keep_as_it_is_differs_and_is_known(written: str) -> None:
    small = "".join(f"%{piece[:2].lower()}{piece[2:]}" for piece in written.split("%")).removeprefix("%")

    assert masked(SIGNS, f"/?x={written}#y") == "/?x=***#y"
    assert masked(SIGNS, f"/?x={small}#y") == "/?x=***#y"


@pytest.mark.rule("I-20")
@pytest.mark.parametrize(
    "written",
    [
        "hunt\udcffer",
        "hunt\\xffer",
        "hunt%FFer",
        "hunt%ffer",
        "hunt\\377er",
        "68756e74ff6572",
        "aHVudP9lcg==",
        "aHVudP9lcgo=",
        "hunt\\udcffer",
    ],
)
def test_a_secret_that_is_no_text_is_known(written: str) -> None:
    assert masked("hunt\udcffer", f"<{written}>") == "<***>"


def test_a_secret_that_is_no_text_is_known_by_pythons_name_for_it_too() -> None:
    assert masked("hunt\udcff  er", "<hunt\udcff  er>") == "<***>"


# --- shells


@pytest.mark.rule("I-20")
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
@pytest.mark.parametrize(
    "secret",
    [
        *(f"abcd{sign}efgh" for sign in "'\"\\$`#~,!%^{}[]*?;&|<>()=:@+ -./"),
        *(f"{sign}abcd efgh" for sign in "#~-=,"),
        *(f"abcd {sign}efgh" for sign in "#~,=:@%+ü"),
        "abcd=~efgh ijkl:~mnop=#qrst",
        "abcd\x01\a\b\t\v\f\r\x1befgh\x7f'\\ijkl",
        "pässwört abcd",
        "abcdX,efgh",
    ],
)
def test_bash_prints_no_sign_in_a_way_that_is_not_known(secret: str, locale: str) -> None:
    words = ["bash", "-c", 'export -p; set; printf \'%q\\n\' "$S"; set -x; : "$S"']
    ran = subprocess.run(words, env={"S": secret, "LC_ALL": locale}, capture_output=True, check=False)
    shown = masked(secret, (ran.stdout + ran.stderr).decode("utf-8", "backslashreplace"))

    assert shown.count("***") >= 4
    assert [word for word in ("abcd", "efgh", "ijkl", "mnop", "qrst", "ssw") if word in shown] == []


@pytest.mark.rule("I-20")
@pytest.mark.parametrize(
    ("secret", "written"),
    [
        ("it's so", "'it'\"'\"'s so'"),
        ("it's so", "echo it'\"'\"'s so there"),
        ("it's so", "echo it'\\''s so there"),
        ("aX,~b c", "aX,~b\\ c"),
        ("a,b~c #ü", "a,b\\~c\\ \\#ü"),
        ('a "$b"', 'x="a \\"\\$b\\""'),
        ("Ab-Z ü1", "Ab-Z\\ ü1"),
    ],
    ids=["dash", "sh -c", "people", "bash 4", "ksh", "double quotes", "zsh"],
)
def test_what_other_shells_and_people_quote_is_known(secret: str, written: str) -> None:
    shown = masked(secret, written)

    assert shown in {"***", "echo *** there", 'x="***"'}


@pytest.mark.rule("I-20")
@pytest.mark.parametrize("secret", ["two  words\tand more", "  two words and more ", "first line\nab\nlast line"])
def test_what_a_shell_makes_of_a_secret_without_quotes_is_known(secret: str) -> None:
    ran = subprocess.run(["sh", "-c", "echo $S"], env={"S": secret}, capture_output=True, text=True, check=False)

    assert masked(secret, ran.stdout) == "***\n"
