import { describe, expect, test } from "vitest";
import { parseConfiguration } from "#core/configuration/configuration";
import { mergeLanguages } from "#core/configuration/language-settings";
import { applyProjectSettings } from "#core/configuration/project-settings";
import { KgentsError } from "#core/contract/error";
import { builtInLanguages } from "#core/contract/language";

const own = (content: object = {}) => parseConfiguration(content);
const apply = (content: unknown, mine: object = {}) => applyProjectSettings(own(mine), content, builtInLanguages);
const ruby = { fileName: "main.rb", image: "ruby:3.4-slim", command: ["ruby"] };

describe("a file of the working directory", () => {
  test("lowers limits, and says a language", () => {
    const defaults = {
      timeout: 5,
      startupTimeout: "10s",
      cpu: "50m",
      memory: "64Mi",
      disk: "1Mi",
      ttl: 0,
      language: "sh",
    };
    expect(apply({ defaults }).defaults).toEqual(defaults);
    // Project settings override the user's, which otherwise apply.
    const mine = { defaults: { timeout: "1h", network: true }, worker: { network: false }, retention: "1d" };
    expect(apply({ defaults: { timeout: "10m" } }, mine)).toEqual({
      ...own(mine),
      defaults: { timeout: "10m", network: true },
    });
  });

  test("says which files are of a language", () => {
    const { languages } = apply({ languages: { python: { extensions: ["py", "pyw"] } } });
    expect(mergeLanguages(builtInLanguages, { languages })[0]).toEqual({
      ...builtInLanguages[0],
      extensions: ["py", "pyw"],
    });
    const mine = { languages: { ruby } };
    expect(apply({ languages: { ruby: { extensions: ["ru"] } } }, mine).languages).toEqual({
      ruby: { ...ruby, extensions: ["ru"] },
    });
  });

  test.each([{}, { defaults: {} }, { languages: {} }, { languages: { python: {} } }])(
    "that says nothing changes nothing: %j",
    (content) => {
      const mine = { languages: { ruby }, defaults: { cpu: 2 }, worker: { unsandboxed: true } };
      expect(apply(content, mine)).toMatchObject(own(mine));
    },
  );

  const notAllowed =
    /: not allowed in a file of the working directory, which may set defaults of timeout, .*, and the extensions of languages$/;
  const unknown = /^languages\.ruby: not allowed/;
  const cases: [content: unknown, field: string, message: RegExp][] = [
    [{ worker: {} }, "worker", notAllowed],
    [{ worker: { unsandboxed: true } }, "worker", notAllowed],
    [{ worker: { kubernetes: { podTemplate: { nodeSelector: { pool: "mine" } } } } }, "worker", notAllowed],
    [{ artifacts: { directory: "/x" } }, "artifacts", notAllowed],
    [{ retention: "1h" }, "retention", notAllowed],
    [{ defaults: { network: true } }, "defaults.network", notAllowed],
    [{ defaults: { network: false } }, "defaults.network", notAllowed],
    [{ defaults: { backend: "subprocess" } }, "defaults.backend", notAllowed],
    [{ defaults: { fallback: false } }, "defaults.fallback", notAllowed],
    [{ languages: { python: { command: ["/repo/python3"] } } }, "languages.python.command", notAllowed],
    [{ languages: { python: { image: "evil.example.com/python:3" } } }, "languages.python.image", notAllowed],
    [{ languages: { python: { fileName: "main.sh" } } }, "languages.python.fileName", notAllowed],
    [{ languages: { python: { aliases: ["sh2"] } } }, "languages.python.aliases", notAllowed],
    [{ languages: { ruby } }, "languages.ruby.fileName", notAllowed],
    [{ languages: { ruby: {} } }, "languages.ruby", unknown],
    [{ defaults: { language: "cobol" } }, "language", /"cobol" is not supported/],
    [{ languages: { sh: { extensions: ["py"] } } }, "languages.sh.extensions", /got "py", which python has/],
    [
      { defaults: { timeout: "31s" } },
      "defaults.timeout",
      /got "31s"; allowed is at most 30 s in a file of the working directory/,
    ],
    [{ defaults: { startupTimeout: "2m" } }, "defaults.startupTimeout", /got "2m"; allowed is at most 60 s/],
    [{ defaults: { cpu: 256 } }, "defaults.cpu", /got 256; allowed is at most \S+ in/],
    [{ defaults: { memory: "1Ti" } }, "defaults.memory", /got "1Ti"; allowed is at most \S+Mi in/],
    [{ defaults: { disk: "1Ti" } }, "defaults.disk", /got "1Ti"; allowed is at most 100Mi in/],
    [{ defaults: { ttl: "7d" } }, "defaults.ttl", /got "7d"; allowed is at most 60 s in/],
    [{ defaults: { timeout: -1 } }, "defaults.timeout", /got -1; allowed is a duration/],
    [{ default: {} }, "default", /did you mean defaults\?/],
    [null, "configuration", /got null/],
    [[], "configuration", /got a list/],
  ];
  test.each(cases)("may not say %j", (content, field, message) => {
    let refused: unknown;
    try {
      apply(content);
    } catch (error) {
      refused = error;
    }
    if (!(refused instanceof KgentsError)) throw new Error(`accepted, or ${refused}`);
    expect(refused.message).toMatch(message);
    expect(refused.field).toBe(field);
  });

  test("may not raise what the user's own configuration has lowered", () => {
    expect(() => apply({ defaults: { timeout: 20 } }, { defaults: { timeout: 10 } })).toThrow(/at most 10 s/);
  });
});
