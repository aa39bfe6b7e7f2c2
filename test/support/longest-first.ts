import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files of several minutes, most of which they wait. Begun last, one of them would be alone at the end. */
const longest = ["test/kubernetes/alone.test.ts", "test/production/workers/workers.test.ts"];

/** The usual order, after the longest files of each group. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLongest = ({ moduleId }: TestSpecification) => longest.includes(relative(this.ctx.config.root, moduleId));
    const group = ({ project }: TestSpecification) => project.config.sequence.groupOrder;
    return sorted.sort((one, other) => group(one) - group(other) || Number(isLongest(other)) - Number(isLongest(one)));
  }
}
