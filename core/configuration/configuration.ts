/**
 * The schema of kgents.config.yaml: languages, defaults, the worker's policy. Locating and reading the file is done
 * elsewhere.
 *
 * @module
 */
import { z } from "zod";
import {
  backendField,
  duration,
  flag,
  limitFields,
  list,
  packageFields,
  processText,
  storeFields,
  strict,
  text,
  textLike,
  toBytes,
  toMillicores,
  toMilliseconds,
  wholeNumber,
} from "../contract/fields.ts";
import { dnsLabelField } from "../contract/labels.ts";
import { cellNamespace, defaultTaskQueue } from "../contract/names.ts";
import { parseOrRefuse } from "../contract/refusal.ts";
import { defaultUserIds, largestUserId } from "../manifest/cell-user.ts";
import { podTemplateSchema } from "../manifest/pod-template-fields.ts";
import { languageSettings } from "./language-settings.ts";
import { defaultMaximumCells } from "./maximum-cells.ts";

export { mergeLanguages } from "./language-settings.ts";

const imagesRule = "at most 256 images, each exactly as in a request, or a prefix followed by `*`";
const backendsRule = "a list of kubernetes and subprocess, each at most once, at least one";
const path = (allowed: string) => processText(4096, allowed).min(1, { error: allowed });

const defaultsSchema = strict(
  {
    timeout: limitFields.timeout.optional(),
    startupTimeout: limitFields.startupTimeout.optional(),
    cpu: limitFields.cpu.optional(),
    memory: limitFields.memory.optional(),
    disk: limitFields.disk.optional(),
    ttl: limitFields.ttl.optional(),
    network: flag().optional(),
    backend: backendField.optional(),
    fallback: flag().optional(),
    language: text("a language's name or alias").min(1, { error: "a language's name or alias" }).optional(),
  },
  "an object with fields of a request",
);

const limitsSchema = strict(
  {
    timeout: limitFields.timeout.transform(toMilliseconds).optional(),
    cpu: limitFields.cpu.transform(toMillicores).optional(),
    memory: limitFields.memory.transform(toBytes).optional(),
    disk: limitFields.disk.transform(toBytes).optional(),
  },
  "an object with any of timeout, cpu, memory, disk",
);

const contextRule = "a context's name in the kubeconfig";
const isolationRule = "required or best-effort";

const userIdsRule = `{ first, count }: a range of at least 100 user ids from 1000 to ${largestUserId}`;

const userIdsSchema = strict(
  {
    first: z.int({ error: userIdsRule }).min(1000, { error: userIdsRule }),
    count: z.int({ error: userIdsRule }).min(100, { error: userIdsRule }),
  },
  userIdsRule,
).refine(({ first, count }) => first + count - 1 <= largestUserId, { error: userIdsRule });

const kubernetesSchema = strict(
  {
    context: text(contextRule).min(1, { error: contextRule }).optional(),
    namespace: dnsLabelField().default(cellNamespace),
    runtimeClassName: dnsLabelField().optional(),
    podTemplate: podTemplateSchema.optional(),
    networkIsolation: z.enum(["required", "best-effort"], { error: isolationRule }).default("required"),
    // The same number as the default quota of the namespace.
    maximumCells: wholeNumber(1, 1000).default(defaultMaximumCells.kubernetes),
    userIds: userIdsSchema.default(defaultUserIds),
  },
  "an object with any of context, namespace, runtimeClassName, podTemplate, networkIsolation, maximumCells, userIds",
);

const indexRule = "an address that begins with http:// or https://, without a user or password";
const packagesRule = "an object with any of allow, index, npmRegistry, maximumBytes, maximumCacheBytes, names";
const packageNamesRule = "at most 1024 names of packages, or prefixes followed by `*`";

/** An address of an index. Credentials are left to the installers' own files, so that they are in no message. */
const indexField = () =>
  z
    .url({ protocol: /^https?$/, error: indexRule })
    .refine((address) => URL.parse(address)?.username === "" && URL.parse(address)?.password === "", {
      error: indexRule,
    });

const packagesSchema = strict(
  {
    allow: flag().default(true),
    index: indexField().optional(),
    npmRegistry: indexField().optional(),
    maximumBytes: packageFields.maximumBytes.transform(toBytes).prefault("1Gi"),
    maximumCacheBytes: packageFields.maximumCacheBytes.transform(toBytes).prefault("10Gi"),
    names: list(textLike(/^[^\s*]+\*?$|^\*$/, packageNamesRule), 1024, packageNamesRule).optional(),
  },
  packagesRule,
);

const workerSchema = strict(
  {
    backends: z
      .array(z.enum(["kubernetes", "subprocess"], { error: backendsRule }), { error: backendsRule })
      .min(1, { error: backendsRule })
      .refine((names) => new Set(names).size === names.length, { error: backendsRule })
      .default(["kubernetes", "subprocess"]),
    taskQueue: textLike(/^[\x21-\x7e]{1,200}$/, "1 to 200 printable ASCII characters without spaces").default(
      defaultTaskQueue,
    ),
    // With the default limits of a request, 10 sandboxes use at most 10 cores and 5 GiB of memory.
    maximumCells: wholeNumber(1, 1000).default(defaultMaximumCells.subprocess),
    maximumStartsPerSecond: wholeNumber(1, 1000).optional(),
    limits: limitsSchema.default({}),
    images: list(textLike(/^[^\s*]+\*?$|^\*$/, imagesRule), 256, imagesRule).optional(),
    network: flag().default(true),
    unsandboxed: flag().default(false),
    packages: packagesSchema.prefault({}),
    kubernetes: kubernetesSchema.prefault({}),
  },
  "an object with the worker's settings",
);

