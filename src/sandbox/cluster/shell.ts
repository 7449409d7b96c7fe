/** Interprets a container's command as far as its log needs it: echo, printf, sleep, loops and conditions; never touches the host. */
import { type Command, parseShell, type Word } from './shell-syntax.ts';
import { arithmetic, check, date, format, seconds, unescape } from './shell-text.ts';

/** What a running command does next. A `block` never ends by itself. */
export type Doing = { readonly is: 'print'; readonly line: string } | { readonly is: 'sleep'; readonly ms: number } | { readonly is: 'block' };
export type Program = Generator<Doing, number>;

class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super('exit');
    this.code = code;
  }
}

interface Shell {
  readonly variables: Map<string, string>;
  readonly now: () => Date;
  status: number;
  /** `set -e`: the first command that fails, outside a condition, ends the script. */
  errexit: boolean;
  /** What was printed since the last newline. */
  partial: string;
}

const SHELLS = new Set(['sh', 'bash', 'ash', 'dash']);
const KNOWN = new Set([
  'echo',
  'printf',
  'sleep',
  'true',
  'false',
  'exit',
  ':',
  'date',
  'seq',
  'test',
  '[',
  'env',
  'export',
  'set',
  'trap',
  'exec',
  'tail',
  'wait',
  'break',
  'hostname',
  'pause',
]);

function base(command: string): string {
  return command.slice(command.lastIndexOf('/') + 1);
}

/** The program of a command line, or `undefined` when only the real image could run it. Its value is the exit code. */
export function interpret(argv: readonly string[], options: { readonly env: Readonly<Record<string, string>>; readonly now: () => Date }): Program | undefined {
  const [command, ...rest] = argv;
  if (command === undefined) return undefined;
  const shell: Shell = { variables: new Map(Object.entries(options.env)), now: options.now, status: 0, errexit: false, partial: '' };
  if (SHELLS.has(base(command))) {
    const flag = rest.findIndex((argument) => /^-[a-z]*c$/.test(argument));
    const script = flag < 0 ? undefined : rest[flag + 1];
    if (script === undefined) return undefined;
    shell.errexit = /e/.test(rest[flag] ?? '');
    rest.slice(flag + 3).forEach((argument, index) => shell.variables.set(String(index + 1), argument));
    return main(shell, () => parseShell(script));
  }
  if (!KNOWN.has(base(command))) return undefined;
  const words = argv.map((text): Word => [{ is: 'text', text }]);
  return main(shell, () => ({ is: 'simple', words }));
}

function* main(shell: Shell, parse: () => Command): Program {
  try {
    yield* execute(shell, parse());
  } catch (error) {
    if (error instanceof Exit) shell.status = error.code;
    else if (error instanceof SyntaxError) {
      yield { is: 'print', line: `sh: ${error.message}` };
      shell.status = 2;
    } else throw error;
  }
  if (shell.partial !== '') yield { is: 'print', line: shell.partial };
  return shell.status;
}

function* execute(shell: Shell, command: Command): Generator<Doing, void> {
  switch (command.is) {
    case 'simple':
      return yield* simple(shell, command.words);
    case 'list':
      for (const item of command.items) {
        yield* execute(shell, item);
        if (shell.errexit && shell.status !== 0 && item.is === 'simple') throw new Exit(shell.status);
      }
      return;
    case 'and':
    case 'or':
      yield* tested(shell, command.left);
      if ((shell.status === 0) === (command.is === 'and')) yield* execute(shell, command.right);
      return;
    case 'not':
      yield* tested(shell, command.body);
      shell.status = shell.status === 0 ? 1 : 0;
      return;
    case 'while':
    case 'until':
      return yield* loop(shell, command);
    case 'for':
      for (const value of expandAll(shell, command.words)) {
        shell.variables.set(command.variable, value);
        yield* execute(shell, command.body);
      }
      return;
    case 'if':
      yield* tested(shell, command.test);
      if (shell.status === 0) yield* execute(shell, command.body);
      else if (command.otherwise !== undefined) yield* execute(shell, command.otherwise);
      else shell.status = 0;
  }
}

/** A failure in a condition is its result, and does not end the script. */
function* tested(shell: Shell, command: Command): Generator<Doing, void> {
  const { errexit } = shell;
  shell.errexit = false;
  yield* execute(shell, command);
  shell.errexit = errexit;
}

class Break extends Error {}

function* loop(shell: Shell, command: Command & { readonly is: 'while' | 'until' }): Generator<Doing, void> {
  for (let round = 1; ; round += 1) {
    yield* tested(shell, command.test);
    if ((shell.status === 0) !== (command.is === 'while')) break;
    try {
      yield* execute(shell, command.body);
    } catch (error) {
      if (error instanceof Break) break;
      throw error;
    }
    // A loop that never sleeps would hang the sandbox: yield to others.
    if (round % 100 === 0) yield { is: 'sleep', ms: 10 };
  }
  shell.status = 0;
}

function* print(shell: Shell, text: string): Generator<Doing, void> {
  const lines = (shell.partial + text).split('\n');
  shell.partial = lines.pop() as string;
  for (const line of lines) yield { is: 'print', line };
}

