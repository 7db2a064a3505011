#!/usr/bin/env bash
# Pid 1 of the node's namespaces: sets up mounts and network, starts every component, restarts the ones that end.
# tools/cluster/node.py runs a copy of it, with the variables below in its environment; not for use by hand.
#   BIN STATE                    where the programs are, and the node's files
#   NODE NODE_ADDRESS LINK_BITS  its name and address, and the network's length
#   SERVICES                     the services' network
#   FIXED                        paths that the kubelet, containerd and the CNI plugins insist on
set -u
log() { echo "$(date +%T) $*"; }
hostname "$NODE"
mount --make-rshared /                             # the kubelet wants shared mounts
mount -t tmpfs -o mode=755 tmpfs /run              # sockets, netns, locks: the node's own
mkdir -p /run/lock
# Sysctls of the whole machine stay as they are: read-only here, and where the kubelet insists on a value it reads that
# value from a plain file mounted over the entry.
for d in kernel vm fs; do mount --bind /proc/sys/$d /proc/sys/$d && mount -o remount,bind,ro /proc/sys/$d; done
for kv in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
          kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  f=/run/sysctl/${kv%%=*}; mkdir -p "${f%/*}"; echo "${kv#*=}" >"$f"; mount --bind "$f" "/proc/sys/${kv%%=*}"
done
for d in $FIXED; do mount --bind "$STATE/node$d" "$d"; done
while [[ ! -e $STATE/net-ready ]]; do sleep 0.05; done
ip link set lo up
ip addr add "$NODE_ADDRESS/$LINK_BITS" dev eth0; ip link set eth0 up
# There is no default route, so nothing can leave. Services' addresses need some route for the node's own connections
# (kube-apiserver to webhooks) to reach the address translation in OUTPUT.
ip route add "$SERVICES" dev lo src "$NODE_ADDRESS"
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
# This machine may open connections into the cluster, never the other way round.
for c in FORWARD OUTPUT; do iptables -A $c -o eth0 -m conntrack --ctstate NEW -j REJECT; done
cd /
svc() { # svc NAME COMMAND...: run and restart
  local n=$1; shift
  ( w=1; while :; do log "start $n"; "$@" >>"$STATE/log/$n.log" 2>&1; log "$n ended with $?"; sleep $w; w=$((w < 16 ? w * 2 : 16)); done ) &
}
P=$STATE/pki C=$STATE/conf
# Without fsync: what a crash of the machine loses is a throw-away cluster.
svc etcd "$BIN/etcd" --name=node --data-dir="$STATE/etcd" --unsafe-no-fsync --log-level=warn \
  --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 \
  --listen-peer-urls=http://127.0.0.1:2380 --initial-advertise-peer-urls=http://127.0.0.1:2380 --initial-cluster=node=http://127.0.0.1:2380
svc kube-apiserver "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
  --bind-address="$NODE_ADDRESS" --advertise-address="$NODE_ADDRESS" --secure-port=6443 \
  --tls-cert-file="$P/apiserver.crt" --tls-private-key-file="$P/apiserver.key" --client-ca-file="$P/ca.crt" \
  --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
  --service-cluster-ip-range="$SERVICES" --service-account-issuer=https://kubernetes.default.svc.cluster.local \
  --service-account-key-file="$P/sa.pub" --service-account-signing-key-file="$P/sa.key" \
  --kubelet-certificate-authority="$P/ca.crt" --kubelet-client-certificate="$P/apiserver-kubelet-client.crt" \
  --kubelet-client-key="$P/apiserver-kubelet-client.key" --kubelet-preferred-address-types=InternalIP \
  --requestheader-client-ca-file="$P/ca.crt" --requestheader-allowed-names=front-proxy-client \
  --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
  --requestheader-extra-headers-prefix=X-Remote-Extra- \
  --proxy-client-cert-file="$P/front-proxy-client.crt" --proxy-client-key-file="$P/front-proxy-client.key"
svc containerd containerd --config "$C/containerd.toml"
while ! "$BIN/kubectl" --kubeconfig "$STATE/admin.kubeconfig" get --raw /readyz >/dev/null 2>&1; do sleep 0.3; done
svc kube-controller-manager "$BIN/kube-controller-manager" --kubeconfig="$P/controller-manager.kubeconfig" \
  --authentication-kubeconfig="$P/controller-manager.kubeconfig" --authorization-kubeconfig="$P/controller-manager.kubeconfig" \
  --bind-address=127.0.0.1 --leader-elect=false --flex-volume-plugin-dir=/var/lib/kubelet/volumeplugins --use-service-account-credentials --root-ca-file="$P/ca.crt" \
  --service-account-private-key-file="$P/sa.key" --cluster-signing-cert-file="$P/ca.crt" --cluster-signing-key-file="$P/ca.key"
svc kube-scheduler "$BIN/kube-scheduler" --kubeconfig="$P/scheduler.kubeconfig" --bind-address=127.0.0.1 --leader-elect=false \
  --authentication-kubeconfig="$P/scheduler.kubeconfig" --authorization-kubeconfig="$P/scheduler.kubeconfig"
svc kube-proxy "$BIN/kube-proxy" --config="$C/proxy.yaml"
while ! ctr version >/dev/null 2>&1; do sleep 0.2; done
svc kubelet "$BIN/kubelet" --config="$C/kubelet.yaml" --kubeconfig="$P/kubelet.kubeconfig" \
  --hostname-override="$NODE" --node-ip="$NODE_ADDRESS" --root-dir=/var/lib/kubelet --v=2
# reap what the shims leave behind, for ever
while :; do wait -n 2>/dev/null || sleep 1; done
