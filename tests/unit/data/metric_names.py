"""Makes the lists of metric names beside it from the exporters' source; not a test.

    python -m tests.unit.data.metric_names --redis-exporter <checkout> --x509-certificate-exporter <checkout>

CloudNativePG, its backup plugin and the kubelet are Go modules, which `go` fetches. The other two are not, or in no
version that a module proxy must have: each wants a checkout at the version that is written below.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from ruamel.yaml import YAML

HERE = Path(__file__).resolve().parent
CNPG = "github.com/cloudnative-pg/cloudnative-pg@v1.28.0"
PLUGIN = "github.com/cloudnative-pg/plugin-barman-cloud@v0.15.0"
KUBERNETES = "k8s.io/kubernetes@v1.34.1"
REDIS = "github.com/oliver006/redis_exporter v1.88.0"
X509 = "github.com/enix/x509-certificate-exporter v4.2.0"
_NAME = r'"([a-z0-9_]+)"'


def main() -> None:
    """Write every list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redis-exporter", type=Path, required=True)
    parser.add_argument("--x509-certificate-exporter", type=Path, required=True)
    given = parser.parse_args()
    cnpg = _module(CNPG)
    _write("cnpg_metrics.txt", CNPG, [*_default_queries(cnpg), *_collector(cnpg), *_pgbouncer(cnpg)])
    _write("barman_plugin_metrics.txt", PLUGIN, _plugin(_module(PLUGIN)))
    _write("kubelet_metrics.txt", f"{KUBERNETES}, its volume_stats only", _kubelet(_module(KUBERNETES)))
    _write("redis_exporter_metrics.txt", REDIS, _redis(given.redis_exporter))
    _write("x509_exporter_metrics.txt", X509, _x509(given.x509_certificate_exporter))


def _module(module: str) -> Path:
    done = subprocess.run(["go", "mod", "download", "-json", module], capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["Dir"])


def _write(file: str, source: str, names: Iterable[str]) -> None:
    found = sorted(set(names))
    if not found:
        raise SystemExit(f"{file}: no metric found in {source}; its source has changed")
    header = f"# Metrics of {source}. Made by python -m tests.unit.data.metric_names\n"
    HERE.joinpath(file).write_text(header + "\n".join(found) + "\n")


def _default_queries(cnpg: Path) -> Iterable[str]:
    """`config/manager/default-monitoring.yaml`, which the operator gives to every Cluster."""
    manifest = YAML(typ="safe").load(cnpg / "config/manager/default-monitoring.yaml")
    for key, query in YAML(typ="safe").load(manifest["data"]["queries"]).items():
        for column in query["metrics"]:
            for name, mapping in column.items():
                if mapping["usage"] != "LABEL":
                    yield f"cnpg_{query.get('name', key)}_{name}"


def _collector(cnpg: Path) -> Iterable[str]:
    folder = cnpg / "pkg/management/postgres"
    for name in _names(folder / "webserver/metricserver/pg_collector.go"):
        yield f"cnpg_collector_{name}"
    for name in _names(folder / "metrics/collector.go"):
        yield f"cnpg_{name}"


def _pgbouncer(cnpg: Path) -> Iterable[str]:
    folder = cnpg / "pkg/management/pgbouncer/metricsserver"
    for file, part in (("pgbouncer_collector", ""), ("lists", "_lists"), ("pools", "_pools"), ("stats", "_stats")):
        for name in _names(folder / f"{file}.go"):
            yield f"cnpg_pgbouncer{part}_{name}"


def _names(file: Path) -> Iterable[str]:
    return re.findall(rf"\bName: +{_NAME}", file.read_text())


def _plugin(plugin: Path) -> Iterable[str]:
    [name] = re.findall(r'PluginName = "([^"]+)"', (plugin / "internal/cnpgi/metadata/constants.go").read_text())
    source = (plugin / "internal/cnpgi/instance/metrics.go").read_text()
    return [re.sub("[.-]", "_", name) + f"_{found}" for found in re.findall(rf"buildFqName\({_NAME}\)", source)]


def _kubelet(kubernetes: Path) -> Iterable[str]:
    source = (kubernetes / "pkg/kubelet/metrics/metrics.go").read_text()
    return [f"kubelet_{name}" for name in re.findall(rf"VolumeStats\w+Key += {_NAME}", source)]


def _redis(checkout: Path) -> Iterable[str]:
    """Values of the two maps from INFO, keys of the descriptions, and what is registered by name."""
    patterns = (rf'"[a-z0-9_]+": +{_NAME},', rf"{_NAME}: +{{txt:", rf"registerConstMetric\w*\(ch, {_NAME}")
    for file in sorted((checkout / "exporter").glob("*.go")):
        if not file.name.endswith("_test.go"):
            for pattern in patterns:
                yield from (f"redis_{name}" for name in re.findall(pattern, file.read_text()))


def _x509(checkout: Path) -> Iterable[str]:
    source = (checkout / "pkg/registry/collector.go").read_text()
    return re.findall(r'NewDesc\("(x509_[a-z0-9_]+)"', source)


if __name__ == "__main__":
    main()
