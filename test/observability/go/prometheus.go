package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// rules reads a file of rules as Prometheus does, and returns their expressions.
func rules(file string) ([]string, error) {
	groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.Default())
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	var expressions []string
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			expressions = append(expressions, rule.Expr)
		}
	}
	return expressions, nil
}

// metrics returns the names of the metrics in expressions, and an error for one that Prometheus cannot parse.
func metrics(expressions []string) ([]string, error) {
	var names []string
	for _, expression := range expressions {
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expression)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", expression, err)
		}
		for _, selectors := range parser.ExtractSelectors(parsed) {
			for _, matcher := range selectors {
				if matcher.Name == labels.MetricName {
					names = append(names, matcher.Value)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
