/** Label and field selectors in their string form, as predicates. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { reach } from './document.ts';
import { badRequest } from './status.ts';

type Labels = Readonly<Record<string, string>>;
type Test = (labels: Labels) => boolean;

const has = (labels: Labels, key: string): boolean => Object.hasOwn(labels, key);

/** Splits at commas outside parentheses. */
const terms = (selector: string): string[] => (selector.match(/(?:[^,(]|\([^)]*\))+/g) ?? []).map((term) => term.trim()).filter(Boolean);

function term(text: string): Test {
  const sets = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (sets) {
    const [, key = '', operator, list = ''] = sets;
    const values = list.split(',').map((value) => value.trim());
    if (operator === 'in') return (labels) => has(labels, key) && values.includes(labels[key] ?? '');
    return (labels) => !has(labels, key) || !values.includes(labels[key] ?? '');
  }
  const unequal = /^([^!=\s]+)\s*!=\s*(\S*)$/.exec(text);
  if (unequal) return (labels) => labels[unequal[1] ?? ''] !== unequal[2];
  const equal = /^([^!=\s]+)\s*==?\s*(\S*)$/.exec(text);
  if (equal) return (labels) => labels[equal[1] ?? ''] === equal[2];
  const absent = /^!\s*([^\s=!]+)$/.exec(text);
  if (absent) return (labels) => !has(labels, absent[1] ?? '');
  if (/^[^\s=!()]+$/.test(text)) return (labels) => has(labels, text);
  throw badRequest(`unable to parse requirement: found '${text}', expected: a label selector requirement`);
}

/** Throws a 400 error when it does not parse. An empty selector matches everything. */
export function labelTest(selector: string | null | undefined): (labels: Labels | undefined) => boolean {
  const tests = terms(selector ?? '').map(term);
  return (labels) => tests.every((test) => test(labels ?? {}));
}

/** Fields that have a value even where the document has none. */
const FIELD_DEFAULTS: Readonly<Record<string, string>> = { 'spec.unschedulable': 'false', 'spec.hostNetwork': 'false' };

/** `metadata.name=x,status.phase!=Running`: any path works, as some clients rely on kind-specific ones. */
export function fieldTest(selector: string | null | undefined): (object: KubeObject) => boolean {
  const tests = (selector ?? '')
    .split(',')
    .filter(Boolean)
    .map((text) => {
      const match = /^([^!=]+?)(!=|==?)(.*)$/.exec(text);
      if (!match) throw badRequest(`unable to parse field selector: invalid selector: '${text}'; can't understand '${text}'`);
      const [, path = '', operator, wanted] = match;
      return (object: KubeObject): boolean => {
        const value = String(reach(object, path) ?? FIELD_DEFAULTS[path] ?? '');
        return (value === wanted) === (operator !== '!=');
      };
    });
  return (object) => tests.every((test) => test(object));
}

interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[];
}

/** A `LabelSelector` document as a string, for `ObjectStore.list`. */
export function selectorText(selector: LabelSelector): string {
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const sets = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  });
  return [...equal, ...sets].join(',');
}
