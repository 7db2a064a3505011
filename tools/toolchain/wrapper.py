"""The `pulumi` that people and tools run: it chooses the stack's configuration file, then becomes the real CLI.

Two things would otherwise go wrong. The CLI reads `Pulumi.<stack>.yaml` beside `Pulumi.yaml`, but those of pull
requests are generated and live in the home. And it writes the passphrase's salt into that file whenever there is none,
also where the state has it: a committed file would change with every checkout's passphrase. So a run is given a copy of
the committed file, and a command that makes, reads or removes a stack has the file put back as it was.

A shell script, since it runs before every command.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from pathlib import Path

from tools import paths
from tools.toolchain.search_path import WRAPPER_MARK

_SCRIPT = r"""#!/bin/sh
# @mark@: written by tools/toolchain/wrapper.py; changes here are lost
real=@real@
checkout=@checkout@
stacks=@stacks@
workspace=@workspace@

if [ ! -x "$real" ]; then
  echo "socle: the toolchain is gone from the cache ($real is missing)." >&2
  echo "  -> make up, or eval \"\$(make -s env)\" again" >&2
  exit 127
fi

command='' verb='' name='' stack='' next='' own_file='' removes='' folder=$PWD
for argument in "$@"; do
  case $next in
    stack) stack=$argument ;;
    folder) folder=$argument ;;
  esac
  [ -z "$next" ] || { next=''; continue; }
  case $argument in
    --) break ;;
    -s | --stack) next=stack ;;
    --stack=*) stack=${argument#--stack=} ;;
    -s?*) stack=${argument#-s} stack=${stack#=} ;;
    -C | --cwd) next=folder ;;
    --cwd=*) folder=${argument#--cwd=} ;;
    --config-file | --config-file=*) own_file=yes ;;
    --remove) removes=yes ;;
    -c) [ "$command" = stack ] || next=value ;;
    --color | -v | --verbose | --tracing | --otel-traces | --profiling | --memprofilerate) next=value ;;
    -m | --message | --config | -t | --target | -r | --replace | --target-replace | -p | --parallel) next=value ;;
    --secrets-provider | --copy-config-from | --file) next=value ;;
    -*) ;;
    *)
      if [ -z "$command" ]; then command=$argument
      elif [ -z "$verb" ]; then verb=$argument
      elif [ -z "$name" ]; then name=$argument
      fi ;;
  esac
done

# Another project, met in a shell that has our variables, is none of our business.
folder=$(cd "$folder" 2>/dev/null && pwd -P)
case $folder/ in "$checkout"/*) ;; *) exec "$real" "$@" ;; esac

case $command in
  preview | pre | up | update | refresh | destroy | down | dn | import | watch) kind=run ;;
  config) kind=config ;;
  stack)
    case $verb in
      init | select | rm) kind=guard stack=${name:-$stack} ;;
      import | history) kind=guard ;;
      *) kind=plain ;;
    esac ;;
  *) kind=plain ;;
esac
[ -z "$own_file" ] && [ "$kind" != plain ] || exec "$real" "$@"

[ -n "$stack" ] || stack=${PULUMI_STACK-}
if [ -z "$stack" ] && [ -f "$workspace" ]; then
  stack=$(sed -n 's/.*"stack": *"\([^"]*\)".*/\1/p' "$workspace")
fi
stack=${stack##*/}
case $stack in '' | .*) exec "$real" "$@" ;; esac

generated=$stacks/Pulumi.$stack.yaml
committed=$checkout/Pulumi.$stack.yaml
copy=$stacks/run/Pulumi.$stack.yaml

guarded() { # run the rest, and put the committed file back as it was
  mkdir -p "$stacks/run"
  [ ! -f "$committed" ] || cp "$committed" "$copy.$$"
  trap : INT TERM # the CLI ends by them; what follows must still be done
  "$@"
  code=$?
  if [ ! -f "$copy.$$" ]; then
    rm -f "$committed"
  else
    cmp -s "$copy.$$" "$committed" || cat "$copy.$$" >"$committed"
    rm -f "$copy.$$"
  fi
  exit $code
}
names_provider() { # a file that does is meant to be the CLI's
  [ -f "$committed" ] && grep -q -E '^(secretsprovider|encryptionsalt|encryptedkey):' "$committed"
}

if [ "$kind" = guard ]; then
  # `stack rm` deletes the file whatever it says.
  [ "$verb" != rm ] || { rm -f "$copy"; guarded "$real" "$@"; }
  names_provider && exec "$real" "$@"
  guarded "$real" "$@"
fi

file=''
case $stack in pr-*) [ ! -f "$generated" ] || file=$generated ;; esac
if [ -z "$file" ]; then
  # Who writes to the settings by `config` means the committed file.
  [ "$kind" != config ] || exec "$real" "$@"
  if names_provider; then
    [ -z "$removes" ] || guarded "$real" "$@"
    exec "$real" "$@"
  fi
  mkdir -p "$stacks/run"
  file=$copy
  if [ -f "$committed" ]; then cp "$committed" "$file.$$" && mv -f "$file.$$" "$file"; else : >"$file"; fi
fi
# `destroy --remove` deletes the committed file as well.
[ -z "$removes" ] || guarded "$real" "--config-file=$file" "$@"
exec "$real" "--config-file=$file" "$@"
"""


def path() -> Path:
    """Where the wrapper lies: a folder that holds nothing else, to be first on PATH."""
    return paths.home() / "bin" / "pulumi"


def render(real: Path, checkout: Path, stacks: Path, workspace: Path) -> str:
    """The script: `real` is run; `stacks` holds the configurations of `checkout`'s pull requests, and the copies of its
    environments'; `workspace` is where the CLI remembers the selected stack."""
    script = _SCRIPT.replace("@mark@", WRAPPER_MARK)
    for name, value in {"real": real, "checkout": checkout, "stacks": stacks, "workspace": workspace}.items():
        script = script.replace(f"@{name}@", shlex.quote(str(value)))
    return script


def write(real: Path, pulumi_home: Path) -> Path:
    """Write the wrapper for `real`, unless it is there already as it should be, and return its path."""
    target = path()
    script = render(real, paths.ROOT, paths.home() / "stacks", _workspace(pulumi_home))
    if not (target.exists() and target.read_text() == script):
        paths.private_dir(paths.home())
        target.parent.mkdir(exist_ok=True, mode=0o700)
        unfinished = target.with_name(f".pulumi.{os.getpid()}")
        unfinished.write_text(script)
        unfinished.chmod(0o755)
        unfinished.replace(target)
    return target


def _workspace(pulumi_home: Path) -> Path:
    """The file in which the CLI remembers the stack selected for this checkout; named as pkg/workspace does it."""
    project = str(paths.ROOT / "Pulumi.yaml")
    digest = hashlib.sha1(project.encode(), usedforsecurity=False).hexdigest()
    return pulumi_home / "workspaces" / f"socle-{digest}-workspace.json"