function* simple(shell: Shell, words: readonly Word[]): Generator<Doing, void> {
  const argv = expandAll(shell, words);
  while (argv[0] !== undefined && /^[A-Za-z_][A-Za-z0-9_]*=/.test(argv[0])) {
    const assignment = argv.shift() as string;
    const equals = assignment.indexOf('=');
    shell.variables.set(assignment.slice(0, equals), assignment.slice(equals + 1));
    shell.status = 0;
  }
  const [path, ...args] = argv;
  if (path === undefined) return;
  const name = base(path);
  const output = pure(shell, name, args);
  if (output !== undefined) return yield* print(shell, output);
  shell.status = 0;
  if (name === 'sleep') {
    if (args[0] === 'infinity' || args[0] === 'inf') yield { is: 'block' };
    else yield { is: 'sleep', ms: seconds(args[0] ?? '0') * 1000 };
  } else if (name === 'exit') throw new Exit(Number(args[0] ?? shell.status));
  else if (name === 'break') throw new Break();
  else if (name === 'pause' || (name === 'tail' && args.includes('-f'))) yield { is: 'block' };
  else if (name === 'exec')
    yield* simple(
      shell,
      args.map((text): Word => [{ is: 'text', text }]),
    );
  else if (SHELLS.has(name) && args[0] === '-c') yield* execute(shell, parseShell(args[1] ?? ''));
  else if (name === 'export') for (const pair of args) shell.variables.set(pair.split('=')[0] as string, pair.slice(pair.indexOf('=') + 1));
  else if (name === 'set') shell.errexit ||= args.some((argument) => /^-[a-z]*e/.test(argument));
  else if (!['trap', 'wait', 'cd', 'mkdir', 'touch', 'chmod'].includes(name)) {
    shell.status = 127;
    yield* print(shell, `sh: ${path}: not found\n`);
  }
}

/** Commands that only compute: their output, or `undefined` for the others. Also what `$(...)` may hold. */
function pure(shell: Shell, name: string, args: readonly string[]): string | undefined {
  shell.status = 0;
  switch (name) {
    case 'echo': {
      const flags = args.findIndex((argument) => !/^-[neE]+$/.test(argument));
      const count = flags < 0 ? args.length : flags;
      const given = args.slice(0, count).join('');
      const text = args.slice(count).join(' ');
      return (given.includes('e') ? unescape(text) : text) + (given.includes('n') ? '' : '\n');
    }
    case 'printf':
      return format(args[0] ?? '', args.slice(1));
    case 'date':
      return `${date(
        shell.now(),
        args.find((argument) => argument.startsWith('+')),
      )}\n`;
    case 'seq': {
      const [from, to] = args.length > 1 ? [Number(args[0]), Number(args.at(-1))] : [1, Number(args[0])];
      return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => `${from + index}\n`).join('');
    }
    case 'hostname':
      return `${shell.variables.get('HOSTNAME') ?? ''}\n`;
    case 'env':
      return [...shell.variables].map(([variable, value]) => `${variable}=${value}\n`).join('');
    case 'true':
    case ':':
      return '';
    case 'false':
      shell.status = 1;
      return '';
    case 'test':
    case '[':
      shell.status = check(args.filter((argument, index) => !(name === '[' && index === args.length - 1 && argument === ']'))) ? 0 : 1;
      return '';
    default:
      return undefined;
  }
}

function expandAll(shell: Shell, words: readonly Word[]): string[] {
  return words.flatMap((word) => expandWord(shell, word));
}

function expandWord(shell: Shell, word: Word): readonly string[] {
  const done: string[] = [];
  let field = '';
  let quoted = false;
  for (const piece of word) {
    if (piece.is === 'text' || !piece.split) {
      quoted = true;
      field += piece.is === 'text' ? piece.text : expand(shell, piece.source);
      continue;
    }
    const [first = '', ...more] = expand(shell, piece.source).split(/\s+/);
    field += first;
    for (const part of more) {
      if (field !== '') done.push(field);
      field = part;
    }
  }
  return field !== '' || (quoted && done.length === 0) ? [...done, field] : done;
}

function expand(shell: Shell, source: string): string {
  if (source.startsWith('$((')) return String(arithmetic(source.slice(3, -2), (name) => variable(shell, name)));
  if (source.startsWith('$(')) return substitute(shell, source.slice(2, -1));
  if (!source.startsWith('${')) return variable(shell, source.slice(1));
  const match = /^([A-Za-z_][A-Za-z0-9_]*|[?#0-9])(?::?([-=+])(.*))?$/s.exec(source.slice(2, -1));
  if (match === null) throw new SyntaxError('bad substitution');
  const value = variable(shell, match[1] as string);
  if (match[2] === '+') return value === '' ? '' : (match[3] ?? '');
  return value === '' ? (match[3] ?? '') : value;
}

function variable(shell: Shell, name: string): string {
  if (name === '?') return String(shell.status);
  if (name === 'RANDOM') return String(Math.floor(Math.random() * 32768));
  return shell.variables.get(name) ?? '';
}

function substitute(shell: Shell, script: string): string {
  const inner: Shell = { ...shell, variables: new Map(shell.variables), partial: '' };
  const command = parseShell(script);
  const lines: string[] = [];
  for (const doing of execute(inner, command)) if (doing.is === 'print') lines.push(doing.line);
  return (lines.join('\n') + (inner.partial === '' ? '' : `${lines.length > 0 ? '\n' : ''}${inner.partial}`)).replace(/\n+$/, '');
}
