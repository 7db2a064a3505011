//go:build tools

// Package tools names the programs that this module pins, so that `go mod tidy` keeps what they need.
//
// Kubernetes replaces its staging modules by folders that its module does not hold: go.mod points them at the published
// modules of the same release, v0.X.Y for v1.X.Y.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-proxy"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubectl"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
