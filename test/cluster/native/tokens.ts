/** Credentials signed with the native cluster's key. */
import { createSign, randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { NodeControl, TestCluster } from "../types.ts";
import { firstNode, nodeDirectory } from "./paths.ts";

const issuer = "https://kubernetes.default.svc.cluster.local";

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** @throws if the service account does not exist, because its uid is part of the token */
export async function signServiceAccountToken(
  { namespace, serviceAccount, expiresAt }: Parameters<NodeControl["signToken"]>[0],
  kubectl: TestCluster["kubectl"],
): Promise<string> {
  const found = await kubectl([
    "-n",
    namespace,
    "get",
    "serviceaccount",
    serviceAccount,
    "-o",
    "jsonpath={.metadata.uid}",
  ]);
  if (found.code !== 0) throw new Error(`no service account to sign for: ${found.stderr}`);
  const end = Math.floor(expiresAt.getTime() / 1000);
  const start = Math.min(Math.floor(Date.now() / 1000), end - 3600);
  const claims = {
    iss: issuer,
    aud: [issuer],
    sub: `system:serviceaccount:${namespace}:${serviceAccount}`,
    iat: start,
    nbf: start,
    exp: end,
    jti: randomUUID(),
    "kubernetes.io": { namespace, serviceaccount: { name: serviceAccount, uid: found.stdout } },
  };
  const content = `${encode({ alg: "RS256", typ: "JWT" })}.${encode(claims)}`;
  const key = await readFile(join(nodeDirectory, "pki", "service-accounts.key"));
  return `${content}.${createSign("RSA-SHA256").update(content).sign(key, "base64url")}`;
}

export async function writeKubeconfig(token: string): Promise<string> {
  const authority = await readFile(join(nodeDirectory, "pki", "ca.crt"), "base64");
  const server = `https://${firstNode.address}:6443`;
  const name = "kgents-test";
  const path = join(nodeDirectory, "temporary", `kubeconfig-${randomUUID()}`);
  const content = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": authority } }],
    users: [{ name: "token", user: { token } }],
    contexts: [{ name, context: { cluster: name, user: "token" } }],
    "current-context": name,
  };
  // JSON is YAML.
  await writeFile(path, JSON.stringify(content), { mode: 0o600 });
  return path;
}
