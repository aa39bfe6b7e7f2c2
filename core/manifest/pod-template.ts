/**
 * Merges a pod template into the rendered Job of a cell. The result counts only after `checkHardening`: the merge
 * itself refuses nothing.
 *
 * @module
 */
import type { CellPodSpec, Job, ResourceAmounts } from "./job-types.ts";
import { type PodTemplate, spreadSelector } from "./pod-template-fields.ts";

/** Extended resources cannot be overcommitted, so requests and limits are equal. */
const withResources = (amounts: ResourceAmounts, extended: Readonly<Record<string, number>>): ResourceAmounts => ({
  ...amounts,
  ...Object.fromEntries(Object.entries(extended).map(([name, amount]) => [name, String(amount)])),
});

/** The pod of a cell with a template's fields. */
export function podWithTemplate(pod: CellPodSpec, template: PodTemplate | undefined): CellPodSpec {
  if (template === undefined) return pod;
  const { labels: _, annotations: __, resources = {}, topologySpreadConstraints, ...spec } = template;
  const [container] = pod.containers;
  const { requests, limits } = container.resources;
  return {
    ...pod,
    ...spec,
    ...(topologySpreadConstraints && {
      topologySpreadConstraints: topologySpreadConstraints.map((one) => ({ ...one, labelSelector: spreadSelector })),
    }),
    containers: [
      {
        ...container,
        resources: { requests: withResources(requests, resources), limits: withResources(limits, resources) },
      },
    ],
  };
}

/** The Job of a cell with a template's fields in its pod. The labels and annotations of the Job itself are unchanged. */
export function jobWithTemplate(job: Job, template: PodTemplate | undefined): Job {
  if (template === undefined) return job;
  const { metadata, spec } = job.spec.template;
  return {
    ...job,
    spec: {
      ...job.spec,
      template: {
        metadata: {
          // A label of the operator takes precedence over one of the request.
          labels: { ...metadata.labels, ...template.labels },
          annotations: { ...metadata.annotations, ...template.annotations },
        },
        spec: podWithTemplate(spec, template),
      },
    },
  };
}
