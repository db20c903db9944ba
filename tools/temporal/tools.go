//go:build tools

// Package tools pins the Temporal CLI that Baton builds when no ready-made one is at hand.
package tools

import _ "github.com/temporalio/cli/cmd/temporal"
