import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take several minutes, mostly waiting. If one of them started last, it would run alone at the end. */
const longest = ["test/kubernetes/alone.test.ts", "test/production/workers/workers.test.ts"];

/** The default order, but with the longest files of each group first. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLongest = ({ moduleId }: TestSpecification) => longest.includes(relative(this.ctx.config.root, moduleId));
    const group = ({ project }: TestSpecification) => project.config.sequence.groupOrder;
    return sorted.sort((one, other) => group(one) - group(other) || Number(isLongest(other)) - Number(isLongest(one)));
  }
}
