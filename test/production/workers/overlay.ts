/** The files of an overlay on the production one, for the test cluster. JSON is valid YAML. */
import { parse } from "yaml";

/** The addresses of the services. */
export interface Places {
  /** The address at which pods reach the machine that runs Temporal and the bucket. */
  readonly host: string;
  readonly ports: { readonly temporal: number; readonly store: number };
  /** The Temporal namespace. */
  readonly namespace: string;
  readonly image: string;
}

/** A Service without pods, for a server outside the cluster. */
function service(name: string, host: string, port: number): object[] {
  const metadata = { name, namespace: "kgents" };
  return [
    { apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ name: "tcp", port }] } },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      addressType: "IPv4",
      metadata: { ...metadata, labels: { "kubernetes.io/service-name": name } },
      ports: [{ name: "tcp", port }],
      endpoints: [{ addresses: [host] }],
    },
  ];
}

const policyFile = {
  name: "kgents-worker",
  namespace: "kgents",
  behavior: "merge",
  files: ["kgents.config.yaml"],
};

const configurationOf = ({ ports }: Places) => ({
  worker: { backends: ["kubernetes"] },
  artifacts: { bucket: { name: "kgents-artifacts", endpoint: `https://store:${ports.store}` } },
});

/** The names by which pods find Temporal and the bucket. */
export const servicesOf = ({ host, ports }: Places) => ({
  apiVersion: "v1",
  kind: "List",
  items: [...service("temporal", host, ports.temporal), ...service("store", host, ports.store)],
});

/** The overlay's files. */
export function overlayOf(places: Places): Record<string, object> {
  const { ports, namespace, image } = places;
  const [newName, newTag] = image.split(":");
  const toleration = { key: "kgents.test/second", operator: "Exists", effect: "NoSchedule" };
  return {
    "kustomization.yaml": {
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      resources: ["../production"],
      images: [{ name: "registry.example.com/kgents", newName, newTag }],
      configMapGenerator: [
        {
          name: "kgents-temporal",
          namespace: "kgents",
          behavior: "merge",
          literals: [`TEMPORAL_ADDRESS=temporal:${ports.temporal}`, `TEMPORAL_NAMESPACE=${namespace}`],
        },
        policyFile,
      ],
      patches: [
        {
          target: { kind: "Deployment", name: "kgents-worker" },
          patch: JSON.stringify([{ op: "add", path: "/spec/template/spec/tolerations/-", value: toleration }]),
        },
      ],
    },
    "kgents.config.yaml": configurationOf(places),
  };
}

/**
 * The overlay for a version of a pool: deploy/workers/overlays/versioned with another build id, on the overlay above.
 *
 * @param versioned that overlay's kustomization.yaml, which is for build id 1
 */
export function versionOverlayOf(versioned: string, places: Places, buildId: string, taskQueue: string) {
  const text = versioned
    .replace("../production", "../test")
    .replace('"-1"', `"-${buildId}"`)
    .replaceAll('"1"', `"${buildId}"`)
    .replace("build-id=1", `build-id=${buildId}`)
    .replace("registry.example.com/kgents:0.1.0", places.image);
  const kustomization = parse(text);
  const policy = configurationOf(places);
  return {
    "kustomization.yaml": { ...kustomization, configMapGenerator: [policyFile] },
    "kgents.config.yaml": { ...policy, worker: { ...policy.worker, taskQueue } },
  };
}
