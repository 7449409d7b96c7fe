/** Renders our values with the real upstream charts and the real helm, and finds things in what comes out. */
import { execFile, execFileSync } from 'node:child_process';
import { parseAllDocuments } from 'yaml';

/** Where the charts and helm are must be said: these tests never pass for lack of them. */
export function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}: the real charts and helm are needed here`);
  return value;
}

export interface Rendered {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Record<string, string>;
    readonly labels?: Record<string, string>;
  };
  readonly spec?: any;
  readonly data?: Record<string, string>;
  readonly [field: string]: unknown;
}

export interface Of {
  readonly chart: 'loki' | 'alloy';
  readonly namespace: string;
  readonly values: object;
}

const kubeVersion = '1.33.4';
const maxBuffer = 64 * 2 ** 20;

function command({ chart, namespace }: Of): readonly [string, string[]] {
  const path = needed(chart === 'loki' ? 'LOKI_EKS_LOKI_CHART' : 'LOKI_EKS_ALLOY_CHART');
  return [needed('LOKI_EKS_HELM'), ['template', chart, path, '--namespace', namespace, '--kube-version', kubeVersion, '--include-crds', '--values', '-']];
}

/** Throws with helm's own words when the chart refuses the values. */
export function manifests(of: Of): string {
  const [helm, args] = command(of);
  return execFileSync(helm, args, { input: JSON.stringify(of.values), encoding: 'utf8', maxBuffer, stdio: ['pipe', 'pipe', 'pipe'] });
}

/** The same without blocking; a refusal is an answer. */
export function manifestsOrRefusal(of: Of): Promise<string> {
  const [helm, args] = command(of);
  return new Promise((resolve) => {
    const child = execFile(helm, args, { encoding: 'utf8', maxBuffer }, (error, stdout, stderr) => resolve(error ? `refused: ${stderr}` : stdout));
    child.stdin!.end(JSON.stringify(of.values));
  });
}

export function render(of: Of): readonly Rendered[] {
  return parseAllDocuments(manifests(of))
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null && object !== undefined);
}

export function find(objects: readonly Rendered[], kind: string, name: string): Rendered {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name} among ${objects.map((object) => `${object.kind} ${object.metadata.name}`).join(', ')}`);
  return found;
}
