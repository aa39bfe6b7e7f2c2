import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.envconfig.ClientConfigProfile;
import io.temporal.failure.ApplicationFailure;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.io.IOException;
import java.util.Map;
import java.util.UUID;

/** Runs code with kgents: starts by workflow type, waits, queries, cancels, catches a typed failure. */
public final class RunCode {
  /** The fields that this program uses. All fields: docs/schema/result.json. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  record Result(String runId, String status, Integer exitCode, Stream stdout) {}

  @JsonIgnoreProperties(ignoreUnknown = true)
  record Stream(String text) {}

  /** The first detail of a run's failure. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  record Failure(String kind, String field, String remedy) {}

  /** Starts a run. If a run with this id exists, returns that run instead. */
  static WorkflowStub start(WorkflowClient client, String id, Map<String, Object> request) {
    WorkflowStub run =
        client.newUntypedWorkflowStub(
            "executeCode",
            WorkflowOptions.newBuilder()
                .setWorkflowId(id)
                .setTaskQueue("kgents")
                .setWorkflowIdReusePolicy(
                    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)
                .build());
    try {
      run.start(request);
      return run;
    } catch (WorkflowExecutionAlreadyStarted started) {
      return client.newUntypedWorkflowStub(id);
    }
  }

  /** Waits until the cell is ready or the run has ended, and returns the phase. */
  static String waitForCode(WorkflowStub run) throws InterruptedException {
    while (true) {
      String phase = run.query("phase", String.class);
      boolean running =
          run.describe().getStatus() == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
      if (!phase.equals("provisioning") || !running) return phase;
      Thread.sleep(100);
    }
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    // Connects as the standard variables such as TEMPORAL_ADDRESS say, or to localhost.
    ClientConfigProfile profile = ClientConfigProfile.load();
    WorkflowServiceStubs service =
        WorkflowServiceStubs.newServiceStubs(profile.toWorkflowServiceStubsOptions());
    WorkflowClient client =
        WorkflowClient.newInstance(service, profile.toWorkflowClientOptions());
    try {
      runAll(client);
    } finally {
      service.shutdown();
    }
  }

  static void runAll(WorkflowClient client) throws InterruptedException {
    String id = "java-" + UUID.randomUUID();
    Map<String, Object> request =
        Map.of(
            "code", "echo hello from $WHO",
            "language", "sh",
            "env", Map.of("WHO", "Java"),
            "timeout", "30s");
    Result result = start(client, id, request).getResult(Result.class);
    System.out.println(
        result.status() + " " + result.exitCode() + " " + result.stdout().text().strip());
    Result again = start(client, id, request).getResult(Result.class);
    System.out.println("the same run: " + again.runId().equals(result.runId()));

    // Cancel the workflow. The run cleans up, and completes with the status cancelled.
    WorkflowStub longRun =
        start(
            client,
            "java-" + UUID.randomUUID(),
            Map.of("code", "sleep 600", "language", "sh", "timeout", "15m"));
    System.out.println(waitForCode(longRun));
    longRun.cancel();
    System.out.println(longRun.getResult(Result.class).status());

    // A run that cannot be carried out fails. The failure's type is the kind; its first detail has the remedy.
    WorkflowStub refused =
        start(client, "java-" + UUID.randomUUID(), Map.of("code", "print(1)", "timeout", -1));
    try {
      refused.getResult(Result.class);
    } catch (WorkflowFailedException failed) {
      if (!(failed.getCause() instanceof ApplicationFailure cause)) throw failed;
      Failure failure = cause.getDetails().get(Failure.class);
      System.out.println(
          String.join(
              " | ",
              cause.getType(),
              String.valueOf(cause.isNonRetryable()),
              failure.field(),
              failure.remedy()));
    }
  }
}
