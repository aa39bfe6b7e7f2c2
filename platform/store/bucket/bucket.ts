/**
 * A bucket of an S3-compatible service, with the few operations that the store needs. The client is Amazon's own, loaded only where a
 * bucket is configured: credentials come the way they do for every program that uses it.
 *
 * @module
 */
import type { Readable } from "node:stream";
import { KgentsError } from "#core/contract/error";

/** Where the bucket is. */
export interface BucketSettings {
  readonly name: string;
  /** What every object's name begins with: "" or a path that ends with `/`. */
  readonly prefix: string;
  /** @default the SDK's own: `AWS_REGION`, or the profile; `us-east-1` where an endpoint is named */
  readonly region?: string | undefined;
  /** The service's address. @default Amazon S3 of the region */
  readonly endpoint?: string | undefined;
}

/** An object as a listing has it. */
export interface ListedObject {
  readonly name: string;
  readonly bytes: number;
  readonly modified: Date;
}

/** The operations. Names are without the prefix. Every one may be tried again. */
export interface Bucket {
  /** Writes an object whole, in parts where it is large; nobody sees it before all of it is there. */
  readonly put: (name: string, content: Readable | Buffer) => Promise<void>;
  /** Writes a small object unless there is one. */
  readonly putIfAbsent: (name: string, content: string) => Promise<void>;
  /** Reads an object, or a range of it; undefined where there is none. */
  readonly get: (
    name: string,
    range?: { readonly start: number; readonly end: number },
  ) => Promise<Readable | undefined>;
  readonly head: (name: string) => Promise<{ readonly bytes: number; readonly modified: Date } | undefined>;
  /** All objects whose names begin so, in the order of their names. */
  readonly list: (prefix: string) => AsyncIterable<ListedObject>;
  /** Makes an object as new as if it was written now. */
  readonly touch: (name: string) => Promise<void>;
  readonly remove: (names: readonly string[]) => Promise<void>;
  readonly close: () => void;
}

/** How long a connection may take, and an answer may keep us waiting, in milliseconds; each request is tried three times. */
const connectMilliseconds = 2000;
const answerMilliseconds = 30_000;

/** Objects of more bytes are uploaded in parts of so many; S3 takes no smaller ones than 5 MiB. */
const partBytes = 8 * 2 ** 20;

/** S3 removes so many objects in one request. */
const maximumRemovals = 1000;

/** The conditional write lost to another, or met it on its way. */
const lostRaces: readonly unknown[] = [409, 412];

const statusOf = (error: unknown): unknown =>
  (error as { $metadata?: { httpStatusCode?: unknown } } | undefined)?.$metadata?.httpStatusCode;

/** Connects to a bucket; nothing is asked of it yet. */
export async function openBucket({ name: bucket, prefix, region, endpoint }: BucketSettings): Promise<Bucket> {
  const s3 = await import("@aws-sdk/client-s3");
  const { Upload } = await import("@aws-sdk/lib-storage");
  const settled = region ?? (endpoint === undefined ? undefined : (process.env.AWS_REGION ?? "us-east-1"));
  const client = new s3.S3Client({
    ...(settled === undefined ? {} : { region: settled }),
    // A service of one's own seldom has a name for each bucket.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    requestHandler: {
      connectionTimeout: connectMilliseconds,
      requestTimeout: answerMilliseconds,
      throwOnRequestTimeout: true,
    },
  });
  const at = (name: string) => ({ Bucket: bucket, Key: `${prefix}${name}` });
  const absentIsUndefined = <Answer>(answer: Promise<Answer>): Promise<Answer | undefined> =>
    answer.catch((error) => {
      // A bucket that is not there is no object that is not there.
      if (statusOf(error) === 404 && error.name !== "NoSuchBucket") return undefined;
      throw error;
    });
  return {
    put: async (name, content) => {
      const params = { ...at(name), Body: content };
      await new Upload({ client, params, partSize: partBytes, queueSize: 2 }).done();
    },
    putIfAbsent: async (name, content) => {
      const command = new s3.PutObjectCommand({ ...at(name), Body: content, IfNoneMatch: "*" });
      await client.send(command).catch((error) => {
        if (!lostRaces.includes(statusOf(error))) throw error;
      });
    },
    get: async (name, range) => {
      const Range = range && `bytes=${range.start}-${range.end - 1}`;
      const answer = await absentIsUndefined(client.send(new s3.GetObjectCommand({ ...at(name), Range })));
      // In Node the body is a stream of Node's.
      return answer?.Body as Readable | undefined;
    },
    head: async (name) => {
      const answer = await absentIsUndefined(client.send(new s3.HeadObjectCommand(at(name))));
      return answer && { bytes: answer.ContentLength ?? 0, modified: answer.LastModified ?? new Date() };
    },
    list: async function* (beginning) {
      const pages = s3.paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: `${prefix}${beginning}` });
      for await (const { Contents = [] } of pages) {
        for (const { Key = "", Size = 0, LastModified = new Date() } of Contents) {
          yield { name: Key.slice(prefix.length), bytes: Size, modified: LastModified };
        }
      }
    },
    touch: async (name) => {
      const CopySource = `${bucket}/${encodeURI(`${prefix}${name}`)}`;
      // S3 copies an object onto itself only where something about it changes.
      const changed = { MetadataDirective: "REPLACE", Metadata: { used: String(Date.now()) } } as const;
      await client.send(new s3.CopyObjectCommand({ ...at(name), CopySource, ...changed }));
    },
    remove: async (names) => {
      for (let index = 0; index < names.length; index += maximumRemovals) {
        const Objects = names.slice(index, index + maximumRemovals).map((name) => ({ Key: at(name).Key }));
        const { Errors = [] } = await client.send(
          new s3.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
        );
        const [first] = Errors;
        if (first)
          throw new Error(`${Errors.length} objects were not removed; the first: ${first.Code}: ${first.Message}`);
      }
    },
    close: () => client.destroy(),
  };
}

/** What a bucket's refusal means, in words, with what to do. */
export function bucketFailure(settings: BucketSettings, error: unknown): KgentsError {
  const { name = "", message = String(error) } = (error ?? {}) as { name?: string; message?: string };
  const where = `the bucket ${settings.name}${settings.endpoint === undefined ? "" : ` at ${settings.endpoint}`}`;
  return new KgentsError("artifact-unavailable", `${where} cannot be used: ${name}${message && `: ${message}`}`, {
    cause: error,
    remedy:
      "Check `artifacts.bucket` in the configuration, and AWS's standard variables or profile for the credentials.",
  });
}
