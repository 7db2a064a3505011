#!/usr/bin/env bash
# Proves backup and recovery to a point in time, from nothing, in a namespace of its own; prints the seconds of each step
# and ends with 1 where a check fails. Needs `make cluster WITH=backup`, KUBECONFIG, kubectl and jq. KEEP=1 leaves the
# namespace.
set -euo pipefail
NS=${NS:-backup-demo} M=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
k() { kubectl -n "$NS" "$@"; }
last=0
took() { printf '%4ds  %s\n' $((SECONDS - last)) "$*"; last=$SECONDS; }
fail() { echo "FAILED: $*"; exit 1; }
sql() { k exec "$1-1" -c postgres -- psql -qAtX -v ON_ERROR_STOP=1 -d app -c "$2"; }
until_() { local n=$1; shift; for ((i = 0; i < n * 2; i++)); do "$@" >/dev/null 2>&1 && return; sleep 0.5; done; fail "gave up after ${n}s: $*"; }
completed() { [[ $(k get backup -l "$1" -o jsonpath='{.items[0].status.phase}') == completed ]]; }
archived() { [[ -n $(sql "$1" "select 1 from pg_stat_archiver where last_archived_wal >= '$2'") ]]; }

kubectl delete ns "$NS" --ignore-not-found >/dev/null; last=$SECONDS
kubectl create ns "$NS" >/dev/null
k -n s3 get secret root -o json | jq '{apiVersion, kind, type, data, metadata: {name: "s3"}}' | k apply -f - >/dev/null
# what is in the store outlives the namespace, and a new cluster refuses an archive that is not empty:
# each run has a folder of its own
sed "s#@RUN@#$(date +%s)#" "$M/source.yaml" | k apply -f - >/dev/null
k wait --for=condition=Ready cluster/src --timeout=300s >/dev/null;               took "cluster Ready"
k wait --for=condition=ContinuousArchiving cluster/src --timeout=120s >/dev/null; took "ContinuousArchiving is true"

sql src "create table t (n int, at timestamptz default clock_timestamp()); insert into t select generate_series(1, 1000)"
k create -f - >/dev/null <<Y
apiVersion: postgresql.cnpg.io/v1
kind: Backup
metadata: {name: first, labels: {how: by-hand}}
spec: {cluster: {name: src}, method: plugin, pluginConfiguration: {name: barman-cloud.cloudnative-pg.io}}
Y
until_ 300 completed how=by-hand;                                                 took "Backup completed"

k create -f - >/dev/null <<Y
apiVersion: postgresql.cnpg.io/v1
kind: ScheduledBackup
metadata: {name: often}
spec: {schedule: "*/20 * * * * *", cluster: {name: src}, method: plugin, pluginConfiguration: {name: barman-cloud.cloudnative-pg.io}}
Y
until_ 120 completed cnpg.io/scheduled-backup=often
k patch scheduledbackup often --type=merge -p '{"spec":{"suspend":true}}' >/dev/null; took "ScheduledBackup (every 20 s) completed one"

sql src "insert into t select generate_series(1001, 1500)"
T=$(sql src "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00')")
sleep 1
sql src "insert into t select generate_series(1501, 2000)"
wal=$(sql src "select pg_walfile_name(pg_current_wal_lsn())"); sql src "select pg_switch_wal()" >/dev/null
until_ 120 archived src "$wal";                                                   took "500 rows, T = $T, 500 rows, their WAL $wal archived"

sed "s/@T@/$T/" "$M/restored.yaml" | k apply -f - >/dev/null
k wait --for=condition=Ready cluster/restored --timeout=400s >/dev/null;          took "new cluster, restored to T, Ready"
got=$(sql restored "select count(*), max(n), max(at) <= '$T' from t")
[[ $got == '1500|1500|t' ]] || fail "expected 1500|1500|t, got $got"
[[ $(sql src "select count(*) from t") == 2000 ]] || fail "the source lost rows"
echo "      rows: source 2000, restored ${got//|/, }"
k wait --for=condition=ContinuousArchiving cluster/restored --timeout=120s >/dev/null; took "and it archives by itself"
[[ -n ${KEEP:-} ]] || kubectl delete ns "$NS" --wait=false >/dev/null
