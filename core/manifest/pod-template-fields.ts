/**
 * The schema of `worker.kubernetes.podTemplate`: what a worker's configuration may add to the pod of a cell. It has no
 * field that could loosen the pod.
 *
 * @module
 */
import { z } from "zod";
import { list, record, strict, textLike, wholeNumber } from "../contract/fields.ts";
import { annotationsField, isReservedKey, labelKeyField, labelsField, labelValueField } from "../contract/labels.ts";
import { jobTypeLabel } from "./cluster-names.ts";

/**
 * Keys by which other programs change what runs in a pod or what it reaches: sidecars, networks beside the cluster's
 * own, and settings of container runtimes. The list holds those that are known; it cannot be complete.
 */
const instruction = new RegExp(
  [
    "inject",
    "^(?:[^/]*\\.)?(?:istio|linkerd|kuma|dapr|cncf|multus-cni|cilium|cri-o|crio|katacontainers|opentelemetry)\\.io/",
    "^(?:[^/]*\\.)?(?:projectcalico\\.org|hashicorp\\.com|karpenter\\.sh)/",
    "^(?:io\\.kubernetes\\.cri-o|io\\.containerd|io\\.katacontainers|io\\.cilium|dev\\.gvisor)[./]",
  ].join("|"),
  "i",
);

/** Whether a template may set the label or annotation: it is neither reserved nor a known instruction to a program. */
export const isTemplateKey = (key: string): boolean => !isReservedKey(key) && !instruction.test(key);

const keysRule = (what: string): string =>
  `at most 32 ${what}, none of kgents.io, kubernetes.io or k8s.io, and none that makes another program change the pod or its network (docs/security.md)`;

const withTemplateKeys = <Entries extends Record<string, string>>(schema: z.ZodType<Entries>, what: string) =>
  schema.refine((entries) => Object.keys(entries).every(isTemplateKey), { error: keysRule(what) });

const keyRule = "a label's key";
const valueRule = "a label's value: at most 63 of A-Z a-z 0-9 - _ .";

/** A name of an object in a cluster: a DNS subdomain. */
const objectName = (allowed: string) =>
  textLike(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/, allowed).max(253, {
    error: allowed,
  });

const selectorRule = "at most 32 labels that a node must have, each with its value";
const nodeSelector = record(labelKeyField(selectorRule), labelValueField(selectorRule), 32, selectorRule);

const tolerationRule =
  "a toleration with any of key, operator (Exists or Equal), value, effect (NoSchedule, PreferNoSchedule or NoExecute), tolerationSeconds; Equal needs key, Exists has no value, tolerationSeconds needs NoExecute";
const toleration = strict(
  {
    key: labelKeyField(keyRule).exactOptional(),
    operator: z.enum(["Exists", "Equal"], { error: "Exists or Equal" }).exactOptional(),
    value: labelValueField(valueRule).exactOptional(),
    effect: z
      .enum(["NoSchedule", "PreferNoSchedule", "NoExecute"], { error: "NoSchedule, PreferNoSchedule or NoExecute" })
      .exactOptional(),
    tolerationSeconds: wholeNumber(0, 86_400).exactOptional(),
  },
  tolerationRule,
).refine(
  ({ key, operator = "Equal", value, effect, tolerationSeconds }) =>
    (operator === "Exists" ? value === undefined : key !== undefined) &&
    (tolerationSeconds === undefined || effect === "NoExecute"),
  { error: tolerationRule },
);

/** How many values each operator of a node selector takes. */
const valuesOf = { In: [1, 64], NotIn: [1, 64], Exists: [0, 0], DoesNotExist: [0, 0], Gt: [1, 1], Lt: [1, 1] } as const;
const requirementRule =
  "an object with key, operator (In, NotIn, Exists, DoesNotExist, Gt or Lt) and the values that it takes";
const requirement = strict(
  {
    key: labelKeyField(keyRule),
    operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"], { error: requirementRule }),
    values: list(labelValueField(valueRule), 64, requirementRule).exactOptional(),
  },
  requirementRule,
).refine(
  ({ operator, values = [] }) => values.length >= valuesOf[operator][0] && values.length <= valuesOf[operator][1],
  { error: requirementRule },
);

const termRule = "an object with matchExpressions, a list of 1 to 32";
const term = strict({ matchExpressions: list(requirement, 32, termRule).min(1, { error: termRule }) }, termRule);

