import { describe, expect, it, test } from "vitest";
import { fullImageName } from "#cells/kubernetes/infra/images";
import { verdictOn } from "#cells/kubernetes/infra/recorded-verdict";
import { ageInWords } from "#client/cli/runs/age";
import {
  networkIsolationAnnotation,
  networkIsolationCheckedAnnotation,
  networkIsolationReasonAnnotation,
  networkIsolationTriedAnnotation,
} from "#core/manifest/cluster-names";

test.each([
  ["busybox:1.37", "docker.io/library/busybox:1.37"],
  ["owner/image:1", "docker.io/owner/image:1"],
  ["localhost/image:1", "localhost/image:1"],
  ["localhost:5000/image:1", "localhost:5000/image:1"],
  ["registry.example/a/b@sha256:00", "registry.example/a/b@sha256:00"],
])("the image %s is %s in full", (image, full) => {
  expect(fullImageName(image)).toBe(full);
});

test.each([
  [0, "0 seconds ago"],
  [1, "1 second ago"],
  [59, "59 seconds ago"],
  [60, "1 minute ago"],
  [7199, "1 hour ago"],
  [200_000, "2 days ago"],
])("%d seconds are %s", (seconds, words) => {
  expect(ageInWords(seconds)).toBe(words);
});

describe("a recorded verdict", () => {
  const checkedAt = "2026-01-01T00:00:00.000Z";
  const on = (annotations?: Record<string, string>) => verdictOn({ metadata: { ...(annotations && { annotations }) } });

  it("is what stands there", () => {
    const annotations = {
      [networkIsolationAnnotation]: "not-enforced",
      [networkIsolationCheckedAnnotation]: checkedAt,
      [networkIsolationReasonAnnotation]: "reached",
    };
    expect(on(annotations)).toEqual({ isolation: "not-enforced", reason: "reached", tried: [], checkedAt });
    expect(on({ [networkIsolationAnnotation]: "enforced", [networkIsolationCheckedAnnotation]: checkedAt })).toEqual({
      isolation: "enforced",
      reason: null,
      // The targets of the 0.1.0 canary, whose verdict did not list them.
      tried: ["api-server", "pod"],
      checkedAt,
    });
  });

  it("says what was tried, and nothing else", () => {
    const annotations = {
      [networkIsolationAnnotation]: "enforced",
      [networkIsolationTriedAnnotation]: "dns, pod,everything",
    };
    expect(on(annotations)).toMatchObject({ tried: ["pod", "dns"] });
  });

  test.each([[undefined], [{}], [{ [networkIsolationAnnotation]: "yes" }]])(
    "is unknown where it says %j",
    (annotations) => {
      expect(on(annotations)).toMatchObject({ isolation: "unknown", reason: "no canary has looked yet" });
    },
  );
});
