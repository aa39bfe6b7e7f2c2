import type { ClusterClient } from "../api/cluster-client.ts";
import { answerMilliseconds } from "./infra-cluster.ts";
import { type RequiredAccess, requiredAccess } from "./required-access.ts";

/** The display name: `create pods/exec`. */
const titleOf = ({ group, resource, verb }: RequiredAccess): string =>
  `${verb} ${resource}${group === "" ? "" : `.${group}`}`;

async function isAllowed(client: ClusterClient, { group, resource, verb }: RequiredAccess): Promise<boolean> {
  const [kind = "", subresource] = resource.split("/");
  const { namespace } = client;
  const resourceAttributes = {
    namespace,
    group,
    resource: kind,
    verb,
    ...(subresource !== undefined && { subresource }),
    // A Role can restrict the namespace by name.
    ...(kind === "namespaces" && { name: namespace }),
  };
  const { status } = await client.request(
    `asking whether ${titleOf({ group, resource, verb })} is allowed`,
    ({ authorization }, call) =>
      authorization.createSelfSubjectAccessReview({ body: { spec: { resourceAttributes } } }, call),
    { milliseconds: answerMilliseconds },
  );
  return status?.allowed === true;
}

/** Asks the API server about each permission that a worker needs; returns those that these credentials lack. */
export async function missingAccess(client: ClusterClient): Promise<readonly string[]> {
  const allowed = await Promise.all(requiredAccess.map((access) => isAllowed(client, access)));
  return requiredAccess.filter((_, index) => !allowed[index]).map(titleOf);
}
