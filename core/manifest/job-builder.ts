import { strict } from "../contract/fields.ts";
import { annotationsField, dnsLabelField } from "../contract/labels.ts";
import { builtInLanguages, findLanguage, type Language } from "../contract/language.ts";
import { cellNamespace } from "../contract/names.ts";
import { validateRequest } from "../contract/parse-request.ts";
import { parseOrRefuse } from "../contract/refusal.ts";
import type { Content, ExecutionRequest } from "../contract/request.ts";
import type { Job } from "./job-types.ts";
import { jobOfRequest } from "./manifest.ts";

const dryRunSuffix = "-dry-run";

/** The result of a builder: validated and frozen. */
export interface JobSpec {
  /** The Job's name, if one was given. Only for manifests: the Job of a run is named after its cell. */
  readonly name: string | undefined;
  /** The namespace of the Job. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The request: what `Quartermaster.execute` and `start` take. */
  readonly request: Readonly<ExecutionRequest>;
}

/** Limits of a Job, as quantities. */
export interface JobLimits {
  /** Cores, such as `"200m"` or 0.5. @default 1 */
  readonly cpu?: string | number;
  /** Such as `"256Mi"`, or bytes. @default "512Mi" */
  readonly memory?: string | number;
  /** What the code may write, such as `"100Mi"`, or bytes: the request's `disk`. @default "100Mi" */
  readonly ephemeralStorage?: string | number;
}

/** The fields of a Job that are not part of the request. */
const frameSchema = strict(
  {
    // Shorter than a DNS label, because a suffix is appended.
    prefix: dnsLabelField(40),
    name: dnsLabelField().optional(),
    namespace: dnsLabelField(),
    annotations: annotationsField(),
  },
  "a Job",
);

function deepFreeze<Value>(value: Value): Readonly<Value> {
  if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) deepFreeze(part);
    Object.freeze(value);
  }
  return value;
}

/**
 * Builds the request and the Kubernetes Job of a run. Values are validated in `build` and `toManifest`, not before.
 *
 * @example
 * ```ts
 * const spec = new JobBuilder("exec")
 *   .withCode("print('hello')")
 *   .withLimits({ cpu: "200m", memory: "256Mi" })
 *   .withTimeout(30)
 *   .build();
 * ```
 */
export class JobBuilder {
  readonly #prefix: string;
  #name: string | undefined;
  #namespace: string = cellNamespace;
  #request: ExecutionRequest = {};
  // Maps, because setting `__proto__` on an object would drop the key instead of refusing it.
  readonly #labels = new Map<string, string>();
  readonly #annotations = new Map<string, string>();

  /** @param prefix the prefix of Job names: 1 to 40 of a-z 0-9 - */
  constructor(prefix = "exec") {
    this.#prefix = prefix;
  }

  /** The Job's name: a DNS-1123 label. */
  withName(name: string): this {
    this.#name = name;
    return this;
  }

  /** The namespace of the Job. @default "kgents-ephemeral" */
  withNamespace(namespace: string): this {
    this.#namespace = namespace;
    return this;
  }

  /** The code to run, and its language if it is not python. */
  withCode(code: Content, language?: string): this {
    this.#request.code = code;
    return language === undefined ? this : this.withLanguage(language);
  }

  /** The language's name or alias. @default "python" */
  withLanguage(language: string): this {
    this.#request.language = language;
    return this;
  }

  /** The image, with a tag or digest. @default the language's own */
  withImage(image: string): this {
    this.#request.image = image;
    return this;
  }

  /** Limits of cpu, memory and ephemeral storage. Omitted ones stay unchanged. */
  withLimits({ cpu, memory, ephemeralStorage }: JobLimits): this {
    if (cpu !== undefined) this.#request.cpu = cpu;
    if (memory !== undefined) this.#request.memory = memory;
    if (ephemeralStorage !== undefined) this.#request.disk = ephemeralStorage;
    return this;
  }

  /** Wall-clock time of the code, in seconds or with a unit such as `"5m"`. @default 30 */
  withTimeout(timeout: number | string): this {
    this.#request.timeout = timeout;
    return this;
  }

  /** How long the finished Job is kept, in seconds or with a unit. @default 60 */
  withTtl(ttl: number | string): this {
    this.#request.ttl = ttl;
    return this;
  }

  /** Whether the code may reach public addresses. @default false, unless this is called */
  withNetwork(network = true): this {
    this.#request.network = network;
    return this;
  }

  /** A label of the Job and its pod. Keys of kgents.io, kubernetes.io and k8s.io are refused. */
  withLabel(key: string, value: string): this {
    this.#labels.set(key, value);
    return this;
  }

  /** An annotation of the Job. */
  withAnnotation(key: string, value: string): this {
    this.#annotations.set(key, value);
    return this;
  }

  /** The arguments of the program. */
  withArguments(args: readonly string[]): this {
    this.#request.args = [...args];
    return this;
  }

  /** Variables of the code's environment. Repeated calls add to them. */
  withEnvironment(environment: Readonly<Record<string, string>>): this {
    this.#request.env = { ...this.#request.env, ...environment };
    return this;
  }

  /**
   * Validates and returns the result. It shares no state with the builder, so the builder can be used again.
   *
   * @throws KgentsError `invalid-request`, naming the field; `ephemeralStorage` is named `disk`, as in requests
   */
  build(): JobSpec {
    const frame = {
      prefix: this.#prefix,
      name: this.#name,
      namespace: this.#namespace,
      annotations: Object.fromEntries(this.#annotations),
    };
    const { name, namespace, annotations } = parseOrRefuse(frameSchema, frame, "invalid-request", "job");
    const request = { ...this.#request, labels: Object.fromEntries(this.#labels) };
    const { labels } = validateRequest(request);
    return deepFreeze({ name, namespace, labels, annotations, request: structuredClone(request) });
  }

  /**
   * The Job as a dry run shows it, named `<prefix>-dry-run` if no name was given. The output is deterministic.
   *
   * @param languages the known languages. @default the built-in languages
   * @throws KgentsError as `build` does, and `unsupported-language`
   */
  async toManifest(languages: readonly Language[] = builtInLanguages): Promise<Job> {
    const { name = `${this.#prefix}${dryRunSuffix}`, namespace, annotations, request } = this.build();
    const spec = validateRequest(request);
    const language = findLanguage(languages, spec.language);
    return jobOfRequest(spec, language, { name, namespace, annotations });
  }
}

/** The options of `createPythonJob` and `createShellJob`. */
export interface JobOptions extends JobLimits {
  /** @default "exec" */
  readonly prefix?: string;
  readonly name?: string;
  /** In seconds or with a unit. @default 30 */
  readonly timeout?: number | string;
  /** @default false */
  readonly network?: boolean;
}

function createJob(code: string, language: string, options: JobOptions): JobSpec {
  const { prefix, name, timeout, network = false } = options;
  const builder = new JobBuilder(prefix).withCode(code, language).withLimits(options).withNetwork(network);
  if (name !== undefined) builder.withName(name);
  if (timeout !== undefined) builder.withTimeout(timeout);
  return builder.build();
}

/** A Job that runs python. @throws KgentsError `invalid-request`, naming the field */
export const createPythonJob = (code: string, options: JobOptions = {}): JobSpec => createJob(code, "python", options);

/** A Job that runs a shell script, with `sh`. @throws KgentsError `invalid-request`, naming the field */
export const createShellJob = (code: string, options: JobOptions = {}): JobSpec => createJob(code, "sh", options);
