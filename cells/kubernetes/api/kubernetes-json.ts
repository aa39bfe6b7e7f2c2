/**
 * The fields that all kinds of objects have, as they are in JSON.
 *
 * @module
 */
import type { ManagedFields, OwnerReference } from "#core/manifest/object-metadata";

/** The metadata of an object, with the fields that kgents reads. */
export interface ObjectMetadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly ManagedFields[];
}

/** An object of any kind. */
export interface KubernetesJson {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMetadata;
}
