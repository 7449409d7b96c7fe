/** JSON merge patch (RFC 7386) and JSON patch (RFC 6902). */
import { copy, isMap, same } from './document.ts';
import type { Doc } from './document.ts';
import { Refusal, badRequest, failure } from './status.ts';

export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return copy(patch);
  const merged: Doc = isMap(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

const unprocessable = (message: string): Refusal =>
  new Refusal(failure(422, 'Invalid', `the server rejected our request due to an error in our request: ${message}`));
const tokens = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));

function locate(root: Doc, pointer: string): { readonly parent: Doc | unknown[]; readonly key: string } {
  const path = tokens(pointer);
  const key = path.pop();
  if (key === undefined) throw unprocessable('the whole document cannot be replaced');
  let parent: unknown = root;
  for (const token of path) parent = Array.isArray(parent) ? parent[Number(token)] : isMap(parent) ? parent[token] : undefined;
  if (!isMap(parent) && !Array.isArray(parent)) throw unprocessable(`doc is missing path: "${pointer}": missing value`);
  return { parent, key };
}

const read = (root: Doc, pointer: string): unknown => {
  const { parent, key } = locate(root, pointer);
  return Array.isArray(parent) ? parent[Number(key)] : parent[key];
};

function add(root: Doc, pointer: string, value: unknown): void {
  const { parent, key } = locate(root, pointer);
  if (Array.isArray(parent)) parent.splice(key === '-' ? parent.length : Number(key), 0, value);
  else parent[key] = value;
}

function remove(root: Doc, pointer: string): void {
  const { parent, key } = locate(root, pointer);
  if (read(root, pointer) === undefined) throw unprocessable(`remove operation does not apply: doc is missing path: "${pointer}"`);
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
}

function replace(root: Doc, pointer: string, value: unknown): void {
  const { parent, key } = locate(root, pointer);
  if (read(root, pointer) === undefined) throw unprocessable(`replace operation does not apply: doc is missing key: ${pointer}`);
  if (Array.isArray(parent)) parent[Number(key)] = value;
  else parent[key] = value;
}

/** Throws 422 when an operation does not apply. */
export function jsonPatch(target: Doc, operations: readonly Operation[]): Doc {
  if (!Array.isArray(operations)) throw badRequest('a JSON patch is a list of operations');
  const root = copy(target);
  for (const { op, path, from = '', value } of operations) {
    if (op === 'add') add(root, path, copy(value));
    else if (op === 'remove') remove(root, path);
    else if (op === 'replace') replace(root, path, copy(value));
    else if (op === 'copy') add(root, path, copy(read(root, from)));
    else if (op === 'move') {
      const moved = read(root, from);
      remove(root, from);
      add(root, path, moved);
    } else if (op === 'test') {
      if (!same(read(root, path), value)) throw unprocessable(`testing value ${path} failed`);
    } else throw badRequest(`unexpected kind of JSON patch operation: ${op}`);
  }
  return root;
}
