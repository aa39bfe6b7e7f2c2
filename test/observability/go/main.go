// Tools of the tests: Prometheus' own parser of rules and queries, and the OpenTelemetry collector's own OTLP receiver.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "receive" {
		fail(receive(os.Args[2]))
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "rules" {
		expressions, err := rules(os.Args[2])
		fail(err)
		fail(json.NewEncoder(os.Stdout).Encode(expressions))
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "metrics" {
		var expressions []string
		fail(json.NewDecoder(os.Stdin).Decode(&expressions))
		names, err := metrics(expressions)
		fail(err)
		fail(json.NewEncoder(os.Stdout).Encode(names))
		return
	}
	fail(fmt.Errorf("usage: rules FILE | metrics < JSON | receive ADDRESS"))
}

func fail(err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
