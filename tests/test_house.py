"""README, CI and hooks say the same and name what exists."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

from mmpose_ext.toolbox.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
CI = (ROOT / ".ci" / "run").read_text()
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "configs").rglob("*.md")]


def test_ci_takes_the_test_command_from_the_readme() -> None:
    pattern = re.search(r"grep -m1 -E '([^']+)' README.md", CI)
    assert pattern
    commands = re.findall(pattern[1] + ".*", README, re.M)
    assert commands, "expected the test command at the start of a line of README.md"
    assert set(commands) == {commands[0]}
    assert commands[0] not in CI.replace(f"{commands[0]} -m slow", "").replace(pattern[0], "").replace(
        f"'{commands[0]}'", ""
    )


def test_ci_is_sound_shell() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_the_main_job_is_a_config() -> None:
    configs = re.findall(r"^uv run mim train mmpose (\S+)", README, re.M)
    assert configs and all((ROOT / config).is_file() for config in configs)


def test_the_main_jobs_checkpoint_is_that_of_its_last_epoch() -> None:
    command = r"mim test mmpose (\S+) \\\s+--checkpoint work_dirs/(\S+)/epoch_(\d+)\.pth"
    ((config, name, epoch),) = re.findall(command, README)
    assert name == Path(config).stem
    assert int(epoch) == Config.fromfile(ROOT / config).train_cfg.max_epochs


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    links = [link.partition("#")[0] for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text)]
    assert [link for link in links if link and not (page.parent / link).exists()] == []
    paths = re.findall(r"(?<![\w/:.])(?:configs|docs|mmpose_ext|tests|tools)/[\w./-]+\.(?:py|md|yml)", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_exist(page: Path) -> None:
    used = re.findall(r"`?(?:^|`|uv run )mmpose-ext ([a-z][a-z-]*)", page.read_text(), re.M)
    assert set(used) <= set(COMMANDS)


def test_the_readme_lists_every_command() -> None:
    assert [name for name in COMMANDS if f"`mmpose-ext {name}" not in README] == []


def test_the_map_names_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    plugin, _, toolbox = text.partition("## Toolbox")
    for folder, page in ((ROOT / "mmpose_ext", plugin), (ROOT / "mmpose_ext" / "toolbox", toolbox)):
        packages = [path.parent.name for path in folder.glob("*/__init__.py") if path.parent.name != "toolbox"]
        modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
        names = [*(f"{name}/" for name in packages), *modules]
        assert [name for name in names if f"`{name}" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_anchors_exist(page: Path) -> None:
    """A link to a heading leads to one: lower case, without punctuation, hyphens for spaces."""
    for link in re.findall(r"\]\((?!https?:)([^)]+#[^)]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        titles = re.findall(r"^#+ (.*)", target.read_text(), re.M)
        assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, link


def test_readme_and_docs_are_short() -> None:
    """Their prose: tables are looked up, not read."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    lines = [line for page in pages for line in page.read_text().splitlines() if not line.lstrip().startswith("|")]
    assert sum(len(line.split()) for line in lines) <= 10_600


PLAIN = {
    "key point": "keypoint",
    r"mend(?:s|ed|ing)?\b": "fix",
    r"cur(?:e|es|ed)\b": "fix",
    "picture": "image",
    r"colour": "color",
    r"(?:label|model)led\b": "labeled",
    r"(?:normal|initial|quant|optim|recogn|visual)is(?:e|ed|es|ing|ation)\b": "…ize",
    r"licence": "license",
    r"cent(?:re)\b": "center",
}
"""Words that the documentation does not use -> the field's word in American spelling."""


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_words_of_the_field(page: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`]*`|^    [^\n]*|\]\([^)]*\)", "", page.read_text(), flags=re.S | re.M)
    found = [match[0] for word in PLAIN for match in re.finditer(rf"\b{word}", prose, re.I)]
    assert found == []


def test_every_command_has_a_module() -> None:
    commands = ROOT / "mmpose_ext" / "toolbox" / "commands"
    assert [name for name in COMMANDS if not (commands / f"{name.replace('-', '_')}.py").is_file()] == []


def test_hooks_are_local() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    assert {hook["language"] for hook in config["repos"][0]["hooks"]} == {"system"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_options_exist(page: Path) -> None:
    """Each option of a command that stands in a code block is one of that command."""
    text = page.read_text().replace("\\\n", " ")
    for name, rest in re.findall(r"^[ ]*(?:uv run [^\n]*?)?mmpose-ext ([a-z-]+)([^\n#]*)", text, re.M):
        parser = argparse.ArgumentParser()
        importlib.import_module(f"mmpose_ext.toolbox.commands.{name.replace('-', '_')}").add_arguments(parser)
        subcommands = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        parsers = [parser, *(one for action in subcommands for one in action.choices.values())]
        known = {option for one in parsers for action in one._actions for option in action.option_strings}
        assert set(re.findall(r"(?<=\s)--[a-z0-9-]+", rest)) <= known, name


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_plain(name: str) -> None:
    """Help texts keep to the words of the field, too, and have no markup."""
    module = importlib.import_module(f"mmpose_ext.toolbox.commands.{name.replace('-', '_')}")
    parser = argparse.ArgumentParser(prog=name, description=module.__doc__)
    module.add_arguments(parser)
    subcommands = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    parsers = [parser, *(one for action in subcommands for one in action.choices.values())]
    text = re.sub(r"--[a-z-]+", "", " ".join([COMMANDS[name], *(one.format_help() for one in parsers)]))
    assert "`" not in text
    assert [match[0] for word in PLAIN for match in re.finditer(rf"\b{word}", text, re.I)] == []