const operatorSchema = strict(
  {
    context: text(contextRule).min(1, { error: contextRule }).optional(),
    networkIsolation: z.enum(["required", "best-effort"], { error: isolationRule }).default("required"),
  },
  "an object with any of context, networkIsolation",
);

const bucketNameRule = "a bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens";
const prefixRule = "a prefix of names that ends with /, such as kgents/";
const endpointRule = "an address that begins with http:// or https://";
const expiryRule = "worker or bucket";

const bucketSchema = strict(
  {
    name: textLike(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, bucketNameRule),
    prefix: textLike(/^(?:[\w.-]+\/)*$/, prefixRule).default(""),
    region: textLike(/^[a-z0-9-]{1,64}$/, "a region's name").optional(),
    endpoint: z.url({ protocol: /^https?$/, error: endpointRule }).optional(),
    expiry: z.enum(["worker", "bucket"], { error: expiryRule }).default("worker"),
  },
  "an object with name, and any of prefix, region, endpoint, expiry",
);

const artifactsRule = "an object with directory or bucket, not both, and any of maximumSize, minimumFree";

/** The schema of the configuration. */
export const configurationSchema = strict(
  {
    languages: languageSettings.default({}),
    defaults: defaultsSchema.default({}),
    worker: workerSchema.prefault({}),
    operator: operatorSchema.prefault({}),
    artifacts: strict(
      {
        directory: path("a path").optional(),
        bucket: bucketSchema.optional(),
        maximumSize: storeFields.maximumSize.transform(toBytes).optional(),
        minimumFree: storeFields.minimumFree.transform(toBytes).optional(),
      },
      artifactsRule,
    )
      .refine(({ directory, bucket }) => directory === undefined || bucket === undefined, { error: artifactsRule })
      .default({}),
    retention: duration('a duration from 1 h to 365 days, such as "7d"', 3_600_000, 365 * 86_400_000)
      .transform(toMilliseconds)
      .prefault("7d"),
  },
  "an object with any of languages, defaults, worker, operator, artifacts, retention",
);

/**
 * The configuration, with its defaults.
 *
 * - `languages`: languages to add, and overrides of the built-in ones.
 * - `defaults`: values for fields that a request leaves out, in the notation of a request.
 * - `worker`: what this machine's worker serves and allows.
 * - `operator`: for Agents: the kubeconfig's `context` (the current one), and `networkIsolation` (`required`: Agents run
 *   only where NetworkPolicies are proved to be enforced; `best-effort`: everywhere).
 * - `artifacts`: where output and large input are stored: a `directory` (default: below the state directory) or a
 *   `bucket` of an S3-compatible service. A bucket has a `name`, a key `prefix` (none), a `region` and an `endpoint`
 *   (default for both, and for the credentials: the standard AWS variables and profiles), and `expiry`: whether workers
 *   or the bucket's own rules remove expired objects. `maximumSize` bounds the directory, or the local spool of a
 *   bucket, in bytes (10 GiB, or half of the disk if that is less); above it the oldest runs are removed. `minimumFree`
 *   is the free disk space in bytes (512 MiB, or a tenth) below which no run is accepted.
 * - `retention`: how long history and artifacts are kept, in milliseconds. Default: 7 days.
 */
export type Configuration = z.output<typeof configurationSchema>;

/**
 * What a worker serves and allows. Defaults are in parentheses.
 *
 * - `backends` (both)
 * - `taskQueue` (`kgents`)
 * - `maximumCells`: sandboxes at once (10)
 * - `maximumStartsPerSecond`: rate limit of the whole task queue; all its workers must set the same value (none)
 * - `limits`: maxima in milliseconds, millicores and bytes (none)
 * - `images` (any)
 * - `network` (true)
 * - `unsandboxed` (false: code never runs without a sandbox)
 * - `packages`: whether packages are installed for code (`allow`: true); `index` and `npmRegistry`, where from (what the
 *   installers are set up with); the most bytes of one environment (`maximumBytes`: 1 GiB) and of all that are kept on
 *   the machine (`maximumCacheBytes`: 10 GiB); the `names` that a request may ask for (any)
 * - `kubernetes.context` (the current one)
 * - `kubernetes.namespace` (`kgents-ephemeral`)
 * - `kubernetes.runtimeClassName` (the node's default)
 * - `kubernetes.podTemplate`: what is added to the pod of each cell: node selector, tolerations, affinity, topology
 *   spread, priority class, scheduler, image pull secrets, extended resources, labels, annotations (nothing)
 * - `kubernetes.networkIsolation` (`required`: code without network runs only where NetworkPolicies are proved to be
 *   enforced)
 * - `kubernetes.maximumCells`: cells that this worker runs in the cluster at once, 1 to 1000 (100; more runs wait)
 * - `kubernetes.userIds`: the range from which each cell gets a user id of its own (`first` 2013265920, `count`
 *   67108864)
 */
export type WorkerPolicy = Configuration["worker"];

/**
 * Checks a configuration and applies the defaults.
 *
 * @throws KgentsError `invalid-configuration`, with the field's path, its value and what is allowed
 */
export const parseConfiguration = (input: unknown): Configuration =>
  parseOrRefuse(configurationSchema, input, "invalid-configuration", "configuration");
