/** The settings of one run: from flags, environment and file, then from questions about what is missing. */
import { ruleOf } from '../design/rule-of.ts';
import { readSettings, settingSpecs, type SettingsResult, type SettingSpec } from '../design/settings.ts';
import { ProblemError, stop } from '../problems/problem.ts';
import type { Problem } from '../engine/types.ts';
import type { Questions } from '../ports/system.ts';
import type { ConfigFile } from './config-file.ts';
import type { ParsedArgs } from './command.ts';
import { SANDBOX_MARK, type Platform } from './platform.ts';

export type ReadSettings = Extract<SettingsResult, { readonly is: 'read' }>;

/** Several problems at once, because settings are all reported together. */
export class SettingsProblems extends AggregateError {
  constructor(problems: readonly Problem[]) {
    super(problems.map((one) => new ProblemError(one)));
  }
}

export interface ReadOptions {
  readonly need: readonly string[];
  readonly file: ConfigFile | undefined;
  /** Absent when the program must not prompt. */
  readonly questions?: () => Promise<Questions>;
}

/** Throws SettingsProblems with everything that is wrong. If prompting is allowed, a missing cluster is left to discovery, which knows the list. */
export async function readRunSettings(given: ParsedArgs, platform: Platform, options: ReadOptions): Promise<ReadSettings> {
  const { file } = options;
  const env = { ...platform.env, [SANDBOX_MARK]: undefined };
  const sources = { flags: given.settings, env: definedOnly(env), ...(file && { file: file.content, fileName: file.name }) };
  const need = options.questions ? options.need.filter((key) => key !== 'cluster') : options.need;
  const first = readSettings(sources, { need });
  if (first.is === 'read') return checked(first, given);
  const askable = options.questions !== undefined && first.missing.length > 0 && first.problems.every(({ code }) => code === 'SETTING_MISSING');
  if (!askable || !options.questions) throw new SettingsProblems(first.problems);
  const answers = await ask(first.missing, await options.questions());
  const second = readSettings({ ...sources, answers }, { need });
  if (second.is === 'invalid') throw new SettingsProblems(second.problems);
  return checked(second, given);
}

function checked(read: ReadSettings, given: ParsedArgs): ReadSettings {
  if (given.flags['config'] === '-' && read.settings.passwordFile === '-') {
    throw stop('STDIN_TAKEN', {
      message: '--config - and --password-file - both want standard input',
      fix: 'Write the settings to a file and name it with --config FILE.',
    });
  }
  return read;
}

async function ask(keys: readonly string[], questions: Questions): Promise<Readonly<Record<string, string>>> {
  const answers: Record<string, string> = {};
  for (const key of keys) {
    const spec = settingSpecs.find((one) => one.key === key);
    if (spec) answers[key] = await askOne(spec, questions);
  }
  return answers;
}

function askOne(spec: SettingSpec, questions: Questions): Promise<string> {
  const question = spec.question ?? `${spec.key}: ${spec.description}`;
  const initial = spec.default === undefined ? undefined : String(spec.default);
  if (spec.choices)
    return questions.choose(
      question,
      spec.choices.map((value) => ({ value, label: value })),
      { ...(initial && { initial }) },
    );
  return questions.text(question, {
    ...(initial && { initial }),
    check: (text) => {
      const parsed = ruleOf(spec).safeParse(text);
      return parsed.success ? undefined : (parsed.error.issues[0]?.message ?? 'is not valid');
    },
  });
}

const definedOnly = (env: Platform['env']) => Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
