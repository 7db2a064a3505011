"""From settings to a stack: which kind of environment this is, and who composes it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pulumi

from stacks.local import LocalStack
from stacks.pull_request import PullRequestStack
from stacks.settings import EnvironmentSettings, PullRequestSettings


def compose(settings: EnvironmentSettings | PullRequestSettings) -> None:
    """Make what `settings` describe. Raises RunError, with nothing made, where that kind is not built yet."""
    stack = pulumi.get_stack()
    _keep_importable()
    _own_provider()
    if isinstance(settings, PullRequestSettings):
        PullRequestStack(settings.pull_request).compose()
    elif settings.environment.kind == "local":
        LocalStack(settings, stack, home()).compose()
    elif settings.environment.kind == "kubernetes":
        # Importing its SDK takes as long as an empty program.
        from stacks.kubernetes import KubernetesStack

        KubernetesStack(settings, stack).compose()
    else:
        raise pulumi.RunError(
            f"socle:environment.kind: {settings.environment.kind} is not built yet; the settings of {stack} are valid, "
            "and nothing was created."
        )


def _keep_importable() -> None:
    """Have modules found that are imported only once an output is known.

    Python's runpy takes the program's folder off the path when it has read the program, and callbacks run after that.
    """
    sys.path.append(str(Path(__file__).resolve().parent.parent))


def _own_provider() -> None:
    """Give the resources of Socle's own plugin a provider without configuration.

    The default provider of a package takes every configuration key of the package's name for its own, and keeps them in
    the state: here the whole settings, an external server's administrator among them.
    """
    provider = _SocleProvider()

    def place(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if not (isinstance(args.resource, pulumi.CustomResource) and args.type_.startswith("socle:")):
            return None
        options = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(provider=provider))
        return pulumi.ResourceTransformationResult(args.props, options)

    pulumi.runtime.register_stack_transformation(place)


class _SocleProvider(pulumi.ProviderResource):
    def __init__(self) -> None:
        super().__init__("socle", "socle", {})


def home() -> Path:
    """The folder of what this checkout generates, as `tools/` keeps it."""
    return Path(os.environ.get("SOCLE_HOME") or Path(__file__).resolve().parent.parent / ".socle")
