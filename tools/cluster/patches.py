"""What is changed in the copy of a module before it is built for the cluster.

**The backup plugin** wants barman-cloud and machinery 0.6.0, which the module proxy refuses. In their place stand the
versions that CloudNativePG 1.28.0 requires. What the plugin uses and the older library lacks:

- one error value for each exit code of barman-cloud-wal-restore, from which the plugin makes its gRPC codes: they are
  added, with the same mapping, so that its answers stay upstream's;
- two options, Azure's default credentials and `restoreAdditionalCommandArgs`: their use is taken out. The custom
  resource still accepts both; they are ignored, without a word.

**External Secrets** gets fewer providers.
"""

from __future__ import annotations

from pathlib import Path

from tools.errors import ToolError
from tools.toolchain import sources
from tools.toolchain.patches import ModuleFolder

PROVIDERS = ("aws", "fake", "infisical", "kubernetes")
"""Of forty: the others bring most of what would have to be compiled."""
_LIBRARY = "github.com/cloudnative-pg/barman-cloud"
_MACHINERY = "github.com/cloudnative-pg/machinery"
_MACHINERY_VERSION = "v0.3.1"
_MACHINERY_SUMS = ("h1:KtPA6EwELTUNisCMLiFYkK83GU9606rkGQhDJGPB8Yw=", "h1:jebuqKxZAbrRKDEEpVCIDMKW+FbWtB9Kf/hb2kMUu9o=")
"""Of the module and of its go.mod."""
_ERRORS = """package restorer

import "errors"

var (
\tErrConnectivity   = errors.New("Connectivity")
\tErrInvalidWALName = errors.New("InvalidWALName")
\tErrGeneric        = errors.New("Generic")
)
"""


def barman_plugin(copy: Path, module: ModuleFolder) -> None:
    """Patch the plugin's copy; the library gets a copy below it. Raises ToolError when the text is not as expected."""
    library = copy / "lib"
    sources.copy_tree(module(_LIBRARY), library)
    (library / "pkg" / "restorer" / "sentinels.go").write_text(_ERRORS)
    restorer = library / "pkg" / "restorer" / "restorer.go"
    for message, error in (("connectivity failure while executing %s, retrying", "ErrConnectivity"),
                           ("generic error code encountered while executing %s", "ErrGeneric")):  # fmt: skip
        old = f'"{message}",\n\t\t\tutils.BarmanCloudWalRestore)'
        _replace(restorer, old, f'"{message}: %w",\n\t\t\tutils.BarmanCloudWalRestore, {error})')
    invalid = '"invalid name for a WAL file: %s'
    _replace(restorer, f'{invalid}", walName)', f'{invalid}: %w", walName, ErrInvalidWALName)')
    secrets = copy / "internal" / "cnpgi" / "operator" / "specs" / "secrets.go"
    _replace(secrets, "!barmanCredentials.Azure.UseDefaultAzureCredentials &&\n\t\t\t", "")
    restore = copy / "internal" / "cnpgi" / "restore" / "restore.go"
    _replace(restore, "\toptions = barmanConfiguration.Data.AppendRestoreAdditionalCommandArgs(options)\n", "")
    replaced = f"{_MACHINERY} {_MACHINERY_VERSION}"
    _append(copy / "go.mod", f"replace {_LIBRARY} => ./lib\nreplace {_MACHINERY} => {replaced}\n")
    _append(copy / "go.sum", f"{replaced} {_MACHINERY_SUMS[0]}\n{replaced}/go.mod {_MACHINERY_SUMS[1]}\n")


def external_secrets(copy: Path, _module: ModuleFolder) -> None:
    """Write the file that imports the operator's providers anew."""
    lines = [f'\t_ "github.com/external-secrets/external-secrets/pkg/provider/{name}"\n' for name in PROVIDERS]
    text = "// Package register imports the providers.\npackage register\n\nimport (\n" + "".join(lines) + ")\n"
    (copy / "pkg" / "provider" / "register" / "register.go").write_text(text)


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise ToolError(f"{file.name} of the backup plugin is not as expected: {old!r} stands {text.count(old)} times")
    file.write_text(text.replace(old, new), encoding="utf-8")


def _append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as stream:
        stream.write(text)
