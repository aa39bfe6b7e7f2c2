import type { V1Container, V1Job, V1Volume } from "@kubernetes/client-node";
import type { CellContainer, CellPodSpec, Job } from "#core/manifest/job-types";

const toV1Container = (cell: CellContainer): V1Container => {
  const { command, volumeMounts, resources, securityContext, ...container } = cell;
  return {
    ...container,
    command: [...command],
    volumeMounts: [...volumeMounts],
    resources: { requests: { ...resources.requests }, limits: { ...resources.limits } },
    securityContext: { ...securityContext, capabilities: { drop: [...securityContext.capabilities.drop] } },
  };
};

const toV1Volume = (volume: CellPodSpec["volumes"][number]): V1Volume =>
  "emptyDir" in volume ? volume : { ...volume, downwardAPI: { items: [...volume.downwardAPI.items] } };

/** Converts a Job to the client's type. Copies its lists, because the client's type is mutable. */
export function toV1Job({ spec, ...job }: Job): V1Job {
  const { containers, volumes, topologySpreadConstraints, ...pod } = spec.template.spec;
  const template = {
    ...spec.template,
    spec: {
      ...pod,
      ...(topologySpreadConstraints && { topologySpreadConstraints: [...topologySpreadConstraints] }),
      containers: containers.map(toV1Container),
      volumes: volumes.map(toV1Volume),
    },
  };
  return { ...job, spec: { ...spec, template } };
}
