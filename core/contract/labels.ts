/**
 * Kubernetes labels, annotations and DNS names.
 *
 * @module
 */
import { z } from "zod";
import { utf8Length } from "../text/bytes.ts";
import { dnsLabelRule } from "../text/dns-label.ts";
import { record, text, textLike } from "./fields.ts";

const labelKey = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const reservedKey = /^(?:[^/]*\.)?(?:kgents\.io|kubernetes\.io|k8s\.io)\//;
const labelValue = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
const keyRule =
  "an optional DNS prefix (not in kgents.io, kubernetes.io or k8s.io) and `/`, then at most 63 of A-Z a-z 0-9 - _ .";
const labelsRule = `at most 32 labels; each ${keyRule}, with a value of at most 63 such characters`;
const annotationsRule = `at most 32 annotations; each ${keyRule}, with a value of at most 4 KiB without NUL`;

/**
 * Whether a label or annotation key is reserved for kgents or Kubernetes. A caller who could set one could enable the
 * network of a cell, or make the cell appear to belong to another instance.
 */
export const isReservedKey = (key: string): boolean => reservedKey.test(key);

const keyField = (allowed: string) =>
  z
    .string()
    .regex(labelKey, { error: allowed })
    .refine((key) => !isReservedKey(key), { error: allowed })
    .meta({ not: { pattern: reservedKey.source } });

/** Any valid key of a label, also one that is reserved. */
export const labelKeyField = (allowed: string) => textLike(labelKey, allowed);

/** The value of a label. */
export const labelValueField = (allowed: string) => textLike(labelValue, allowed);

/** The caller's labels of a run. */
export const labelsField = () => record(keyField(labelsRule), labelValueField(labelsRule), 32, labelsRule);

/**
 * The caller's annotations of a Job. 32 of 4 KiB leave room for those of kgents within Kubernetes' limit of 256 KiB.
 */
export const annotationsField = () =>
  record(
    keyField(annotationsRule),
    text(annotationsRule).refine((value) => utf8Length(value) <= 4096 && !value.includes("\0"), {
      error: annotationsRule,
    }),
    32,
    annotationsRule,
  );

/** A DNS-1123 label: a valid name of a Job or a namespace. */
export const dnsLabelField = (maximum = 63) => {
  const { pattern, allowed } = dnsLabelRule(maximum);
  return textLike(pattern, allowed).max(maximum, { error: allowed });
};
