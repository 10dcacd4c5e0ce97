//go:build tools

package tools

import _ "github.com/bacalhau-project/bacalhau"
