// The servers that the tests plant beside the cluster. It is static, because pods run it too.
package main

import (
	"fmt"
	"os"
)

var servers = map[string]func(arguments []string) error{
	"dns":      serveNames,
	"listen":   listen,
	"registry": serveImage,
}

func main() {
	if len(os.Args) < 2 || servers[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: tools dns | listen NAME ADDRESS FILE | registry ADDRESS LAYER BYTES_PER_SECOND")
		os.Exit(2)
	}
	if err := servers[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
