"""Reading `Pulumi.<env>.yaml` without Pulumi: what has to run is known, and told wrong, before an engine starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from components import names
from stacks.loader import NAMESPACE, parse
from stacks.settings import EnvironmentSettings, PullRequest, PullRequestSettings
from tools import paths
from tools.errors import ToolError

_ENCRYPTED = "(encrypted)"


def stack_file(stack: str) -> Path:
    """Where the stack's settings lie: pull requests' are generated, environments' are committed."""
    if names.pull_request_number(stack):
        return paths.home() / "stacks" / f"Pulumi.{stack}.yaml"
    return paths.ROOT / f"Pulumi.{stack}.yaml"


def environment(stack: str) -> EnvironmentSettings:
    """The settings of an environment. Raises ToolError for an unreadable file, SettingsError for what it says."""
    settings = parse(_raw(stack_file(stack)), f"Pulumi.{stack}.yaml", stack)
    if not isinstance(settings, EnvironmentSettings):
        raise ToolError(f"{stack} is a pull request's stack, not an environment", "name one of " + ", ".join(known()))
    return settings


def pull_request(stack: str) -> PullRequestSettings | None:
    """The settings of a pull request's stack, or None where it has none on this machine."""
    path = stack_file(stack)
    if not path.exists():
        return None
    settings = parse(_raw(path), path.name, stack)
    return settings if isinstance(settings, PullRequestSettings) else None


def write_pull_request(stack: str, wanted: PullRequest) -> None:
    """Write the settings of a pull request's stack, in one step."""
    file = stack_file(stack)
    paths.private_dir(file.parent)
    content = {"config": {f"{NAMESPACE}pullRequest": wanted.model_dump(mode="json", by_alias=True)}}
    partial = file.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as stream:
        YAML().dump(content, stream)
    partial.replace(file)


def known() -> list[str]:
    """The environments that this checkout has settings for."""
    return sorted(path.name.split(".")[1] for path in paths.ROOT.glob("Pulumi.*.yaml"))


def _raw(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise ToolError(f"There is no {path.name} in this checkout", "environments here: " + ", ".join(known()))
    try:
        document = YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ToolError(
            f"{path.name}{where} is no YAML: {error.problem}", "mend that line; nothing was changed"
        ) from None
    config = document.get("config") or {}
    return {
        key.removeprefix(NAMESPACE): _without_ciphertext(value)
        for key, value in config.items()
        if key.startswith(NAMESPACE)
    }


def _without_ciphertext(value: Any) -> Any:
    """Encrypted values replaced by a word: here it only matters that they are there."""
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            return _ENCRYPTED
        return {key: _without_ciphertext(inner) for key, inner in value.items()}
    return [_without_ciphertext(inner) for inner in value] if isinstance(value, list) else value
