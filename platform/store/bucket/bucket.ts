/**
 * A bucket of an S3-compatible service, with the few operations that the store needs. It uses the AWS SDK, loaded only
 * if a bucket is configured. Credentials come from the SDK's usual sources.
 *
 * @module
 */
import type { Readable } from "node:stream";
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { KgentsError } from "#core/contract/error";

/** The location of a bucket. */
export interface BucketSettings {
  readonly name: string;
  /** The prefix of every object's name: "" or a path that ends with `/`. */
  readonly prefix: string;
  /** @default the SDK's own: `AWS_REGION` or the profile; with an endpoint `AWS_REGION` or `us-east-1` */
  readonly region?: string | undefined;
  /** The service's address. @default Amazon S3 of the region */
  readonly endpoint?: string | undefined;
}

/** An object in a listing. */
export interface ListedObject {
  readonly name: string;
  readonly bytes: number;
  readonly modified: Date;
}

/** Operations on a bucket. Names exclude the prefix. Every operation can be retried. */
export interface Bucket {
  /** Writes a whole object, in parts if it is large. It becomes visible only when complete. */
  readonly put: (name: string, content: Readable | Buffer) => Promise<void>;
  /** Writes a small object unless it exists. */
  readonly putIfAbsent: (name: string, content: string) => Promise<void>;
  /** Reads an object or a range of it; undefined if it does not exist. */
  readonly get: (
    name: string,
    range?: { readonly start: number; readonly end: number },
  ) => Promise<Readable | undefined>;
  readonly head: (name: string) => Promise<{ readonly bytes: number; readonly modified: Date } | undefined>;
  /** All objects whose names start with a prefix, ordered by name. */
  readonly list: (prefix: string) => AsyncIterable<ListedObject>;
  /** Sets an object's modification time to now. */
  readonly touch: (name: string) => Promise<void>;
  readonly remove: (names: readonly string[]) => Promise<void>;
  readonly close: () => void;
}

/** Timeouts for a connection and for a response, in milliseconds. Each request is tried three times. */
const connectMilliseconds = 2000;
const answerMilliseconds = 30_000;

/** Larger objects are uploaded in parts of this many bytes. S3 requires at least 5 MiB a part. */
const partBytes = 8 * 2 ** 20;

/** The number of objects that S3 removes in one request. */
const maximumRemovals = 1000;

/** HTTP status codes of a conditional write that lost to another write. */
const lostRaces: readonly unknown[] = [409, 412];

const statusOf = (error: unknown): unknown =>
  (error as { $metadata?: { httpStatusCode?: unknown } } | undefined)?.$metadata?.httpStatusCode;

/** The settings of the SDK's client. */
function clientSettings({ region, endpoint }: BucketSettings): S3ClientConfig {
  const settled = region ?? (endpoint === undefined ? undefined : (process.env.AWS_REGION ?? "us-east-1"));
  return {
    ...(settled === undefined ? {} : { region: settled }),
    // Self-hosted services often have no DNS name for each bucket.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    requestHandler: {
      connectionTimeout: connectMilliseconds,
      requestTimeout: answerMilliseconds,
      throwOnRequestTimeout: true,
    },
  };
}

const absentIsUndefined = <Answer>(answer: Promise<Answer>): Promise<Answer | undefined> =>
  answer.catch((error) => {
    // A missing bucket is an error, unlike a missing object.
    if (statusOf(error) === 404 && error.name !== "NoSuchBucket") return undefined;
    throw error;
  });

/** Creates the client for a bucket. It sends no request yet. */
export async function openBucket(settings: BucketSettings): Promise<Bucket> {
  const { name: bucket, prefix } = settings;
  const s3 = await import("@aws-sdk/client-s3");
  const { Upload } = await import("@aws-sdk/lib-storage");
  const client = new s3.S3Client(clientSettings(settings));
  const at = (name: string) => ({ Bucket: bucket, Key: `${prefix}${name}` });
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
      // In Node.js the SDK's body is a Node.js stream.
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
      // S3 rejects a copy of an object onto itself unless its metadata changes.
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

/** The error for a bucket that cannot be used, with a remedy. */
export function bucketFailure(settings: BucketSettings, error: unknown): KgentsError {
  const { name = "", message = String(error) } = (error ?? {}) as { name?: string; message?: string };
  const where = `the bucket ${settings.name}${settings.endpoint === undefined ? "" : ` at ${settings.endpoint}`}`;
  return new KgentsError("artifact-unavailable", `${where} cannot be used: ${name}${message && `: ${message}`}`, {
    cause: error,
    remedy:
      "Check `artifacts.bucket` in the configuration, and AWS's standard variables or profile for the credentials.",
  });
}
