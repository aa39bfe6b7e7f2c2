// Runs code with kgents: starts by workflow type, waits, queries, cancels, catches a typed failure.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/temporal"
)

// Request has the fields that this program uses. All fields: docs/schema/request.json.
type Request struct {
	Code     string            `json:"code"`
	Language string            `json:"language,omitempty"`
	Env      map[string]string `json:"env,omitempty"`
	// Seconds, or text such as "90s". Not a time.Duration, which is sent as nanoseconds.
	Timeout any `json:"timeout,omitempty"`
}

// Result has the fields that this program uses. All fields: docs/schema/result.json.
type Result struct {
	RunID    string `json:"runId"`
	Status   string `json:"status"`
	ExitCode *int   `json:"exitCode"` // nil if unknown
	Stdout   struct {
		Text string `json:"text"`
	} `json:"stdout"`
}

// Failure is the first detail of a run's failure.
type Failure struct {
	Kind   string `json:"kind"`
	Field  string `json:"field"`
	Remedy string `json:"remedy"`
}

// start starts a run. If a run with this id exists, it returns that run instead.
func start(ctx context.Context, temporal client.Client, id string, request Request) (client.WorkflowRun, error) {
	return temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                    id,
		TaskQueue:             "kgents",
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
	}, "executeCode", request)
}

// execute starts a run and waits for its result.
func execute(ctx context.Context, temporal client.Client, id string, request Request) (result Result, err error) {
	run, err := start(ctx, temporal, id, request)
	if err != nil {
		return result, err
	}
	return result, run.Get(ctx, &result)
}

// waitForCode waits until the cell is ready or the run has ended, and returns the phase.
func waitForCode(ctx context.Context, temporal client.Client, run client.WorkflowRun) (phase string, err error) {
	for {
		answer, err := temporal.QueryWorkflow(ctx, run.GetID(), run.GetRunID(), "phase")
		if err != nil {
			return "", err
		}
		if err := answer.Get(&phase); err != nil {
			return "", err
		}
		description, err := temporal.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
		if err != nil {
			return "", err
		}
		running := description.WorkflowExecutionInfo.Status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING
		if phase != "provisioning" || !running {
			return phase, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func runAll(ctx context.Context) error {
	// Connects as the standard variables such as TEMPORAL_ADDRESS say, or to localhost.
	temporalClient, err := client.Dial(envconfig.MustLoadDefaultClientOptions())
	if err != nil {
		return err
	}
	defer temporalClient.Close()

	request := Request{
		Code: "echo hello from $WHO", Language: "sh", Env: map[string]string{"WHO": "Go"}, Timeout: "30s",
	}
	id := "go-" + uuid.NewString()
	result, err := execute(ctx, temporalClient, id, request)
	if err != nil {
		return err
	}
	fmt.Println(result.Status, *result.ExitCode, strings.TrimSpace(result.Stdout.Text))
	again, err := execute(ctx, temporalClient, id, request)
	if err != nil {
		return err
	}
	fmt.Println("the same run:", again.RunID == result.RunID)

	// Cancel the workflow. The run cleans up, and completes with the status cancelled.
	long, err := start(ctx, temporalClient, "go-"+uuid.NewString(), Request{
		Code: "sleep 600", Language: "sh", Timeout: "15m",
	})
	if err != nil {
		return err
	}
	phase, err := waitForCode(ctx, temporalClient, long)
	if err != nil {
		return err
	}
	fmt.Println(phase)
	if err := temporalClient.CancelWorkflow(ctx, long.GetID(), long.GetRunID()); err != nil {
		return err
	}
	var cancelled Result
	if err := long.Get(ctx, &cancelled); err != nil {
		return err
	}
	fmt.Println(cancelled.Status)

	// A run that cannot be carried out fails. The failure's type is the kind; its first detail has the remedy.
	_, err = execute(ctx, temporalClient, "go-"+uuid.NewString(), Request{Code: "print(1)", Timeout: -1})
	var failed *temporal.ApplicationError
	if !errors.As(err, &failed) {
		return fmt.Errorf("not refused: %w", err)
	}
	var failure Failure
	if err := failed.Details(&failure); err != nil {
		return err
	}
	fmt.Println(failed.Type(), "|", failed.NonRetryable(), "|", failure.Field, "|", failure.Remedy)
	return nil
}

func main() {
	if err := runAll(context.Background()); err != nil {
		log.Fatal(err)
	}
}
