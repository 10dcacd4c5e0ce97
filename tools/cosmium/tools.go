//go:build tools

package tools

import _ "github.com/pikami/cosmium/cmd/server"
