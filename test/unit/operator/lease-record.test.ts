/** Who may hold the operators' Lease, for each state in which a process can see it. */
import { expect, test } from "vitest";
import { heldLease, holderOf, type Lease, mayHold, observe, releasedLease } from "#operator/leader/lease-record";

const lease = (holderIdentity: string | undefined, resourceVersion = "1", leaseDurationSeconds = 15): Lease => ({
  metadata: { name: "l", namespace: "n", resourceVersion },
  spec: { ...(holderIdentity !== undefined && { holderIdentity }), leaseDurationSeconds, leaseTransitions: 3 },
});

test.each<[what: string, holder: string | undefined, seenAt: number, now: number, may: boolean]>([
  ["nobody's", undefined, 0, 0, true],
  ["a released one", "", 0, 0, true],
  ["its own", "me", 0, 0, true],
  ["its own, long ago", "me", 0, 60_000, true],
  ["another's, just seen", "other", 1000, 1000, false],
  ["another's, within its duration", "other", 1000, 15_999, false],
  ["another's, after its duration", "other", 1000, 16_000, true],
])("%s", (_what, holder, seenAt, now, may) => {
  expect(mayHold({ lease: lease(holder), at: seenAt }, "me", now)).toBe(may);
});

test("the time of a Lease begins anew with each renewal, by the clock of who looks", () => {
  const first = observe(undefined, lease("other", "1"), 100);
  const same = observe(first, lease("other", "1"), 5000);
  const renewed = observe(same, lease("other", "2"), 9000);
  expect([first.at, same.at, renewed.at]).toEqual([100, 100, 9000]);
});

const identity = { name: "l", namespace: "n", identity: "me" };
const now = new Date("2026-01-02T03:04:05.678Z");

test("a new Lease", () => {
  expect(heldLease({ ...identity, annotations: { a: "1" } }, undefined, 15, now)).toEqual({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "l", namespace: "n", annotations: { a: "1" } },
    spec: {
      holderIdentity: "me",
      leaseDurationSeconds: 15,
      acquireTime: "2026-01-02T03:04:05.678000Z",
      renewTime: "2026-01-02T03:04:05.678000Z",
      leaseTransitions: 0,
    },
  });
});

test("a renewal keeps what an acquisition changes", () => {
  const taken = heldLease(identity, lease("other", "7"), 15, now);
  expect(taken.spec).toMatchObject({ leaseTransitions: 4, acquireTime: "2026-01-02T03:04:05.678000Z" });
  const later = new Date("2026-01-02T03:04:07.678Z");
  const renewed = heldLease(identity, taken, 15, later);
  expect(renewed.spec).toMatchObject({
    leaseTransitions: 4,
    acquireTime: "2026-01-02T03:04:05.678000Z",
    renewTime: "2026-01-02T03:04:07.678000Z",
  });
  expect(renewed.metadata?.resourceVersion).toBe("7");
});

test("a released Lease has no holder", () => {
  const released = releasedLease(heldLease(identity, lease("me", "7"), 15, now), now);
  expect(holderOf(released)).toBeUndefined();
  expect(released).toMatchObject({ metadata: { resourceVersion: "7" }, spec: { leaseDurationSeconds: 1 } });
});
