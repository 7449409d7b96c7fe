/** One run of a use case: settings, renderer, signals, and a proper end whatever happens. */
import type { Dependencies, RunContext, UseCase } from '../deps.ts';
import { redaction } from '../engine/redaction.ts';
import type { EventMap, Problem, Sink } from '../engine/types.ts';
import { makeRenderer } from '../ui/make-renderer.ts';
import { hoursIn } from '../design/durations.ts';
import type { Origins } from '../design/settings.ts';
import { stop } from '../problems/problem.ts';
import type { ParsedArgs } from './command.ts';
import { readConfigFile } from './config-file.ts';
import { problemsOf } from './internal-error.ts';
import { exitCode, outcomeOf, type RunOutcome } from '../commands/exit-codes.ts';
import { interruption } from './interruption.ts';
import { SANDBOX_MARK, type OutputLost, type Platform } from './platform.ts';
import { runTracker, type RunTracker } from './run-tracker.ts';
import { fallbackOutput } from './fallback-output.ts';
import { wantsColour, outputOf, mayAsk } from './terminal.ts';

export interface UseCaseOptions<Options> {
  readonly command: string;
  readonly need: readonly string[];
  readonly useCase: () => Promise<UseCase<Options>>;
  readonly options: Options;
}

/** How long a use case may take to end by itself after the first signal, if it has changed nothing yet. */
const GRACE_MS = 3000;

export async function runUseCase<Options>(given: ParsedArgs, platform: Platform, of: UseCaseOptions<Options>): Promise<number> {
  const stage = await setStage(given, platform, of.command);
  return stage.conclude(await onStage(given, { platform, stage, of }));
}

interface OnStage<Options> {
  readonly platform: Platform;
  readonly stage: Awaited<ReturnType<typeof setStage>>;
  readonly of: UseCaseOptions<Options>;
}

async function onStage<Options>(given: ParsedArgs, { platform, stage, of }: OnStage<Options>): Promise<number> {
  const { story, stopping } = stage;
  let deps: Dependencies | undefined;
  const abandoned = { yes: false };
  try {
    if (stage.file.is === 'broken') throw stage.file.error;
    const questions = mayAsk(given, platform) ? platform.questions : undefined;
    const printed = given.flags['printConfig'] === true;
    const { readRunSettings } = await import('./read-run-settings.ts');
    const read = await readRunSettings(given, platform, { need: printed ? [] : of.need, file: stage.file.content, ...(questions && { questions }) });
    if (printed) return await showConfig(platform, { origins: read.origins, json: stage.output === 'json' });
    deps = await platform.deps({
      hide: stage.hide,
      signal: stopping.signal,
      late: (call, seconds) => story.sink({ type: 'call.late', call, seconds }),
      ...(questions && { questions: await questions() }),
    });
    for (const problem of read.warnings) story.sink({ type: 'warning.raised', problem });
    const { sandbox, settled } = stage;
    const yes = given.flags['yes'] === true;
    const said = new Set(Object.keys(read.origins).filter((key) => read.origins[key]?.from !== 'default'));
    const consent = consentIn(given, read.settings);
    const { version } = platform;
    const run: RunContext = { settings: read.settings, said, consent, deps, emit: story.sink, settled, signal: stopping.signal, version, sandbox, yes };
    if (of.need.includes('cluster')) await callAhead(deps, read.settings);
    const useCase = await of.useCase();
    const code = await sooner(useCase(run, of.options), { signal: stopping.signal, acting: story.acting, abandon: () => (abandoned.yes = true) });
    return stage.finish(stopping.happened() && code !== 5 && code !== 0 ? 'interrupted' : outcomeOf(code), [], code);
  } catch (error) {
    return stage.finish(...failureOf(problemsOf(error), stopping.happened()));
  } finally {
    stopping.end();
    await deps?.dispose();
    await stage.close();
    if (abandoned.yes) platform.exit(130);
  }
}

/** Only from this command line: a consent in a file or in the environment would be repeated with every run. */
function consentIn({ settings, flags }: ParsedArgs, { confirmRecreate }: RunContext['settings']): NonNullable<RunContext['consent']> {
  const named = 'confirmRecreate' in settings ? confirmRecreate : [];
  const retentionHours = retentionIn(text(flags['confirmRetention']));
  return {
    buckets: new Map(named.map((name) => [name, { how: 'empty' }])),
    ...(flags['discardUnflushed'] === true && { unflushed: true }),
    ...(retentionHours !== undefined && { retentionHours }),
  };
}

function retentionIn(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const hours = value === 'any' ? 0 : hoursIn(value);
  if (hours === undefined || (hours === 0 && value !== 'any')) {
    throw stop('FLAG_VALUE_INVALID', { message: `--confirm-retention ${JSON.stringify(value)} is no period`, fix: '--confirm-retention 7d, or 24h' });
  }
  return hours;
}

/** The caller's identity is prefetched while the use case, which needs it first, is being loaded; a failure is reported there. */
async function callAhead(deps: Dependencies, { region, profile }: RunContext['settings']): Promise<void> {
  const aws = await deps.aws({ ...(region && { region }), ...(profile && { profile }) }).catch(() => undefined);
  aws?.callers.whoami().catch(() => undefined);
}

