/** What an overlay on that of production says on the test cluster. JSON is YAML. */
/** Where things are. */
export interface Places {
  /** The machine on which Temporal and the bucket run, as pods reach it. */
  readonly host: string;
  readonly ports: { readonly temporal: number; readonly store: number };
  /** Temporal's. */
  readonly namespace: string;
  readonly image: string;
}

/** A Service without pods: what it stands for is outside of the cluster. */
function service(name: string, host: string, port: number): object[] {
  const metadata = { name, namespace: "kgents" };
  return [
    { apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ name: "tcp", port }] } },
    {
      ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4" },
      metadata: { ...metadata, labels: { "kubernetes.io/service-name": name } },
      ports: [{ name: "tcp", port }],
      endpoints: [{ addresses: [host] }],
    },
  ];
}

/** The overlay's files. */
export function overlayOf({ host, ports, namespace, image }: Places): Record<string, object> {
  const [newName, newTag] = image.split(":");
  const toleration = { key: "kgents.test/second", operator: "Exists", effect: "NoSchedule" };
  const services = [...service("temporal", host, ports.temporal), ...service("store", host, ports.store)];
  return {
    "kustomization.yaml": {
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      resources: ["../production", "services.yaml"],
      images: [{ name: "registry.example.com/kgents", newName, newTag }],
      configMapGenerator: [
        {
          ...{ name: "kgents-temporal", namespace: "kgents", behavior: "merge" },
          literals: [`TEMPORAL_ADDRESS=temporal:${ports.temporal}`, `TEMPORAL_NAMESPACE=${namespace}`],
        },
        { name: "kgents-worker", namespace: "kgents", behavior: "merge", files: ["kgents.config.yaml"] },
      ],
      patches: [
        {
          target: { kind: "Deployment", name: "kgents-worker" },
          patch: JSON.stringify([{ op: "add", path: "/spec/template/spec/tolerations/-", value: toleration }]),
        },
      ],
    },
    "services.yaml": { apiVersion: "v1", kind: "List", items: services },
    "kgents.config.yaml": {
      worker: { backends: ["kubernetes"] },
      artifacts: { bucket: { name: "kgents-artifacts", endpoint: `https://store:${ports.store}` } },
    },
  };
}
