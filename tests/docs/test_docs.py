"""Every code block of the documentation runs, and every link leads somewhere."""

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from lib.serving import free_port
from lib.warm import warmed

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("demo/data/*.md")])
RUNNABLE = {"console", "python"}
FROM_NOTHING = {
    "docs/how-to/run-a-node.md"
}  # every other page's commands start from a warm process
SHOWN = {"text", "mermaid", "json", ""}  # pictures, forms and answers: nothing to run


def blocks(page):
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    return [(token.info.strip(), token.content) for token in tokens if token.type == "fence"]


def commands(content):
    """Return the lines after `$ `, with their continuations."""
    found, going_on = [], False
    for line in content.splitlines():
        if line.startswith("$ "):
            found.append(line[2:])
        elif going_on:
            found[-1] += "\n" + line
        going_on = line.endswith("\\")
    return found


def script_of(page):
    """Return one script: console lines as they are, neighbouring Python blocks as one program."""
    end = "jobs -p | xargs --no-run-if-empty kill 2>/dev/null || true; wait"
    lines = ["set -euo pipefail", f"trap '{end}' EXIT"]
    runnable = [(kind, content) for kind, content in blocks(page) if kind in RUNNABLE]
    for kind, neighbours in itertools.groupby(runnable, key=lambda block: block[0]):
        contents = [content for _, content in neighbours]
        if kind == "console":
            lines += [line for content in contents for line in commands(content)]
        else:
            lines.append(f"{sys.executable} - <<'PYTHON'\n{''.join(contents)}PYTHON")
    text = "\n".join(lines)
    for port in sorted(set(re.findall(r"\b74\d\d\b", text))):
        text = re.sub(rf"\b{port}\b", str(free_port()), text)
    return text


def has_commands(page):
    inside = page.relative_to(ROOT).parts
    return inside[0] == "docs" and any(kind in RUNNABLE for kind, _ in blocks(page))


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [p for p in PAGES if has_commands(p)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_the_commands_of_a_page_run(page, tmp_path):
    programs = [str(Path(sys.executable).parent), os.environ["PATH"]]
    if str(page.relative_to(ROOT)) not in FROM_NOTHING:
        (tmp_path / "bin").mkdir()
        programs.insert(0, str(warmed().command(tmp_path / "bin" / "tidegate").parent))
    environment = {
        **os.environ,
        "PATH": ":".join(programs),
        "HOME": str(tmp_path),
        "DATA": str(ROOT / "demo" / "data"),
    }
    script = tmp_path / "page.sh"
    script.write_text(script_of(page), encoding="utf-8")

    done = subprocess.run(
        ["bash", str(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,  # the tutorial starts some twenty commands, and machines are busy
    )

    assert 0 == done.returncode, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_block_says_what_it_is(page):
    kinds = {kind for kind, _ in blocks(page)}

    assert kinds <= RUNNABLE | SHOWN


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    inside = [target for target in targets if "://" not in target]

    missing = [target for target in inside if not (page.parent / target).exists()]

    assert [] == missing
