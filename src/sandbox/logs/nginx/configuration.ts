/** nginx.conf as directives, with nginx's messages when it does not parse. */

export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  /** Present on `name { … }`. */
  readonly inside?: readonly Directive[];
  readonly line: number;
}

export class NginxConfigError extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

interface Word {
  readonly text: string;
  readonly mark: boolean;
  readonly line: number;
}

function words(source: string): readonly Word[] {
  const found: Word[] = [];
  let line = 1;
  const token = /\n|[ \t\r]+|#[^\n]*|"((?:[^"\\]|\\[\s\S])*)"|'((?:[^'\\]|\\[\s\S])*)'|([{};])|((?:\$\{[^}]*\}|\\[\s\S]|[^\s{};])+)/g;
  for (const [whole, double, single, mark, bare] of source.matchAll(token)) {
    const text = double ?? single ?? mark ?? bare;
    if (text !== undefined) found.push({ text: bare === undefined ? text.replace(/\\(["'\\])/g, '$1') : text, mark: mark !== undefined, line });
    line += whole.split('\n').length - 1;
  }
  return found;
}

/** Throws NginxConfigError. */
export function parseNginx(source: string): readonly Directive[] {
  const all = words(source);
  let at = 0;
  const block = (inner: boolean): readonly Directive[] => {
    const directives: Directive[] = [];
    let current: Word[] = [];
    for (; at < all.length; at += 1) {
      const word = all[at] as Word;
      if (!word.mark) {
        current.push(word);
        continue;
      }
      const [first, ...args] = current;
      if (word.text === '}') {
        if (first !== undefined || !inner) throw new NginxConfigError(word.line, 'unexpected "}"');
        return directives;
      }
      if (first === undefined) throw new NginxConfigError(word.line, `unexpected "${word.text}"`);
      const shared = { name: first.text, args: args.map((arg) => arg.text), line: first.line };
      if (word.text === '{') {
        at += 1;
        directives.push({ ...shared, inside: block(true) });
      } else directives.push(shared);
      current = [];
    }
    if (inner || current.length > 0)
      throw new NginxConfigError(all.at(-1)?.line ?? 1, `unexpected end of file, expecting ${current.length > 0 ? '";" or "}"' : '"}"'}`);
    return directives;
  };
  return block(false);
}

export function find(directives: readonly Directive[] | undefined, name: string): Directive | undefined {
  return directives?.findLast((directive) => directive.name === name);
}

/** The location that serves a path: exact, then the longest prefix, unless a regular expression comes first. */
export function locationFor(server: readonly Directive[], path: string): Directive | undefined {
  const all = server
    .filter((directive) => directive.name === 'location')
    .map((directive) => {
      const [operator, pattern] = directive.args.length > 1 ? (directive.args as [string, string]) : (['', directive.args[0] ?? '/'] as const);
      return { directive, operator, pattern };
    });
  const exact = all.find(({ operator, pattern }) => operator === '=' && pattern === path);
  if (exact !== undefined) return exact.directive;
  const prefix = all
    .filter(({ operator, pattern }) => (operator === '' || operator === '^~') && path.startsWith(pattern))
    .sort((a, b) => b.pattern.length - a.pattern.length)[0];
  if (prefix?.operator === '^~') return prefix.directive;
  const expression = all.find(
    ({ operator, pattern }) => (operator === '~' || operator === '~*') && new RegExp(pattern, operator === '~*' ? 'i' : '').test(path),
  );
  return expression?.directive ?? prefix?.directive;
}

/** `$name` and `${name}`; an unknown variable is empty. */
export function substitute(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced: string | undefined, bare: string | undefined) => variables[braced ?? bare ?? ''] ?? '');
}