/** Everything around a run before it begins: its output, its tracker, and its signal handlers. */
async function setStage(given: ParsedArgs, platform: Platform, command: string) {
  // A file that can't be read is reported like any other problem, in the output format that is known without it.
  const file = await readConfigFile(text(given.flags['config']), platform.files).then(
    (content) => ({ is: 'read', content }) as const,
    (error: unknown) => ({ is: 'broken', error }) as const,
  );
  const output = outputOf(given.settings, platform, file.is === 'read' ? outputIn(file.content?.content) : undefined);
  const { stdout, stderr, now } = platform;
  const renderer = await makeRenderer({ output, stdout, stderr, now, color: wantsColour(platform.env, given.flags['color'] !== false) });
  const began = now().getTime();
  const sandbox = (platform.env[SANDBOX_MARK] ?? '') !== '';
  const secrets = redaction();
  const spare = fallbackOutput({ output, stdout, stderr, now });
  const told: Sink = (event) => {
    renderer.sink(event);
    spare.sink(event);
  };
  const story = runTracker(secrets.guard(told), { command, version: platform.version, sandbox });
  const leave = (code: number) => void renderer.close().finally(() => platform.exit(code));
  const stopping = interruption({ onSignal: platform.onSignal, emit: story.sink, story, leave });
  const late: OutputLost[] = [];
  let lostSome = false;
  const deaf = platform.onOutputLost((lost) => {
    lostSome = true;
    spare.lost(lost.stream);
    if (story.finished()) late.push(lost);
    else stopping.outputLost(lost);
  });
  /** Emits the end unless the use case has done so; returns the exit code. */
  const finish = (outcome: RunOutcome, problems: readonly Problem[], exit = exitCode({ outcome, problems, interrupted: stopping.happened() })): number => {
    const seconds = (now().getTime() - began) / 1000;
    if (!story.finished()) story.sink({ type: 'run.finished', command, outcome, exit, sandbox, seconds, ...(problems.length > 0 && { problems }) });
    return story.finished()?.exit ?? exit;
  };
  const close = async () => {
    await renderer.close();
    await spare.close();
  };
  /** The last output may turn out to be lost; a read-only command has then done nothing. */
  const conclude = async (code: number): Promise<number> => {
    await new Promise((resolve) => setImmediate(resolve));
    deaf();
    for (const { stream, why } of late) spare.say(`loki-eks: ${stream} can't be written (${why}); the ${command} itself ended with exit code ${code}`);
    return lostSome && story.acting() === undefined && [0, 6, 7].includes(code) ? 130 : code;
  };
  return { file, output, sandbox, story, stopping, finish, hide: secrets.hide, settled: () => renderer.settled(), close, conclude };
}

function failureOf(problems: readonly Problem[], interrupted: boolean): [RunOutcome, readonly Problem[]] {
  if (interrupted || problems.some(({ code }) => code === 'INTERRUPTED')) return ['interrupted', []];
  if (problems.some(({ code }) => code === 'INTERNAL_ERROR')) return ['defect', problems];
  return ['refused', problems];
}

interface Patience {
  readonly signal: AbortSignal;
  readonly acting: RunTracker['acting'];
  /** The work continues unattended, so the process has to be terminated for it. */
  readonly abandon: () => void;
}

/** A run that has changed nothing is abandoned at once if it ignores the signal; one that has is awaited. */
async function sooner(work: Promise<number>, { signal, acting, abandon }: Patience): Promise<number> {
  let timer: NodeJS.Timeout | undefined;
  const left = new Promise<never>((_, reject) => {
    const onAbort = () => {
      timer = setTimeout(() => {
        if (acting() !== undefined) return;
        abandon();
        reject(signal.reason);
      }, GRACE_MS);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, left]);
  } finally {
    clearTimeout(timer);
  }
}

async function showConfig(platform: Platform, of: { readonly origins: Origins; readonly json: boolean }): Promise<number> {
  const [{ printConfig }, { settingSpecs }] = await Promise.all([import('./print-config.ts'), import('../design/settings.ts')]);
  platform.stdout.write(printConfig(of.origins, { keys: settingSpecs.map(({ key }) => key), json: of.json }));
  return 0;
}

const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
const outputIn = (file: unknown): unknown => (typeof file === 'object' && file !== null && 'output' in file ? file.output : undefined);

/** A problem before any run began, in the output format that the command line requests. */
export async function refuse(
  problems: readonly Problem[],
  platform: Platform,
  said: { readonly command: string; readonly settings: ParsedArgs['settings']; readonly color: boolean },
): Promise<number> {
  const { stdout, stderr, now } = platform;
  const renderer = await makeRenderer({ output: outputOf(said.settings, platform), stdout, stderr, now, color: wantsColour(platform.env, said.color) });
  const outcome: EventMap['run.finished']['outcome'] = problems.some(({ code }) => code === 'INTERNAL_ERROR') ? 'defect' : 'refused';
  const exit = exitCode({ outcome, problems });
  renderer.sink({ type: 'run.finished', command: said.command, outcome, exit, problems, sandbox: false, seconds: 0 });
  await renderer.close();
  return exit;
}