const termsRule = "an object with nodeSelectorTerms, a list of 1 to 16";
const preferredRule = "at most 16 objects with weight and preference";
const affinity = strict(
  {
    nodeAffinity: strict(
      {
        requiredDuringSchedulingIgnoredDuringExecution: strict(
          { nodeSelectorTerms: list(term, 16, termsRule).min(1, { error: termsRule }) },
          termsRule,
        ).exactOptional(),
        preferredDuringSchedulingIgnoredDuringExecution: list(
          strict({ weight: wholeNumber(1, 100), preference: term }, preferredRule),
          16,
          preferredRule,
        ).exactOptional(),
      },
      "an object with requiredDuringSchedulingIgnoredDuringExecution or preferredDuringSchedulingIgnoredDuringExecution",
    ).exactOptional(),
  },
  "an object with nodeAffinity",
);

const spreadRule = "an object with maxSkew, topologyKey, whenUnsatisfiable";
const spreadsRule =
  "at most 8 objects with maxSkew, topologyKey, whenUnsatisfiable; no two with the same of the latter";
const spread = strict(
  {
    maxSkew: wholeNumber(1, 1000),
    topologyKey: labelKeyField(keyRule),
    whenUnsatisfiable: z.enum(["DoNotSchedule", "ScheduleAnyway"], { error: "DoNotSchedule or ScheduleAnyway" }),
  },
  spreadRule,
);

const secretRule = "an object with name, the name of a Secret in the cells' namespace";
const secretsRule = "at most 8 objects with name";
const priorityRule = "the name of a priority class that does not begin with system-";

const resourceName =
  /^(?=.{3,244}\/)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\/[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** Whether a resource is an extended one. All others are limits of the request. */
export const isExtendedResource = (name: string): boolean =>
  resourceName.test(name) && !name.includes("kubernetes.io/") && !name.startsWith("requests.");

const resourcesRule =
  "at most 8 extended resources such as nvidia.com/gpu, each with a whole number from 1 to 1000; cpu, memory and ephemeral-storage belong to the request";
const resources = record(
  z.string().refine(isExtendedResource, { error: resourcesRule }),
  wholeNumber(1, 1000),
  8,
  resourcesRule,
);

/** The fields of the pod's spec, by their names in Kubernetes. A hardened pod may have these beside its own. */
export const podTemplateSpecFields = {
  nodeSelector: nodeSelector.exactOptional(),
  tolerations: list(toleration, 32, "at most 32 tolerations").exactOptional(),
  affinity: affinity.exactOptional(),
  imagePullSecrets: list(strict({ name: objectName(secretRule) }, secretRule), 8, secretsRule).exactOptional(),
  priorityClassName: objectName(priorityRule)
    .refine((name) => !name.startsWith("system-"), { error: priorityRule })
    .exactOptional(),
  schedulerName: objectName("the name of a scheduler").exactOptional(),
};

const fields = {
  labels: withTemplateKeys(labelsField(), "labels").exactOptional(),
  annotations: withTemplateKeys(annotationsField(), "annotations").exactOptional(),
  ...podTemplateSpecFields,
  topologySpreadConstraints: list(spread, 8, spreadsRule)
    .refine((all) => new Set(all.map((one) => `${one.topologyKey} ${one.whenUnsatisfiable}`)).size === all.length, {
      error: spreadsRule,
    })
    .exactOptional(),
  resources: resources.exactOptional(),
};

/** The schema of a pod template. */
export const podTemplateSchema = strict(fields, `an object with any of ${Object.keys(fields).join(", ")}`);

/** What a worker's configuration adds to the pod of each cell. Names and meaning of the fields are Kubernetes'. */
export type PodTemplate = z.output<typeof podTemplateSchema>;

/** The pods that topology spread constraints count: those of cells. */
export const spreadSelector = { matchLabels: { [jobTypeLabel]: "ephemeral" } } as const;

/** The fields of {@link podTemplateSpecFields} that are rendered otherwise than they are written. */
export const renderedSpreadConstraints = list(
  strict(
    {
      ...spread.shape,
      labelSelector: strict(
        {
          matchLabels: strict({ [jobTypeLabel]: z.literal("ephemeral", { error: "ephemeral" }) }, "the label of cells"),
        },
        "the selector of cells",
      ),
    },
    spreadRule,
  ),
  8,
  spreadsRule,
).exactOptional();
