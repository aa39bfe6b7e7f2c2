import type { Language } from "#core/contract/language";
import type { ClusterClient } from "../api/cluster-client.ts";
import { answerMilliseconds } from "./infra-cluster.ts";

/** The number of nodes that are known to have an image. */
export interface ImagePresence {
  readonly image: string;
  readonly nodes: number;
}

/** The images of the languages. */
export interface ImageReport {
  readonly nodes: number;
  readonly images: readonly ImagePresence[];
}

/** The full name of an image, as container runtimes write it. */
export function fullImageName(image: string): string {
  const [first = "", ...rest] = image.split("/");
  if (rest.length === 0) return `docker.io/library/${image}`;
  return /[.:]|^localhost$/.test(first) ? image : `docker.io/${image}`;
}

/** Finds the nodes that have pulled the languages' images. A node only reports its 50 largest images. */
export async function findImages(client: ClusterClient, languages: readonly Language[]): Promise<ImageReport> {
  const { items } = await client.request("listing the nodes", ({ core }, call) => core.listNode({}, call), {
    milliseconds: answerMilliseconds,
  });
  const present = items.map(({ status }) => new Set((status?.images ?? []).flatMap(({ names }) => names ?? [])));
  const images = [...new Set(languages.map(({ image }) => image))];
  return {
    nodes: items.length,
    images: images.map((image) => ({
      image,
      nodes: present.filter((names) => names.has(fullImageName(image))).length,
    })),
  };
}
