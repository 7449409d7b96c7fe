/** The fault rules of the sandbox, shared by all servers; each server says in its own protocol what a rule means. */
import type { Fault } from './types.ts';

export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  /** Counts this call against every rule that matches it, and returns the first rule that is due. */
  match(call: string): Fault | undefined;
  readonly list: readonly Fault[];
}

interface Rule {
  readonly fault: Fault;
  readonly pattern: RegExp;
  seen: number;
  fired: number;
}

export function createFaults(): Faults {
  const rules: Rule[] = [];
  return {
    add: (fault) => void rules.push({ fault, pattern: globPattern(fault.call), seen: 0, fired: 0 }),
    clear: () => void rules.splice(0),
    match: (call) => {
      const due = rules.filter((rule) => rule.pattern.test(call)).filter(isDue);
      const first = due[0];
      if (first) first.fired += 1;
      return first?.fault;
    },
    get list() {
      return rules.map((rule) => rule.fault);
    },
  };
}

/** A rule counts every call it matches, including those another rule answers, so that `from` refers to the call log. */
function isDue(rule: Rule): boolean {
  rule.seen += 1;
  return rule.seen >= (rule.fault.from ?? 1) && rule.fired < (rule.fault.times ?? Number.POSITIVE_INFINITY);
}

/** The same few are looked up for each key of a bulk delete. */
const patterns = new Map<string, RegExp>();

/** `*` matches any text, `?` one character; the rest is literal. */
export function globPattern(glob: string, flags = ''): RegExp {
  const known = patterns.get(`${flags} ${glob}`);
  if (known) return known;
  if (patterns.size > 1000) patterns.clear();
  const made = compiled(glob, flags);
  patterns.set(`${flags} ${glob}`, made);
  return made;
}

function compiled(glob: string, flags: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, `s${flags}`);
}
