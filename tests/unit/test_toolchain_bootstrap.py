"""The way in: what pip was told reaches uv, an old Python is told so, a full disk is said before work begins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import machine, paths, pip_settings
from tools.errors import ToolError


def test_pips_settings_reach_uv(tmp_path: Path) -> None:
    conf = tmp_path / "pip.conf"
    conf.write_text(
        "[global]\nindex-url = https://mirror.example/simple\ncert=/etc/ca.pem\n[install]\nfind_links = a\n b\n"
    )
    assert pip_settings.for_uv({}, [conf]) == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "UV_FIND_LINKS": "a,b",
    }


def test_pips_variables_win_over_its_files_and_uvs_over_both(tmp_path: Path) -> None:
    conf = tmp_path / "pip.conf"
    conf.write_text("[global]\nindex-url = https://file.example\n")
    environ = {"PIP_INDEX_URL": "https://variable.example"}
    assert pip_settings.for_uv(environ, [conf]) == {"UV_DEFAULT_INDEX": "https://variable.example"}
    for own in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        assert pip_settings.for_uv({**environ, own: "https://uv.example"}, [conf]) == {}


def test_a_broken_pip_conf_is_pips_affair(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("no section\n")
    assert pip_settings.for_uv({}, [tmp_path / "pip.conf", tmp_path / "missing"]) == {}


def test_an_old_python_can_read_the_way_in() -> None:
    # In a process of its own: deep in pytest's stack, CPython 3.11's ast now and then raises a SystemError.
    program = "import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 6))"
    subprocess.run([sys.executable, "-c", program, str(paths.ROOT / "tools" / "bootstrap.py")], check=True)


def test_a_full_disk_names_the_place_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"(?s)need 1e.07 GB .* XDG_CACHE_HOME") as caught:
        machine.require_disk(tmp_path / "not" / "yet", 9_999_999, "the modules")
    assert str(caught.value).startswith("The modules")
    machine.require_disk(tmp_path, 0, "nothing")


def test_memory_is_read_where_the_system_says_it(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 2097152 kB\n")
    assert machine.available_memory(tmp_path / "meminfo") == 2.0
    assert machine.available_memory(tmp_path / "missing") is None
