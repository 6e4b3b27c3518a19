//go:build tools

// Package peer keeps in go.mod what bench.sh --peer builds to measure beside gantry.
package peer

import (
	_ "github.com/containerd/containerd/v2/cmd/containerd"
	_ "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"
	_ "github.com/opencontainers/runc"
)
