/** From settings and facts to the blueprint: reads the user's values files, then calls the pure `design()`. */
import type { Blueprint } from '../design/blueprint.ts';
import { design, type Given } from '../design/design.ts';
import type { Facts } from '../design/facts.ts';
import { invalidPeriod } from '../design/schema.ts';
import { parseValuesFile } from '../design/values-file.ts';
import type { Files } from '../ports/system.ts';
import { stop } from '../problems/problem.ts';
import type { RunContext } from '../deps.ts';

/** `recorded`: the user's values from the installation record, for commands that are not given the files. */
export async function loadBlueprint({ settings, deps }: RunContext, facts: Facts, recorded?: UserValues): Promise<Blueprint> {
  return design(settings, facts, { templates: deps.templates, userValues: recorded ?? (await readUserValues(settings, deps.files)) });
}

type UserValues = NonNullable<Given['userValues']>;

export async function readUserValues(settings: RunContext['settings'], files: Files): Promise<UserValues> {
  const read = (paths: readonly string[]) => Promise.all(paths.map(async (file) => ({ file, values: valuesIn(file, await files.read(file)) })));
  const [loki, alloy] = await Promise.all([read(settings.lokiValues), read(settings.alloyValues)]);
  for (const { file, values } of loki) {
    const strange = invalidPeriod(values);
    if (strange !== undefined) throw stop('VALUES_INVALID', { message: `${file}: ${strange}`, fix: `Correct ${file}` });
  }
  return { loki, alloy };
}

/** Throws VALUES_INVALID, naming the file. */
export function valuesIn(file: string, text: string): Readonly<Record<string, unknown>> {
  const fix = `Correct ${file}`;
  let values: unknown;
  try {
    values = parseValuesFile(text);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw stop('VALUES_INVALID', { message: `${file} is not valid YAML: ${said.split('\n')[0]?.replace(/:$/, '')}`, fix }, { cause: error });
  }
  if (values === null || values === undefined) return {};
  if (typeof values === 'object' && !Array.isArray(values)) return values as Readonly<Record<string, unknown>>;
  throw stop('VALUES_INVALID', { message: `${file} is ${Array.isArray(values) ? 'a list' : `a ${typeof values}`}, not a map of chart values`, fix });
}
