"""Socle's Pulumi program: load the settings, compose the stack."""

import pulumi

from stacks.compose import compose
from stacks.loader import load
from stacks.problems import SettingsError

try:
    compose(load())
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None
