/** `loki-eks sandbox inject`: injects evidence collected elsewhere into a running sandbox. */
import { stop, type ProblemError } from '../../problems/problem.ts';
import type { Command } from '../command.ts';
import type { Platform } from '../platform.ts';

const CONTROL = 'LOKI_EKS_SANDBOX_CONTROL';

export const sandboxInject: Command = {
  name: 'sandbox inject',
  summary: 'inject evidence into a running sandbox',
  about:
    'Injects evidence from a JSON document into the running sandbox: log lines, events, statuses and objects, metrics, HTTP responses, AWS responses, and unreachable hosts. Use it to reproduce what was observed in a real cluster and run doctor on it.',
  examples: [
    { run: 'loki-eks sandbox inject evidence.json', why: 'in a terminal with the environment that sandbox start printed' },
    { run: 'loki-eks sandbox inject --clear', why: 'remove all injected evidence and all faults' },
    { run: 'loki-eks sandbox inject --schema', why: 'print the JSON schema of the document' },
  ],
  settings: [],
  flags: [
    { flag: '--clear', description: 'remove injected evidence and all faults first' },
    { flag: '--schema', description: 'print the JSON schema of the document' },
  ],
  argument: { name: 'FILE', description: 'JSON document, - for stdin', required: false },
  run: async ({ args: [file], flags }, platform) => {
    if (flags['schema'] === true) {
      const { evidenceSchema } = await import('../../sandbox/replay/document.ts');
      platform.stdout.write(`${JSON.stringify(evidenceSchema(), undefined, 2)}\n`);
      return 0;
    }
    if (file === undefined && flags['clear'] !== true)
      throw stop('ARGUMENT_MISSING', { message: 'loki-eks sandbox inject requires a file', fix: 'loki-eks sandbox inject evidence.json' });
    const document = file === undefined ? undefined : await checked(file, platform);
    if (flags['clear'] === true) await send(platform, 'clear-injection', '');
    if (document !== undefined) await send(platform, 'inject', document);
    platform.stderr.write(`loki-eks sandbox: ${[flags['clear'] === true && 'cleared', document !== undefined && 'injected'].filter(Boolean).join(', ')}\n`);
    return 0;
  },
};

/** The text of a document that can be injected. */
async function checked(file: string, platform: Platform): Promise<string> {
  const [text, { evidenceFaults }] = await Promise.all([platform.files.read(file), import('../../sandbox/replay/document.ts')]);
  const name = file === '-' ? 'standard input' : file;
  const faults = evidenceFaults(parsed(text, name));
  if (faults.length > 0) throw invalid(name, faults);
  return text;
}

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(name, [cause instanceof Error ? cause.message : String(cause)]);
  }
}

function invalid(name: string, [first = '', ...others]: readonly string[]): ProblemError {
  return stop('EVIDENCE_INVALID', { message: `${name}: ${first}`, ...(others.length > 0 && { evidence: others }) });
}

async function send({ env }: Platform, route: string, body: string): Promise<void> {
  const url = env[CONTROL];
  if (!url) throw stop('SANDBOX_NOT_RUNNING', { message: `No sandbox is here: ${CONTROL} is not set` });
  const answer = await fetch(`${url}/${route}`, { method: 'POST', body }).catch((cause: unknown) => {
    throw stop('SANDBOX_NOT_RUNNING', { message: `No sandbox answers at ${url}` }, { cause });
  });
  if (answer.ok) return;
  const { error = `HTTP ${answer.status}` } = (await answer.json().catch(() => ({}))) as { readonly error?: string };
  throw invalid('The sandbox refuses', [error]);
}
